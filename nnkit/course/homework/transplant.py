"""From a submission only what the student was asked to write, put into the clean release.

Metadata that was stripped, tests that were edited, unlocked, copied or deleted, cells that were
added: all that stays behind. A solution is what the submission's code cells with its ``grade_id``
hold, one after the other, so that after a copy or a split the last definition counts, as it does
when the notebook is run. Where no cell has the id, or it was left as it was released, those count
that define one of the solution's names; where there is none either, the stub stays, and earns
nothing.
"""

import ast
import copy
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

MAX_SOURCE = 50_000  # characters of a cell; the longest that anybody writes by hand has 10,000
MAX_ESSAY = 20_000  # characters; the filter of Markdown takes a time that grows with their square
MAX_TEXT = 4_000_000  # characters of a notebook, in at most so many cells
MAX_CELLS = 5_000
DEFINITION = re.compile(r"^(?:(?:async +)?def +|class +)(\w+)|^(\w+) *(?::|=(?!=))", re.MULTILINE)
# what a formula begins with that is a link, or makes an id, a style or a picture
COMMANDS = (
    "href|style|class|cssId|require|mmlToken|bbox|data|unicode|html|url|label|ref|eqref|include"
)
# what HTML, an address, a link and such a formula begin with: a blank ends it
ACTIVE = re.compile(rf"<(?=[^\s=<\d]|[^\s>]*@)|\](?=[(:])|\\(?={COMMANDS})")
# what would be a heading, which gets an id, an address or a footnote: a sign that nobody sees is
# put before the rest, so that code, too, reads as it was written
UNSEEN = "\u2060"  # a word joiner
MARKUP = re.compile(
    r"^[ \t>*+\-\d.)]*(?=#)|^[ \t>*+\-\d.)]*(?=(?:=+|-+)[ \t]*$)|/(?=/)|\[(?=\^)"
    r"|(?:javascript|vbscript|\b(?:data|url|attachment))(?=\s*[:(])",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Cell:
    """What a submission's cell says, none of it to be believed."""

    kind: str
    grade_id: str
    source: str


def transplant(release: Any, submission: Any) -> Any:
    """Put a submission's solutions and essays into the release.

    Args:
        release: the notebook that was handed out, hidden tests included.
        submission: what came back: a notebook, or whatever else JSON can hold.

    Returns:
        A copy of the release, without outputs, that holds the student's text in its solution cells.
    """
    theirs = list(cells_of(submission))
    graft = copy.deepcopy(release)
    ids = {_marks(cell).get("grade_id") for cell in graft.cells if is_solution(cell)}
    loose = [cell for cell in theirs if cell.grade_id not in ids]
    before = ""
    for cell in graft.cells:
        original = cell.source
        if is_solution(cell):
            mine = [c for c in theirs if c.grade_id == _marks(cell).get("grade_id")]
            if cell.cell_type == "code":
                mine = [c for c in mine if c.kind == "code"]
                if all(c.source.strip() in ("", original.strip()) for c in mine):
                    mine = _defining(names(original), loose)
                cell.source = _joined(mine) or original
            else:
                mine = mine or _following(before, theirs, loose)
                text = "\n\n".join(c.source for c in mine)
                # what was left as it is stays so, or it would count as an answer
                cell.source = original if text == original else _harmless(text) or original
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        before = original
    return graft


def is_solution(cell: Any) -> bool:
    """Tell whether students write in this cell of the release."""
    return bool(_marks(cell).get("solution"))


def is_test(cell: Any) -> bool:
    """Tell whether this cell of the release is an autograded test."""
    return cell.cell_type == "code" and bool(_marks(cell).get("grade")) and not is_solution(cell)


def names(source: str) -> list[str]:
    """Name what a cell of the release defines at its top level, imports left out."""
    found: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            inside = (part for target in targets for part in ast.walk(target))
            found += [part.id for part in inside if isinstance(part, ast.Name)]
    return list(dict.fromkeys(found))


def _marks(cell: Any) -> Any:
    return cell.metadata.get("nbgrader", {})


def cells_of(notebook: Any) -> Iterator[Cell]:
    """Give the cells of a submission that hold text, whatever else is in it."""
    left = MAX_TEXT
    for cell in _list(_dict(notebook).get("cells"))[:MAX_CELLS]:
        source = _dict(cell).get("source")
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        if isinstance(source, str) and len(source) <= min(left, MAX_SOURCE):
            left -= len(source)
            marks = _dict(_dict(_dict(cell).get("metadata")).get("nbgrader"))
            yield Cell(str(cell.get("cell_type")), str(marks.get("grade_id")), _text(source))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(source: str) -> str:
    """Leave out what could not be written into a file again: half surrogate pairs, and NUL."""
    return source.encode(errors="replace").decode().replace("\0", "")


def _defining(wanted: Sequence[str], cells: Sequence[Cell]) -> list[Cell]:
    """Find the code cells in which a line at the left margin begins to define a wanted name."""
    return [
        cell
        for cell in cells
        if cell.kind == "code"
        and any((a or b) in wanted for a, b in DEFINITION.findall(cell.source))
    ]


def _following(before: str, cells: Sequence[Cell], loose: Sequence[Cell]) -> list[Cell]:
    """Find the essay whose marks were lost: the text after the text that stands before it."""
    return [
        b for a, b in pairwise(cells) if a.source == before and b in loose and b.kind == "markdown"
    ]


def _joined(cells: Sequence[Cell]) -> str:
    """Give the cells' code as one; of several, those that are not even Python are left out."""
    parts = [cell.source for cell in cells]
    if len(parts) > 1:
        parts = [part for part in parts if _parses(part)] or parts[-1:]
    return "\n\n".join(parts)


def _parses(source: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _harmless(essay: str) -> str:
    """Take the effect off HTML, links and ids, which would act in the browser of whoever grades."""
    short = (
        essay if len(essay) <= MAX_ESSAY else essay[:MAX_ESSAY] + " … (too long; the rest is cut)"
    )
    return MARKUP.sub(rf"\g<0>{UNSEEN}", ACTIVE.sub(r"\g<0> ", short))
