"""``nnkit homework stats``: which questions were hard, which discriminated, who copied."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.marks import Marks, marks
from nnkit.course.homework.similarity import similar_pairs
from nnkit.course.lectures import CourseError


def difficulty(table: Marks) -> np.ndarray:
    """Return the mean share of the points that each test gave: 1 is easy, 0 is hard."""
    given = ~np.isnan(table.scores)
    sums = np.where(given, table.scores, 0).sum(0)
    shares: np.ndarray = np.divide(
        sums, given.sum(0) * table.points, where=given.any(0), out=np.full(len(sums), np.nan)
    )
    return shares


def discrimination(table: Marks) -> np.ndarray:
    """Return for each test the correlation of its score with the sum of all others.

    For a test that is passed or failed this is the point-biserial correlation, corrected for the
    test's own part in the sum (Henrysson 1963). It is nan where all students score the same.
    """
    scores = np.nan_to_num(table.scores)
    rest = scores.sum(1, keepdims=True) - scores
    a, b = scores - scores.mean(0), rest - rest.mean(0)
    scale = np.sqrt((a**2).sum(0) * (b**2).sum(0))
    known = scale > 1e-9
    values: np.ndarray = np.divide(
        (a * b).sum(0), scale, where=known, out=np.full_like(scale, np.nan)
    )
    return values


def stats(course: Course, name: str) -> int:
    """Print difficulty and discrimination of each test, what was left empty, and who copied.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.

    Returns:
        0.

    Raises:
        CourseError: if nobody has handed in.
    """
    course.require_released(name)
    with course.gradebook() as gradebook:
        table = marks(gradebook, name)
        empty = _left_empty(gradebook, name)
    if not table.students:
        raise CourseError(f"nobody has handed in {name}")
    mean = np.nansum(table.scores, axis=1).mean()
    print(f"{name}: {len(table.students)} students, mean {mean:.1f} of {table.points.sum():g}\n")
    _print_items(table)
    _print_empty(empty, len(table.students))
    _print_pairs(_solutions(course, name))
    return 0


def _print_items(table: Marks) -> None:
    width = max(len(test) for test in table.tests)
    print(f"{'test':{width}}  points  difficulty  discrimination")
    columns = (table.tests, table.points, difficulty(table), discrimination(table))
    for test, points, easy, telling in zip(*columns, strict=True):
        print(f"{test:{width}}  {points:6g}  {_number(easy):>10}  {_number(telling):>14}")


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _left_empty(gradebook: Any, name: str) -> dict[str, list[str]]:
    """For each question who left it as it was released; nbgrader notes it by the checksum."""
    empty: dict[str, list[str]] = {}
    for submission in gradebook.notebook_submissions(name, name):
        for comment in submission.comments:
            if comment.auto_comment == "No response.":
                empty.setdefault(comment.name, []).append(submission.student.id)
    return empty


def _print_empty(empty: Mapping[str, list[str]], students: int) -> None:
    print("\nleft empty" if empty else "\nnobody left anything empty")
    for question, who in sorted(empty.items()):
        print(f"  {question}: {len(who)} of {students}: {', '.join(sorted(who))}")


def _solutions(course: Course, name: str) -> dict[str, list[str]]:
    """What each student wrote, and under the empty name what was released."""
    folders = sorted(course.root.glob(f"autograded/*/{name}"))
    found = {folder.parent.name: folder for folder in folders}
    found[""] = course.place("release", name)
    return {student: _code(folder / f"{name}.ipynb") for student, folder in found.items()}


def _code(path: Path) -> list[str]:
    import nbformat
    from nbgrader.utils import is_solution

    cells = nbformat.read(path, as_version=4).cells
    return [c.source for c in cells if is_solution(c) and c.cell_type == "code"]


def _print_pairs(solutions: dict[str, list[str]]) -> None:
    stub = solutions.pop("")
    pairs = similar_pairs(solutions, stub)
    print("\nthe same code in other names?" if pairs else "\nno two solutions are much alike")
    for similarity, one, other in pairs:
        print(f"  {similarity:.2f}  {one}, {other}")
