"""Where a slide may be split: between paragraphs, items of a list, formulas, cells."""

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

OPENED = re.compile(r"<(div|details|table|center|figure|ul|ol|p|span|blockquote)\b", re.IGNORECASE)
CLOSED = re.compile(r"</(div|details|table|center|figure|ul|ol|p|span|blockquote)>", re.IGNORECASE)
PICTURE = re.compile(r"!\[.*?\]\(|<img\b", re.IGNORECASE)
HEADING = re.compile(r" {0,3}(#{1,6})[ \t]")
LETTERS, PICTURE_LINES, FORMULA_LINES, HEADING_LINES = 80, 12, 2.5, 2
CODE_LINE = 0.75  #: of a line of words


class Piece(NamedTuple):
    """What stays together."""

    cell: Any
    start: int  #: line of the cell where it begins
    text: str

    @property
    def level(self) -> int:
        """Of a heading; 0 if it is none."""
        found = HEADING.match(self.text) if self.cell.cell_type == "markdown" else None
        return len(found[1]) if found else 0

    @property
    def lines(self) -> float:
        """How high it is about, in lines of words."""
        if self.level:
            return HEADING_LINES
        if self.cell.cell_type == "code":
            shown: float = sum(_of_output(output) for output in self.cell.outputs)
            return shown or float(CODE_LINE * self.text.count("\n"))
        words: float = sum(math.ceil(len(line) / LETTERS) for line in self.text.splitlines())
        formulas: float = self.text.count("$$") / 2
        return words + FORMULA_LINES * formulas + PICTURE_LINES * len(PICTURE.findall(self.text))


def _of_output(output: Any) -> float:
    if any(kind.startswith("image/") for kind in output.get("data", {})):
        return PICTURE_LINES
    text = str(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return CODE_LINE * (1 + text.count("\n"))


def pieces(cells: list[Any]) -> list[Piece]:
    """Take a slide apart."""
    return [piece for cell in cells for piece in _of_cell(cell)]


def _of_cell(cell: Any) -> Iterator[Piece]:
    if cell.cell_type != "markdown":
        yield Piece(cell, 0, cell.source)
        return
    lines = cell.source.splitlines()
    starts = sorted({0, *_starts(cell.source)})
    begun = 0
    for end in [*starts[1:], len(lines)]:
        text = "\n".join(lines[begun:end])
        if _is_whole(text):
            yield Piece(cell, begun, text)
            begun = end
    if begun < len(lines):
        yield Piece(cell, begun, "\n".join(lines[begun:]))


def _starts(text: str) -> Iterator[int]:
    """Give the lines where a block or an item of a list begins."""
    from markdown_it import MarkdownIt

    counted = 0
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.map is None or token.nesting < 0:
            continue
        if token.level == 0:
            counted = int(token.attrGet("start") or 1)
            yield token.map[0]
        elif token.level == 1 and token.type == "list_item_open":
            # a list in which every number is 1 would begin at 1 again
            if not token.info or int(token.info) == counted:
                yield token.map[0]
            counted += 1


def _is_whole(text: str) -> bool:
    """Whether no formula and no HTML goes on in the next piece."""
    formulas = text.count("$$") % 2 == 0 and text.count(r"\begin{") == text.count(r"\end{")
    return formulas and len(OPENED.findall(text)) <= len(CLOSED.findall(text))


def cut(notebook: Any, cells: list[Any], piece: Piece, origin: dict[str, Any]) -> None:
    """Let another slide begin with a piece.

    Args:
        notebook: changed in place.
        cells: of the slide.
        piece: of its, not the first one.
        origin: number and title of the slide in the source.
    """
    from nbformat.v4 import new_markdown_cell

    cell = piece.cell
    at = next(index for index, other in enumerate(notebook.cells) if other is cell)
    if piece.start:
        lines = cell.source.splitlines()
        rest = new_markdown_cell("\n".join(lines[piece.start :]))
        cell.source = "\n".join(lines[: piece.start]).rstrip()
        at += 1
        notebook.cells.insert(at, rest)
        cell = rest
    goes_on = not origin["title"] or 0 < piece.level <= 2
    if not goes_on:
        cell.metadata.get("slideshow", {}).pop("slide_type", None)
        cell = new_markdown_cell()
        notebook.cells.insert(at, cell)
    cell.metadata["slideshow"] = {"slide_type": "subslide"}
    cell.metadata["origin"] = origin
    cell.metadata["continues"] = "itself" if goes_on else "title"
