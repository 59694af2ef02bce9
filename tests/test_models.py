"""MLP against NumPy by hand, the equal nn.Sequential, and the laws of its options."""

import copy
import io
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from nnkit.activations import ACTIVATIONS
from nnkit.models import HEADS, MLP, Interval
from nnkit.symmetry import flip

sizes_lists = st.lists(st.integers(1, 6), min_size=2, max_size=5)
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def full_mlp(**changes):
    """A net with every option on."""
    options = {"norm": "layer", "residual": True, "dropout": 0.3, "head": (0, 1), "seed": 3}
    return MLP([4, 8, 8, 2], "prelu", **(options | changes))


# What it computes


@given(sizes_lists, st.integers(0, 99))
@settings(deadline=None)
def test_forward_equals_numpy_by_hand(sizes, seed):
    net = MLP(sizes, "tanh", seed=seed)
    X = torch.randn(3, sizes[0])
    a = X.numpy()
    for k, layer in enumerate(net.layers):
        W, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        u = a @ W.T + b
        a = u if k == len(net.layers) - 1 else np.tanh(u)
    np.testing.assert_allclose(net(X).detach().numpy(), a, rtol=1e-4, atol=1e-5)


@given(sizes_lists)
@settings(deadline=None)
def test_parameter_count(sizes):
    expected = sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(sizes))
    assert sum(p.numel() for p in MLP(sizes).parameters()) == expected


@every_activation
def test_equals_the_same_sequential_in_value_and_gradient(activation):
    net = MLP([5, 7, 6, 3], activation)
    make = ACTIVATIONS[activation].module
    twin = nn.Sequential(nn.Linear(5, 7), make(), nn.Linear(7, 6), make(), nn.Linear(6, 3))
    for mine, other in zip(net.layers, (twin[0], twin[2], twin[4]), strict=True):
        other.load_state_dict(mine.state_dict())
    X = torch.randn(16, 5)
    torch.testing.assert_close(net(X), twin(X), rtol=0, atol=0)
    net(X).square().mean().backward()
    twin(X).square().mean().backward()
    for mine, other in zip(net.layers, (twin[0], twin[2], twin[4]), strict=True):
        torch.testing.assert_close(mine.weight.grad, other.weight.grad, rtol=0, atol=0)
        torch.testing.assert_close(mine.bias.grad, other.bias.grad, rtol=0, atol=0)


def test_a_single_neuron_is_a_linear_layer():
    net = MLP([3, 1])
    X = torch.randn(4, 3)
    assert torch.equal(net(X), X @ net.layers[0].weight.T + net.layers[0].bias)
    assert net.hidden(X) == []


def test_prelu_learns_one_slope_per_hidden_layer():
    net = MLP([2, 5, 5, 1], "prelu")
    slopes = [p for name, p in net.named_parameters() if "after" in name]
    assert [slope.numel() for slope in slopes] == [1, 1]
    assert slopes[0] is not slopes[1]
    net(torch.randn(8, 2)).sum().backward()
    assert all(slope.grad != 0 for slope in slopes)


def test_hidden_holds_what_every_next_layer_sees():
    net = full_mlp(head="identity").eval()
    X = torch.randn(5, 4)
    hidden = net.hidden(X)
    assert [tuple(a.shape) for a in hidden] == [(5, 8), (5, 8)]
    assert torch.equal(net.layers[-1](hidden[-1]), net(X))


def test_a_replaced_layer_is_used():
    net = MLP([2, 3, 1])
    net.layers[1] = nn.Linear(3, 4)
    net.after[1] = nn.Tanh()
    X = torch.randn(5, 2)
    assert torch.equal(net(X), torch.tanh(net.layers[1](net.hidden(X)[0])))
    assert net.head is net.after[1]


def test_inputs_may_have_more_dimensions():
    net = MLP([4, 6, 2])
    X = torch.randn(3, 5, 4)
    torch.testing.assert_close(net(X), net(X.reshape(15, 4)).reshape(3, 5, 2))


# Initialisation

BIG = [400, 300, 200]
INITS = {
    "he": lambda fan_in, fan_out: math.sqrt(2 / fan_in),
    "glorot": lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),
    ("gain", 1.5): lambda fan_in, fan_out: 1.5 / math.sqrt(fan_in),
}


@pytest.mark.parametrize("init", INITS)
def test_weights_are_normal_with_the_std_of_the_formula(init):
    for layer in MLP(BIG, init=init, seed=0).layers:
        std = INITS[init](layer.in_features, layer.out_features)
        z = layer.weight.detach() / std
        n = z.numel()
        # five standard errors of each: std of the mean 1/√n, of the std 1/√(2n), of z⁴ √(96/n)
        assert abs(z.mean()) < 5 / math.sqrt(n)
        assert abs(z.std() - 1) < 5 / math.sqrt(2 * n)
        assert abs((z**4).mean() - 3) < 5 * math.sqrt(96 / n)
        assert not layer.bias.any()


def test_he_keeps_the_scale_of_a_deep_relu_net():
    X = torch.randn(200, 512)
    first, *_, last = MLP([512] * 21, init="he", seed=0).hidden(X)
    # E a² is kept in expectation; over 20 layers of 512 its logarithm spreads by about
    # √(20 · 5 / 512) = 0.44
    assert 0.2 < (last.square().mean() / first.square().mean()) < 5
    *_, small = MLP([512] * 21, init="glorot", seed=0).hidden(X)
    assert small.square().mean() < 1e-4  # 2^-20 = 1e-6


def test_constant_weights():
    for layer in MLP([3, 4, 2], init=("constant", 0.5)).layers:
        assert (layer.weight == 0.5).all()
        assert not layer.bias.any()


@given(st.integers(0, 2**31))
@settings(deadline=None, max_examples=20)
def test_a_seed_repeats_the_weights_and_leaves_the_random_state_alone(seed):
    before = torch.get_rng_state()
    nets = [full_mlp(seed=seed) for _ in range(2)]
    assert torch.equal(before, torch.get_rng_state())
    for first, second in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(full_mlp(seed=seed + 1).layers[0].weight, nets[0].layers[0].weight)


def test_without_a_seed_torchs_random_state_decides():
    torch.manual_seed(5)
    first, second = MLP([3, 2]), MLP([3, 2])
    torch.manual_seed(5)
    assert torch.equal(MLP([3, 2]).layers[0].weight, first.layers[0].weight)
    assert not torch.equal(first.layers[0].weight, second.layers[0].weight)


def test_default_dtype_and_device_are_respected():
    torch.set_default_dtype(torch.float64)
    try:
        assert {p.dtype for p in full_mlp().parameters()} == {torch.float64}
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        assert {p.device.type for p in full_mlp().parameters()} == {"meta"}


# Dropout, normalisation, residual


def test_dropout_acts_in_training_only_and_at_its_rate():
    net = MLP([10, 1000, 1000, 1], dropout=(0.2, 0.6))
    for layer in net.layers[:-1]:
        nn.init.ones_(layer.bias)
        nn.init.zeros_(layer.weight)
    X = torch.randn(50, 10)
    net.train()
    for a, rate in zip(net.hidden(X), (0.2, 0.6), strict=True):
        kept = 1 / (1 - rate)  # inverted dropout: what is kept is scaled up in training
        assert ((a == 0) | ((a - kept).abs() < 1e-6)).all()
        # share of 50,000 independent draws: within five standard errors
        assert abs((a == 0).float().mean() - rate) < 5 * math.sqrt(rate * (1 - rate) / a.numel())
    net.eval()
    assert all((a == 1).all() for a in net.hidden(X))


def test_no_dropout_on_the_output():
    net = MLP([4, 500], dropout=0.5).train()
    assert (net(torch.randn(20, 4)) != 0).all()


def test_one_rate_stands_for_every_hidden_layer():
    rates = [m.p for m in MLP([2, 3, 3, 3, 1], dropout=0.25).modules() if type(m) is nn.Dropout]
    assert rates == [0.25] * 3
    assert not any(type(m) is nn.Dropout for m in MLP([2, 3, 3, 1], dropout=0).modules())


def test_batch_norm_before_the_activation_by_hand():
    net = MLP([3, 6, 2], "relu", norm="batch").train()
    X = torch.randn(40, 3)
    u = net.layers[0](X)
    normal = (u - u.mean(0)) / torch.sqrt(u.var(0, correction=0) + 1e-5)
    torch.testing.assert_close(net.hidden(X)[0], torch.relu(normal))
    # inference normalises by the running averages: a row does not depend on its batch
    net.eval()
    torch.testing.assert_close(net(X)[:1], net(X[:1]))


def test_layer_norm_before_the_activation_by_hand():
    net = MLP([3, 6, 2], "tanh", norm="layer")
    X = torch.randn(40, 3)
    u = net.layers[0](X)
    normal = (u - u.mean(1, keepdim=True)) / torch.sqrt(u.var(1, correction=0, keepdim=True) + 1e-5)
    torch.testing.assert_close(net.hidden(X)[0], torch.tanh(normal))


def test_residual_adds_where_widths_agree_by_hand():
    net = MLP([3, 3, 5, 5, 1], "tanh", residual=True)
    X = torch.randn(7, 3)
    first = X + torch.tanh(net.layers[0](X))
    second = torch.tanh(net.layers[1](first))  # 3 to 5: nothing to add
    third = second + torch.tanh(net.layers[2](second))
    for mine, expected in zip(net.hidden(X), (first, second, third), strict=True):
        torch.testing.assert_close(mine, expected)
    torch.testing.assert_close(net(X), net.layers[3](third))


def test_residual_never_reaches_the_output_layer():
    net = MLP([4, 4, 4], residual=True)
    X = torch.randn(3, 4)
    torch.testing.assert_close(net(X), net.layers[-1](net.hidden(X)[0]))


def test_dropout_spares_the_skip():
    net = MLP([4, 4, 4, 1], dropout=0.999999, residual=True).train()
    X = torch.randn(6, 4)
    torch.testing.assert_close(net.hidden(X)[-1], X)


# Output heads

RANGES = {
    "identity": (-math.inf, math.inf),
    "sigmoid": (0, 1),
    "softmax": (0, 1),
    "relu": (0, math.inf),
    "softplus": (0, math.inf),
    "tanh": (-1, 1),
    "hardtanh": (-1, 1),
}


@pytest.mark.parametrize("head", HEADS)
def test_head_acts_on_the_last_layer(head):
    net = MLP([3, 8, 4], head=head)
    X = 1e3 * torch.randn(100, 3)
    raw, y = net.layers[-1](net.hidden(X)[-1]), net(X)
    expected = torch.softmax(raw, -1) if head == "softmax" else ACTIVATIONS[head].function(raw)
    torch.testing.assert_close(y, expected)
    low, high = RANGES[head]
    assert low <= y.min()
    assert y.max() <= high


@given(
    ends=st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=2, unique=True),
    f=st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1),
)
@settings(deadline=None)
def test_an_interval_is_never_left(ends, f):
    low, high = sorted(ends)
    y = Interval(low, high)(torch.tensor(f))
    assert low <= y.min()
    assert y.max() <= high


def test_an_interval_follows_its_formula_and_reaches_both_ends():
    f = torch.linspace(-3, 3, 61, dtype=torch.float64)
    expected = -2 + 7 * (torch.tanh(f) + 1) / 2
    torch.testing.assert_close(Interval(-2, 5)(f), expected)
    assert Interval(-2, 5)(torch.tensor([-50.0, 0.0, 50.0])).tolist() == [-2, 1.5, 5]


def test_an_interval_lets_the_gradient_through():
    f = torch.linspace(-3, 3, 7, requires_grad=True)
    Interval(0, 10)(f).sum().backward()
    assert (f.grad > 0).all()


# As any module of torch


def test_a_state_dict_loads():
    first, second = full_mlp(), full_mlp(seed=4)
    X = torch.randn(3, 4)
    assert not torch.equal(first.eval()(X), second.eval()(X))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(X), second(X))
    assert "layers.0.weight" in first.state_dict()


def test_copies_and_pickles():
    net = full_mlp().eval()
    saved = io.BytesIO()
    torch.save(net, saved)
    saved.seek(0)
    X = torch.randn(3, 4)
    loaded = torch.load(saved, weights_only=False)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), loaded):
        assert torch.equal(other(X), net(X))
        nn.init.zeros_(other.layers[-1].weight)  # a copy of its own
        assert not torch.equal(other(X), net(X))


@pytest.mark.parametrize("make", [full_mlp, lambda: MLP([4, 1]), lambda: MLP([4, 4, 2], "gelu")])
def test_compiles_as_one_graph(make):
    net = make().eval()
    X = torch.randn(5, 4)
    compiled = torch.compile(net, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(X), net(X))


def test_works_under_torch_func():
    net = full_mlp().eval()
    X = torch.randn(5, 4)
    zeros = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
    # all weights zero: the raw output is 0, the middle of the interval
    assert torch.equal(torch.func.functional_call(net, zeros, X), torch.full((5, 2), 0.5))


def test_what_is_printed_tells_the_options():
    text = repr(full_mlp())
    for part in ("in_features=4", "LayerNorm", "PReLU", "p=0.3", "Interval(0, 1)", "residual=True"):
        assert part in text
    assert "residual" not in repr(MLP([2, 1]))
    net = MLP((2, 3, 1), "gelu")
    assert (net.sizes, net.activation) == ([2, 3, 1], "gelu")


# Refusals


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sizes": [3]}, ValueError, r"at least two, got \[3\]"),
        ({"sizes": 3}, ValueError, r"\[in, hidden..., out\], at least two, got 3"),
        ({"sizes": [3, 0, 1]}, ValueError, r"sizes \[3, 0, 1\] must be at least 1, got 0"),
        ({"sizes": [3, 2.0]}, TypeError, r"must be a whole number, got 2\.0"),
        ({"activation": "rleu"}, ValueError, "unknown activation 'rleu'.*did you mean 'relu'"),
        ({"init": "hee"}, ValueError, "unknown init 'hee': allowed are \"he\""),
        ({"init": ("gain",)}, ValueError, "unknown init"),
        ({"init": ("gain", -1)}, ValueError, "gain of the init must be finite and at least 0"),
        ({"init": ("gain", "big")}, TypeError, "gain of the init must be a number"),
        ({"init": ("constant", math.nan)}, ValueError, "constant of the init must be finite"),
        ({"dropout": 1.0}, ValueError, r"in \[0, 1\), got 1\.0"),
        ({"dropout": -0.1}, ValueError, r"in \[0, 1\), got -0\.1"),
        ({"dropout": (0.1, 0.2, 0.3)}, ValueError, r"2 wanted, got \(0\.1, 0\.2, 0\.3\)"),
        ({"dropout": (0.1, 1.2)}, ValueError, r"in \[0, 1\), got 1\.2"),
        ({"dropout": None}, TypeError, "dropout.* must be a number, got None"),
        ({"norm": "bach"}, ValueError, "unknown norm 'bach'.*did you mean 'batch'"),
        ({"residual": 1}, TypeError, "residual must be True or False, got 1"),
        ({"head": "softmaks"}, ValueError, "did you mean 'softmax'"),
        ({"head": (1, 2, 3)}, ValueError, r"interval \(a, b\)"),
        ({"head": (1, 1)}, ValueError, r"a < b, got \(1, 1\)"),
        ({"head": (0, math.inf)}, ValueError, "upper end of the output interval must be finite"),
        ({"seed": 0.5}, TypeError, r"seed must be a whole number, got 0\.5"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        MLP(**({"sizes": [2, 3, 3, 1]} | arguments))


def test_an_activation_may_be_a_function_a_module_or_a_class_of_them():
    x = torch.randn(7, 3)
    named = MLP([3, 5, 4, 1], "silu", seed=0)
    for activation in (F.silu, nn.SiLU(), nn.SiLU):
        net = MLP([3, 5, 4, 1], activation, seed=0)
        torch.testing.assert_close(net(x), named(x))
    learned = MLP([3, 4, 4, 1], nn.PReLU(), seed=0)
    slopes = [m.weight for m in learned.modules() if isinstance(m, nn.PReLU)]
    assert len({id(w) for w in slopes}) == 2, "each layer learns its own"
    assert net.activation == "<SiLU>"
    assert "sin" in repr(MLP([2, 3, 1], torch.sin))
    with pytest.raises(ValueError, match="unknown activation 'sin'"):
        MLP([2, 3, 1], "sin")


def test_symmetries_are_not_guessed_from_the_name_of_a_function():
    def tanh(x):
        return x.exp()

    with pytest.raises(ValueError, match="<tanh>"):
        flip(MLP([2, 3, 1], tanh), 0, [0])
