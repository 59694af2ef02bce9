"""A loss that would compare row i with row j is refused; one that compares row with row is not."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnkit.sweep import sweep
from nnkit.training import fit
from nnkit.training._probe import AlignmentCheck, Misaligned

# Each of (output, target) of one shape; targets are in (0, 1)
ELEMENTWISE = {
    "square by hand": lambda o, t: (o - t).square().mean(),
    "square": F.mse_loss,
    "absolute": F.l1_loss,
    "Huber": F.huber_loss,
    "smooth": F.smooth_l1_loss,
    "Poisson": F.poisson_nll_loss,
    "module": nn.PoissonNLLLoss(full=True),
    "Gaussian": lambda o, t: F.gaussian_nll_loss(o, t, torch.ones_like(o)),
    "Kullback-Leibler": partial(F.kl_div, reduction="batchmean"),
    "binary": F.binary_cross_entropy_with_logits,
    "logistic by hand": lambda o, t: -(t * F.logsigmoid(o) + (1 - t) * F.logsigmoid(-o)).mean(),
    "soft margin": F.soft_margin_loss,
    "hinge": lambda o, t: (1 - o * t).clamp(min=0).mean(),
    "pinball": lambda o, t: torch.where(t > o, 0.9 * (t - o), 0.1 * (o - t)).mean(),
    "log-cosh": lambda o, t: (o - t).cosh().log().mean(),
    "distance": torch.dist,
    "a distribution": lambda o, t: -torch.distributions.Normal(o, 1.0).log_prob(t).mean(),
    "in float64": lambda o, t: (o.double() - t.double()).square().mean(),
    "weighted": lambda o, t: ((o - t).square() * (1 + t)).mean(),
    "by sorting": lambda o, t: (o.sort(0).values - t.sort(0).values).abs().mean(),
    "cosine": lambda o, t: 1 - F.cosine_similarity(o, t).mean(),
}


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(ELEMENTWISE)),
    rows=st.integers(2, 9),
    more=st.lists(st.integers(1, 3), max_size=2),
    long_target=st.booleans(),
)
@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
def test_no_loss_of_elements_may_repeat_rows(name, rows, more, long_target):
    shapes = [(rows, *more), (rows, *more, 1)]
    output, target = (torch.rand(shape) for shape in (shapes if long_target else shapes[::-1]))
    loss = ELEMENTWISE[name]
    try:
        silently = loss(output, target)
        right = loss(output, target.reshape(output.shape))
    except (RuntimeError, ValueError, IndexError):  # torch refuses by itself
        return
    model = nn.Sequential(nn.Unflatten(1, output.shape[1:]) if more or output.ndim > 1
                          else nn.Flatten(0), nn.Softplus())  # fmt: skip
    wide = nn.Sequential(nn.Linear(output[0].numel(), output[0].numel()), model)
    if torch.allclose(silently, right):  # equal by shape, as with one row's worth of elements
        return
    before = [p.clone() for p in wide.parameters()]
    with pytest.raises((ValueError, TypeError), match="data: the loss cannot compare an output"):
        fit(wide, (output.reshape(rows, -1), target), loss=loss, epochs=1, batch_size=rows)
    assert all(map(torch.equal, wide.parameters(), before))


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3), (5, 2, 2), (1, 1), (3, 3)])
def test_equal_shapes_are_compared(name, shape):
    output, target = torch.rand(shape), torch.rand(shape)
    if name == "cosine" and len(shape) == 1:
        return
    with AlignmentCheck(output, target, strict=True):
        value = ELEMENTWISE[name](output, target)
    assert value.ndim == 0


N = 5
OTHERS = {
    "cross-entropy": F.cross_entropy,
    "weighted": lambda o, t: F.cross_entropy(o, t, weight=torch.ones(N)),
    "smoothed": lambda o, t: F.cross_entropy(o, t, label_smoothing=0.1),
    "margin": F.multi_margin_loss,
    "by gathering": lambda o, t: -o.log_softmax(1).gather(1, t[:, None]).mean(),
    "by index": lambda o, t: -o.log_softmax(1)[torch.arange(len(o)), t].mean(),
    "one-hot": lambda o, t: (o - F.one_hot(t, N)).square().mean(),
    "Crammer and Singer": lambda o, t: (1 + o - o.gather(1, t[:, None])).clamp(min=0).mean(),
    "contrastive": lambda o, t: ((o @ o.T) * (t[:, None] == t)).mean(),
    "centred": lambda o, t: (o - t.float().mean()).square().mean(),
    "a prior over classes": lambda o, t: F.cross_entropy(o + torch.ones(N).log(), t),
    "weights of rows": lambda o, t: (F.cross_entropy(o, t, reduction="none") * (1 + t)).mean(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_losses_of_labels_are_compared_even_with_as_many_rows_as_classes(name):
    with AlignmentCheck(output := torch.randn(N, N), target := torch.arange(N)):
        assert OTHERS[name](output, target).ndim == 0


def test_one_target_for_several_outputs_of_its_row_is_left_to_a_loss_of_ones_own():
    output, target = torch.rand(4, 3), torch.rand(4, 1)
    quantiles = lambda o, t: (o - t).abs().mean()  # noqa: E731
    with AlignmentCheck(output, target):
        quantiles(output, target)
    with AlignmentCheck(output, target, strict=True), pytest.raises(Misaligned, match=r"\(4, 1\)"):
        quantiles(output, target)
    with pytest.raises(
        ValueError, match=r"cannot compare .*\(4, 3\).*\(4, 1\)"
    ):  # torch's own are strict
        fit(nn.Linear(3, 3), (torch.rand(4, 3), target), loss=F.poisson_nll_loss, epochs=1)


def test_the_value_that_was_silently_wrong():
    X = torch.randn(40, 4)
    y = X.exp().sum(1)
    model = nn.Linear(4, 1)
    wrong, right = (F.poisson_nll_loss(model(X), t).item() for t in (y, y[:, None]))
    assert not math.isclose(wrong, right, rel_tol=1e-3)
    for data, validation in (((X, y), None), ((X, y[:, None]), (X, y))):
        with pytest.raises(ValueError, match=r"Hint: y.unsqueeze\(1\)"):
            fit(model, data, loss=F.poisson_nll_loss, validation=validation, epochs=1)
    with pytest.raises(ValueError, match=r"Hint: y.unsqueeze\(1\)"):
        sweep(
            lambda seed: nn.Linear(4, 1), (X, y), loss=F.poisson_nll_loss, grid={"lr": [0.1, 0.2]}
        )


class Wrapped(nn.Module):
    """A model whose output is an object that holds tensors."""

    def __init__(self, wrap):
        super().__init__()
        self.layer, self.wrap = nn.Linear(4, 1), wrap

    def forward(self, x):
        return self.wrap(self.layer(x))


class Output:
    def __init__(self, mean):
        self.mean = mean


OBJECTS = {
    "a distribution": (lambda o: torch.distributions.Normal(o, 1.0), lambda d, t: -d.log_prob(t)),
    "in another": (
        lambda o: torch.distributions.LogNormal(o, 1.0),
        lambda d, t: -d.log_prob(t),
    ),
    "an object": (Output, lambda o, t: (o.mean - t).square()),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_outputs_that_are_objects_are_followed_too(name):
    wrap, each = OBJECTS[name]
    X, y = torch.randn(12, 4), torch.rand(12)
    options = {"loss": lambda o, t: each(o, t).mean(), "epochs": 1}
    with pytest.raises(ValueError, match=r"\(12, 1\) and \(12,\) meet element by element"):
        fit(Wrapped(wrap), (X, y), **options)
    assert len(fit(Wrapped(wrap), (X, y[:, None]), **options)) == 1
