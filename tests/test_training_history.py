"""The history is a table, a picture and columns."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from nnkit.training import History, MeanStd


def history(n: int = 3) -> History:
    return History(
        [{"epoch": i, "loss": 1 / i, "val_loss": (i - 2) ** 2 / 7} for i in range(1, n + 1)]
    )


def test_columns_rows_and_length():
    h = history()
    assert h["loss"] == [1, 1 / 2, 1 / 3]
    assert len(h) == 3
    assert list(h) == h.rows
    assert h.names == ["epoch", "loss", "val_loss"]
    with pytest.raises(KeyError, match=r"no column 'acc': .* epoch, loss, val_loss"):
        h["acc"]


def test_the_best_epoch():
    assert history().best()["epoch"] == 2
    assert history().best("loss", "max")["epoch"] == 1
    with pytest.raises(ValueError, match="'least'"):
        history().best(mode="least")
    with pytest.raises(ValueError, match="no epoch"):
        History().best()


def test_the_table_is_aligned():
    h = history()
    h.stop_reason = "early stopping"
    lines = str(h).splitlines()
    assert lines[0] == "epoch    loss  val_loss"
    assert lines[1] == "    1       1    0.1429"
    assert lines[3] == "    3  0.3333    0.1429"
    assert lines[4] == "stopped: early stopping"
    assert repr(h) == (
        "History(3 epochs: epoch 3, loss 0.3333, val_loss 0.1429; stopped: early stopping)"
    )


def test_a_long_table_shows_its_ends():
    lines = str(history(40)).splitlines()
    assert len(lines) == 14
    assert lines[7].split() == ["…"] * 3
    assert lines[-1].split()[0] == "40"


def test_the_table_of_a_notebook():
    h = history(2)
    h.rows[0]["a<b"] = h.rows[1]["a<b"] = 1
    h.stop_reason = "x & y"
    html = h._repr_html_()
    assert html.count("<tr>") == 3
    assert ">a&lt;b</th>" in html
    assert ">0.5</td>" in html
    assert "<p>stopped: x &amp; y</p>" in html


def test_an_empty_history_can_be_shown():
    h = History()
    assert str(h) == "no epoch was finished"
    assert repr(h) == "History(0 epochs)"
    assert h._repr_html_()
    assert h["loss"] == []


def test_it_plots_itself():
    assert isinstance(history().plot(title="falling"), Figure)


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_several_runs_are_a_mean_and_a_deviation(values):
    found = MeanStd(values)
    assert (found.mean, found.std) == (np.mean(values), np.std(values, ddof=1))
    assert found.runs == len(values)
    text = f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f} ({len(values)} runs)"
    assert f"{found:.2f}" == str(MeanStd(values, ".2f")) == text
    assert f"{MeanStd(values, '.2f'):>90}" == text.rjust(90)


def test_a_gain_has_a_sign_and_its_deviation_none():
    assert f"{MeanStd([0.1, 0.3]):+.1f}" == "+0.2 ± 0.1 (2 runs)"


def test_one_run_has_no_deviation_and_no_runs_have_no_mean():
    assert str(MeanStd([0.3])) == "0.3 (1 run)"
    assert math.isnan(MeanStd([0.3]).std)
    with pytest.raises(ValueError, match="no run to take the mean of"):
        MeanStd([])
    assert repr(MeanStd([0.3, 0.5])) == "MeanStd(0.4 ± 0.141 (2 runs))"
