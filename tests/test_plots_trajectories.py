"""Walks over a landscape."""

import numpy as np
import pytest
import torch

from nnkit.plots import PAPER, paths

LIMITS = (-2.0, 2.0, -1.0, 1.0)


def bowl(w):
    return (w**2).sum(-1)


def drawn(figure):
    """Return the walks on the map: lines of more than a point that are not a rim."""
    lines = figure.axes[0].lines
    return [line for line in lines if len(line.get_xdata()) > 1 and line.get_color() != PAPER]


def test_every_walk_is_drawn_as_it_is_and_named():
    ways = {"one": torch.rand(5, 2), "two": np.random.default_rng(0).uniform(size=(9, 2))}
    figure = paths(bowl, ways, limits=LIMITS, goals=[(0, 0)], title="down", labels=("a", "b"))
    ax = figure.axes[0]
    for line, way in zip(drawn(figure), ways.values(), strict=True):
        np.testing.assert_allclose(line.get_xydata(), way)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert (ax.get_xlim(), ax.get_ylim()) == (LIMITS[:2], LIMITS[2:])
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) == ("down", "a", "b")
    goals = [line for line in ax.lines if line.get_marker() == "*"]
    assert [line.get_xydata().tolist() for line in goals] == [[[0, 0]]]


def test_a_walk_ends_where_it_is_lost():
    lost = [[1.0, 1.0], [2.0, 2.0], [float("nan"), 0.0], [3.0, 3.0]]
    (line,) = drawn(paths(bowl, {"": lost}, limits=LIMITS))
    assert line.get_xydata().tolist() == lost[:2]
    (line,) = drawn(paths(bowl, {"": [[1, 1], [2, 2], [1e9, 0]]}, limits=LIMITS))
    assert line.get_xydata().tolist() == [[1, 1], [2, 2]]
    assert not drawn(paths(bowl, {"": [[float("inf"), 0]]}, limits=LIMITS))


def test_a_walk_without_a_name_needs_no_list():
    assert paths(bowl, {"": [[1, 1], [0, 0]]}, limits=LIMITS).axes[0].get_legend() is None


def test_low_ground_is_paler_than_high():
    figure = paths(bowl, {}, limits=LIMITS)
    bands = figure.axes[0].collections[0]
    brightness = np.asarray(bands.get_facecolor())[:, :3].sum(1)
    assert len(brightness) > 10
    assert (np.diff(brightness) < 0).all()


def test_a_plain_has_no_level_lines():
    assert not paths(lambda w: w[:, 0] * 0, {}, limits=LIMITS).axes[0].collections


@pytest.mark.parametrize("walk", [[1.0, 2.0], [[1.0, 2.0, 3.0]]])
def test_what_is_no_walk_is_refused(walk):
    with pytest.raises(ValueError, match=r"walk 'w' has shape"):
        paths(bowl, {"w": walk}, limits=LIMITS)


def test_too_many_walks_and_heights_are_refused():
    with pytest.raises(ValueError, match="7 walks"):
        paths(bowl, {str(i): [[0, 0]] for i in range(7)}, limits=LIMITS)
    with pytest.raises(ValueError, match="2 values"):
        paths(lambda w: w, {}, limits=LIMITS)
