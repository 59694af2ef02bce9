"""Slides that are too full, made to fit: split where their text allows it, or set smaller."""

import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from nnkit.course.lectures import Part, heading
from nnkit.course.measure import HEIGHT, WIDTH, Measured, measure
from nnkit.course.pieces import Piece, cut, pieces
from nnkit.course.render import Deck, render
from nnkit.course.slides import shown_of

#: Words of 28 px become at least 20 px high; where code is shown, of 20 px, that is at least 16.
SMALLEST, SMALLEST_WITH_CODE = 0.72, 0.8
#: What needs smaller words is split where it can be; at a heading sooner.
SPLIT, SPLIT_AT_HEADING = 0.8, 0.9
STEP = 0.02
ROUNDS = 10


def fitted(part: Part, notebook: Any) -> tuple[Deck, str, list[str]]:
    """Write a part as slides that fit; see :func:`nnkit.course.render.render`.

    A slide that is too full is split, at its headings if it has several, or is set smaller, but
    never too small to be read. The source stays as it is.

    Args:
        part: the part.
        notebook: it with its outputs; changed.

    Returns:
        What the index needs, the HTML, and a line for each slide that was changed or does not fit.

    Raises:
        CourseError: if the part cannot be written, or there is no browser.
    """
    for number, cells in enumerate(shown_of(notebook), start=1):
        cells[0].metadata["origin"] = {"number": number, "title": heading(cells)}
    for left in reversed(range(ROUNDS)):
        _number(notebook)
        deck, page = render(part, deepcopy(notebook))
        sizes = measure(page)
        shown = shown_of(notebook)
        full = [(cells, size) for cells, size in zip(shown, sizes, strict=True) if not size.fits]
        if not left or sum(_mend(notebook, *slide) for slide in full) == 0:
            break
    return deck, page, list(_told(shown, sizes))


def _mend(notebook: Any, cells: list[Any], size: Measured) -> bool:
    """Set a slide smaller or split it in two; say whether one or the other was possible."""
    told = cells[0].metadata
    now: float = told.get("scale", 1.0)
    # smaller words are not only less high: there are more of them on a line
    high, wide = HEIGHT / (HEIGHT + size.height), WIDTH / (WIDTH + size.width)
    needed = now * min(math.sqrt(high), wide)
    code = any(cell.cell_type == "code" for cell in cells)
    least = SMALLEST_WITH_CODE if code else SMALLEST
    found = pieces(cells)
    breaks = list(_breaks(found))
    headings = [at for at in breaks if found[at].level]
    if breaks and needed < (SPLIT_AT_HEADING if headings else SPLIT):
        told.pop("scale", None)
        at = _middle(found, headings or breaks)
        cut(notebook, cells, found[at], told["origin"])
        return True
    smaller = max(least, math.floor(min(needed, now - STEP / 2) / STEP) * STEP)
    told["scale"] = round(smaller, 2)
    return smaller < now


def _breaks(found: list[Piece]) -> Iterator[int]:
    """Give the pieces that may begin a slide: none that a title or a colon has announced."""
    for at in range(1, len(found)):
        before = found[at - 1]
        if not before.level and not before.text.rstrip().endswith(":"):
            yield at


def _middle(found: list[Piece], breaks: list[int]) -> int:
    """Choose the break that leaves two slides of about the same height."""
    total = sum(piece.lines for piece in found)

    def uneven(at: int) -> float:
        return abs(total - 2 * sum(piece.lines for piece in found[:at]))

    return min(breaks, key=uneven)


def _number(notebook: Any) -> None:
    """Write which of the slides it is into the titles of those that go on with another."""
    count = 0
    for cells in shown_of(notebook):
        told = cells[0].metadata
        count = 1 if not told.get("continues") else count + 1
        if told.get("continues") == "title":
            cells[0].source = f"## {told['origin']['title']} ({count})"


class _Fate(NamedTuple):
    """What became of a slide of the source."""

    sizes: list[Measured]
    scales: list[float]


def _told(shown: list[list[Any]], sizes: list[Measured]) -> Iterator[str]:
    became: dict[int, _Fate] = {}
    names = {}
    for cells, size in zip(shown, sizes, strict=True):
        told = cells[0].metadata
        number = told["origin"]["number"]
        names[number] = f"slide {number} “{told['origin']['title']}”"
        fate = became.setdefault(number, _Fate([], []))
        fate.sizes.append(size)
        fate.scales.append(told.get("scale", 1.0))
    for number, fate in became.items():
        count, smallest = len(fate.sizes), min(fate.scales)
        changes = [f"split into {count}"] if count > 1 else []
        changes += [f"set at {smallest:.0%}"] if smallest < 1 else []
        excess = max(max(size.height, size.width) for size in fate.sizes)
        if not all(size.fits for size in fate.sizes):
            changes.append(f"still {excess:.0f} px too large: shorten it")
        if changes:
            yield f"{names[number]}: {', '.join(changes)}"
