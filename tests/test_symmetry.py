"""Symmetries of an MLP: laws on random nets, brute force on a tiny one, a twin brought back."""

import builtins
import copy
import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune

from nnkit.activations import ACTIVATIONS
from nnkit.data import two_moons
from nnkit.models import MLP
from nnkit.symmetry import align, barrier, count, flip, interpolate, permute, rescale

ODD = [name for name, entry in ACTIVATIONS.items() if entry.odd]
OTHERS = [name for name in ACTIVATIONS if name not in ODD]
HOMOGENEOUS = ["identity", "relu", "leaky_relu", "prelu"]


def random_net(sizes: list[int], activation: str, norm: str | None, residual: bool) -> MLP:
    """A net in which every parameter and every running statistic is a random number."""
    net = MLP(sizes, activation, norm=norm, residual=residual, dropout=0.2, seed=0).double().eval()
    generator = torch.Generator().manual_seed(sum(sizes))
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.randn(value.shape, generator=generator, dtype=value.dtype))
                if "running_var" in name:
                    value.abs_().add_(0.5)
    return net


@st.composite
def nets(draw: Any, activations: list[str]) -> MLP:
    hidden = draw(st.lists(st.sampled_from([1, 3, 5]), min_size=1, max_size=4))
    sizes = [2, *hidden, 3]  # two inputs, which no hidden layer has, so that no stream is tied
    norm = draw(st.sampled_from([None, "batch", "layer"]))
    return random_net(sizes, draw(st.sampled_from(activations)), norm, draw(st.booleans()))


def frozen(net: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(net.state_dict())


def assert_unchanged(net: nn.Module, before: dict[str, Tensor]) -> None:
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), f"the argument's {name} was changed"


def assert_same_function(a: nn.Module, b: nn.Module) -> None:
    x = torch.randn(20, 2, dtype=torch.float64) * 2
    torch.testing.assert_close(a(x), b(x), rtol=1e-9, atol=1e-9)


def assert_same_weights(a: nn.Module, b: nn.Module, tolerance: float = 0.0) -> None:
    for p, q in zip(a.state_dict().values(), b.state_dict().values(), strict=True):
        torch.testing.assert_close(p, q, rtol=tolerance, atol=tolerance)


# The moves change no output -----------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(net=nets(list(ACTIVATIONS)), data=st.data())
def test_permuted_net_computes_the_same(net, data):
    before = frozen(net)
    layer = data.draw(st.integers(0, len(net.sizes) - 3))
    order = data.draw(st.permutations(range(net.sizes[layer + 1])))
    twin = permute(net, layer, order)
    assert_same_function(net, twin)
    assert_unchanged(net, before)
    if order != sorted(order):
        assert not torch.equal(twin.layers[layer].weight, net.layers[layer].weight)
    assert torch.equal(twin.layers[layer].bias, net.layers[layer].bias[order])
    back = permute(twin, layer, sorted(range(len(order)), key=order.__getitem__))
    assert_same_weights(back, net)


@settings(deadline=None, max_examples=40)
@given(net=nets(ODD), data=st.data())
def test_flipped_net_computes_the_same(net, data):
    before = frozen(net)
    layer = data.draw(st.integers(0, len(net.sizes) - 3))
    neurons = data.draw(st.lists(st.integers(0, net.sizes[layer + 1] - 1), unique=True))
    twin = flip(net, layer, neurons)
    assert_same_function(net, twin)
    assert_unchanged(net, before)
    kept = [i for i in range(net.sizes[layer + 1]) if i not in neurons]
    outgoing, turned = net.layers[layer + 1].weight, twin.layers[layer + 1].weight
    if not net.skips[layer + 1]:
        assert torch.equal(turned[:, neurons], -outgoing[:, neurons])
        assert torch.equal(turned[:, kept], outgoing[:, kept])
    assert_same_weights(flip(twin, layer, neurons), net)


@settings(deadline=None, max_examples=40)
@given(net=nets(HOMOGENEOUS), data=st.data())
def test_rescaled_net_computes_the_same(net, data):
    before = frozen(net)
    layer = data.draw(st.integers(0, len(net.sizes) - 3))
    width = net.sizes[layer + 1]
    factors = data.draw(st.lists(st.floats(0.01, 100), min_size=width, max_size=width))
    twin = rescale(net, layer, factors)
    assert_same_function(net, twin)
    assert_unchanged(net, before)
    assert_same_weights(rescale(twin, layer, [1 / f for f in factors]), net, 1e-9)


def test_one_factor_is_for_every_neuron():
    net = random_net([2, 3, 1], "relu", None, False)
    twin = rescale(net, 0, 4)
    assert torch.equal(twin.layers[0].weight, 4 * net.layers[0].weight)
    assert torch.equal(twin.layers[0].bias, 4 * net.layers[0].bias)
    assert torch.equal(twin.layers[1].weight, net.layers[1].weight / 4)
    assert torch.equal(twin.layers[1].bias, net.layers[1].bias)


@settings(deadline=None, max_examples=40)
@given(net=nets(["tanh"]), data=st.data())
def test_two_orders_in_turn_are_their_composition(net, data):
    layer = data.draw(st.integers(0, len(net.sizes) - 3))
    first, second = (data.draw(st.permutations(range(net.sizes[layer + 1]))) for _ in range(2))
    twice = permute(permute(net, layer, first), layer, second)
    assert_same_weights(twice, permute(net, layer, [first[i] for i in second]))
    assert_same_weights(permute(net, layer, sorted(first)), net)


@settings(deadline=None, max_examples=40)
@given(net=nets(["tanh"]), data=st.data())
def test_a_flip_and_a_permutation_commute_when_the_flip_follows_its_neurons(net, data):
    layer = data.draw(st.integers(0, len(net.sizes) - 3))
    order = data.draw(st.permutations(range(net.sizes[layer + 1])))
    neurons = data.draw(st.lists(st.sampled_from(order), unique=True))
    moved = [order.index(i) for i in neurons]
    assert_same_weights(
        permute(flip(net, layer, neurons), layer, order),
        flip(permute(net, layer, order), layer, moved),
    )


def test_moves_take_tensors_and_keep_dtype_mode_and_gradients():
    net = MLP([2, 4, 1], "tanh", seed=0).train()
    twin = flip(permute(net, 0, torch.tensor([3, 1, 0, 2])), 0, torch.tensor([1]))
    assert twin.training
    assert all(p.dtype == torch.float32 and p.requires_grad for p in twin.parameters())


# How many there are -------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_count_is_what_brute_force_finds(activation):
    """Every order and every flip gives another setting and the same function: 2! 3! (2^5)."""
    net = random_net([2, 2, 3, 1], activation, None, False)
    x = torch.randn(10, 2, dtype=torch.float64)
    flips = [list(itertools.product([0, 1], repeat=n)) if activation == "tanh" else [()]
             for n in (2, 3)]  # fmt: skip
    settings = set()
    for orders in itertools.product(*(itertools.permutations(range(n)) for n in (2, 3))):
        for signs in itertools.product(*flips):
            twin = net
            for layer in (0, 1):
                twin = permute(twin, layer, orders[layer])
                if activation == "tanh":
                    twin = flip(twin, layer, [i for i, s in enumerate(signs[layer]) if s])
            assert torch.allclose(twin(x), net(x), atol=1e-12)
            settings.add(tuple(torch.cat([p.flatten() for p in twin.parameters()]).tolist()))
    assert len(settings) == count(net) == 2 * 6 * (2**5 if activation == "tanh" else 1)


@given(hidden=st.lists(st.integers(1, 300), max_size=3), odd=st.booleans())
def test_count_is_exact_for_any_size(hidden, odd):
    net = MLP([2, *hidden, 1], "tanh" if odd else "sigmoid")
    factorials = [math.prod(range(1, width + 1)) for width in hidden]
    assert count(net) == math.prod(factorials) * (2 ** sum(hidden) if odd else 1)
    assert isinstance(count(net), int)


def test_count_of_a_residual_net_takes_each_stream_once():
    assert count(MLP([2, 5, 5, 4, 1], residual=True)) == math.factorial(5) * math.factorial(4)
    assert count(MLP([5, 5, 5, 4, 1], residual=True)) == math.factorial(4)  # the first is tied
    assert count(MLP([5, 5], residual=True)) == 1


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", OTHERS)
def test_flip_is_refused_by_name_under_an_activation_that_is_not_odd(activation):
    with pytest.raises(ValueError, match=f"does not hold for {activation}; odd are .*tanh"):
        flip(MLP([2, 3, 1], activation), 0, [0])


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if a not in HOMOGENEOUS])
def test_rescale_is_refused_by_name_outside_the_relu_family(activation):
    with pytest.raises(ValueError, match=f"does not hold for {activation}; it does for .*relu"):
        rescale(MLP([2, 3, 1], activation), 0, 2.0)


@pytest.mark.parametrize("activation", ODD)
def test_what_is_called_odd_is_odd(activation):
    x = torch.linspace(-3, 3, 61)
    h = ACTIVATIONS[activation].function
    assert torch.allclose(h(-x), -h(x))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_called_homogeneous_is_and_nothing_else(activation):
    x = torch.linspace(-3, 3, 61)
    h = ACTIVATIONS[activation].function
    assert torch.allclose(h(2.5 * x), 2.5 * h(x)) == (activation in HOMOGENEOUS)


@pytest.mark.parametrize("move", [permute, flip])
@pytest.mark.parametrize("layer", [1, 2, 100])
def test_a_layer_that_is_not_hidden_is_refused(move, layer):
    with pytest.raises(ValueError, match=f"one of the 1 hidden ones, from 0, got {layer}"):
        move(MLP([2, 3, 1], "tanh"), layer, [0, 1, 2])


def test_a_layer_below_zero_or_not_whole_is_refused():
    with pytest.raises(ValueError, match="layer must be at least 0, got -1"):
        permute(MLP([2, 3, 1]), -1, [0, 1, 2])
    with pytest.raises(TypeError, match="layer must be a whole number"):
        permute(MLP([2, 3, 1]), 0.5, [0, 1, 2])  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3], [0, 1, 2, 3]])
def test_what_is_no_order_is_refused(order):
    with pytest.raises(ValueError, match="each neuron of 0 to 2 once, got"):
        permute(MLP([2, 3, 1]), 0, order)


@pytest.mark.parametrize("neurons", [[3], [-1], [0, 0]])
def test_neurons_that_are_not_there_or_named_twice_are_refused(neurons):
    with pytest.raises(ValueError, match="different ones of 0 to 2, got"):
        flip(MLP([2, 3, 1], "tanh"), 0, neurons)


@pytest.mark.parametrize("factors", [0, -1.0, math.inf, math.nan, [1, 1, 0]])
def test_factors_that_are_not_above_zero_are_refused(factors):
    with pytest.raises(ValueError, match="factors must be finite and above 0, got"):
        rescale(MLP([2, 3, 1]), 0, factors)


def test_a_wrong_number_of_factors_is_refused():
    with pytest.raises(ValueError, match=r"one number or 3, got shape \(2,\)"):
        rescale(MLP([2, 3, 1]), 0, [1, 2])


@pytest.mark.parametrize("move", [permute, flip, rescale])
def test_neurons_that_a_skip_ties_to_the_inputs_are_refused(move):
    net = MLP([3, 3, 3, 4, 1], "identity", residual=True)
    for layer in (0, 1):
        with pytest.raises(ValueError, match=f"adds the inputs to the neurons of layer {layer}"):
            move(net, layer, [1, 2, 0])
    move(net, 2, 2.0 if move is rescale else [0, 1, 2, 3])  # the next one is free


def test_other_modules_are_refused():
    for call in (lambda n: permute(n, 0, [0]), count, lambda n: align(n, n)):
        with pytest.raises(TypeError, match=r"must be an nnkit\.models\.MLP, got Linear"):
            call(nn.Linear(2, 3))


def test_a_net_with_masks_on_is_refused():
    net = MLP([2, 3, 1])
    prune.l1_unstructured(net.layers[0], "weight", 0.5)
    with pytest.raises(ValueError, match=r"by nnkit\.pruning\.finalize"):
        permute(net, 0, [2, 1, 0])


# Alignment ----------------------------------------------------------------------------------------


def scrambled(net: MLP, generator: torch.Generator) -> MLP:
    """A twin with every layer that is free permuted, and flipped if the activation is odd."""
    for layer, width in enumerate(net.sizes[1:-1]):
        net = permute(net, layer, torch.randperm(width, generator=generator))
        if net.activation in ODD:
            signs = torch.rand(width, generator=generator) < 0.5
            net = flip(net, layer, signs.nonzero().flatten())
    return net


@settings(deadline=None, max_examples=40)
@given(net=nets(["tanh", "relu", "sigmoid", "softsign", "prelu"]), seed=st.integers(0, 1000))
def test_a_scrambled_twin_comes_back_as_it_was(net, seed):
    twin = scrambled(net, torch.Generator().manual_seed(seed))
    before = frozen(twin)
    assert_same_weights(align(twin, net), net)
    assert_unchanged(twin, before)


@settings(deadline=None, max_examples=40)
@given(net=nets(["tanh", "sigmoid"]), seed=st.integers(0, 1000))
def test_a_scrambled_twin_comes_back_by_its_activations(net, seed):
    twin = scrambled(net, torch.Generator().manual_seed(seed))
    x = torch.randn(200, 2, dtype=torch.float64)
    # neurons that do the same on these inputs, or that are always saturated, cannot be told apart
    for values in net.hidden(x):
        alike = torch.corrcoef(values.T).abs().reshape(values.shape[1], -1) - torch.eye(
            values.shape[1]
        )
        assume(bool((alike < 0.999).all()))
    assert_same_weights(align(twin, net, x), net)


def distance(a: MLP, b: MLP) -> float:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return sum(float((p - q).square().sum()) for p, q in pairs)


@torch.no_grad()
def gap(a: MLP, b: MLP, x: Tensor) -> float:
    pairs = zip(a.hidden(x), b.hidden(x), strict=True)
    return sum(float((p - q).square().sum()) for p, q in pairs)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("inputs", [None, torch.randn(50, 2)])
def test_aligned_net_computes_the_same_and_lies_no_further(activation, inputs):
    a, b = MLP([2, 12, 12, 1], activation, seed=1), MLP([2, 12, 12, 1], activation, seed=2)
    x = torch.randn(30, 2)
    aligned = align(a, b, inputs)
    torch.testing.assert_close(aligned(x), a(x))
    if inputs is None:
        assert distance(aligned, b) < distance(a, b)
        assert_same_weights(align(aligned, b), aligned)  # nothing is left to improve
    else:
        assert gap(aligned, b, inputs) < gap(a, b, inputs)


def test_alignment_of_a_small_net_is_the_best_of_all():
    """One hidden layer: the assignment is exact, so no order and no flip lies nearer."""
    a, b = MLP([2, 4, 1], "tanh", seed=1), MLP([2, 4, 1], "tanh", seed=2)

    every = [
        distance(flip(permute(a, 0, order), 0, [i for i in range(4) if signs[i]]), b)
        for order in itertools.permutations(range(4))
        for signs in itertools.product([0, 1], repeat=4)
    ]
    assert len(every) == count(a)
    assert math.isclose(distance(align(a, b), b), min(every), rel_tol=1e-6)


def test_improving_in_turns_goes_beyond_the_first_pass():
    """The outgoing weights count too: a net whose neurons differ in nothing else is aligned."""
    net = MLP([2, 4, 3], "tanh", seed=0)
    with torch.no_grad():
        net.layers[0].weight.fill_(0.5)  # all that comes in is equal
    twin = permute(net, 0, [2, 3, 1, 0])
    assert_same_weights(align(twin, net), net)


def test_a_normalised_net_is_aligned_by_the_weights_before_the_normalisation():
    net = MLP([2, 5, 1], "relu", norm="batch", seed=0)  # gains 1 and shifts 0 tell nothing
    with torch.no_grad():
        net.layers[1].weight.fill_(1)  # nor does what comes after
    twin = permute(net, 0, [4, 2, 0, 1, 3])
    assert_same_weights(align(twin, net), net)


def test_every_layer_of_a_stream_has_its_say():
    net = MLP([2, 4, 4, 1], "relu", init=("constant", 1.0), residual=True)
    with torch.no_grad():  # the neurons differ only in what the second layer takes from the first
        net.layers[1].weight.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]).expand(4, 4))
    twin = permute(net, 0, [2, 3, 1, 0])
    assert not torch.equal(twin.layers[1].weight, net.layers[1].weight)
    assert_same_weights(align(twin, net), net)


def test_dropout_does_not_disturb_the_matching_by_activations():
    net = MLP([2, 8, 8, 1], "tanh", dropout=0.9, seed=0).train()
    twin = scrambled(net, torch.Generator().manual_seed(0))
    aligned = align(twin, net, torch.randn(100, 2))
    assert_same_weights(aligned, net)
    assert net.training
    assert aligned.training


@pytest.mark.parametrize(
    "other",
    [
        MLP([2, 4, 1], "tanh"),
        MLP([2, 3, 1], "relu"),
        MLP([2, 3, 3, 1], "tanh"),
        MLP([2, 3, 1], "tanh", norm="batch"),
    ],
)
def test_nets_of_other_builds_are_not_aligned(other):
    with pytest.raises(ValueError, match="must be of the same build"):
        align(MLP([2, 3, 1], "tanh"), other)


def test_without_scipy_the_way_to_install_it_is_named(monkeypatch):
    real = builtins.__import__

    def fake(name: str, *args: Any) -> Any:
        if name.startswith("scipy"):
            raise ModuleNotFoundError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ImportError, match=r'pip install "nnkit-course\[data\]"'):
        align(MLP([2, 3, 1]), MLP([2, 3, 1]))


# The line between two nets ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> tuple[MLP, Tensor, Tensor]:
    X, y = two_moons(200, noise=0.1, seed=0)
    net = MLP([2, 12, 12, 2], "tanh", seed=0)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()
        optimizer.step()
    return net, X, y


def test_a_trained_net_and_its_twin_have_a_barrier_that_alignment_takes_away(trained):
    net, X, y = trained
    twin = scrambled(net, torch.Generator().manual_seed(1))

    def loss(n: MLP) -> Tensor:
        return F.cross_entropy(n(X), y)

    before, after = barrier(net, twin, loss), barrier(net, align(twin, net), loss)
    assert loss(net) < 0.05
    assert abs(before.loss[0] - before.loss[-1]) < 1e-5  # one function at both ends ...
    assert before.height > 10 * loss(net)  # ... and worse ones between: not convex
    assert after.height == 0
    assert torch.allclose(after.loss, before.loss[0])


def test_the_height_is_above_the_straight_line_between_the_ends():
    """A loss that is linear along the line has no barrier; a convex one has none; a bump does."""
    a, b = MLP([1, 1], init=("constant", 0.0)), MLP([1, 1], init=("constant", 1.0))

    def weight(net: MLP) -> float:
        return next(net.parameters()).item()

    assert barrier(a, b, weight).height == pytest.approx(0, abs=1e-7)
    assert barrier(a, b, lambda n: weight(n) ** 2).height == 0
    bump = barrier(a, b, lambda n: weight(n) + math.sin(math.pi * weight(n)), points=21)
    assert bump.height == pytest.approx(1, abs=1e-6)  # at the middle, above the line at 0.5
    assert bump.loss.shape == bump.t.shape == (21,)
    assert (bump.t[0], bump.t[-1]) == (0, 1)
    assert bump.loss[-1] == pytest.approx(1, abs=1e-6)


def test_barrier_evaluates_copies_in_evaluation_mode_without_gradients():
    net = MLP([2, 8, 1], dropout=0.5, norm="batch", seed=0).train()
    x, before = torch.randn(10, 2), frozen(net)

    def loss(n: MLP) -> Tensor:
        assert n is not net
        assert not n.training
        out = n(x).square().mean()
        assert not out.requires_grad
        return out

    assert barrier(net, net, loss, points=3).height == 0
    assert net.training
    assert_unchanged(net, before)


def test_interpolation_is_exact_at_the_ends_and_straight_between():
    a, b = (random_net([2, 3, 1], "tanh", "batch", False) for _ in range(2))
    b = scrambled(b, torch.Generator().manual_seed(3))
    a.after[0][0].num_batches_tracked.fill_(7)
    assert_same_weights(interpolate(a, a, 0.3), a, 1e-15)
    assert_same_weights(interpolate(a, b, 0), a)
    middle, end = interpolate(a, b, 0.25), interpolate(a, b, 1)
    for name, value in middle.state_dict().items():
        p, q = a.state_dict()[name], b.state_dict()[name]
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.75 * p + 0.25 * q)
            assert torch.equal(end.state_dict()[name], q)
        else:
            assert value == p == 7
    assert middle.layers[0].weight.requires_grad


def test_the_line_is_for_any_module_but_of_one_build():
    loss = barrier(nn.Linear(2, 1), nn.Linear(2, 1), lambda n: n.weight.square().sum()).loss
    assert loss.isfinite().all()
    with pytest.raises(ValueError, match="no line leads"):
        interpolate(nn.Linear(2, 1), nn.Linear(1, 1), 0.5)
    with pytest.raises(ValueError, match="no line leads"):
        interpolate(nn.Linear(2, 1), nn.Linear(2, 1, bias=False), 0.5)


def test_few_points_or_a_strange_t_are_refused():
    net = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="points must be at least 3, got 2"):
        barrier(net, net, lambda n: 0.0, points=2)
    with pytest.raises(TypeError, match="t must be a number"):
        interpolate(net, net, "0.5")  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [[True, False, True], torch.tensor([True, False, True]),
                                   [0.0, 1.2, 2.0], torch.tensor([0.0, 1.0, 2.0])])  # fmt: skip
def test_masks_and_fractions_are_no_numbers_of_neurons(given):
    net = MLP([2, 3, 1], "tanh", seed=0)
    for move in (permute, flip):
        with pytest.raises(ValueError, match=r"0 to 2.*nonzero"):
            move(net, 0, given)


def tied():
    net = MLP([3, 3, 3, 2], "tanh", seed=0)
    net.layers[1].weight = net.layers[0].weight
    return net


def with_inside(module):
    net = MLP([3, 3, 3, 2], "tanh", seed=0)
    net.after[0] = module
    return net


def hooked():
    net = MLP([3, 3, 3, 2], "tanh", seed=0)
    net.layers[0].register_forward_hook(lambda module, x, y: y.cumsum(1))
    return net


@pytest.mark.parametrize("net", [tied, hooked, lambda: with_inside(nn.Sigmoid()),
                                 lambda: with_inside(nn.Softmax(1))])  # fmt: skip
def test_a_move_that_would_change_the_function_is_refused(net):
    net = net()
    with pytest.raises(ValueError, match="would become another, off by"):
        flip(net, 0, [0, 1])


def test_factors_that_a_weight_cannot_hold_are_refused():
    for dtype, factor in ((torch.float16, 1e-9), (torch.float16, 1e6), (torch.float32, 1e39)):
        with pytest.raises(ValueError, match=f"a weight leaves the range of {dtype}"):
            rescale(MLP([2, 2, 1], seed=0).to(dtype), 0, [1, factor])


@pytest.mark.parametrize(
    "wrap", [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm]
)
def test_nets_with_parametrised_weights_or_another_forward_are_refused(wrap):
    class Other(MLP):
        def forward(self, x):
            return super().forward(x) + x.sum()

    net = MLP([3, 3, 1], "tanh", seed=0)
    wrap(net.layers[0])
    for move in (lambda n: permute(n, 0, [2, 1, 0]), lambda n: flip(n, 0, [1]), count):
        with pytest.raises(ValueError, match=r"layers.0 is parametrised.*remove_param"):
            move(net)
        with pytest.raises(TypeError, match="got Other"):
            move(Other([3, 3, 1], "tanh"))


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
def test_complex_nets_lie_on_a_line_and_other_types_do_not():
    a, b = (nn.Linear(2, 1, dtype=torch.complex64) for _ in "ab")
    assert torch.equal(interpolate(a, b, 1.0).weight, b.weight)
    torch.testing.assert_close(interpolate(a, b, 0.5).weight, (a.weight + b.weight) / 2)
    with pytest.raises(ValueError, match="no line leads from one build to another"):
        interpolate(nn.Linear(2, 1), nn.Linear(2, 1).double(), 0.5)
