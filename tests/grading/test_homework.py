"""The homework itself, through the grader that marks students.

The reference gets full marks and so do other right answers; what is released gets none and gives
nothing away; each typical wrong answer loses marks in its own exercise and in no other.
"""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.utils import determine_grade, is_grade, is_solution

from nnkit.course.homework.grader import grade_notebook
from nnkit.course.homework.marks import lost_marks, question
from nnkit.course.homework.source import find_homework, master, read
from nnkit.course.homework.transplant import names
from tests.grading.course import release_unchecked
from tests.grading.marking import (
    FOLDER,
    STATEMENTS,
    Answer,
    blame,
    exercises,
    pack,
    reach,
    read_answers,
    submission,
)

pytestmark = pytest.mark.usefixtures("sandbox")
LECTURES = Path(__file__).parents[2] / "lectures"
NUMBERS = sorted(path.parent.name.partition("_")[0] for path in LECTURES.glob("*/homework.md"))
HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS$(.*?)^ *### END HIDDEN TESTS$", re.M | re.S)
SOLUTION = re.compile(r"^ *### BEGIN SOLUTION$(.*?)^ *### END SOLUTION$", re.M | re.S)
homework = pytest.mark.parametrize("number", NUMBERS)


@cache
def reference(number: str) -> Any:
    return read(find_homework(number, LECTURES))


@cache
def answers(number: str) -> list[Answer]:
    return read_answers(find_homework(number, LECTURES).parent.name)


EXERCISES = [(number, exercise) for number in NUMBERS for exercise in exercises(reference(number))]
ANSWERS = [(number, answer) for number in NUMBERS for answer in answers(number)]
exercise = pytest.mark.parametrize(("number", "name"), EXERCISES)
answer = pytest.mark.parametrize(
    ("number", "answer"),
    ANSWERS,
    ids=lambda a: a if isinstance(a, str) else f"{a.exercise}-{a.title}",
)


@cache
def losses(number: str) -> dict[Answer | None, dict[str, str]]:
    """For each answer the tests that it loses, each with its message; None: for no reason."""
    found: dict[Answer | None, dict[str, str]] = defaultdict(dict)
    depends = reach(reference(number), answers(number))
    for one in pack(answers(number), depends):
        graded = grade_notebook(master(reference(number)), submission(reference(number), one))
        lost = lost_marks(graded)
        for test, by in blame(lost, one, depends).items():
            found[by][test] = lost[test]
    return found


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that releases a homework once, as the command does."""
    course = tmp_path_factory.mktemp("course")
    return cache(lambda number: release_unchecked(course, number, LECTURES))


def test_both_lectures_have_homework() -> None:
    assert NUMBERS == ["18", "19"]
    assert {path.name for path in FOLDER.iterdir()} == {
        find_homework(number, LECTURES).parent.name for number in NUMBERS
    }


# (a) right answers


@homework
def test_the_reference_gets_full_marks(number: str) -> None:
    assert lost_marks(grade_notebook(master(reference(number)), reference(number))) == {}


@exercise
def test_there_are_right_and_wrong_answers(number: str, name: str) -> None:
    there = [answer for answer in answers(number) if answer.exercise == name]
    assert sum(answer.is_correct for answer in there) >= 2
    assert sum(not answer.is_correct for answer in there) >= 4
    assert len({answer.code for answer in there}) == len(there), "an answer comes twice"
    assert len({answer.title for answer in there}) == len(there), "a title comes twice"


@answer
def test_an_answer_is_what_a_student_might_write(number: str, answer: Answer) -> None:
    assert answer.exercise in exercises(reference(number))
    cells = filter(is_solution, reference(number).cells)
    sources = {cell.metadata.nbgrader.grade_id: cell.source for cell in cells}
    asked = set(names(SOLUTION.sub("", sources[answer.exercise])))
    assert asked <= set(names(answer.code)), "it does not define what is asked for"
    others = [s for s in ast.parse(answer.code).body if not isinstance(s, STATEMENTS)]
    assert not others, "only imports, functions and constants can do nothing to other exercises"


# (b) what is released


def lines(*texts: str) -> set[str]:
    return {line.strip() for text in texts for line in text.splitlines()}


@homework
def test_the_release_gives_nothing_away(number: str, released: Any) -> None:
    secret, visible = set(), set()
    for cell in reference(number).cells:
        for region in (HIDDEN, SOLUTION):
            secret |= lines(*region.findall(cell.source))
        visible |= lines(SOLUTION.sub("", HIDDEN.sub("", cell.source)))
    assert secret - visible
    assert not (secret - visible) & lines(*(cell.source for cell in released(number).cells))
    text = nbformat.writes(released(number))
    assert "BEGIN SOLUTION" not in text
    assert "HIDDEN TESTS" not in text


@homework
def test_a_stub_is_valid_and_says_what_to_do(number: str, released: Any) -> None:
    for cell in filter(is_solution, released(number).cells):
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)
            functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
            stubs = [f for f in functions if isinstance(f.body[-1], ast.Raise)]
            assert stubs, f"nothing to write in {cell.metadata.nbgrader.grade_id}"
            for stub in stubs:
                assert re.fullmatch(
                    r"raise NotImplementedError\('.+'\)", ast.unparse(stub.body[-1])
                )
                assert ast.get_docstring(stub), f"{stub.name} has no hint"


@homework
def test_the_stub_gets_nothing(number: str, released: Any) -> None:
    graded = grade_notebook(master(reference(number)), released(number))
    marks = {
        cell.metadata.nbgrader.grade_id: determine_grade(cell)[0]
        for cell in graded.cells
        if is_grade(cell)
    }
    assert marks
    assert not any(marks.values()), f"points for nothing: {marks}"


# (c) wrong answers, and once more right ones: an answer of each exercise in one submission


@homework
def test_no_mark_is_lost_without_a_reason(number: str) -> None:
    assert losses(number)[None] == {}


@answer
def test_an_answer_gets_what_it_is_worth(number: str, answer: Answer) -> None:
    lost = losses(number)[answer]
    elsewhere = {test: why for test, why in lost.items() if question(test) != answer.exercise}
    assert not elsewhere, "it loses marks in other exercises"
    if answer.is_correct:
        assert not lost, "a right answer loses marks"
    else:
        assert lost, "a wrong answer loses no marks"
