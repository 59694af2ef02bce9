"""Answers to the homework, right and wrong, and how to grade many of them in few runs.

The answers to one exercise stand in ``answers/<lecture>/<exercise>.py``, each under a line
``# %% correct: …`` or ``# %% wrong: …``, and each replaces the exercise's solution cell.
"""

import ast
import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.utils import is_grade, is_solution

from nnkit.course.homework.marks import question
from nnkit.course.homework.transplant import names

FOLDER = Path(__file__).parent / "answers"
MARK = re.compile(r"^# %% (correct|wrong): (.+)\n", re.MULTILINE)
# What an answer may hold at its top level, so that it can reach other exercises by names alone.
STATEMENTS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Expr)


@dataclass(frozen=True)
class Answer:
    """One answer to one exercise."""

    exercise: str
    is_correct: bool
    title: str
    code: str

    def __str__(self) -> str:
        return f"{self.exercise}-{self.title}"


Submission = dict[str, Answer]  # by the exercise that it answers; the others as in the reference


def read_answers(lecture: str) -> list[Answer]:
    """Read all answers to a homework, as in ``18_architecture``."""
    found = []
    for path in sorted((FOLDER / lecture).glob("*.py")):
        before, *pieces = MARK.split(path.read_text("utf-8"))
        assert not before.strip(), f"{path} begins with code that belongs to no answer"
        for kind, title, code in zip(*[iter(pieces)] * 3, strict=True):
            found.append(Answer(path.stem, kind == "correct", title.strip(), code.strip() + "\n"))
    return found


def exercises(reference: Any) -> list[str]:
    """Name the exercises of a homework: its solution cells that hold code."""
    cells = filter(is_solution, reference.cells)
    return [cell.metadata.nbgrader.grade_id for cell in cells if cell.cell_type == "code"]


def submission(reference: Any, answers: Submission) -> Any:
    """Put answers into the reference solution, each in the place of its exercise's cell."""
    notebook = copy.deepcopy(reference)
    for cell in filter(is_solution, notebook.cells):
        answer = answers.get(cell.metadata.nbgrader.grade_id)
        cell.source = answer.code if answer else cell.source
    return notebook


def reach(reference: Any, answers: Iterable[Answer]) -> dict[str, set[str]]:
    """For each exercise, the exercises whose code can change what its own tests see.

    An exercise depends on another if its solution, an answer to it or a test mentions a name that
    the other one, or an answer to that, defines; or if a cell that belongs to no exercise does so.
    Dependence is handed on. A name that is only the same counts, too: that errs on the safe side.
    """
    defined: dict[str, set[str]] = {exercise: set() for exercise in exercises(reference)}
    mentioned: dict[str, set[str]] = {exercise: set() for exercise in ["", *defined]}
    for cell in reference.cells:
        if cell.cell_type == "code":
            marks = cell.metadata.get("nbgrader", {})
            own = question(marks["grade_id"]) if is_grade(cell) else marks.get("grade_id", "")
            own = own if is_grade(cell) or is_solution(cell) else ""
            mentioned[own] |= _mentions(cell.source)
            defined.get(own, set()).update(names(cell.source) if is_solution(cell) else ())
    for answer in answers:
        mentioned[answer.exercise] |= _mentions(answer.code)
        defined[answer.exercise] |= set(names(answer.code))
    depends = {
        exercise: {e for e in defined if defined[e] & (mentioned[exercise] | mentioned[""])}
        | {exercise}
        for exercise in defined
    }
    for _ in defined:
        depends = {e: set().union(*(depends[d] for d in depends[e])) for e in depends}
    return depends


def _mentions(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def pack(answers: Sequence[Answer], depends: dict[str, set[str]]) -> list[Submission]:
    """Put answers into as few submissions as may be, so that it is clear which one lost a mark.

    In a submission the tests of no exercise see more than one answer.
    """
    submissions: list[Submission] = []
    for answer in answers:
        watchers = [seen for seen in depends.values() if answer.exercise in seen]
        for one in submissions:
            if not any(set(one) & seen for seen in watchers):
                one[answer.exercise] = answer
                break
        else:
            submissions.append({answer.exercise: answer})
    return submissions


def blame(lost: Iterable[str], one: Submission, depends: dict[str, set[str]]) -> dict[str, Any]:
    """For each lost test the answer that its exercise's tests saw; None if they saw none."""
    seen = {test: set(one) & depends[question(test)] for test in lost}
    return {test: one[next(iter(by))] if by else None for test, by in seen.items()}
