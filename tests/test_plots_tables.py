"""Tables: what is written, how it stands, what is in bold."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnkit._table import Table
from nnkit.plots import table
from nnkit.training import MeanStd

FIGURES = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.lists(FIGURES, min_size=2, max_size=2), min_size=1, max_size=6))
def test_columns_are_aligned_at_the_right_and_hold_the_numbers(numbers: list[list[float]]) -> None:
    rows = {f"row {i}": row for i, row in enumerate(numbers)}
    lines = str(table(rows, {"a / m": ".2f", "b": ".2f"})).splitlines()
    assert len({len(line) for line in lines}) == 1
    for row, line in zip(numbers, lines[1:], strict=True):
        written = [float(text.replace("−", "-")) for text in line.split()[2:]]
        assert written == pytest.approx(row, abs=0.005001)


@given(st.lists(FIGURES, min_size=1, max_size=8), st.sampled_from(["max", "min"]))
def test_what_reads_like_the_best_number_is_in_bold(numbers: list[float], which: str) -> None:
    rows = {str(i): [number] for i, number in enumerate(numbers)}
    made = table(rows, {"a": ".1f"}, best={"a": which})  # type: ignore[dict-item]
    best = f"{(max if which == 'max' else min)(numbers) + 0.0:.1f}"
    same = {(i, 1) for i, number in enumerate(numbers) if float(f"{number:.1f}") == float(best)}
    assert made.bold == same
    assert made._repr_html_().count("<strong>") == len(same) == str(made).count("*")


def test_numbers_are_set_as_in_print() -> None:
    rows = {"x": [-0.25, -0.0001, torch.tensor(3.0), None, "none"]}
    made = table(rows, dict(zip("abcde", [".0%", ".2f", "d", ".1f", ".1f"], strict=True)))
    assert made.rows == [["x", "−25\N{NO-BREAK SPACE}%", "0.00", "3", "–", "none"]]


def test_how_many_runs_is_said_once_if_it_is_the_same() -> None:
    rows = {"a": [MeanStd([0.1, 0.3])], "b": [MeanStd([0.2, 0.2])]}
    assert table(rows, {"loss": ".1f"}).head == ["2 runs", "loss"]
    assert table(rows, {"loss": ".1f"}).rows == [["a", "0.2 ± 0.1"], ["b", "0.2 ± 0.0"]]
    assert table(rows, {"loss": ".1f"}, corner="net").head[0] == "net"
    other = table(rows | {"c": [MeanStd([1.0])]}, {"loss": ".1f"})
    assert [row[1] for row in other.rows] == [
        "0.2 ± 0.1 (2 runs)", "0.2 ± 0.0 (2 runs)", "1.0 (1 run)"
    ]  # fmt: skip
    assert other.head[0] == ""


def test_a_mean_of_zero_has_no_sign() -> None:
    rows = {"a": [MeanStd([-0.4, 0.38])], "b": [MeanStd([-0.4, -0.2])]}
    assert [row[1] for row in table(rows, {"gain": ".1f"}).rows] == ["0.0 ± 0.6", "−0.3 ± 0.1"]


def test_of_means_only_one_is_the_best() -> None:
    rows = {"a": [MeanStd([0.101, 0.3])], "b": [MeanStd([0.2, 0.2])]}
    assert table(rows, {"loss": ".1f"}, best={"loss": "min"}).bold == {(1, 1)}


def test_text_cannot_become_markup() -> None:
    html = Table(["<b>"], [["a & b"]])._repr_html_()
    assert "<b>" not in html
    assert "a &amp; b" in html


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ({"a": [1, 2]}, {}, "row 'a' has 2 cells for the 1 columns"),
        ({"a": [1.5]}, {}, "1.5 is no whole number"),
        ({"a": [1]}, {"best": {"y": "max"}}, "best names 'y', the columns are"),
        ({"a": [1]}, {"best": {"x": "most"}}, "'most', allowed are 'max' and 'min'"),
        ({"a": ["none"], "b": [None]}, {"best": {"x": "max"}}, "holds no number"),
    ],
)
def test_refuses(rows: dict, options: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=message):
        table(rows, {"x": "d"}, **options)
