"""``nnkit homework export``: marks per question, students in rows, for any learning platform."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnkit.course.homework.course_folder import Course


@dataclass(frozen=True)
class Marks:
    """The marks of a homework, from the gradebook."""

    students: list[str]
    tests: list[str]  # grade_ids of tests and essays, in the notebook's order
    points: np.ndarray  # (tests,): what each is worth
    scores: np.ndarray  # (students, tests); nan where an essay waits for its mark
    penalties: np.ndarray  # (students,)

    def by_question(self) -> "Marks":
        """Add up the tests of each exercise, as in ``softmax_test_1`` and ``softmax_test_2``."""
        questions = list(dict.fromkeys(map(question, self.tests)))
        of = np.array([questions.index(question(test)) for test in self.tests])
        points = np.array([self.points[of == q].sum() for q in range(len(questions))])
        sums = [self.scores[:, of == q].sum(1) for q in range(len(questions))]
        scores = np.stack(sums, axis=1)  # (students, questions)
        return Marks(self.students, questions, points, scores, self.penalties)


def question(test: str) -> str:
    """Name the exercise that a test belongs to; an essay is a question of its own."""
    return test.rpartition("_test_")[0] or test


def marks(gradebook: Any, name: str) -> Marks:
    """Read the marks of a homework.

    Args:
        gradebook: nbgrader's.
        name: the homework, as in ``homework_18``.

    Returns:
        The marks of those who handed in what could be graded.
    """
    notebook = gradebook.find_notebook(name, name)
    order = {cell.name: i for i, cell in enumerate(notebook.source_cells)}
    cells = sorted(notebook.grade_cells, key=lambda cell: order.get(cell.name, 0))
    handed_in = gradebook.notebook_submissions(name, name)
    submissions = sorted(filter(_graded, handed_in), key=lambda s: str(s.student.id))
    scores = np.full((len(submissions), len(cells)), np.nan)
    for row, submission in zip(scores, submissions, strict=True):
        given = {g.name: g.score for g in submission.grades if not _waits(g)}
        row[:] = [given.get(cell.name, np.nan) for cell in cells]
    return Marks(
        students=[submission.student.id for submission in submissions],
        tests=[cell.name for cell in cells],
        points=np.array([cell.max_score for cell in cells], dtype=float),
        scores=scores,
        penalties=np.array([s.late_submission_penalty or 0.0 for s in submissions], dtype=float),
    )


def _graded(submission: Any) -> bool:
    return not all(_waits(grade) for grade in submission.grades)


def _waits(grade: Any) -> bool:
    return grade.auto_score is None and grade.manual_score is None


def export(course: Course, file: Path) -> int:
    """Write the marks of all homework: a row per student, a column per question.

    A question's column says what it is worth. A mark still to be given by hand, or a homework that
    was not handed in, is an empty field.

    Args:
        course: the course folder.
        file: the CSV file to write.

    Returns:
        0.
    """
    with course.gradebook() as gradebook:
        people = {s.id: [s.last_name, s.first_name, s.email] for s in gradebook.students}
        names = sorted(assignment.name for assignment in gradebook.assignments)
        tables = {name: marks(gradebook, name).by_question() for name in names}
    header = ["student", "last name", "first name", "email"]
    rows = {s: [s, *(field or "" for field in people[s])] for s in sorted(people)}
    for name, table in tables.items():
        header += [f"{name} {q} /{p:g}" for q, p in zip(table.tests, table.points, strict=True)]
        header += [f"{name} late penalty", f"{name} total /{table.points.sum():g}"]
        width = len(table.tests) + 2
        fields = dict(zip(table.students, _fields(table), strict=True))
        for student, row in rows.items():
            row += fields.get(student, [""] * width)
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([header, *rows.values()])
    waiting = sum(int(np.isnan(table.scores).sum()) for table in tables.values())
    print(f"{file}: {len(rows)} students, {len(tables)} homeworks")
    if waiting:
        print(f"{waiting} answers wait for a mark by hand: open Formgrader in JupyterLab")
    return 0


def _fields(table: Marks) -> Sequence[list[str]]:
    totals = np.nansum(table.scores, axis=1)
    late = table.penalties
    return [
        ["" if np.isnan(score) else f"{score:g}" for score in scores]
        + [f"{penalty:g}", f"{max(0.0, total - penalty):g}"]
        for scores, penalty, total in zip(table.scores, late, totals, strict=True)
    ]
