"""Every row of the activation table against torch, autograd and the definition of its columns."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser
from torch import nn
from torch.nn import functional as F

from nnkit.activations import ACTIVATIONS, Activation, activation

REFERENCE = {
    "identity": lambda u: u,
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "softsign": F.softsign,
    "hardtanh": F.hardtanh,
    "softplus": F.softplus,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "prelu": lambda u: F.prelu(u, torch.tensor([0.25], dtype=u.dtype)),
    "gelu": F.gelu,
    "silu": F.silu,
}
GRID = torch.arange(-640, 641, dtype=torch.float64) / 128  # [-5, 5], with the kinks -1, 0, 1
FAR = torch.tensor([-1e4, -1e3, -100.0, -89.0, 0.0, 89.0, 100.0, 1e3, 1e4])

every = pytest.mark.parametrize("entry", ACTIVATIONS.values(), ids=ACTIVATIONS)


def slope_by_autograd(function, u):
    u = u.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(u).sum(), u)
    return slope


def test_the_table_is_complete():
    assert list(ACTIVATIONS) == list(REFERENCE)
    assert all(name == entry.name for name, entry in ACTIVATIONS.items())


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_function_equals_torch(entry: Activation, dtype):
    u = torch.cat([GRID, FAR.double()]).to(dtype)
    # torch's softplus is u from u = 20 on, which is off by ln(1 + e^-20) = 2e-9
    torch.testing.assert_close(entry.function(u), REFERENCE[entry.name](u), atol=3e-9, rtol=1e-6)


@every
def test_module_computes_the_function(entry: Activation):
    module = entry.module().double()
    torch.testing.assert_close(module(GRID), entry.function(GRID), atol=3e-9, rtol=1e-12)
    assert entry.module() is not entry.module()


@every
def test_derivative_equals_autograd(entry: Activation):
    by_autograd = slope_by_autograd(entry.function, GRID)
    torch.testing.assert_close(entry.derivative(GRID), by_autograd, atol=1e-14, rtol=1e-12)


@every
def test_derivative_equals_the_gradient_of_the_module(entry: Activation):
    by_autograd = slope_by_autograd(entry.module().double(), GRID)
    torch.testing.assert_close(entry.derivative(GRID), by_autograd, atol=3e-9, rtol=1e-8)


@every
@given(u=st.floats(-50, 50))
@settings(deadline=None, max_examples=50)
def test_derivative_is_the_limit_of_the_difference_quotient(entry: Activation, u):
    step = 1e-5
    if min(abs(u - kink) for kink in (-1, 0, 1)) <= step:
        return
    left, right = torch.tensor([u - step, u + step], dtype=torch.float64)
    quotient = (entry.function(right) - entry.function(left)) / (2 * step)
    # error: h''' step² / 6 < 1e-10, rounding about 50 * 2e-16 / step = 1e-9
    slope = entry.derivative(torch.tensor(u, dtype=torch.float64))
    torch.testing.assert_close(slope, quotient, atol=2e-9, rtol=1e-9)


@every
def test_nothing_overflows(entry: Activation):
    assert entry.function(FAR).isfinite().all()
    assert entry.derivative(FAR).isfinite().all()
    assert slope_by_autograd(entry.function, FAR).isfinite().all()


@every
def test_dtype_and_shape_are_kept(entry: Activation):
    u = torch.randn(2, 3, dtype=torch.float32)
    for values in (entry.function(u), entry.derivative(u)):
        assert values.dtype == u.dtype
        assert values.shape == u.shape


@every
def test_range(entry: Activation):
    low, high = entry.range
    u = torch.cat([GRID, torch.linspace(-1e4, 1e4, 20001, dtype=torch.float64)])
    h = entry.function(u)
    assert low <= h.min()
    assert h.max() <= high
    # the ends are approached: softsign is within 1 / (1 + 1e4) of them
    if math.isinf(low):
        assert h.min() <= -100  # leaky ReLU falls with slope 0.01
    else:
        assert h.min() - low < 1e-3
    assert h.max() >= 1e4 if math.isinf(high) else high - h.max() < 1e-3


@every
def test_the_ends_of_the_range_are_reached_where_said(entry: Activation):
    # the least values of GELU and SiLU lie at -0.75 and -1.28; on |u| <= 5 nothing rounds to an
    # end that is only approached. Between points 1e-3 apart a minimum h'' ~ 1 is missed by < 1e-6
    h = entry.function(torch.linspace(-5, 5, 10001, dtype=torch.float64))
    for end, reached, nearest in zip(entry.range, entry.closed, (h.min(), h.max()), strict=True):
        assert reached == (math.isfinite(end) and abs(nearest - end) < 1e-6)


def test_the_least_values_of_gelu_and_silu_are_exact():
    for name, near in (("gelu", -0.7517915246935645), ("silu", -1.2784645427610738)):
        entry, u = ACTIVATIONS[name], torch.tensor(near, dtype=torch.float64)
        assert abs(entry.derivative(u)) < 1e-12
        assert entry.function(u).item() == pytest.approx(entry.range[0], abs=1e-15)


@every
def test_odd_or_not(entry: Activation):
    symmetric = torch.equal(entry.function(-GRID), -entry.function(GRID))
    assert symmetric == entry.odd


@every
def test_saturates_where_it_says(entry: Activation):
    slopes = entry.derivative(torch.tensor([-1e3, 1e3], dtype=torch.float64)).abs()
    vanishes = (slopes < 1e-5).tolist()  # softsign's slope there is 1e-6, the leak 1e-2
    expected = {
        "nowhere": [False, False],
        "left": [True, False],
        "right": [False, True],
        "both sides": [True, True],
    }
    assert vanishes == expected[entry.saturates]


@every
def test_every_column_of_the_table_is_filled(entry: Activation):
    assert entry.used
    for formula in (entry.latex, entry.derivative_latex, entry.range_latex):
        assert formula
        assert "|" not in formula  # it would end the cell of a Markdown table
        MathTextParser("path").parse(f"${formula}$")  # raises where the LaTeX is wrong


def test_tanh_is_a_rescaled_sigmoid():
    sigmoid, tanh = ACTIVATIONS["sigmoid"].function, ACTIVATIONS["tanh"].function
    torch.testing.assert_close(tanh(GRID), 2 * sigmoid(2 * GRID) - 1, atol=1e-15, rtol=0)


def test_softplus_survives_where_its_formula_overflows():
    u = torch.tensor(100.0)
    assert torch.log(1 + torch.exp(u)).isinf()
    assert ACTIVATIONS["softplus"].function(u) == 100


def test_slopes_in_saturation_keep_their_digits():
    u = torch.tensor(40.0, dtype=torch.float64)  # σ and tanh round to 1 here
    sigmoid, tanh = (ACTIVATIONS[name].derivative(u).item() for name in ("sigmoid", "tanh"))
    assert sigmoid == pytest.approx(math.exp(-40), rel=1e-12, abs=0)
    assert tanh == pytest.approx(4 * math.exp(-80), rel=1e-12, abs=0)


def test_prelu_learns_its_slope():
    module = ACTIVATIONS["prelu"].module()
    assert [p.numel() for p in module.parameters()] == [1]
    module(torch.tensor([-2.0])).sum().backward()
    assert next(module.parameters()).grad.item() == -2
    learnable = [n for n, a in ACTIVATIONS.items() if list(a.module().parameters())]
    assert learnable == ["prelu"]


@pytest.mark.parametrize(
    ("name", "interval"),
    [
        ("identity", r"(-\infty, \infty)"),
        ("sigmoid", "(0, 1)"),
        ("hardtanh", "[-1, 1]"),
        ("relu", r"[0, \infty)"),
        ("gelu", r"[-0.17, \infty)"),
        ("silu", r"[-0.278, \infty)"),
    ],
)
def test_range_as_an_interval(name, interval):
    assert activation(name).range_latex == interval


def test_lookup_by_name():
    assert activation("relu") is ACTIVATIONS["relu"]
    assert isinstance(activation("relu").module(), nn.ReLU)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"unknown activation 'Relu'.*gelu.*did you mean 'relu'"):
        activation("Relu")
    with pytest.raises(ValueError, match="allowed are identity, sigmoid"):
        activation(None)
