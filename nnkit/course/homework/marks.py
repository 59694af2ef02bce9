"""The marks of a homework: in the gradebook, and in a notebook that has been run."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Marks:
    """The marks of a homework, from the gradebook."""

    students: list[str]
    tests: list[str]  # grade_ids of tests and essays, in the notebook's order
    points: np.ndarray  # (tests,): what each is worth
    scores: np.ndarray  # (students, tests); nan where an essay waits for its mark
    penalties: np.ndarray  # (students,): points that being late costs
    scale: float = 1.0  # of the total

    def totals(self) -> np.ndarray:
        """Add up the scores of each student, less the penalty, on the scale of the whole."""
        sums: np.ndarray = np.nansum(self.scores, axis=1) - self.penalties
        return sums.clip(0) * self.scale

    def without(self, questions: Collection[str]) -> "Marks":
        """Leave out questions."""
        kept = np.array([question(test) not in questions for test in self.tests], dtype=bool)
        tests = [test for test, keep in zip(self.tests, kept, strict=True) if keep]
        return replace(self, tests=tests, points=self.points[kept], scores=self.scores[:, kept])

    def by_question(self) -> "Marks":
        """Add up the tests of each exercise, as in ``softmax_test_1`` and ``softmax_test_2``."""
        questions = list(dict.fromkeys(map(question, self.tests)))
        of = np.array([questions.index(question(test)) for test in self.tests])
        points = np.array([self.points[of == q].sum() for q in range(len(questions))])
        sums = [self.scores[:, of == q].sum(1) for q in range(len(questions))]
        scores = np.stack(sums, axis=1)  # (students, questions)
        return replace(self, tests=questions, points=points, scores=scores)


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
    """Tell whether a mark by hand is to come, or was given for what is no longer there."""
    if grade.manual_score is None:
        return grade.auto_score is None
    return bool(grade.needs_manual_grade)


def score(notebook: Any) -> float:
    """Add up the points of a graded notebook's tests."""
    from nbgrader.utils import determine_grade, is_grade

    tests = [cell for cell in notebook.cells if is_grade(cell) and cell.cell_type == "code"]
    return float(sum(determine_grade(cell)[0] for cell in tests))


def lost_marks(notebook: Any) -> dict[str, str]:
    """Name the tests of a graded notebook that cost marks, each with what it says.

    Args:
        notebook: with the outputs of its test cells.

    Returns:
        The message by the test's ``grade_id``.
    """
    from nbgrader.utils import determine_grade, is_grade

    lost = {}
    for cell in notebook.cells:
        if is_grade(cell) and cell.cell_type == "code":
            score, points = determine_grade(cell)
            if score is not None and score < points:  # None: it is marked by hand
                said = [o for o in cell.outputs if o.output_type == "error"]
                why = f"{said[0].ename}: {said[0].evalue}" if said else f"{score} of {points}"
                lost[cell.metadata.nbgrader.grade_id] = why.removeprefix("AssertionError: ")
    return lost
