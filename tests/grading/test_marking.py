"""Many answers in one submission: it stays clear which of them lost a mark."""

from typing import Any

import nbformat
import pytest

from tests.grading.marking import Answer, blame, exercises, pack, reach, submission

CELLS = {  # ids of nbgrader's and sources; c uses what b defines, d is used by a helper of all
    "tools": "import numpy as np\ndef helper(): return d()",
    "a": "def a(): return 1",
    "a_test_1": "assert a() == 1",
    "b": "def b(): return 2",
    "b_test_1": "assert b() == 2",
    "c": "def c(): return b() + 1",
    "c_test_1": "assert c() == 3",
    "d": "def d(): return 4",
    "d_test_1": "assert d() == helper()",
}


@pytest.fixture
def reference() -> Any:
    cells = []
    for name, source in CELLS.items():
        cell = nbformat.v4.new_code_cell(source)
        solution, grade = len(name) == 1, "test" in name
        cell.metadata.nbgrader = {"grade_id": name, "solution": solution, "grade": grade}
        cells.append(nbformat.from_dict(cell))
    return nbformat.from_dict(nbformat.v4.new_notebook(cells=cells))


def wrong(exercise: str, code: str | None = None) -> Answer:
    return Answer(exercise, False, f"wrong {code}", code or f"def {exercise}(): return 0")


def test_reach_follows_names_through_answers_and_helpers(reference: Any) -> None:
    assert exercises(reference) == ["a", "b", "c", "d"]
    assert reach(reference, []) == {
        **{"a": {"a", "d"}, "b": {"b", "d"}, "c": {"b", "c", "d"}, "d": {"d"}}
    }
    uses = wrong("a", "def a(): return c()")
    assert reach(reference, [uses])["a"] == {"a", "b", "c", "d"}


def test_no_test_sees_two_answers_of_a_submission(reference: Any) -> None:
    answers = [wrong(name) for name in "abcd"]
    depends = reach(reference, answers)
    packed = pack(answers, depends)
    assert [set(one) for one in packed] == [{"a", "b"}, {"c"}, {"d"}]
    assert all(len(set(one) & seen) <= 1 for one in packed for seen in depends.values())


def test_a_lost_mark_is_put_down_to_the_answer_that_the_test_saw(reference: Any) -> None:
    answers = [wrong(name) for name in "abcd"]
    depends = reach(reference, answers)
    one = {"b": answers[1]}
    lost = ["a_test_1", "b_test_1", "c_test_1"]
    assert blame(lost, one, depends) == {
        **{"a_test_1": None, "b_test_1": answers[1], "c_test_1": answers[1]}
    }


def test_an_answer_takes_the_place_of_its_cell_alone(reference: Any) -> None:
    sources = [cell.source for cell in submission(reference, {"b": wrong("b")}).cells]
    assert sources == [CELLS[n] if n != "b" else "def b(): return 0" for n in CELLS]
