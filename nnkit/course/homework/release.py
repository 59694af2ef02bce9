"""``nnkit homework release``: the notebook for students, from the source beside the lecture."""

import ast
import os
import sys
from pathlib import Path
from typing import Any

from nnkit.course.homework.convert import convert
from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.marks import lost_marks
from nnkit.course.homework.source import STUB, find_homework, master, name_of, read
from nnkit.course.homework.transplant import is_solution, is_test, names
from nnkit.course.lectures import CourseError
from nnkit.course.pictures import read_by

#: Said where a reference loses marks, as what works in a notebook may not in a test.
SEEN = (
    "A test sees what functions return. Of an object it sees nothing: let a function of the "
    "solution use it and return numbers. An argument changed in place does not come back: return it"
)


def release(course: Course, lecture: str) -> int:
    """Make the notebook for students, without solutions and hidden tests, and enter its marks.

    Args:
        course: the course folder.
        lecture: the lecture's number, as in ``"18"``.

    Returns:
        0.

    Raises:
        CourseError: if cells are marked wrongly for nbgrader, or the reference solution does not
            get full marks. Nothing is written then.
    """
    import nbformat
    from nbgrader.converters import GenerateAssignment

    name = name_of(lecture)
    path = find_homework(lecture)
    reference = read(path)
    refuse_lost_marks(reference, path)
    with course.only_run():
        source = course.place("source", name) / f"{name}.ipynb"
        source.parent.mkdir(parents=True, exist_ok=True)
        before = source.read_bytes() if source.exists() else None
        nbformat.write(reference, source)
        try:
            convert(GenerateAssignment, course, name)
        except CourseError as error:  # as when a test is gone that students have marks for
            if before is None:
                source.unlink()
            else:
                source.write_bytes(before)
            raise CourseError(
                f"{error}; nothing was changed. A question that is not to count any more is "
                "dropped by: nnkit homework drop"
            ) from None
    released = course.place("release", name) / f"{name}.ipynb"
    print(f"{_show(released)}: {_summary(reference)}")
    return 0


def refuse_lost_marks(reference: Any, path: Path) -> None:
    """Grade a reference solution as a student's would be, and what is released as it is.

    Args:
        reference: the source as a notebook.
        path: its file.

    Raises:
        CourseError: if the reference loses marks, or a stub earns some; it names the tests.
    """
    release = master(reference)
    _require_questions(reference, path)
    _require_names(reference, release, path)
    _refuse_files(reference, path)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as when a class is graded
    from nnkit.course.homework.grader import LIMITS, grade_notebook

    limits = LIMITS if sys.platform.startswith("linux") else None
    if limits is None:  # the teacher's own code may be trusted
        print("the reference solution is run without a sandbox; to grade, Linux is needed")
    if problems := lost_marks(grade_notebook(release, reference, limits=limits)):
        lines = "".join(f"\n  {test}: {why}" for test, why in problems.items())
        raise CourseError(
            f"the reference solution loses marks, so nothing is released{lines}\n{SEEN}"
        )
    worth = {c.metadata.nbgrader.grade_id for c in release.cells if is_test(c) and _points(c)}
    for stub, when in ((STUB, "before anything is written"), ("pass", "if nothing is returned")):
        empty = master(reference, stub)
        lost = lost_marks(grade_notebook(release, empty, limits=limits))
        if free := sorted(worth - lost.keys()):
            raise CourseError(
                f"{path}: these tests pass {when}, so nothing is released: {', '.join(free)}; "
                "compare what is returned with what is right"
            )


def _require_questions(reference: Any, path: Path) -> None:
    from nbgrader.utils import is_grade

    if not any(is_grade(cell) and _points(cell) for cell in reference.cells):
        raise CourseError(f"{path}: no test and no essay gives points, so there is no mark to lose")


def _require_names(reference: Any, release: Any, path: Path) -> None:
    """Refuse a test of what only the solution names: who would know what to call it?"""
    tests = "\n".join(cell.source for cell in filter(is_test, release.cells))
    used = {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
    for number, (cell, left) in enumerate(zip(reference.cells, release.cells, strict=True), 1):
        if not is_solution(cell) or cell.cell_type != "code":
            continue
        if gone := used.intersection(names(cell.source)) - set(names(left.source)):
            raise CourseError(
                f"{path}: cell {number}: tests use {', '.join(sorted(gone))}, which only the "
                "solution names; write a function's first line, or 'name = None', above it"
            )


def _refuse_files(reference: Any, path: Path) -> None:
    """Refuse code that reads what lies beside the source: it is not there when it is graded."""
    for number, cell in enumerate(reference.cells, 1):
        found = read_by(cell.source, path.parent) if cell.cell_type == "code" else ()
        for file in found:
            raise CourseError(
                f"{path}: cell {number} names {file}, which is not there when it is graded; write "
                "what it holds into a given cell, or take data that a package carries"
            )


def _points(cell: Any) -> float:
    return float(cell.metadata.nbgrader.points)


def _summary(notebook: Any) -> str:
    from nbgrader.utils import is_grade

    graded = [cell for cell in notebook.cells if is_grade(cell)]
    points = sum(cell.metadata.nbgrader.points for cell in graded)
    essays = sum(cell.cell_type == "markdown" for cell in graded)
    return f"{len(graded) - essays} tests, {essays} essays, {points} points"


def _show(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
