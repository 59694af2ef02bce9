"""The homework of a lecture: where its source is, and what submissions are graded against."""

import ast
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

from nnkit.course.lectures import LECTURE, CourseError, find_lectures

FILE = "homework.md"
STUB = 'raise NotImplementedError("Write this; the text above says what it must return.")'
MAGIC = "take out the magic: JupyterLab shows figures without %matplotlib inline"
NUMBER = re.compile(r"\d+")


def name_of(lecture: str) -> str:
    """Name the homework of a lecture as the gradebook and the students know it.

    Args:
        lecture: its number, as in ``"18"``.

    Returns:
        ``"homework_18"``.

    Raises:
        CourseError: if that is no number.
    """
    if not NUMBER.fullmatch(lecture):
        raise CourseError(f"{lecture!r} is no lecture; give its number, as in: 18")
    return f"homework_{lecture}"


def find_homework(lecture: str, lectures: Path | None = None) -> Path:
    """Find the source of a lecture's homework.

    Args:
        lecture: the lecture's number, as in ``"18"``.
        lectures: the folder of the lectures; the one around the working directory if None.

    Returns:
        The file, as in ``lectures/18_architecture/homework.md``.

    Raises:
        CourseError: if there is none; it names those that are there.
    """
    name_of(lecture)
    files = sorted((lectures or find_lectures()).glob(f"*/{FILE}"))
    folders = ((LECTURE.fullmatch(file.parent.name), file) for file in files)
    there = {folder[1]: file for folder, file in folders if folder}
    if lecture not in there:
        raise CourseError(
            f"lecture {lecture} has no homework; those that have one: {', '.join(there) or 'none'}"
        )
    return there[lecture]


def read(path: Path) -> Any:
    """Read a homework's source as a notebook that holds solutions and hidden tests.

    Args:
        path: Jupytext Markdown with nbgrader's metadata.

    Returns:
        The notebook; its cells have the same ids each time.

    Raises:
        CourseError: if the file cannot be read, or its cells are marked wrongly for nbgrader.
    """
    import jupytext
    from nbgrader.nbgraderformat import MetadataValidator

    try:
        notebook = jupytext.read(path)
        MetadataValidator().validate_nb(notebook)
    except Exception as error:  # the file system's, YAML's, nbgrader's, and what those run into
        why = " ".join(str(error).split()) or type(error).__name__
        raise CourseError(f"{path}: {why}") from None
    for number, cell in enumerate(notebook.cells, 1):
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("task"):
            raise CourseError(
                f"{path}: cell {number}: what students answer to a task cell is not graded; make "
                "it an essay, with grade and solution true"
            )
        if cell.cell_type == "code" and marks.get("grade") and marks.get("solution"):
            raise CourseError(
                f"{path}: cell {number}: code is graded by tests, not by hand; make it a solution "
                "with a test, or an essay"
            )
        if cell.cell_type == "code":
            _require_sound(f"{path}: cell {number}", cell.source)
            if marks.get("solution") and "BEGIN SOLUTION" not in cell.source:
                raise CourseError(
                    f"{path}: cell {number} is a solution without BEGIN SOLUTION and END SOLUTION, "
                    "so students would not even get the names that its tests use"
                )
    notebook.metadata.pop("jupytext", None)  # what students get is a notebook, and stays one
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index}"
    return notebook


def _require_sound(place: str, source: str) -> None:
    """Refuse code that is no Python, and half a region, which nbgrader may hand out."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError) as error:
        hint = f"; {MAGIC}" if re.search(r"^\s*[%!]", source, re.MULTILINE) else ""
        raise CourseError(f"{place} is no Python: {error}{hint}") from None
    for region in ("SOLUTION", "HIDDEN TESTS"):
        marks = re.findall(f"(BEGIN|END) {region}", source)
        if marks != ["BEGIN", "END"] * (len(marks) // 2):
            raise CourseError(f"{place}: each BEGIN {region} needs its END {region}, and no other")


def master(reference: Any, stub: str = STUB) -> Any:
    """Empty the solutions but keep the hidden tests: what submissions are graded against.

    Args:
        reference: the source as a notebook, see `read`.
        stub: what stands for each solution.

    Returns:
        Another notebook, with stubs for solutions and with nbgrader's checksums.
    """
    from nbgrader.preprocessors import ClearSolutions, ComputeChecksums, LockCells

    notebook = deepcopy(reference)
    stubs = ClearSolutions(code_stub={"python": stub})
    for preprocessor in (LockCells(), stubs, ComputeChecksums()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return notebook
