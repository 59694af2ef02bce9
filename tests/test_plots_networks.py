"""Network diagrams: what is drawn is what the model holds."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from torch import nn
from torch.nn.utils import prune

from nnkit.graph import Graph, concat
from nnkit.models import MLP
from nnkit.plots import BLUE, GREY, network
from nnkit.plots._canvas import png
from nnkit.plots._diagrams import edge_colour, shown


def edges(figure):
    """Return the line collections of a diagram, one per layer."""
    return [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def circles(figure):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Circle)]


def test_one_circle_per_neuron_one_line_per_weight():
    figure = network(MLP([3, 4, 2], seed=0))
    assert len(circles(figure)) == 3 + 4 + 2
    assert [len(layer.get_segments()) for layer in edges(figure)] == [3 * 4, 4 * 2]
    assert {"input", "hidden", "output", "3", "4 · relu", "2"} == set(texts(figure))


def test_width_and_colour_follow_the_weight():
    model = nn.Sequential(nn.Linear(1, 4, bias=False))
    with torch.no_grad():
        model[0].weight[:] = torch.tensor([[-2.0], [0.0], [0.5], [2.0]])
    (layer,) = edges(network(model))
    drawn = {
        round(segment[1][1], 6): (width, colour)
        for segment, width, colour in zip(
            layer.get_segments(), layer.get_linewidths(), layer.get_colors(), strict=True
        )
    }
    minus2, zero, half, two = (drawn[y] for y in sorted(drawn, reverse=True))
    assert minus2[0] == two[0] > half[0] > zero[0]
    assert minus2[1][2] > minus2[1][0]  # more blue than red
    assert two[1][0] > two[1][2]
    assert tuple(zero[1]) == to_rgba(GREY)


@given(st.floats(-1, 1))
def test_edge_colour_darkens_with_the_weight(share):
    assert edge_colour(share)[3] <= edge_colour(np.sign(share))[3]
    assert edge_colour(-1)[:3] == to_rgba(BLUE)[:3]


def test_pruned_weights_are_not_drawn():
    model = MLP([6, 8, 2], seed=0)
    prune.random_unstructured(model.layers[0], "weight", amount=30)
    figure = network(model)
    assert [len(layer.get_segments()) for layer in edges(figure)] == [18, 16]
    ghosts = edges(network(model, ghosts=True))
    assert sorted(len(layer.get_segments()) for layer in ghosts) == [0, 16, 18, 30]


def test_a_given_mask_counts_too():
    model = MLP([2, 2, 1], seed=0)
    prune.custom_from_mask(model.layers[0], "weight", torch.tensor([[1, 0], [1, 1]]))
    masks = [torch.tensor([[0, 1], [1, 1]]), torch.tensor([[1, 0]])]
    figure = network(model, mask=masks)
    assert [len(layer.get_segments()) for layer in edges(figure)] == [2, 1]


def test_values_are_the_weights():
    model = MLP([2, 1], head="sigmoid")
    with torch.no_grad():
        model.layers[0].weight[:] = torch.tensor([[0.25, -1.5]])
        model.layers[0].bias[:] = 3.0
    figure = network(model, values=True, bias=True, inputs=["$x_1$", "$x_2$"], outputs=["y"])
    assert {"0.25", "−1.5", "3", "1", "$x_1$", "$x_2$", "y", "1 · sigmoid"} <= set(texts(figure))


@given(st.integers(1, 2000), st.integers(3, 20))
def test_wide_layers_show_both_ends(size, max_nodes):
    units = shown(size, max_nodes)
    assert units == sorted(set(units))
    assert (units[0], units[-1]) == (0, size - 1)
    assert len(units) + (len(units) < size) <= max_nodes  # the dots take a row
    assert len(units) == size or len(units) == max_nodes - 1


def test_wide_layers_are_elided_with_their_width_below():
    figure = network(MLP([64, 128, 10], "tanh", seed=0), max_nodes=8)
    dots = 3 * 3
    assert len(circles(figure)) == 7 * 3 + dots
    assert {"64", "128 · tanh", "10"} <= set(texts(figure))


@pytest.mark.parametrize("height", [2.5, 3.5, 4.5])
def test_a_flat_diagram_has_type_of_the_same_size(height):
    model = MLP([8, 8, 1], seed=0)
    figure = network(model, height=height)
    assert height - 0.25 < figure.get_size_inches()[1] <= height
    sizes = {text.get_fontsize() for text in figure.axes[0].texts}
    assert min(sizes) > 14


def test_diagram_does_not_run_off_its_axes():
    figure = network(MLP([3, 40, 5, 2], seed=0), bias=True, title="A title " * 12)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    for patch in circles(figure):
        (x, y), r = patch.center, patch.radius
        assert axes.get_xlim()[0] <= x - r < x + r <= axes.get_xlim()[1]
        assert axes.get_ylim()[0] <= y - r < y + r <= axes.get_ylim()[1]
    page = figure.bbox
    for text in [*axes.texts, axes.title, axes._left_title]:
        box = text.get_window_extent()
        assert page.x0 <= box.x0 <= box.x1 <= page.x1
        assert page.y0 <= box.y0 <= box.y1 <= page.y1


def test_drawing_into_given_axes_changes_no_model():
    model = MLP([2, 3, 1], seed=0)
    before = [p.clone() for p in model.parameters()]
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert network(model, left) is figure
    assert not right.patches
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert png(figure).startswith(b"\x89PNG")


def test_drawing_into_a_part_of_a_figure():
    figure = Figure()
    half, _ = figure.subfigures(1, 2)
    assert network(MLP([2, 1], seed=0), half.subplots()) is figure


def test_a_layer_without_bias_or_with_zero_weights_is_drawn():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1))
    nn.init.zeros_(model[0].weight)
    figure = network(model, bias=True, values=True)
    assert [len(layer.get_segments()) for layer in edges(figure)] == [4, 3]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: network(nn.ReLU()), TypeError, "no nn.Linear layer in ReLU"),
        (
            lambda: network(nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))),
            ValueError,
            "do not follow each other",
        ),
        (lambda: network(MLP([2, 1]), mask=[torch.ones(2, 1)]), ValueError, r"\(2, 1\)"),
        (lambda: network(MLP([2, 1]), mask=[]), ValueError, "mask has shapes"),
        (lambda: network(MLP([2, 1]), inputs=["x"]), ValueError, "names 1, the network has 2"),
        (lambda: network(MLP([2, 1]), outputs=["a", "b"]), ValueError, "outputs"),
        (lambda: network(MLP([2, 1]), max_nodes=2), ValueError, "max_nodes=2"),
        (lambda: network(MLP([2, 1]), height=1), ValueError, "height=1"),
    ],
)
def test_misuse_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()


# Graphs


def skip_graph():
    return Graph(
        inputs={"x": 2},
        nodes={
            "h": (nn.Linear(2, 8), "x"),
            "a": (torch.tanh, "h"),
            "both": (concat, "a", "x"),
            "y": (nn.Linear(10, 1), "both"),
        },
        output="y",
    )


def test_graph_has_a_box_per_node_and_an_arrow_per_connection():
    figure = network(skip_graph(), title="A skip")
    boxes = [p for p in figure.axes[0].patches if isinstance(p, FancyBboxPatch)]
    arrows = [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]
    assert len(boxes) == 5
    assert len(arrows) == 5
    for said in ("x", "input", "h", "Linear 2→8", "a", "tanh", "both", "concat", "10", "8"):
        assert said in texts(figure)


def test_modules_functions_and_shapes_are_named():
    graph = Graph(
        inputs={"image": (1, 4, 4)},
        nodes={
            "twice": (lambda x: 2 * x, "image"),
            "flat": (nn.Flatten(), "twice"),
            "mean": (lambda x: x.mean(1), "flat"),
            "y": (lambda x: x[:, None], "mean"),
        },
        output="y",
    )
    assert {"function", "Flatten", "1×4×4", "16", "1"} <= set(texts(network(graph)))


def random_graph(seed):
    """Return a random graph: two inputs, every node the sum of up to three things before it."""
    draw = random.Random(seed)
    names = ["a", "b"]
    nodes, idle = {}, {"a", "b"}
    for i in range(draw.randint(1, 9)):
        parents = draw.sample(names, min(len(names), draw.randint(1, 3)))
        idle = idle - set(parents) | {f"n{i}"}
        nodes[f"n{i}"] = (lambda *x: sum(x), *parents)
        names.append(f"n{i}")
    nodes["y"] = (lambda *x: sum(x), *sorted(idle))
    return Graph(inputs={"a": 2, "b": 2}, nodes=nodes, output="y")


@pytest.mark.parametrize("seed", range(40))
def test_no_arrow_crosses_a_box(seed):
    (axes,) = network(random_graph(seed)).axes
    boxes = [p.get_bbox() for p in axes.patches if isinstance(p, FancyBboxPatch)]
    arrows = [p for p in axes.patches if isinstance(p, FancyArrowPatch)]
    assert len(boxes) == len(set(map(str, boxes)))
    for i, box in enumerate(boxes):
        assert not any(other.overlaps(box) for other in boxes[:i])
    for arrow in arrows:
        for piece, _ in arrow._path_original.iter_bezier():
            x, y = piece(np.linspace(0, 1, 25)).T
            for box in boxes:
                inside = (x > box.x0 + 0.01) & (x < box.x1 - 0.01) & (y > box.y0) & (y < box.y1)
                assert not inside.any()
