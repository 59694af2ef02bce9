"""Sphinx extension: what axe finds fault with in pages of MyST-NB, Sphinx and the theme, mended."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SIGNATURE = re.compile(r'<dt class="sig.*?</dt>', re.DOTALL)
MEND = [
    # MyST-NB: the summary's own words say what it shows
    (' aria-label="Toggle hidden content"', ""),
    # theme: what the button shows
    (' aria-label="Search" data-bs', ' aria-label="Search Ctrl+K" data-bs'),
    # the corner of a table is no header
    ('<th class="head"><p></p></th>', "<td></td>"),
    # napoleon
    (">Variables<", ">Attributes<"),
    # theme
    (
        '<summary><span class="toctree-toggle"',
        '<summary aria-label="Its pages"><span class="toctree-toggle"',
    ),
    # Sphinx: a heading without a level
    ('<p class="caption" role="heading">', '<p class="caption">'),
]
CODE = re.compile(
    r'(<div class="(?:doctest )?highlight-[\w-]+ notranslate"><div class="highlight"><pre>'
    r".*?</pre></div>\n</div>)",
    re.DOTALL,
)
BETWEEN = "\n<!-- the next -->\n"
#: Sphinx breaks a long signature into a list of definitions of nothing.
LINES = [
    ("<dl>", '<span class="sig-params">'),
    ("</dl>", "</span>"),
    ("<dd>", '<span class="sig-line">'),
    ("</dd>", "</span>"),
]


def name_backlinks(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Name the list of examples in plain words; a link may not stand in a summary."""
    from sphinx_codeautolink.extension.backref import SummaryNode

    for summary in doctree.findall(SummaryNode):
        summary.clear()
        summary += nodes.Text("Where it is used")


def mend(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the pages that were written."""
    if exception or app.builder.format != "html":
        return
    for docname in [*app.env.found_docs, "search", "genindex", "py-modindex"]:
        path = Path(app.builder.get_outfilename(docname))  # type: ignore[attr-defined]
        if not path.is_file():  # of modules there is no list where nothing refers to them
            continue
        page = SIGNATURE.sub(_without_lists, path.read_text("utf-8"))
        for old, new in MEND:
            page = page.replace(old, new)
        path.write_text(page, "utf-8")


def _without_lists(signature: re.Match[str]) -> str:
    text = signature[0]
    for old, new in LINES:
        text = text.replace(old, new)
    return text


class CodeAlone:
    """Lets codeautolink read the code of a page alone: figures with sliders are megabytes."""

    def __init__(self) -> None:
        """Begin with no page."""
        self.pieces: list[str] = []

    def set_aside(self, *told: Any) -> None:
        """Leave what is code, each block as it is."""
        *_, context, _ = told
        self.pieces = CODE.split(context.get("body", ""))
        if len(self.pieces) > 1:
            context["body"] = BETWEEN.join(self.pieces[1::2])

    def put_back(self, *told: Any) -> None:
        """Put the code, now with links, into the page."""
        *_, context, _ = told
        if len(self.pieces) > 1:
            self.pieces[1::2] = context["body"].split(BETWEEN)
            context["body"] = "".join(self.pieces)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect all this to Sphinx."""
    app.connect("doctree-resolved", name_backlinks, priority=900)  # after codeautolink
    app.connect("build-finished", mend)
    alone = CodeAlone()  # around codeautolink, whose priority is 500
    app.connect("html-page-context", alone.set_aside, priority=499)
    app.connect("html-page-context", alone.put_back, priority=501)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
