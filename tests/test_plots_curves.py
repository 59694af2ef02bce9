"""Curves: the rows of a history are drawn, names stand at the ends and do not touch."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.isotonic import isotonic_regression

from nnkit import plots
from nnkit.plots import history, lines
from nnkit.plots._curves import spread_out
from nnkit.plots.style import contrast, readable
from nnkit.training import History

X = np.linspace(0, 1, 20)


def run(losses, validation=None):
    rows = [{"epoch": i + 1, "loss": loss} for i, loss in enumerate(losses)]
    for row, value in zip(rows, validation if validation is not None else [], strict=False):
        row["val_loss"] = value
        row["accuracy"] = 1 - value
    return History(rows)


def annotations(figure):
    return {text.get_text(): text for text in figure.axes[0].texts}


def test_curves_are_the_values_and_carry_their_names():
    figure = lines(X, {"square": X**2, "root": np.sqrt(X)}, xlabel="x", ylabel="y", title="Powers")
    (axes,) = figure.axes
    assert np.array_equal(axes.lines[0].get_ydata(), X**2)
    assert set(annotations(figure)) == {"square", "root"}
    assert axes.get_title(loc="left") == "Powers"
    assert annotations(figure)["square"].xy == (1, 1)


def test_names_do_not_touch_and_stay_on_the_page():
    figure = lines(X, {f"curve {i}": X + i / 100 for i in range(6)})
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in annotations(figure).values()]
    boxes.sort(key=lambda box: box.y0)
    for low, high in pairwise(boxes):
        assert low.y1 <= high.y0 + 1  # a pixel of rounding
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=8).map(sorted), st.floats(1, 50))
def test_names_move_as_little_as_it_takes(heights, apart):
    heights = np.array(heights)
    moved = spread_out(heights, apart)
    assert (np.diff(moved) >= apart - 1e-6).all()
    step = apart * np.arange(len(heights))
    assert moved == pytest.approx(isotonic_regression(heights - step) + step, abs=1e-6)


def test_pale_colours_are_darkened_for_type():
    for colour in plots.CLASS_COLOURS:
        assert contrast(np.array(to_rgb(readable(colour)))) >= 4.5
    assert readable(plots.BLUE).upper() == plots.BLUE


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.02, 0.8, ["0.03", "0.1", "0.3"]),
        (0.5, 6, ["0.5", "1", "2", "5"]),
        (1e-3, 1e3, ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]),
    ],
)
def test_a_logarithmic_axis_has_few_plain_numbers(low, high, expected):
    figure = lines([0, 1], {"loss": [low, high]}, log="y")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    limits = axes.get_ylim()
    ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    assert [t.get_text() for at, t in ticks if limits[0] <= at <= limits[1]] == expected


def test_extreme_decades_are_written_as_powers():
    figure = lines([1e-8, 1e8], {"a": [1, 2]}, log="x")
    figure.draw_without_rendering()
    assert any("10^" in label.get_text() for label in figure.axes[0].get_xticklabels())


def test_history_draws_both_losses_and_marks_the_lowest():
    figure = history(run([3, 2, 1], [3, 1.5, 2]), title="Too long")
    (axes,) = figure.axes
    assert {"training", "validation", "lowest: epoch 2"} == set(annotations(figure))
    drawn = [list(line.get_ydata()) for line in axes.lines]
    assert [3, 2, 1] in drawn
    assert [3, 1.5, 2] in drawn
    assert [1.5] in drawn  # the ring
    assert axes.get_ylabel() == "loss"
    assert len(history(run([3, 2, 1], [3, 1.5, 2]), best=False).axes[0].lines) == 2


def test_a_late_lowest_epoch_is_named_to_its_left():
    late = annotations(history(run([3, 2, 1], [3, 2, 1])))["lowest: epoch 3"]
    assert late.get_horizontalalignment() == "right"


def test_history_without_validation_and_with_one_epoch():
    figure = history(run([2.0]))
    assert set(annotations(figure)) == {"training"}
    assert figure.axes[0].lines[0].get_marker() == "o"


def test_a_metric_has_a_name_of_its_own():
    figure = history(run([3, 2], [0.5, 0.25]), metric="accuracy")
    assert set(annotations(figure)) == {"accuracy"}
    assert list(figure.axes[0].lines[0].get_ydata()) == [0.5, 0.75]


def test_several_histories_are_told_apart_by_name():
    runs = {"η = 0.1": run([3, 2], [3, 2]), "η = 1": run([3, 4], [3, 5])}
    figure = history(runs, log=True)
    assert set(annotations(figure)) == {"η = 0.1", "η = 1"}
    assert figure.axes[0].get_ylabel() == "loss (dotted: training)"
    plain = history({"a": run([3, 2]), "b": run([2, 1])})
    assert plain.axes[0].get_ylabel() == "loss"


def test_a_run_that_broke_down_is_still_drawn():
    figure = history(run([1, 2, np.inf], [1, np.nan, np.nan]))
    named = annotations(figure)
    assert named["training"].xy[1] == 2
    assert named["validation"].xy[1] == 1
    assert "training" not in annotations(history(run([np.nan, np.nan])))


def test_anything_with_rows_is_a_history():
    figure = history(SimpleNamespace(rows=[{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}]))
    assert set(annotations(figure)) == {"training"}


def test_drawing_into_given_axes():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert history(run([2, 1]), left) is figure
    assert lines(X, {"x": X}, right) is figure


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: history(History([])), "no epochs"),
        (lambda: history(run([1.0]), metric="acuracy"), "acuracy.*epoch, loss"),
        (lambda: lines(X, {"a": X[:3]}), r"'a' has shape \(3,\)"),
        (lambda: lines(X, {"a": X}, log="z"), "log='z'"),
    ],
)
def test_misuse_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
