"""Surfaces: the level lines, the regions and the relief are those of the function."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from torch import nn

from nnkit.plots import BLUE, CLASS_COLOURS, INK, ORANGE, points, surface
from nnkit.plots._canvas import pixels
from nnkit.plots._fields import evaluate, tints

W, B = torch.tensor([1.5, -0.8]), 0.6


def neuron(x):
    return torch.sigmoid(x @ W + B)


def line_of(axes, colour):
    """Return the vertices of the contour lines of one colour."""
    for layer in axes.collections:
        if (
            isinstance(layer, QuadContourSet)
            and not layer.filled
            and to_hex(layer.get_edgecolor()[0]).upper() == colour
        ):
            return np.concatenate([path.vertices for path in layer.get_paths()])
    return None


def test_decision_lies_where_the_sum_is_zero():
    (axes,) = surface(neuron).axes
    vertices = line_of(axes, INK)
    distance = (vertices @ W.numpy() + B) / np.linalg.norm(W)
    assert len(vertices) > 50
    assert np.abs(distance).max() < 1e-3  # of a picture 6 wide, on a grid of 0.03


def test_threshold_moves_the_decision():
    (axes,) = surface(lambda x: x[:, 0], threshold=1.25).axes
    assert np.allclose(line_of(axes, INK)[:, 0], 1.25)
    (axes,) = surface(lambda x: x[:, 0]).axes
    assert np.allclose(line_of(axes, INK)[:, 0], 0, atol=1e-12)


def test_no_decision_where_there_is_none():
    (axes,) = surface(lambda x: 0.9 + 0.01 * torch.tanh(x[:, 0])).axes
    assert line_of(axes, INK) is None


def test_values_are_those_of_the_function():
    field = evaluate(neuron, (-1, 1, -2, 2), 17)
    x = torch.tensor([[field.across[3], field.up[11]]], dtype=torch.float32)
    assert field.values.shape == (17, 17, 1)
    assert field.values[11, 3, 0] == pytest.approx(neuron(x).item(), abs=1e-7)


@pytest.mark.parametrize(
    ("f", "threshold", "span", "expected"),
    [
        (neuron, None, None, (0, 1)),
        (neuron, None, 0.25, (0.25, 0.75)),
        (lambda x: 3 * x[:, :1], None, None, (-9, 9)),
        (lambda x: 0 * x[:, 0] - 4, -4.0, None, (-5, -3)),
        (lambda x: x[:, 0], 1.0, None, (-3, 5)),
    ],
)
def test_scale_of_the_colours(f, threshold, span, expected):
    field = evaluate(f, (-3, 3, -3, 3), 5)
    assert field.scale(threshold, span) == pytest.approx(expected)


def test_a_module_that_fails_is_left_in_its_mode():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 1))
    model[0].eval()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        evaluate(model, (-1, 1, -1, 1), 9)
    assert (model.training, model[0].training, model[1].training) == (True, False, True)


def test_a_module_is_drawn_in_eval_mode_and_left_as_it_was():
    norm, dropout = nn.BatchNorm1d(8), nn.Dropout(0.5)
    model = nn.Sequential(nn.Linear(2, 8), norm, dropout, nn.Linear(8, 1)).double()
    norm.eval()
    first = evaluate(model, (-1, 1, -1, 1), 9).values
    assert np.array_equal(first, evaluate(model, (-1, 1, -1, 1), 9).values)
    assert model.training
    assert dropout.training
    assert not norm.training


def test_colours_say_which_side_is_which():
    figure = surface(lambda x: x[:, 0] * 100, limits=(-3, 3, -3, 3))
    picture = pixels(figure)
    middle = picture[picture.shape[0] // 2]
    left, right = (middle == np.round(255 * tints()[[0, -1], None])).all(2)
    assert left.sum() > 20
    assert right.sum() > 20
    assert np.flatnonzero(left).max() < np.flatnonzero(right).min()
    assert tints()[0] == pytest.approx(1 - 0.7 * (1 - np.array(to_rgb(BLUE))), abs=0.1)
    assert tints()[-1] == pytest.approx(1 - 0.7 * (1 - np.array(to_rgb(ORANGE))), abs=0.1)


@pytest.mark.parametrize("scores", [True, False])
def test_regions_take_the_colour_of_the_largest_output(scores):
    def f(x):
        z = 4 * torch.stack([x[:, 0], x[:, 1], -x.sum(1)], dim=1)
        return z if scores else z.softmax(1)

    (axes,) = surface(f, resolution=40).axes
    (image,) = axes.images
    shades = np.asarray(image.get_array())
    winner = evaluate(f, (-3, 3, -3, 3), 40).values.argmax(2)
    for number in range(3):
        inside = shades[winner == number]
        colour = 1 - np.array(to_rgb(CLASS_COLOURS[number]))
        strength = (1 - inside) @ colour / (colour @ colour)
        assert np.allclose(1 - inside, strength[:, None] * colour, atol=1e-9)
        assert strength.min() > 0.09


def test_classes_differ_in_colour_and_shape():
    X = torch.tensor([[0.0, 0], [1, 1], [2, 2], [0, 1]])
    (axes,) = points(X, torch.tensor([0, 1, 2, 0])).axes
    assert [len(c.get_offsets()) for c in axes.collections] == [2, 1, 1]
    faces = [to_hex(c.get_facecolor()[0]).upper() for c in axes.collections]
    assert faces == list(CLASS_COLOURS[:3])
    assert len({len(c.get_paths()[0].vertices) for c in axes.collections}) == 3


def test_signs_are_classes_too():
    X = torch.rand(6, 2)
    signs = torch.tensor([-1.0, 1, -1, 1, 1, -1])
    (minus,) = points(X, signs).axes
    (zero,) = points(X, (signs + 1) / 2).axes
    for a, b in zip(minus.collections, zero.collections, strict=True):
        assert np.array_equal(a.get_offsets(), b.get_offsets())
        assert np.array_equal(a.get_facecolor(), b.get_facecolor())
    assert len(points(X).axes[0].collections) == 1


def test_limits_go_around_the_data_and_data_are_drawn():
    X = torch.tensor([[0.0, 0], [4, 2]])
    (axes,) = surface(neuron, X, torch.tensor([0, 1])).axes
    assert axes.get_xlim() == pytest.approx((-0.48, 4.48))
    assert axes.get_ylim() == pytest.approx((-0.48, 2.48))


def test_unequal_sides_fill_the_axes():
    X = torch.tensor([[0.0, 0], [100, 1]])
    (axes,) = surface(neuron, X).axes
    assert axes.get_aspect() == "auto"


def test_given_axes_and_the_scale_beside():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert surface(neuron, ax=right, bar="p(y = 1)") is figure
    assert not left.collections
    assert figure.axes[-1].get_ylabel() == "p(y = 1)"


@given(st.floats(0, 6.28), st.floats(-1.5, 1.5), st.floats(0.3, 1.5))
@settings(max_examples=15, deadline=None)
def test_the_arrow_is_w_and_starts_on_the_line(angle, distance, length):
    w = length * np.array([np.cos(angle), np.sin(angle)])
    b = -distance * length
    figure = surface(lambda x: x @ torch.tensor(w).float() + b, normal=(w, b), resolution=9)
    (arrow,) = [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]
    foot, tip = (np.array(end) for end in arrow._posA_posB)
    assert tip - foot == pytest.approx(w)
    assert w @ foot + b == pytest.approx(0, abs=1e-9)


def test_an_arrow_whose_line_is_elsewhere_starts_in_the_middle():
    figure = surface(neuron, normal=([1.0, 0.0], 50.0), resolution=9)
    (arrow,) = [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]
    assert tuple(arrow._posA_posB[0]) == (0, 0)
    assert not surface(neuron, normal=([0.0, 0.0], 1.0), resolution=9).axes[0].patches


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: surface(neuron, torch.rand(3, 4)), r"\(3, 4\)"),
        (lambda: surface(neuron, torch.rand(3, 2), torch.zeros(4)), "4 classes for 3 points"),
        (lambda: points(torch.rand(3)), r"\(3,\)"),
        (lambda: surface(lambda x: x.sum()), "f gave shape"),
        (lambda: surface(lambda x: x[:5]), "f gave shape"),
        (lambda: surface(lambda x: x, relief=True), "one output; f gives 2"),
        (lambda: surface(lambda x: x, bar="p"), "one output; f gives 2"),
        (lambda: surface(neuron, ax=Figure().subplots(), relief=True), "leave ax out"),
    ],
)
def test_misuse_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


# The relief


def test_the_relief_is_the_function():
    _, relief = surface(lambda x: x[:, 0] + 2 * x[:, 1], relief=True, span=20).axes
    faces = relief.collections[0]
    unused = np.broadcast_to(faces._invalid_vertices, faces._faces.shape[:2])
    corners = faces._faces[~unused]  # faces of fewer corners are filled up with whatever was there
    assert corners[:, 2] == pytest.approx(corners[:, 0] + 2 * corners[:, 1], abs=1e-5)
    assert corners.min(0)[:2] == pytest.approx([-3, -3])
    assert corners.max(0)[:2] == pytest.approx([3, 3])


def test_the_decision_is_drawn_on_the_relief():
    _, relief = surface(neuron, relief=True).axes
    assert len(relief.collections) == 2
    _, relief = surface(lambda x: 0.9 + 0 * x[:, 0], relief=True).axes  # never at the threshold
    assert len(relief.collections) == 1


def test_relief_is_drawn_for_any_module():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    figure = surface(model, relief=True)
    assert len(figure.axes) == 2
    assert pixels(figure).shape == (550, 1100, 3)
