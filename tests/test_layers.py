"""Layers with restrained weights: against torch's, against their own matrices, and drawn."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from torch import nn

from nnkit.dropout import mc_predict
from nnkit.layers import (
    DropConnect,
    LocallyConnected1d,
    LocallyConnected2d,
    MaskedLinear,
    NonNegativeLinear,
    Shared1d,
)
from nnkit.plots import CLASS_COLOURS, network
from nnkit.plots._diagrams import edge_colour


@st.composite
def lines(draw):
    """Channels, length, kernel, stride and padding that go together."""
    kernel, padding = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    length = draw(st.integers(max(1, kernel - 2 * padding), 9))
    return {
        "in_channels": draw(st.integers(1, 3)),
        "out_channels": draw(st.integers(1, 3)),
        "length": length,
        "kernel_size": kernel,
        "stride": draw(st.integers(1, 3)),
        "padding": padding,
        "bias": draw(st.booleans()),
    }


def whole_numbers(*shape):
    """Small whole numbers, with which sums are exact in whatever order."""
    return torch.randint(-8, 9, shape).double()


# Shared


@given(lines())
@settings(deadline=None)
def test_the_shared_layer_is_conv1d_exactly(kwargs):
    layer = Shared1d(**kwargs).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(whole_numbers(*p.shape))
    x = whole_numbers(4, layer.in_channels, kwargs["length"]).requires_grad_()
    same = {"stride": kwargs["stride"], "padding": kwargs["padding"]}
    ours, theirs = layer(x), F.conv1d(x, layer.weight, layer.bias, **same)
    assert torch.equal(ours, theirs)
    direction = whole_numbers(*ours.shape)
    inputs = [x, *layer.parameters()]
    gradients = [torch.autograd.grad(y, inputs, direction) for y in (ours, theirs)]
    assert all(map(torch.equal, *gradients))


def test_its_matrix_is_toeplitz():
    layer = Shared1d(1, 1, length=6, kernel_size=3)
    matrix = layer.matrix().detach()
    assert matrix.shape == (4, 6)
    assert torch.equal(matrix[1:, 1:], matrix[:-1, :-1])
    assert torch.equal(matrix[0, :3], layer.weight.flatten())


# Windows of both kinds


@given(lines(), st.sampled_from([Shared1d, LocallyConnected1d]))
@settings(deadline=None)
def test_the_matrix_is_the_layer(kwargs, kind):
    layer = kind(**kwargs).double()
    x = torch.randn(3, layer.in_channels, kwargs["length"], dtype=torch.float64)
    y = layer(x)
    assert y[0].numel() == layer.out_features
    flat = x.flatten(1) @ layer.matrix().T
    if layer.bias is not None:
        flat = flat + layer.bias.view(layer.out_channels, -1).expand(y.shape[1:]).flatten()
    torch.testing.assert_close(y.flatten(1), flat)
    assert torch.equal(layer.mask, layer.wiring() > 0)


def test_locally_connected_is_a_masked_linear_layer_with_a_weight_per_connection():
    layer = LocallyConnected1d(2, 3, length=7, kernel_size=3, stride=2)
    numbers = layer.wiring()[layer.mask]
    assert sorted(numbers.tolist()) == list(range(1, layer.weight.numel() + 1))
    masked = MaskedLinear(layer.mask)
    with torch.no_grad():
        masked.weight.copy_(layer.matrix())
        masked.bias.copy_(layer.bias.flatten())
    x = torch.randn(5, 2, 7)
    torch.testing.assert_close(layer(x).flatten(1), masked(x.flatten(1)))


def test_in_two_dimensions_equal_weights_at_all_places_are_a_convolution():
    layer = LocallyConnected2d(2, 3, (7, 6), (3, 2), stride=(2, 1), padding=(1, 0))
    kernel = torch.randn(3, 2, 3, 2)
    with torch.no_grad():
        layer.weight.copy_(kernel.flatten(1).expand_as(layer.weight))
        layer.bias.zero_()
    x = torch.randn(4, 2, 7, 6)
    torch.testing.assert_close(
        layer(x), F.conv2d(x, kernel, stride=(2, 1), padding=(1, 0)), rtol=1e-4, atol=1e-5
    )
    square = LocallyConnected2d(1, 1, (4, 4), 2, stride=2)
    assert square(torch.randn(2, 1, 4, 4)).shape == (2, 1, 2, 2)
    assert int(square.mask.sum()) == 16  # windows that do not overlap


def test_each_place_has_weights_of_its_own():
    layer = LocallyConnected1d(1, 1, length=5, kernel_size=2, bias=False)
    x = torch.randn(1, 1, 5)
    (gradient,) = torch.autograd.grad(layer(x)[0, 0, 2], layer.weight)
    assert (gradient[2] != 0).all()
    assert (gradient[[0, 1, 3]] == 0).all()


def test_on_an_image_of_height_one_a_line_is_an_image():
    layer = LocallyConnected2d(1, 2, (1, 5), (1, 3))
    x = torch.randn(3, 1, 1, 5)
    assert layer(x).shape == (3, 2, 1, 3)
    assert torch.equal(layer(x[:, :, 0]), layer(x)[:, :, 0])


# Masked, non-negative


def test_what_a_mask_removes_is_zero_and_stays_so():
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    layer = MaskedLinear(mask)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    x = torch.randn(8, 3)
    for _ in range(3):
        optimizer.zero_grad()
        layer(x).square().sum().backward()
        optimizer.step()
    assert (layer.weight[mask == 0] == 0).all()
    assert (layer.weight[mask == 1] != 0).all()
    torch.testing.assert_close(layer(x), x @ (layer.weight * mask).T + layer.bias)


def test_a_masked_neuron_starts_like_one_of_as_few_inputs():
    mask = torch.zeros(200, 100)
    mask[:, :4] = 1
    weights = MaskedLinear(mask).weight[:, :4].detach()
    assert weights.abs().max() <= 0.5  # 1 / √4
    # of 800 uniform numbers the spread has a standard error of 1.6 %
    assert math.isclose(weights.std(), 0.5 / math.sqrt(3), rel_tol=0.08)


@given(st.integers(0, 2**31))
@settings(deadline=None, max_examples=20)
def test_a_net_of_non_negative_weights_is_monotone(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(NonNegativeLinear(3, 8), nn.Tanh(), NonNegativeLinear(8, 2, bias=False))
    x, step = torch.randn(50, 3, dtype=torch.float64), torch.rand(50, 3, dtype=torch.float64)
    net.double()
    assert (net(x + step) >= net(x)).all()
    assert (net[0].weight > 0).all()
    assert net[0].weight.requires_grad
    assert (net[0].weight <= 2 / 3 + 1e-6).all()


# DropConnect


def test_without_an_activation_evaluation_is_the_linear_layer():
    layer = DropConnect(4, 3, p=0.25).eval()
    x = torch.randn(5, 4)
    assert torch.equal(layer(x), F.linear(x, layer.weight, layer.bias))
    assert layer.mask is None


@pytest.mark.parametrize(
    ("masks", "groups"), [("batch", 1), (1, 1), (4, 4), ("sample", 10), (99, 10)]
)
def test_each_group_of_rows_has_its_mask(masks, groups):
    layer = DropConnect(6, 5, p=0.5, masks=masks, activation="tanh")
    x = torch.randn(10, 6)
    y = layer(x)
    drawn = layer.mask if groups > 1 else layer.mask[None]
    assert drawn.shape == (groups, 5, 6)
    assert set(drawn.flatten().tolist()) == {0.0, 1.0}
    for rows, out, mask in zip(x.tensor_split(groups), y.tensor_split(groups), drawn, strict=True):
        weight = layer.weight * mask / 0.5
        torch.testing.assert_close(out, torch.tanh(F.linear(rows, weight, layer.bias)))


def test_no_gradient_goes_through_a_connection_that_was_dropped():
    layer = DropConnect(6, 5)
    layer(torch.rand(3, 6) + 1).sum().backward()
    assert torch.equal(layer.weight.grad != 0, layer.mask != 0)


def test_moments_are_those_of_the_distribution_over_masks():
    layer = DropConnect(8, 3, p=0.25, masks="sample", bias=True).double()
    x = torch.randn(1, 8, dtype=torch.float64)
    mean, std = layer.moments(x)
    n = 20_000
    with torch.no_grad():
        samples = layer(x.expand(n, 8))
    assert ((samples.mean(0) - mean).abs() <= 5 * std / math.sqrt(n)).all()
    torch.testing.assert_close(samples.std(0), std[0], rtol=0.05, atol=0)


def test_mean_of_relu_under_a_normal_distribution_is_the_closed_form():
    layer = DropConnect(8, 5, activation="relu").double().eval()
    x = torch.randn(20, 8, dtype=torch.float64)
    mean, std = layer.moments(x)
    normal = torch.distributions.Normal(0.0, 1.0)
    closed = mean * normal.cdf(mean / std) + std * normal.log_prob(mean / std).exp()
    assert ((layer(x) - closed).abs() <= 4e-3 * std).all()


def test_mean_of_a_smooth_activation_is_that_of_many_samples_of_the_normal_distribution():
    layer = DropConnect(8, 5, activation="tanh").double().eval()
    x = torch.randn(3, 8, dtype=torch.float64)
    mean, std = layer.moments(x)
    draws = torch.tanh(mean + std * torch.randn(20_000, *mean.shape, dtype=torch.float64))
    assert ((layer(x) - draws.mean(0)).abs() <= 5 * draws.std(0) / math.sqrt(20_000)).all()


def test_gaussian_moments_are_near_the_average_over_masks_where_plain_scaling_is_not():
    layer = DropConnect(200, 10, p=0.5, masks="sample", activation="relu")
    x = torch.randn(4, 200)
    with torch.no_grad():
        average = torch.stack([layer(row.expand(2000, 200)).mean(0) for row in x])
        plain = torch.relu(F.linear(x, layer.weight, layer.bias))
        gaussian = layer.eval()(x)
    assert (gaussian - average).abs().max() < 0.25 * (plain - average).abs().max()


def test_at_zero_inputs_a_gradient_is_finite():
    layer = DropConnect(3, 2, activation="tanh").eval()
    layer(torch.zeros(1, 3)).sum().backward()
    assert layer.weight.grad.isfinite().all()


def test_monte_carlo_prediction_drops_connections_too():
    net = nn.Sequential(DropConnect(3, 4, masks="sample", activation="tanh"), nn.Linear(4, 2))
    _, std = mc_predict(net, torch.randn(5, 3))
    assert (std > 0).all()


# Drawn


def edges(figure):
    return [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]


def test_only_the_connections_there_are_are_drawn():
    local = LocallyConnected1d(1, 1, length=6, kernel_size=3)
    net = nn.Sequential(local, nn.Tanh(), nn.Flatten(), nn.Linear(4, 1))
    assert [len(layer.get_segments()) for layer in edges(network(net))] == [12, 4]
    mask = torch.tensor([[1, 0], [0, 1], [1, 1]])
    assert len(edges(network(nn.Sequential(MaskedLinear(mask))))[0].get_segments()) == 4
    assert len(edges(network(nn.Sequential(NonNegativeLinear(2, 3))))[0].get_segments()) == 6


def test_dropped_connections_are_not_drawn_until_evaluation():
    layer = DropConnect(4, 4)
    layer(torch.randn(2, 4))
    net = nn.Sequential(layer)
    assert len(edges(network(net))[0].get_segments()) == int(layer.mask.sum())
    layer.eval()(torch.randn(2, 4))
    assert len(edges(network(net))[0].get_segments()) == 16


def test_shared_weights_share_a_colour():
    layer = Shared1d(1, 2, length=4, kernel_size=2)
    figure = network(nn.Sequential(layer), bias=True, values=True, max_nodes=10)
    (lines,) = edges(figure)
    colours = [tuple(colour) for colour in lines.get_colors()]
    by_number = [edge_colour(0.0, number) for number in (1, 2, 3, 4)]
    assert [colours.count(colour) for colour in by_number] == [3, 3, 3, 3]
    assert len(colours) == 12 + 6  # a bias for each of six neurons
    assert edge_colour(0.0, 7) == edge_colour(0.0, 1)  # six colours in turns
    assert len(CLASS_COLOURS) == 7


# Misuse


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: Shared1d(1, 1, 2, 3), ValueError, "does not fit"),
        (lambda: Shared1d(0, 1, 5, 3), ValueError, "channels must be at least 1"),
        (lambda: LocallyConnected1d(1, 1, 5, 3, stride=0), ValueError, "stride must be at least 1"),
        (lambda: LocallyConnected2d(1, 1, (5, 2.5), 2), TypeError, "input size must be a whole"),
        (lambda: Shared1d(1, 1, 5, 3)(torch.ones(2, 5)), ValueError, "each input must be 1×1×5"),
        (lambda: Shared1d(1, 1, 5, 3)(torch.ones(2, 1, 6)), ValueError, r"a batch \(2, 1, 6\)"),
        (lambda: MaskedLinear(torch.ones(3)), ValueError, r"\(out, in\) of 0 and 1"),
        (lambda: MaskedLinear(torch.full((2, 2), 0.5)), ValueError, "of 0 and 1"),
        (lambda: NonNegativeLinear(0, 1), ValueError, "in_features must be at least 1"),
        (lambda: DropConnect(2, 2, p=1.5), ValueError, "probability to drop"),
        (
            lambda: DropConnect(2, 2, p=1),
            ValueError,
            r"the probability to drop, must be in \[0, 1\), got 1",
        ),
        (lambda: DropConnect(2, 2, masks="row"), ValueError, "batch, sample"),
        (lambda: DropConnect(2, 2, masks=0), ValueError, "masks must be at least 1"),
        (lambda: DropConnect(2, 2, activation="rely"), ValueError, "relu"),
    ],
)
def test_misuse_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (Shared1d(1, 1, 5, 3), "5 → 3"),
        (NonNegativeLinear(3, 2), "in_features=3"),
        (DropConnect(3, 2, activation="relu"), "p=0.5, masks='batch', relu"),
    ],
)
def test_a_layer_tells_what_it_is(layer, says):
    assert says in repr(layer)


@pytest.mark.parametrize("masks", ["batch", "sample", 1, 3])
@pytest.mark.parametrize("activation", ["identity", "relu"])
@pytest.mark.parametrize("training", [True, False])
def test_dropconnect_of_no_rows(masks, activation, training):
    layer = DropConnect(3, 2, masks=masks, activation=activation).train(training)
    x = torch.zeros(0, 3, requires_grad=True)
    layer(x).sum().backward()
    assert layer(x).shape == (0, 2)
    assert x.grad.shape == (0, 3)


def test_a_mask_of_no_connections_at_all_is_refused():
    with pytest.raises(ValueError, match=r"mask must be \(out, in\).*\(0, 2\)"):
        MaskedLinear(torch.zeros(0, 2))
