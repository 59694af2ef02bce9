"""Sphinx extension: docstrings written for help() become reStructuredText, their names links."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

MARKUP = re.compile(r"(`.*?`|\*\*.*?\*\*|\\.)|[|*]")  # code, bold and what is escaped stay
BAR = re.compile(r"(`.*?`|\\.)|\|")
PLURAL = re.compile(r"(`[^`]+`)(?=\w)")  # `MLP`s
SEVERAL = re.compile(r":(ivar|param) (\w+(?:, \w+)+): (.*)")  # "sizes, activation: as given."
as_written: dict[str, list[str]] = {}


def keep(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Napoleon takes the first words of a property for its type: "Where it starts: the place"."""
    if what in ("property", "attribute"):
        as_written[name] = list(lines)


def process(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Escape |w| and *, which are markup here; mark indented lines below a paragraph as code."""
    lines[:] = as_written.pop(name, lines)
    if what == "data" and _first_words(lines) == _first_words(
        (type(obj).__doc__ or "").split("\n")
    ):
        lines.clear()  # of a table it would tell what a dict is
    fields = False  # what napoleon made of "Args:" is markup
    for index, line in enumerate(lines):
        fields = fields or line.startswith((":", ".."))
        if not line.startswith((":type", ":rtype", "..")) and (fields or not line.startswith(" ")):
            special = BAR if fields else MARKUP
            lines[index] = special.sub(lambda found: found[1] or "\\" + found[0], line)
            lines[index] = PLURAL.sub(r"\1\\ ", lines[index])
        if found := SEVERAL.fullmatch(line):
            names = found[2].split(", ")
            lines[index : index + 1] = [f":{found[1]} {one}: {found[3]}" for one in names]
    for index in range(len(lines) - 2, 0, -1):
        above, line, below = lines[index - 1 : index + 2]
        opens = above[:1].strip() and above[0] not in ":." and not above.endswith("::")
        if opens and not line and re.match(r" {4}\S", below):
            lines[index:index] = ["", "::"]


def _first_words(lines: list[str]) -> list[str]:
    return lines[0].split() if lines else []


def default(
    app: Sphinx, what: str, name: str, obj: object, options: Any, signature: str, returned: str
) -> tuple[str, str]:
    """Write a default_factory so that Sphinx can read the signature."""
    return signature and signature.replace("<factory>", "..."), returned


def resolve(app: Sphinx, env: Any, node: Any, contnode: Any) -> nodes.Node | None:
    """Link `fit` to the one object that is called so; `model`, an argument, is set in type."""
    if node.get("reftype") != "obj":
        return None
    target = node["reftarget"].strip("().")
    objects = env.domains.python_domain.objects
    named = (name for name in objects if name.endswith(f".{target}"))
    found = [name for name in named if not objects[name].aliased]
    if len(found) != 1:
        return nodes.literal("", contnode.astext())
    entry = objects[found[0]]
    place = (node["refdoc"], entry.docname, entry.node_id)
    return make_refnode(app.builder, *place, contnode, found[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect all this to Sphinx."""
    app.connect("autodoc-process-docstring", keep, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", process, priority=900)  # after napoleon
    app.connect("autodoc-process-signature", default)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
