"""From a part's file to a notebook, or the reason why there is none."""

import math
import re
import warnings
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
    notebook, faults = examine(part)
    if faults:
        raise CourseError(faults[0])
    return notebook


def examine(part: Part) -> tuple[Any, list[str]]:
    """Read a deck's source, and tell all that is wrong with its slides.

    Args:
        part: Jupytext Markdown, or a notebook, whose outputs are kept.

    Returns:
        The notebook without the options that are wrong, and a line for each of them.

    Raises:
        CourseError: if the file is no text, no notebook, or written for another language.
    """
    text = part.read()
    notebook = parse(part)
    _check_header(part, text, notebook.metadata)
    cells = enumerate(notebook.cells)
    faults = [told for index, _ in cells for told in _faults(part, notebook, index)]
    if not any(slide_type(cell) in OPENS_A_SLIDE for cell in notebook.cells):
        opens = OPENS_A_SLIDE[0]
        faults.append(f"{part.path} has no slide; a cell with slide_type {opens!r} opens one")
    return notebook, faults


def parse(part: Part) -> Any:
    """Read a deck's source as it is; see :func:`examine`."""
    import jupytext
    import nbformat

    text = part.read()
    is_notebook = part.path.suffix == ".ipynb"
    try:
        with warnings.catch_warnings(action="ignore"):  # of ids that older notebooks do not have
            if is_notebook:
                return nbformat.reads(text, as_version=4)
            return jupytext.reads(text, fmt=FORMAT)
    except Exception as error:  # whatever YAML, the notebook format and Jupytext make of odd text
        what = "" if is_notebook else " in Markdown, its header or the options of a cell are wrong"
        raise CourseError(
            f"{part.path} is no notebook{what}: {type(error).__name__}: {error}"
        ) from error


def slide_type(cell: Any) -> str | None:
    """Return the slide type of a cell that has been read; None if it goes on with a slide."""
    found: str | None = cell.metadata.get("slideshow", {}).get("slide_type")
    return found


def place(part: Part, notebook: Any, index: int) -> str:
    """Name a cell by file, line and number, in the form that editors make a link of."""
    if part.path.suffix == ".ipynb":  # nobody reads its lines
        return f"{part.path}: cell {index + 1}"
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


def _faults(part: Part, notebook: Any, index: int) -> Iterator[str]:
    """Tell what is wrong with a cell's options; take out what would stop decks."""
    options = notebook.cells[index].metadata
    if "incorrectly_encoded_metadata" in options:  # Jupytext goes on without it
        wrong = f"options that cannot be read: {options.pop('incorrectly_encoded_metadata')}"
        yield f"{place(part, notebook, index)} has {wrong}"
    slideshow = options.get("slideshow", {})
    if not isinstance(slideshow, MutableMapping):
        del options["slideshow"]
        wrong = f'slideshow={slideshow!r}; write slideshow={{"slide_type": "slide"}}'
        yield f"{place(part, notebook, index)} has {wrong}"
        return
    if slideshow.get("slide_type") in UNTYPED:
        del slideshow["slide_type"]
    if slideshow.get("slide_type") not in SLIDE_TYPES:
        yield (
            f"{place(part, notebook, index)} has slide_type {slideshow.pop('slide_type')!r}, with "
            "which JupyterLab leaves the cell out of its slides; allowed: "
            f"{', '.join(filter(None, SLIDE_TYPES))}, or no slide_type for a cell that belongs to "
            "the slide above"
        )
    for wrong in _of_the_speaker(options, slideshow.get("slide_type")):
        yield f"{place(part, notebook, index)} has {wrong}"


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
