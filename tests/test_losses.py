"""Losses against scikit-learn, torch, loops by hand and the laws that define them."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn import functional as F

from nnkit.losses import hinge, multiclass_hinge, softmax

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what a peer warns of on import is not ours
    from sklearn.metrics import hinge_loss

KINDS = ("crammer-singer", "weston-watkins")
real = st.floats(-1e3, 1e3, width=32)


def rows_of_scores(classes=(2, 6)):
    shapes = st.tuples(st.integers(1, 8), st.integers(*classes))
    return shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=real))


def draw_targets(scores, seed):
    return torch.from_numpy(np.random.default_rng(seed).integers(scores.shape[1], size=len(scores)))


def by_hand(scores, target, margin, kind):
    total = 0.0
    for f, y in zip(scores.tolist(), target.tolist(), strict=True):
        margins = [max(0.0, margin + f[c] - f[y]) for c in range(len(f)) if c != y]
        total += max(margins) if kind == "crammer-singer" else sum(margins)
    return total / len(scores)


# Binary hinge


def test_hinge_equals_scikit_learn():
    scores = torch.randn(100, dtype=torch.float64)
    target = torch.where(torch.rand(100) < 0.5, 1.0, -1.0)
    expected = hinge_loss(target.numpy(), scores.numpy())
    assert hinge(scores, target).item() == pytest.approx(expected, rel=1e-12)


@given(rows_of_scores((1, 1)), st.floats(0, 5))
@settings(deadline=None)
def test_hinge_equals_its_formula(scores, margin):
    target = np.where(np.arange(len(scores)) % 2, 1, -1)[:, None]
    expected = np.maximum(0, margin - target * scores).mean()
    value = hinge(torch.from_numpy(scores), torch.from_numpy(target), margin)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_hinge_is_zero_beyond_the_margin_and_its_gradient_too():
    scores = torch.tensor([1.0, 3.0, -1.5], requires_grad=True)
    loss = hinge(scores, torch.tensor([1, 1, -1]))
    loss.backward()
    assert loss == 0
    assert not scores.grad.any()


def test_hinge_pulls_every_score_within_the_margin_equally():
    scores = torch.tensor([0.9, -5.0, 0.0, 2.0], requires_grad=True)
    hinge(scores, torch.tensor([1, 1, -1, 1])).backward()
    assert scores.grad.tolist() == [-0.25, -0.25, 0.25, 0.0]


@pytest.mark.parametrize("bad", [0, 2, -2])
def test_hinge_refuses_other_labels(bad):
    with pytest.raises(ValueError, match=rf"-1 or \+1, got {bad}; labels 0 and 1 become"):
        hinge(torch.zeros(3), torch.tensor([1, bad, -1]))


def test_hinge_refuses_a_boolean_target():
    with pytest.raises(ValueError, match=r"-1 or \+1, got False"):
        hinge(torch.zeros(2), torch.tensor([True, False]))


def test_hinge_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"\(3, 1\) and target \(3,\).*target\[:, None\]"):
        hinge(torch.zeros(3, 1), torch.ones(3))


# Multiclass hinge


@pytest.mark.parametrize("kind", KINDS)
@given(scores=rows_of_scores(), seed=st.integers(0, 99), margin=st.floats(0, 5))
@settings(deadline=None)
def test_multiclass_hinge_equals_a_loop(kind, scores, seed, margin):
    scores = torch.from_numpy(scores)
    target = draw_targets(scores, seed)
    value = multiclass_hinge(scores, target, margin, kind)
    assert value.item() == pytest.approx(by_hand(scores, target, margin, kind), rel=1e-9, abs=1e-9)


def test_crammer_singer_equals_scikit_learn():
    scores = torch.randn(60, 4, dtype=torch.float64)
    target = torch.arange(60) % 4
    expected = hinge_loss(target.numpy(), scores.numpy(), labels=range(4))
    assert multiclass_hinge(scores, target).item() == pytest.approx(expected, rel=1e-12)


def test_weston_watkins_equals_torch_up_to_its_division_by_the_classes():
    scores, target = torch.randn(60, 4, dtype=torch.float64), torch.arange(60) % 4
    value = multiclass_hinge(scores, target, 2.0, "weston-watkins")
    torch.testing.assert_close(value, 4 * F.multi_margin_loss(scores, target, margin=2.0))


@pytest.mark.parametrize("kind", KINDS)
def test_two_classes_are_the_binary_hinge_of_the_difference(kind):
    scores, target = torch.randn(50, 2), torch.arange(50) % 2
    binary = hinge(scores[:, 1] - scores[:, 0], 2 * target - 1)
    torch.testing.assert_close(multiclass_hinge(scores, target, kind=kind), binary)


@pytest.mark.parametrize("kind", KINDS)
def test_multiclass_gradient_equals_finite_differences(kind):
    scores = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    target = torch.arange(7) % 5
    assert torch.autograd.gradcheck(lambda f: multiclass_hinge(f, target, 1.0, kind), scores)


def test_multiclass_hinge_takes_small_whole_numbers():
    scores, target = torch.randn(6, 3), torch.arange(6) % 3
    small = multiclass_hinge(scores, target.to(torch.uint8))
    torch.testing.assert_close(small, multiclass_hinge(scores, target))


@pytest.mark.parametrize(
    ("scores", "target", "error", "message"),
    [
        (torch.zeros(3), torch.zeros(3).long(), ValueError, r"\(N, C\)"),
        (torch.zeros(3, 1), torch.zeros(3).long(), ValueError, "C >= 2"),
        (torch.zeros(3, 2), torch.zeros(3, 2).long(), ValueError, r"got \(3, 2\) and \(3, 2\)"),
        (torch.zeros(3, 2), torch.zeros(2).long(), ValueError, r"got \(3, 2\) and \(2,\)"),
        (torch.zeros(3, 2), torch.zeros(3), TypeError, r"float32; use target.long\(\)"),
        (torch.zeros(3, 2), torch.tensor([0, 1, 2]), ValueError, r"0\.\.1, got 2"),
        (torch.zeros(3, 2), torch.tensor([0, 1, -1]), ValueError, r"0\.\.1, got -1"),
    ],
)
def test_multiclass_hinge_refuses(scores, target, error, message):
    with pytest.raises(error, match=message):
        multiclass_hinge(scores, target)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="did you mean 'crammer-singer'"):
        multiclass_hinge(torch.zeros(1, 2), torch.tensor([0]), kind="crammer")


@pytest.mark.parametrize("margin", [-1.0, math.nan, math.inf])
def test_a_margin_must_be_finite_and_not_negative(margin):
    with pytest.raises(ValueError, match="margin must be finite and at least 0"):
        hinge(torch.zeros(1), torch.ones(1), margin)
    with pytest.raises(ValueError, match="margin must be finite and at least 0"):
        multiclass_hinge(torch.zeros(1, 2), torch.tensor([0]), margin)


# Softmax with a temperature


@given(rows_of_scores(), st.floats(0.1, 100))
@settings(deadline=None)
def test_softmax_is_a_distribution_in_the_order_of_the_scores(scores, temperature):
    p = softmax(torch.from_numpy(scores), temperature)
    assert (p >= 0).all()
    torch.testing.assert_close(p.sum(-1), torch.ones(len(scores), dtype=torch.float64))
    order = np.argsort(scores, axis=1)
    assert (np.diff(np.take_along_axis(p.numpy(), order, axis=1)) >= 0).all()


@given(rows_of_scores(), st.floats(0.1, 100), st.floats(-1e3, 1e3))
@settings(deadline=None)
def test_softmax_laws(scores, temperature, shift):
    f = torch.from_numpy(scores)
    p = softmax(f, temperature)
    torch.testing.assert_close(p, torch.softmax(f / temperature, -1), atol=1e-9, rtol=1e-6)
    torch.testing.assert_close(softmax(f + shift, temperature), p, atol=1e-9, rtol=1e-6)
    torch.testing.assert_close(softmax(f * temperature, temperature), softmax(f), atol=1e-9, rtol=0)


def test_temperature_moves_from_argmax_to_uniform():
    f = torch.tensor([2.0, 1.0, 0.0])
    assert softmax(f, 1e-3).tolist() == [1, 0, 0]
    torch.testing.assert_close(softmax(f, 1e6), torch.full((3,), 1 / 3))
    entropies = [-(p * p.log()).sum().item() for p in (softmax(f, t) for t in (0.5, 1.0, 2.0, 8.0))]
    assert entropies == sorted(entropies)


@pytest.mark.parametrize("temperature", [1e-40, 1e-3, 1.0, 1e30])
def test_softmax_is_stable_at_large_scores(temperature):
    f = torch.tensor([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0]])
    p = softmax(f, temperature)
    assert p.isfinite().all()
    torch.testing.assert_close(p[1], torch.full((3,), 1 / 3))


def test_softmax_gradient_equals_finite_differences():
    f = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: softmax(f, 0.7), f)


@pytest.mark.parametrize("temperature", [0, -1.0, math.nan, math.inf])
def test_softmax_refuses_a_temperature_that_is_not_positive(temperature):
    with pytest.raises(ValueError, match=r"temperature must be"):
        softmax(torch.zeros(2), temperature)


def test_a_number_is_wanted():
    with pytest.raises(TypeError, match="temperature must be a number, got '1'"):
        softmax(torch.zeros(2), "1")


# Under torch's transforms


@pytest.mark.parametrize(
    ("loss", "target"),
    [(hinge, torch.tensor([[1.0, -1.0, 1.0]] * 5)), (multiclass_hinge, torch.arange(5) % 3)],
)
def test_losses_compile_and_vectorise(loss, target):
    scores = torch.randn(5, 3)
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(scores, target), loss(scores, target))
    many = torch.randn(4, 5, 3)
    targets = target.expand(4, *target.shape)
    expected = torch.stack([loss(f, target) for f in many])
    torch.testing.assert_close(torch.vmap(loss)(many, targets), expected)
    torch.testing.assert_close(torch.vmap(loss, (0, None))(many, target), expected)


@given(
    scores=st.lists(st.floats(-6e4, 6e4, width=16), min_size=1, max_size=5),
    exponent=st.floats(-300, 300),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
    masked=st.booleans(),
)
@settings(deadline=None)
def test_softmax_of_any_float_type_at_any_temperature(scores, exponent, dtype, masked):
    f = torch.tensor([*scores, -math.inf] if masked else scores).to(dtype)
    exact = [math.exp((float(v) - float(f.max())) / 10**exponent) for v in f]
    exact = torch.tensor(exact, dtype=torch.float64) / sum(exact)
    p = softmax(f, 10**exponent)
    assert p.dtype == dtype
    small = torch.finfo(dtype).eps + 1e-6
    torch.testing.assert_close(p.double(), exact, rtol=0, atol=small)


def test_softmax_of_scores_whose_distance_overflows():
    for dtype, edge in ((torch.float16, 65504.0), (torch.float32, 3e38), (torch.float64, 1.7e308)):
        f = torch.tensor([edge, -edge], dtype=dtype)
        assert softmax(f, 1.0).tolist() == [1, 0]
        assert softmax(f, 1e-30).tolist() == [1, 0]
        torch.testing.assert_close(softmax(f, edge), torch.tensor([2.0, 0], dtype=dtype).softmax(0))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_scores_that_are_no_floats_are_refused(dtype):
    scores, y = torch.ones(2, 2).to(dtype), torch.tensor([0, 1])
    for loss in (softmax, lambda f: hinge(f, f), lambda f: multiclass_hinge(f, y)):
        with pytest.raises(TypeError, match="scores must be floats, got"):
            loss(scores)
    with pytest.raises(TypeError, match="class numbers"):
        multiclass_hinge(torch.ones(2, 2), y + 0j)


def test_bytes_are_no_minus_ones():
    scores = torch.tensor([0.5, -2.0])
    with pytest.raises(ValueError, match=r"-1 or \+1, got 255"):
        hinge(scores, torch.tensor([1, 255], dtype=torch.uint8))
    assert hinge(scores, torch.tensor([1, -1], dtype=torch.int8)) == 0.25
