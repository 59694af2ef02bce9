"""``nnkit import``: a notebook or a text of one's own becomes a part of the course."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnkit.course.check import KINDS
from nnkit.course.lectures import LECTURE, CourseError, Part, find_lectures, is_part
from nnkit.course.pictures import Files, carried
from nnkit.course.reading import OPENS_A_SLIDE, examine, parse, slide_type
from nnkit.course.slides import slides_of, tags

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
FORMAT = {"extension": ".md", "format_name": "markdown"}
#: Of a cell's metadata this means something here.
KEPT = ("slideshow", "tags", "jupyter", "layout", "topic", "minutes", "nbgrader")
HIDING = ("hide_input", "hide-input", "remove_input", "remove-input", "hide-cell")
PRESENTING = ("rise", "livereveal")
OPENING = re.compile(r"\s*#{1,2}\s")


def bring_in(source: Path, into: Path | None = None) -> int:
    """Write a part from a notebook, RISE's or any other, or from Jupytext Markdown.

    Args:
        source: the file; it stays as it is.
        into: the part to write, ``lectures/3_trees/1_oak.md``, or the folder of a lecture; a new
            lecture if None.

    Returns:
        0.

    Raises:
        CourseError: if the source cannot be read, or would overwrite something.
    """
    if source.suffix not in KINDS:
        raise CourseError(f"{source} is neither a notebook (.ipynb) nor Jupytext Markdown (.md)")
    part, target = Part(source), _target(source, into)
    changes = list(_of_format(part, parse(part)))
    notebook, faults = examine(part)
    if any(slide_type(cell) in OPENS_A_SLIDE for cell in notebook.cells):
        changes += [f"taken out: {fault}" for fault in faults]
    else:
        changes += _open_at_headings(notebook)
    changes += _plain(notebook)
    files, told = carried(notebook, source.parent, target.parent)
    _write(notebook, target, files)
    print(f"{source} → {target}: {len(slides_of(notebook))} slides")
    for change in [*changes, *told]:
        print(f"  {change}")
    print(f"What does not fit or lacks words is told by: nnkit check {target}")
    return 0


def _of_format(part: Part, notebook: Any) -> Iterator[str]:
    """Tell what reading alone changes."""
    if part.path.suffix == ".ipynb":
        version = json.loads(part.read()).get("nbformat")
        if version != notebook.nbformat:
            yield f"nbformat {version} is now {notebook.nbformat}"
        if filled := sum(bool(cell.get("outputs")) for cell in notebook.cells):
            yield f"the outputs of {filled} cells are left out: they are run for decks"
    shown = [cell.metadata.get("slideshow") for cell in notebook.cells]
    untyped = [told for told in shown if isinstance(told, dict) and told.get("slide_type") == "-"]
    if untyped:
        yield f"{len(untyped)} cells with slide_type '-' go on with the slide above them"
    information = notebook.metadata.get("language_info", {})
    if information.get("name", "python") != "python":
        raise CourseError(f"{part.path} is written in {information['name']}; decks run Python")
    if str(information.get("version", "3")).startswith("2"):
        yield "it was written for Python 2: print and division mean something else in Python 3"


def _open_at_headings(notebook: Any) -> Iterator[str]:
    """Let headings open slides where nothing does."""
    opening = [cell for cell in notebook.cells if OPENING.match(cell.source)]
    opening = [cell for cell in opening if cell.cell_type == "markdown"] or notebook.cells[:1]
    for cell in opening:
        cell.metadata["slideshow"] = {"slide_type": OPENS_A_SLIDE[0]}
    yield f"it had no slides: {len(opening)} cells that begin with # or ## open one each"


def _plain(notebook: Any) -> Iterator[str]:
    """Leave of the metadata what means something here; tell what does not."""
    if settings := [name for name in PRESENTING if notebook.metadata.pop(name, None)]:
        yield f"settings of {' and '.join(settings)} are left out: theme and keys are the course's"
    kernel = notebook.metadata.get("kernelspec", KERNEL)
    if kernel.get("name") != KERNEL["name"]:
        yield f"the kernel {kernel.get('name')!r} is now {KERNEL['name']!r}"
    notebook.metadata = {"kernelspec": KERNEL}
    hidden, left = 0, set()
    for cell in notebook.cells:
        if cell.metadata.pop("hide_input", False) or set(tags(cell)) & set(HIDING):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
            hidden += 1
        left |= cell.metadata.keys() - set(KEPT)
        cell.metadata = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
    if hidden:
        yield f"the code of {hidden} cells is folded, as it was hidden"
    if left:
        yield f"options that mean nothing here are left out: {', '.join(sorted(left))}"


def _target(source: Path, into: Path | None) -> Path:
    words = re.sub(r"^\d+_|_\d+$", "", re.sub(r"\W+", "_", source.stem).strip("_")) or "lecture"
    if into is None:
        lectures = find_lectures()
        folders = (LECTURE.fullmatch(folder.name) for folder in lectures.iterdir())
        taken = {int(folder[1]) for folder in folders if folder}
        digits = re.search(r"\d+", source.stem)
        number = int(digits[0]) if digits else 0
        if number in taken or not number:
            number = max(taken, default=0) + 1
        into = lectures / f"{number}_{words}"
    if into.suffix == ".md":
        target = into
    else:
        there = [path.name.partition("_")[0] for path in into.glob("*_*.md")]
        number = max((int(name) for name in there if name.isdecimal()), default=0) + 1
        target = into / f"{number}_{words}.md"
    if not is_part(target.parent.resolve() / target.name):
        raise CourseError(
            f"{target} is no name of a part; name it as in lectures/3_trees/1_oak.md, or a folder "
            "as in lectures/3_trees"
        )
    if target.exists():
        raise CourseError(f"{target} is there already; name another file")
    here = Path.cwd()
    return target.relative_to(here) if target.is_relative_to(here) else target


def _write(notebook: Any, target: Path, files: Files) -> None:
    import jupytext

    for file, content in files.items():
        if file.exists() and file.read_bytes() != content:
            raise CourseError(f"{file} is there already, and another; name another folder")
    text = jupytext.writes(notebook, fmt=FORMAT)
    for file, content in {**files, target: text.encode()}.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
