"""From a part's file to a notebook, or the reason why there is none."""

import math
import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from nnkit.course.lectures import CourseError, Part

OPENS_A_SLIDE = ("slide", "subslide")
NOTES = "notes"  # for the speaker
SLIDE_TYPES = (None, *OPENS_A_SLIDE, "fragment", NOTES, "skip")
BLANKS = ("formulas", "words", "results")  # what a handout leaves out of a cell
CORE, CORE_ONLY = "core", "core-only"  # tags, see :mod:`nnkit.course.slides`
UNTYPED = ("-", "")  # how classic notebooks write that a cell has no slide type
RULE = re.compile(r"^---\s*$", re.MULTILINE)  # above and below a header
# what stands in the header beside the notebook's own metadata is no cell
FORMAT = {"extension": ".md", "root_level_metadata_as_raw_cell": False}


def read(part: Part) -> Any:
    """Read a part as a notebook without outputs.

    Raises:
        CourseError: if the file is no text or no notebook, is written for another language, has no
            slide, or has a cell whose slide type decks and JupyterLab would treat differently; it
            names the file and, where known, the line.
    """
    import jupytext

    text = part.read()
    try:
        notebook = jupytext.reads(text, fmt=FORMAT)
    except Exception as error:  # whatever YAML, the notebook format and Jupytext make of odd text
        raise CourseError(
            f"{part.path} is no notebook in Markdown, its header or the options of a cell are "
            f"wrong: {type(error).__name__}: {error}"
        ) from error
    _check_header(part, text, notebook.metadata)
    for index, cell in enumerate(notebook.cells):
        _check_options(part, notebook, index, cell.metadata)
    if not any(slide_type(cell) in OPENS_A_SLIDE for cell in notebook.cells):
        raise CourseError(
            f"{part.path} has no slide; a cell with slide_type {OPENS_A_SLIDE[0]!r} opens one"
        )
    return notebook


def slide_type(cell: Any) -> str | None:
    """Return the slide type of a cell that has been read; None if it goes on with a slide."""
    found: str | None = cell.metadata.get("slideshow", {}).get("slide_type")
    return found


def place(part: Part, notebook: Any, index: int) -> str:
    """Name a cell by file, line and number, in the form that editors make a link of."""
    text, start, end = f"\n{part.read()}\n", 0, 0
    for cell in notebook.cells[: index + 1]:  # one after the other: cells may say the same
        found = text.find(f"\n{cell.source}\n", end)
        if found >= 0:
            start, end = found, found + len(cell.source)
    line = text.count("\n", 0, start + 1)
    return f"{part.path}:{line}: cell {index + 1}"


def _check_header(part: Part, text: str, metadata: Any) -> None:
    if RULE.match(text.lstrip()) and len(RULE.findall(text)) == 1:
        raise CourseError(f"{part.path}: the header has no end, a second line '---' is missing")
    told = metadata.get("jupytext", {})
    header = told.get("root_level_metadata", {})
    if not isinstance(header, Mapping):
        raise CourseError(f"{part.path}: the header must be 'name: value' pairs, it is {header!r}")
    if not isinstance(header.get("jupyter", {}), Mapping):
        raise CourseError(f"{part.path}: the header has jupyter: {header['jupyter']!r}")
    kernel = metadata.get("kernelspec", {})
    language = kernel.get("language") or told.get("main_language") or "python"
    if language.lower() != "python":
        raise CourseError(
            f"{part.path} is written for the kernel {kernel.get('name')!r} and {language}; "
            "decks are run by Python"
        )


def _check_options(part: Part, notebook: Any, index: int, options: Any) -> None:
    if "incorrectly_encoded_metadata" in options:  # Jupytext goes on without it
        wrong = f"options that cannot be read: {options['incorrectly_encoded_metadata']}"
        raise CourseError(f"{place(part, notebook, index)} has {wrong}")
    slideshow = options.get("slideshow", {})
    if not isinstance(slideshow, MutableMapping):
        wrong = f'slideshow={slideshow!r}; write slideshow={{"slide_type": "slide"}}'
        raise CourseError(f"{place(part, notebook, index)} has {wrong}")
    if slideshow.get("slide_type") in UNTYPED:
        del slideshow["slide_type"]
    if slideshow.get("slide_type") not in SLIDE_TYPES:
        raise CourseError(
            f"{place(part, notebook, index)} has slide_type {slideshow['slide_type']!r}, with "
            "which JupyterLab leaves the cell out of its slides; allowed: "
            f"{', '.join(filter(None, SLIDE_TYPES))}, or no slide_type for a cell that belongs to "
            "the slide above"
        )
    for wrong in _of_the_speaker(options, slideshow.get("slide_type")):
        raise CourseError(f"{place(part, notebook, index)} has {wrong}")


def _of_the_speaker(options: Any, kind: str | None) -> Iterator[str]:
    """Say what is wrong with a cell's time, its blank, or its place in the core of the lecture."""
    time = options.get("minutes", 1)
    if not isinstance(time, int | float) or isinstance(time, bool) or not 0 < time < math.inf:
        yield f"minutes={time!r}; write a number above 0, such as minutes=2 or minutes=1.5"
    if "minutes" in options and kind != NOTES:
        yield (
            f"minutes={time!r} and slide_type {kind!r}; the time of a slide stands in its notes, a "
            f"cell with slide_type {NOTES!r}"
        )
    if options.get("blank", BLANKS[0]) not in BLANKS:
        yield f"blank={options['blank']!r}; allowed: {', '.join(BLANKS)}"
    if CORE in options.get("tags", ()) and kind not in OPENS_A_SLIDE:
        yield (
            f"the tag {CORE!r} and slide_type {kind!r}; tag the cell that opens the slide, which "
            f"has slide_type {' or '.join(map(repr, OPENS_A_SLIDE))}"
        )
