"""Statistics of a class with known marks, and copies planted among honest solutions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pointbiserialr

from nnkit.course.homework.marks import Marks, question
from nnkit.course.homework.similarity import shingles, similar_pairs
from nnkit.course.homework.stats import difficulty, discrimination

NAN = float("nan")


def table(scores: list[list[float]], points: list[float] | None = None) -> Marks:
    given = np.array(scores, dtype=float)
    students, tests = given.shape
    return Marks(
        students=[f"s{i}" for i in range(students)],
        tests=[f"a_test_{i}" for i in range(tests)],
        points=np.array(points or [1.0] * tests),
        scores=given,
        penalties=np.zeros(students),
    )


def test_difficulty_is_the_mean_share_of_the_points() -> None:
    marks = table([[1, 4, NAN, NAN], [0, 2, 3, NAN], [1, 0, 0, NAN], [1, 0, 0, NAN]], [1, 4, 3, 1])
    np.testing.assert_allclose(difficulty(marks), [0.75, 0.375, 1 / 3, NAN])


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=5, max_size=20))
def test_discrimination_is_the_point_biserial_correlation_with_the_rest(passed) -> None:
    scores = np.array(passed, dtype=float)
    found = discrimination(table(passed))
    for i, value in enumerate(found):
        rest = np.delete(scores, i, axis=1).sum(1)
        if np.ptp(scores[:, i]) and np.ptp(rest):
            assert value == pytest.approx(pointbiserialr(scores[:, i], rest).statistic, abs=1e-9)
        else:
            assert np.isnan(value)


def test_a_test_that_the_best_fail_has_a_negative_one() -> None:
    marks = table([[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 1]])
    assert discrimination(marks)[2] == pytest.approx(-1)
    assert np.isnan(discrimination(marks)[0])  # the two others cancel out, to a constant


def test_questions_add_up_their_tests() -> None:
    marks = Marks(
        ["ana", "bob"],
        ["relu_test_1", "relu_test_2", "essay_why", "sum_test_1"],
        np.array([1.0, 2.0, 3.0, 4.0]),
        np.array([[1.0, 2.0, NAN, 4.0], [0.0, 2.0, 1.5, 0.0]]),
        np.zeros(2),
    ).by_question()
    assert marks.tests == ["relu", "essay_why", "sum"]
    assert marks.points.tolist() == [3, 3, 4]
    np.testing.assert_array_equal(marks.scores, [[3, NAN, 4], [2, 1.5, 0]])
    assert question("one_test_12") == "one"


# Similar solutions

STUB = ['def smooth(x, k):\n    """Average."""\n    raise NotImplementedError("Write this.")']
HONEST = {
    "loop": """
def smooth(x, k):
    out = []
    for i in range(len(x) - k + 1):
        total = 0
        for j in range(k):
            total += x[i + j]
        out.append(total / k)
    return out
""",
    "slices": """
def smooth(x, k):
    return [sum(x[i:i + k]) / k for i in range(len(x) - k + 1)]
""",
    "cumsum": """
import numpy as np
def smooth(x, k):
    c = np.concatenate([[0], np.cumsum(x)])
    return (c[k:] - c[:-k]) / k
""",
    "convolve": """
def smooth(x, k):
    kernel = np.ones(k) / k
    return np.convolve(x, kernel, mode="valid")
""",
    "window": """
from numpy.lib.stride_tricks import sliding_window_view
def smooth(x, k):
    return sliding_window_view(np.asarray(x), k).mean(axis=-1)
""",
}
COPY = '''
def smooth(values, width):
    """My very own idea."""
    result = []   # collect
    for start in range(len(values) - width + 1):
        acc = 0

        for step in range(width):
            acc += values[start + step]
        result.append(acc / width)
    return result
'''


def test_a_planted_copy_with_other_names_is_found_and_nothing_else() -> None:
    solutions = {name: [code] for name, code in HONEST.items()} | {"copy": [COPY], "idle": STUB}
    (pair,) = similar_pairs(solutions, STUB)
    assert pair == (pytest.approx(1), "loop", "copy")


def test_what_everybody_writes_says_little() -> None:
    common = "def f(x):\n    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()"
    solutions = {name: [code, common] for name, code in HONEST.items()}
    assert similar_pairs(solutions, []) == []
    assert len(similar_pairs({n: [common] for n in "abc"}, [])) == 3


def test_half_a_copy_is_half_similar() -> None:
    parts = list(HONEST.values())
    ((similarity, *who),) = similar_pairs(
        {"a": [parts[0], parts[2]], "b": [parts[0], parts[3]], "c": [parts[4]]}, STUB, 0.2
    )
    assert who == ["a", "b"]
    assert 0.2 < similarity < 0.8


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1  # why", "y = 1"),
        ("def f(a):\n    '''Say.'''\n    return a", "def g(b):\n\n    return b"),
        ("t = (a,\n     b)", "t = (c, d)"),
        ("x=[1,2]", "y = [1, 2]"),
    ],
)
def test_names_comments_and_layout_do_not_count(one: str, other: str) -> None:
    assert shingles(one) == shingles(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("x + 1 - y", "x - 1 + y"), ("np.exp(x)", "np.log(x)"), ("x = 1", "x = 2")],
)
def test_what_code_does_counts(one: str, other: str) -> None:
    assert shingles(one) != shingles(other)


@given(st.text())
def test_any_text_has_shingles(text: str) -> None:
    assert shingles(text) == shingles(text)


def test_nobody_is_like_nobody() -> None:
    assert similar_pairs({}, STUB) == []
    assert similar_pairs({"a": STUB, "b": STUB}, STUB) == []
    assert similar_pairs({"a": ["def f(:"], "b": ["def f(:"]}, STUB) != []
