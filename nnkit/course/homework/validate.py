"""``nnkit homework validate``: what would cost marks, told before the homework is handed in."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nnkit.course.homework.enclose import enclosed
from nnkit.course.homework.grader import grade_notebook
from nnkit.course.homework.marks import lost_marks
from nnkit.course.homework.transplant import cells_of, is_solution, is_test
from nnkit.course.lectures import CourseError

NOTEBOOK = "the homework as JupyterLab saved it, a file that ends in .ipynb"
EDITED = "was edited; when it counts, the teacher's own is run, as it was now"
OWN = (
    "code cells of your own are not handed in: {}; what an answer needs must stand in the cell "
    "that is given for it"
)


def validate(file: Path) -> int:
    """Judge a student's notebook as it will be when it is graded, hidden tests left out.

    The code runs in a process of its own, on this machine and without a sandbox: it is the
    student's.

    Args:
        file: the notebook.

    Returns:
        0 if all visible tests pass, none was edited and no essay is empty, else 1.

    Raises:
        CourseError: if the file is no homework.
    """
    notebook = _read(file)
    try:
        release = enclosed(notebook)
    except Exception as error:  # of a notebook in which anything may be damaged
        raise CourseError(
            f"{file} does not hold the homework as it was released ({_first_line(error)}); "
            "copy your answers into that, with a newer release if this is an old one"
        ) from None
    graded = grade_notebook(release, notebook, limits=None)
    failed = lost_marks(graded)
    problems = _broken(graded) | failed | _edited(release, notebook) | _empty(graded)
    for name, why in problems.items():
        print(f"{name}: {why}")
    if failed and (own := _own(release, notebook)):
        print(OWN.format(", ".join(own)))
    total = sum(map(is_test, release.cells))
    print(f"{total - len(failed)} of {total} tests pass; hidden ones follow when it is graded")
    return 1 if problems else 0


def _read(file: Path) -> Any:
    if not file.is_file():  # a folder, or a pipe that would never end
        why = "is no file" if file.exists() else "does not exist"
        raise CourseError(f"{file} {why}; give {NOTEBOOK}")
    try:
        return json.loads(file.read_text("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        why = _first_line(error)
        raise CourseError(f"{file} is no notebook: {why}; give {NOTEBOOK}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _broken(graded: Any) -> dict[str, str]:
    """Name the answers that raise where they are defined."""
    cells = (c for c in graded.cells if c.cell_type == "code" and is_solution(c) and c.outputs)
    return {_id(cell): f"{cell.outputs[0].ename}: {cell.outputs[0].evalue}" for cell in cells}


def _edited(release: Any, notebook: Any) -> dict[str, str]:
    """Name the tests that are not as they were released; a deleted one is run all the same."""
    tests = {_id(cell): cell.source for cell in release.cells if is_test(cell)}
    theirs = [cell for cell in cells_of(notebook) if cell.grade_id in tests]
    return {c.grade_id: EDITED for c in theirs if c.source != tests[c.grade_id]}


def _empty(graded: Any) -> dict[str, str]:
    from nbgrader.utils import compute_checksum

    essays = (c for c in graded.cells if is_solution(c) and c.metadata.nbgrader.grade)
    untouched = (c for c in essays if c.metadata.nbgrader.get("checksum") == compute_checksum(c))
    return {_id(cell): "not answered yet" for cell in untouched}


def _own(release: Any, notebook: Any) -> Iterable[str]:
    """Tell the first lines of code cells that are not the release's and hold something."""
    ids = {_id(cell) for cell in release.cells} - {""}
    given = {cell.source.strip() for cell in release.cells}
    return [
        repr(cell.source.strip().splitlines()[0][:40])
        for cell in cells_of(notebook)
        if cell.kind == "code" and cell.grade_id not in ids and cell.source.strip() not in given
        if cell.source.strip()
    ]


def _id(cell: Any) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
