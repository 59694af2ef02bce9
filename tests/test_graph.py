"""Graph against the formula written out, and its refusals."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnkit.graph import Graph, concat


def add(a, b):
    return a + b


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


def two_inputs():
    nodes = {"u": (nn.Linear(2, 4), "left"), "v": (nn.Linear(3, 4), "right"), "y": (add, "u", "v")}
    return Graph(inputs={"left": 2, "right": 3}, nodes=nodes, output="y")


# What it computes


def test_forward_equals_the_formula():
    graph = skip_graph()
    W1, b1, W2, b2 = graph.parameters()
    X = torch.randn(5, 2)
    a = torch.tanh(X @ W1.T + b1)
    torch.testing.assert_close(graph(X), torch.cat([a, X], dim=1) @ W2.T + b2)


def test_gradient_equals_that_of_the_formula():
    graph = skip_graph()
    W1, b1, W2, b2 = (p.detach().clone().requires_grad_() for p in graph.parameters())
    X = torch.randn(5, 2)
    graph(X).square().sum().backward()
    formula = torch.cat([torch.tanh(X @ W1.T + b1), X], dim=1) @ W2.T + b2
    formula.square().sum().backward()
    for mine, other in zip(graph.parameters(), (W1, b1, W2, b2), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_inputs_by_position_and_by_name_are_one():
    graph = two_inputs()
    left, right = torch.randn(4, 2), torch.randn(4, 3)
    expected = graph.nodes["u"](left) + graph.nodes["v"](right)
    for y in (graph(left, right), graph(right=right, left=left), graph(left, right=right)):
        assert torch.equal(y, expected)


@given(order=st.permutations(range(6)))
@settings(deadline=None)
def test_the_order_in_which_nodes_are_written_does_not_matter(order):
    nodes = [(f"n{k}", (torch.sin, f"n{k - 1}" if k else "x")) for k in range(6)]
    graph = Graph({"x": 1}, dict(nodes[k] for k in order), "n5")
    assert graph.order == [f"n{k}" for k in range(6)]
    expected = X = torch.randn(3, 1)
    for _ in range(6):
        expected = torch.sin(expected)
    assert torch.equal(graph(X), expected)


@given(st.data())
@settings(deadline=None)
def test_every_node_comes_after_its_parents(data):
    nodes = {}
    for k in range(data.draw(st.integers(1, 8))):
        known = ["x", *nodes]
        nodes[f"n{k}"] = (add, known[-1], data.draw(st.sampled_from(known)))
    names = data.draw(st.permutations(list(nodes)))
    graph = Graph({"x": 2}, {name: nodes[name] for name in names}, list(nodes)[-1])
    done = {"x"}
    for name in graph.order:
        assert set(graph.parents[name]) <= done
        done.add(name)
    assert done == {"x", *nodes}


def test_the_order_of_equals_is_that_of_writing():
    nodes = {f"n{k}": (torch.tanh, "x") for k in (3, 1, 4, 2, 0)}
    graph = Graph({"x": 1}, nodes | {"y": (concat, *nodes)}, "y")
    assert graph.order == ["n3", "n1", "n4", "n2", "n0", "y"]


def test_a_node_may_take_one_value_twice():
    graph = Graph({"x": 3}, {"square": (torch.mul, "x", "x")}, "square")
    X = torch.randn(4, 3)
    assert torch.equal(graph(X), X * X)


def test_a_node_takes_its_inputs_in_the_order_written():
    graph = Graph({"a": 3, "b": 3}, {"y": (torch.sub, "b", "a")}, "y")
    a, b = torch.randn(4, 3), torch.randn(4, 3)
    assert torch.equal(graph(a, b), b - a)


def test_images_keep_their_shape():
    convolution = nn.Conv2d(3, 5, 3, padding=1)
    nodes = {"c": (convolution, "image"), "both": (concat, "c", "image")}
    graph = Graph({"image": (3, 8, 8)}, nodes, "both")
    assert graph.shapes == {"image": (3, 8, 8), "c": (5, 8, 8), "both": (8, 8, 8)}
    assert graph(torch.randn(2, 3, 8, 8)).shape == (2, 8, 8, 8)


# As a module of torch


def test_parameters_carry_the_names_of_their_nodes():
    names = [name for name, _ in skip_graph().named_parameters()]
    assert names == ["nodes.h.weight", "nodes.h.bias", "nodes.y.weight", "nodes.y.bias"]


def test_a_module_at_two_nodes_shares_its_weights():
    shared = nn.Linear(2, 2)
    graph = Graph({"x": 2}, {"h": (shared, "x"), "y": (shared, "h")}, "y")
    assert len(list(graph.parameters())) == 2
    X = torch.randn(3, 2)
    assert torch.equal(graph(X), shared(shared(X)))
    clone = copy.deepcopy(graph)
    assert clone.nodes["h"] is clone.nodes["y"]


def test_a_state_dict_loads():
    first, second = skip_graph(), skip_graph()
    X = torch.randn(3, 2)
    assert not torch.equal(first(X), second(X))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(X), second(X))


def test_copies_and_pickles():
    graph, X = skip_graph(), torch.randn(3, 2)
    for other in (copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))):
        assert torch.equal(other(X), graph(X))
        nn.init.zeros_(other.nodes["y"].weight)
        assert not torch.equal(other(X), graph(X))


def test_compiles_as_one_graph():
    graph, X = skip_graph(), torch.randn(3, 2)
    compiled = torch.compile(graph, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(X), graph(X))


def test_a_graph_may_stand_at_a_node():
    outer = Graph({"x": 2}, {"inner": (skip_graph(), "x"), "y": (torch.relu, "inner")}, "y")
    X = torch.randn(3, 2)
    assert torch.equal(outer(X), torch.relu(outer.nodes["inner"](X)))
    assert "  inner = Graph(…)(x): (N, 1)\n  y = relu(inner): (N, 1)\n" in repr(outer)


def test_what_is_printed_is_the_formula():
    assert repr(skip_graph()) == (
        "Graph(\n"
        "  x: (N, 2)\n"
        "  h = Linear(in_features=2, out_features=8, bias=True)(x): (N, 8)\n"
        "  a = tanh(h): (N, 8)\n"
        "  both = concat(a, x): (N, 10)\n"
        "  y = Linear(in_features=10, out_features=1, bias=True)(both): (N, 1)\n"
        "  output y\n"
        ")"
    )


def test_the_probe_leaves_no_trace():
    norm, dropout = nn.BatchNorm1d(4), nn.Dropout(0.5).eval()
    before = torch.get_rng_state()
    nodes = {"n": (norm, "x"), "d": (dropout, "n"), "y": (nn.Identity(), "d")}
    graph = Graph({"x": 4}, nodes, "y")
    assert torch.equal(before, torch.get_rng_state())
    assert norm.num_batches_tracked == 0
    assert graph.training
    assert norm.training
    assert not dropout.training


def test_a_refused_graph_leaves_no_trace_either():
    norm = nn.BatchNorm1d(4)
    with pytest.raises(ValueError, match="node y"):
        Graph({"x": 4}, {"n": (norm, "x"), "y": (nn.Linear(5, 1), "n")}, "y")
    assert norm.training


def test_the_probe_takes_dtype_and_device_of_the_parameters():
    graph = Graph({"x": 2}, {"y": (nn.Linear(2, 1).double(), "x")}, "y")
    assert graph(torch.zeros(1, 2, dtype=torch.float64)).dtype == torch.float64


# Refusals


def linear(name="x", fan_in=2):
    return (nn.Linear(fan_in, 2), name)


@pytest.mark.parametrize(
    ("inputs", "nodes", "output", "error", "message"),
    [
        (
            {"x": 2},
            {"hidden": linear(), "y": linear("hiden")},
            "y",
            ValueError,
            "unknown input to node 'y', 'hiden': allowed are x, hidden, y; did you mean 'hidden'",
        ),
        ({"x": 2}, {"y": linear()}, "z", ValueError, "unknown output node 'z': allowed are y"),
        ({"x": 2}, {"y": linear()}, "x", ValueError, "unknown output node 'x'"),
        (
            {"x": 2},
            {"a": (add, "x", "c"), "b": (torch.tanh, "a"), "c": (torch.tanh, "b")},
            "c",
            ValueError,
            "must not have a cycle, but a → b → c → a",
        ),
        ({"x": 2}, {"y": linear("y")}, "y", ValueError, "cycle, but y → y"),
        (
            {"x": 2},
            {"h": linear(), "y": linear("h", fan_in=3)},
            "y",
            ValueError,
            r"node y = Linear\(.*\)\(h\) met h \(N, 2\); it takes \(N, 3\): mat1 and mat2",
        ),
        (
            {"x": 2, "z": 3},
            {"y": (add, "x", "z")},
            "y",
            ValueError,
            r"node y = add\(x, z\) met x \(N, 2\), z \(N, 3\): The size of tensor",
        ),
        (
            {"x": 2, "z": (2, 2)},
            {"y": (concat, "x", "z")},
            "y",
            ValueError,
            r"y = concat\(x, z\) met x \(N, 2\), z \(N, 2, 2\)",
        ),
        ({"x": 2}, {"y": (torch.sum, "x")}, "y", ValueError, r"must keep the rows.*returned \(\)"),
        ({"x": 2}, {"y": (torch.t, "x")}, "y", ValueError, r"N = 3 here; it returned \(2, 3\)"),
        ({"x": 4}, {"y": (torch.frexp, "x")}, "y", TypeError, "must return one tensor, got frexp"),
        ({"x": 2}, {"x": linear()}, "x", ValueError, "'x' is both an input and a node"),
        (
            {"x": 2, "z": 1},
            {"h": linear(), "y": linear()},
            "y",
            ValueError,
            "output 'y' does not depend on z, h; leave it out",
        ),
        ({"x": 2}, {"y": nn.Linear(2, 1)}, "y", TypeError, "node 'y' must be .callable, name"),
        ({"x": 2}, {"y": (nn.Linear(2, 1),)}, "y", TypeError, "node 'y' must be .callable, name"),
        ({"x": 2}, {"y": ("tanh", "x")}, "y", TypeError, r"got \('tanh', 'x'\)"),
        ({"x": 2}, {"a.b": linear()}, "a.b", ValueError, "cannot be called 'a.b'"),
        ({"x": 2}, {"train": linear()}, "train", ValueError, "cannot be called 'train'"),
        ({"x": 2}, {"": linear()}, "", ValueError, "cannot be called ''"),
        ({"x": 0}, {"y": linear()}, "y", ValueError, "size of input 'x' must be at least 1, got 0"),
        ({"x": 2.0}, {"y": linear()}, "y", TypeError, r"must be a whole number, got 2\.0"),
    ],
)
def test_wrong_graphs_are_refused(inputs, nodes, output, error, message):
    with pytest.raises(error, match=message):
        Graph(inputs, nodes, output)


@pytest.mark.parametrize(
    ("tensors", "named"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"left": 1}), ((1,), {"up": 1}), ((1, 2), {"up": 1})],
)
def test_a_wrong_number_of_inputs_is_refused(tensors, named):
    tensors = [torch.zeros(1, 2) for _ in tensors]
    named = {name: torch.zeros(1, 2) for name in named}
    with pytest.raises(TypeError, match="one tensor for each of left, right; got"):
        two_inputs()(*tensors, **named)


def test_an_input_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"input 'right' must be \(N, 3\), got \(4, 5\)"):
        two_inputs()(torch.zeros(4, 2), torch.zeros(4, 5))


def test_concat_joins_features():
    a, b = torch.zeros(2, 3, 4), torch.ones(2, 5, 4)
    joined = concat(a, b)
    assert joined.shape == (2, 8, 4)
    assert torch.equal(joined[:, :3], a)
    assert torch.equal(joined[:, 3:], b)
