"""``nnkit check``: what is wrong with slides, ours or anybody's, a line each."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from nnkit.course import execute, runs
from nnkit.course.embed import Image, embed_images, file_of, images
from nnkit.course.lectures import CourseError, Part, find_parts, heading, is_part
from nnkit.course.measure import ROUNDING, Measured, measure
from nnkit.course.reading import examine, place
from nnkit.course.render import draw
from nnkit.course.slides import of_part, shown_of

KINDS = (".md", ".ipynb")
MARK = b"slide_type"
SILENT = ("", "No description has been provided for this image")
NETWORK = ("http:", "https:", "//")
TALLEST_CODE = 8  # lines; longer code is folded where it has been run and shows something


class Checked(NamedTuple):
    """What was found in a deck."""

    slides: int
    faults: list[str]
    not_run: int  #: cells of code without outputs


def check(paths: Sequence[Path], *, run: bool = False) -> int:
    """Tell what is wrong with decks: what does not fit, cannot be seen, or is not understood.

    Args:
        paths: Jupytext Markdown, notebooks, or folders of them; the course's parts if empty.
        run: run the code first. Else a part has what it showed when it was last run, a notebook
            what is stored in it.

    Returns:
        0, or 1 if anything is wrong.

    Raises:
        CourseError: if a path holds no slides, or there is no browser to measure with.
    """
    wrong = 0
    found = sources(paths)
    for source in found:
        checked = _check(Part(source), run)
        for fault in checked.faults:
            print(fault)
        wrong += len(checked.faults)
        print(f"{source}: {checked.slides} slides, {len(checked.faults) or 'nothing'} to mend")
        if checked.not_run:
            print(f"  {checked.not_run} cells were not run: what they show is not measured (--run)")
    return int(wrong > 0)


def sources(paths: Sequence[Path]) -> list[Path]:
    """Find decks: files of any name, and in folders all that speak of slides.

    Raises:
        CourseError: if a path does not exist, is of another kind, or holds no slides.
    """
    if not paths:
        return [part.path for part in find_parts()]
    found: dict[Path, None] = {}
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if _is_deck(file, path)]
        elif not path.is_file():
            raise CourseError(f"{path} does not exist")
        elif path.suffix not in KINDS:
            raise CourseError(f"{path} is neither a notebook (.ipynb) nor Jupytext Markdown (.md)")
        if not inside:
            raise CourseError(f"{path} holds no slides: no .md or .ipynb with a slide_type")
        found |= dict.fromkeys(inside)
    return list(found)


def _is_deck(file: Path, folder: Path) -> bool:
    aside = file.relative_to(folder).parts
    hidden = any(name.startswith(".") or name == "build" for name in aside)
    return not hidden and file.suffix in KINDS and file.is_file() and MARK in file.read_bytes()


def _check(part: Part, run: bool) -> Checked:
    try:
        notebook, faults = examine(part)
    except CourseError as error:
        return Checked(0, [str(error)], 0)
    if not faults:
        try:
            notebook = _with_outputs(part, notebook, run)
        except CourseError as error:
            faults.append(str(error))
    not_run = _fold_unrun(of_part(notebook))
    notebook.metadata.setdefault("nnkit", {}).setdefault("seconds", 0.0)
    names = list(_names(part, notebook))
    try:
        _, page = draw(part, deepcopy(notebook))
    except CourseError:
        raise
    except Exception as error:  # whatever nbconvert makes of odd outputs
        return Checked(len(names), [*faults, f"{part.path}: {type(error).__name__}: {error}"], 0)
    shown = images(page)
    told = [(image.slide, fault) for image in shown for fault in _of_image(image, part)]
    measured = enumerate(measure(embed_images(page, part, strict=False)), start=1)
    told += [(number, fault) for number, slide in measured for fault in _of_size(slide)]
    faults += [f"{names[number - 1]}: {fault}" for number, fault in sorted(told)]
    return Checked(len(names), faults, not_run)


def _with_outputs(part: Part, notebook: Any, run: bool) -> Any:
    if is_part(part.path.resolve()):
        return runs.executed(part.path) if run else runs.find(part, runs.key(part)) or notebook
    return execute.execute(part) if run else notebook


def _fold_unrun(notebook: Any) -> int:
    """Count the cells without outputs; fold their code if it will be, should they show anything."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    waiting = [cell for cell in code if not cell.outputs and not cell.execution_count]
    for cell in waiting:
        if cell.source.strip().count("\n") >= TALLEST_CODE:
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    return len(waiting)


def _names(part: Part, notebook: Any) -> Iterator[str]:
    for number, cells in enumerate(filter(None, shown_of(notebook)), start=1):
        at = next((i for i, cell in enumerate(notebook.cells) if cell is cells[0]), 0)
        where, _, _ = place(part, notebook, at).rpartition(": ")
        yield f"{where}: slide {number} “{heading(cells)}”"


def _of_image(image: Image, part: Part) -> Iterator[str]:
    told = dict(image.attributes)
    file, source = file_of(image, part), told.get("src") or ""
    shown = source if file else "a figure"
    if source.startswith(NETWORK):
        yield f"{source} is on the network; save it beside the source and show that file"
    elif file and not file.is_file():
        yield f"{source} is no file in {part.path.parent}; mend the name or put it there"
    elif not source:
        yield "an <img> without src"
    if (told.get("alt") or "").strip() in SILENT:
        how = "![what it shows](…) or alt=" if file else 'nnkit.plots.show(figure, alt="…")'
        yield f"{shown} has no words for those who cannot see it: {how}"


def _of_size(slide: Measured) -> Iterator[str]:
    if not slide.fits:
        sizes = {"high": slide.height, "wide": slide.width}
        much = " and ".join(f"{px:.0f} px too {way}" for way, px in sizes.items() if px > ROUNDING)
        yield f"{much}; shorten or split it (nnkit decks --fit does)"
    for formula in slide.untypeset:
        yield f"a formula that is not typeset: {formula[:80]}"
