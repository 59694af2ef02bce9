"""Penalties against closed forms and scikit-learn; proximal steps and constraints in training."""

import math
import warnings
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from torch import nn

from nnkit.augment import images, speech
from nnkit.layers import DropConnect, MaskedLinear
from nnkit.models import MLP
from nnkit.pruning import finalize, prune_weights
from nnkit.regularizers import (
    L1,
    L2,
    GaussianMixturePrior,
    GradientPenalty,
    GroupLasso,
    InputNoise,
    MaxNorm,
    NonNegative,
    ScaleL1,
    SoftSharing,
    largest_slope,
    lipschitz_bound,
)
from nnkit.regularizers._groups import proximal_rows
from nnkit.training import Checkpoint, fit
from nnkit.training._optimizers import FusedAdam

N, D = 60, 8
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(N, D, generator=GENERATOR, dtype=torch.float64)
TRUE = torch.tensor([2.0, -1.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
Y = X @ TRUE + 0.7 + 0.3 * torch.randn(N, generator=GENERATOR, dtype=torch.float64)


def neuron():
    model = nn.Linear(D, 1).double()
    with torch.no_grad():
        model.weight.fill_(0.1)
        model.bias.zero_()
    return model


def trained(regularizer, optimizer=torch.optim.SGD, lr=0.1, epochs=400, model=None, **options):
    """A linear neuron after steps on all rows at once, enough of them to converge."""
    model = neuron() if model is None else model
    fit(
        model,
        (X, Y[:, None]),
        loss=F.mse_loss,
        regularizer=regularizer,
        optimizer=optimizer,
        lr=lr,
        epochs=epochs,
        batch_size=N,
        progress=False,
        **options,
    )
    return model


# The mean squared error divides by N, scikit-learn's ridge does not and its lasso by 2 N.
REFERENCES = {
    "ridge": (L2(0.2), Ridge(alpha=N * 0.2)),
    "lasso": (L1(0.3), Lasso(alpha=0.3 / 2, tol=1e-10)),
    "elastic net": (
        L1(0.24) + L2(0.06),
        ElasticNet(alpha=0.24 / 2 + 0.06, l1_ratio=0.12 / 0.18, tol=1e-10),
    ),
}
# Adam's last steps hop about as far as its step size, so that one falls
OPTIMIZERS = {
    "sgd": {"optimizer": torch.optim.SGD},
    "momentum": {"optimizer": partial(torch.optim.SGD, momentum=0.8, nesterov=True), "lr": 0.02},
    "dampened": {"optimizer": partial(torch.optim.SGD, momentum=0.8, dampening=0.5), "lr": 0.05},
    "fused adam": {"optimizer": None, "lr": 0.02, "epochs": 900},
    "adam": {"optimizer": torch.optim.Adam, "lr": 0.02, "epochs": 900},
    "adamw": {
        "optimizer": partial(torch.optim.AdamW, weight_decay=0.0), "lr": 0.02, "epochs": 900
    },
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize(("regularizer", "reference"), REFERENCES.values(), ids=REFERENCES)
def test_a_linear_neuron_is_what_scikit_learn_finds(regularizer, reference, options):
    model = trained(regularizer, **options)
    reference.fit(X.numpy(), Y.numpy())
    found = model.weight.detach().squeeze().numpy()
    np.testing.assert_allclose(found, reference.coef_, atol=1e-3)
    np.testing.assert_allclose(model.bias.item(), reference.intercept_, atol=1e-3)
    assert ((found == 0) == (reference.coef_ == 0)).all()
    assert 0 < (reference.coef_ == 0).sum() < D or isinstance(reference, Ridge)


def test_a_subgradient_gives_the_same_solution_but_no_zeros():
    found = trained(L1(0.3, proximal=False), lr=0.01, epochs=1500).weight.detach().squeeze()
    reference = Lasso(alpha=0.15, tol=1e-10).fit(X.numpy(), Y.numpy())
    np.testing.assert_allclose(found.numpy(), reference.coef_, atol=0.01)  # it hops by lr λ
    assert not (found == 0).any()


@pytest.mark.parametrize("eps", [1e-8, 0.5])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, FusedAdam])
def test_the_proximal_step_is_soft_thresholding_by_the_optimisers_own_step(optimizer, eps):
    lr, lam, made = 0.05, 0.7, []
    options = {} if optimizer is torch.optim.SGD else {"eps": eps}

    def factory(params, lr):
        made.append(optimizer(params, lr=lr, **options))
        return made[-1]

    bare = trained(None, optimizer=factory, lr=lr, epochs=1)
    threshold = torch.full_like(bare.weight, lr * lam)
    if options:
        v = made[0].state[bare.weight]["exp_avg_sq"] / (1 - 0.999)
        threshold = lr * lam / (v.sqrt() + eps)
    expected = soft(bare.weight.detach(), threshold)
    model = trained(L1(lam), optimizer=factory, lr=lr, epochs=1)
    torch.testing.assert_close(model.weight.detach(), expected)


def soft(w, threshold):
    return w.sign() * (w.abs() - threshold).clamp(min=0)


def test_steps_after_the_optimisers_come_in_the_order_that_makes_them_one():
    """First L1, then groups, then constraints, in whatever order they are added."""
    lr, model = 0.1, lambda: MLP([D, 3, 1], seed=0).double()
    penalties = [L1(0.05), GroupLasso(0.02), MaxNorm(0.3)]
    w = trained(None, lr=lr, epochs=1, model=model()).layers[0].weight.detach()
    w = soft(w, lr * 0.05)
    norms = w.norm(dim=1, keepdim=True)
    w = w * (1 - lr * 0.02 * D**0.5 / norms).clamp(min=0)
    w = w * (0.3 / w.norm(dim=1, keepdim=True)).clamp(max=1)
    for order in (penalties, penalties[::-1]):
        found = trained(sum(order), lr=lr, epochs=1, model=model()).layers[0].weight.detach()
        torch.testing.assert_close(found, w)


def test_what_the_optimiser_does_not_move_is_not_shrunk():
    model = MLP([D, 3, 1], seed=0).double()
    before = model.layers[0].weight.detach().clone()
    sgd = torch.optim.SGD(model.layers[1].parameters(), lr=0.1)
    trained(L1(0.5) + MaxNorm(0.01), optimizer=sgd, model=model, epochs=1)
    assert torch.equal(model.layers[0].weight, before)
    assert model.layers[1].weight.norm() <= 0.01 + 1e-9


def test_the_threshold_is_right_after_a_resumed_run(tmp_path):
    def train(epochs, path):
        options = {"callbacks": [Checkpoint(path)], "resume": path, "seed": 0}
        return trained(L1(0.3), optimizer=None, epochs=epochs, **options).weight

    train(3, tmp_path / "a.pt")
    assert torch.equal(train(6, tmp_path / "a.pt"), train(6, tmp_path / "b.pt"))


@pytest.mark.parametrize(
    ("optimizer", "given"),
    [
        (torch.optim.RMSprop, "RMSprop"),
        (torch.optim.LBFGS, "LBFGS"),
        (partial(torch.optim.Adam, amsgrad=True), "Adam with amsgrad"),
        (partial(torch.optim.SGD, maximize=True), "SGD with maximize"),
    ],
)
@pytest.mark.parametrize("penalty", [L1, GroupLasso])
def test_other_optimisers_are_refused_with_the_reason(optimizer, given, penalty):
    model = neuron()
    with pytest.raises(ValueError, match=rf"{penalty.__name__} takes .* not for {given}. Hint"):
        trained(L2(0.1) + penalty(0.1), optimizer=optimizer, model=model)
    assert torch.equal(model.weight, neuron().weight)
    if given == "RMSprop":
        trained(penalty(0.1, proximal=False), optimizer=optimizer, epochs=1)


@pytest.mark.parametrize("adam", [False, True])
@pytest.mark.parametrize("dim", [0, 1])
def test_group_lasso_gives_whole_groups_of_zeros_and_meets_its_conditions(adam, dim):
    lam = 0.25
    model = nn.Linear(D, 3).double()
    nn.init.constant_(model.weight, 0.1)
    target = torch.stack([Y, 0.02 * Y, -Y], 1)
    options = {"optimizer": None, "lr": 0.02} if adam else {"optimizer": torch.optim.SGD, "lr": 0.1}
    fit(
        model,
        (X, target),
        loss=lambda f, y: 3 * F.mse_loss(f, y),
        regularizer=GroupLasso(lam, dim=dim),
        epochs=1500,
        batch_size=N,
        **options,
    )
    loss = 3 * F.mse_loss(model(X), target)
    (slope,) = torch.autograd.grad(loss, model.weight)
    w = model.weight.detach()
    rows, slopes = (w, slope) if dim == 0 else (w.T, slope.T)
    pull = lam * rows.shape[1] ** 0.5
    zero = (rows == 0).all(1)
    assert 0 < zero.sum() < len(rows)
    assert not ((rows == 0).any(1) & ~zero).any()
    assert (slopes[zero].norm(dim=1) <= pull * (1 + 1e-6)).all()
    kept = rows[~zero]
    torch.testing.assert_close(
        slopes[~zero], -pull * kept / kept.norm(dim=1, keepdim=True), rtol=1e-3, atol=1e-3
    )


@settings(deadline=None, max_examples=60)
@given(
    size=st.integers(1, 6),
    by=st.floats(1e-3, 5.0),
    spread=st.floats(0.0, 4.0),
    seed=st.integers(0, 10),
)
def test_the_proximal_step_of_a_group_solves_its_equation(size, by, spread, seed):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(5, size, generator=generator, dtype=torch.float64)
    scale = torch.exp(spread * torch.randn(5, size, generator=generator, dtype=torch.float64))
    w = proximal_rows(z, by, scale)
    norms = w.norm(dim=1, keepdim=True)
    kept = (norms > 0).squeeze(1)
    assert torch.equal(kept, (scale * z).norm(dim=1) > by)
    stationary = scale * (w - z) + by * w / norms
    assert (stationary[kept].abs() <= 1e-6 * (scale * z).abs().amax(1)[kept, None]).all()


def test_group_lasso_acts_on_the_channels_of_a_convolution():
    conv = nn.Conv2d(2, 3, 3).double()
    rows = conv.weight.detach().flatten(1)
    torch.testing.assert_close(GroupLasso(2.0)(conv).detach(), 2 * 18**0.5 * rows.norm(dim=1).sum())


def test_l1_on_the_scales_of_normalisation_prunes_channels():
    model = MLP([D, 6, 1], norm="batch", seed=0).double()
    trained(ScaleL1(0.5), model=model, optimizer=None, lr=0.05, epochs=150)
    norm = model.after[0][0]
    assert (norm.weight == 0).any()
    assert not (model.layers[0].weight == 0).any()
    assert [t.name for t in ScaleL1(1.0).terms(model)] == ["after.0.0.weight"]


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.RMSprop, torch.optim.LBFGS])
def test_constraints_hold_after_every_step(optimizer):
    model = MLP([D, 5, 1], seed=1).double()
    history = trained(
        MaxNorm(0.6) + NonNegative(), optimizer=optimizer, lr=0.05, model=model, epochs=5
    )
    del history
    for layer in model.layers:
        assert (layer.weight >= 0).all()
        assert (layer.weight.norm(dim=1) <= 0.6 * (1 + 1e-9)).all()
    assert model.layers[0].weight.norm(dim=1).max() > 0.5, "it is the limit that holds them"


def test_a_norm_within_the_limit_stays_bit_for_bit_and_zero_is_no_problem():
    model = nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]]))
    for limit, factor in ((5.5, 1.0), (2.5, 0.5)):
        wanted = model.weight.detach() * factor
        MaxNorm(limit).project(model)
        torch.testing.assert_close(model.weight.detach(), wanted)
    MaxNorm(1.0, dim=1).project(model)
    assert (model.weight.norm(dim=0) <= 1 + 1e-6).all()


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 30), groups=st.integers(1, 4), mean=st.booleans(), seed=st.integers(0, 9))
def test_soft_sharing_is_the_double_sum(n, groups, mean, seed):
    generator = torch.Generator().manual_seed(seed)
    model = nn.Linear(n, 1, bias=False).double()
    w = model.weight.detach().squeeze(0)
    labels = torch.randint(-1, groups, (n,), generator=generator)
    expected = 0.0
    for k in range(groups):
        members = w[labels == k]
        pairs = (members[:, None] - members[None, :]).square().sum() / 2
        expected += pairs / max(1, len(members)) if mean else pairs
    penalty = SoftSharing(1.0, {"weight": labels[None]}, mean=mean)
    torch.testing.assert_close(penalty(model).detach(), torch.as_tensor(expected).to(w))
    if (labels == 0).all():
        whole = SoftSharing(1.0, mean=mean)
        torch.testing.assert_close(whole(model).detach(), penalty(model).detach())


@pytest.mark.parametrize("grouped", [False, True])
def test_soft_sharing_keeps_its_digits_far_from_zero(grouped):
    model = nn.Linear(500, 4)
    with torch.no_grad():
        model.weight.add_(1e4)
    w = model.weight.detach().double()
    apart = w - w.mean()
    labels = {"weight": torch.zeros(4, 500, dtype=torch.long)} if grouped else None
    penalty = SoftSharing(1.0, labels)
    value = penalty(model).detach().double()
    penalty.add_gradient(model)
    torch.testing.assert_close(value, 2000 * apart.square().sum(), rtol=1e-5, atol=0.0)
    torch.testing.assert_close(
        model.weight.grad.double(), 4000 * apart, rtol=1e-5, atol=1e-5 * 4000
    )
    naive = 2000 * model.weight.square().sum() - model.weight.sum() ** 2
    assert (naive.double() / value - 1).abs() > 0.1, "the other form has lost them"


def test_strong_sharing_is_hard_sharing():
    model = trained(SoftSharing(10.0), lr=2e-3, epochs=6000)
    w = model.weight.detach()
    shared = np.linalg.lstsq(
        np.column_stack([X.sum(1), np.ones(N)]), Y.numpy(), rcond=None
    )[0]  # fmt: skip
    np.testing.assert_allclose(w.numpy(), shared[0], atol=0.03)


def test_the_mixture_is_the_density_of_torch_and_its_shares_sum_to_one():
    prior = GaussianMixturePrior(1.0, 3, spread=2.0, std=0.4, min_std=0.0)
    w = torch.randn(7, 2)
    parts = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=prior.logits),
        torch.distributions.Normal(prior.means, prior.stds),
    )
    torch.testing.assert_close(prior.log_density(w), parts.log_prob(w))
    torch.testing.assert_close(prior.responsibilities(w).sum(-1), torch.ones(7, 2))
    w.requires_grad_()
    (slope,) = torch.autograd.grad(prior.value("w", w), w)
    torch.testing.assert_close(prior.gradient("w", w), slope)
    torch.testing.assert_close(prior.proportions.sum(), torch.tensor(1.0))
    assert GaussianMixturePrior(1.0, 1).means.tolist() == [0.0]


def test_fit_learns_the_mixture_with_the_weights(tmp_path):
    """A net far from the data's influence: the mixture must find the two heaps of weights."""
    heaps = torch.cat([torch.full((40,), -0.5), torch.full((60,), 0.8)])
    noise = 0.05 * torch.randn(100, generator=torch.Generator().manual_seed(1))
    x = torch.eye(100)

    def run(epochs, callbacks=(), resume=None, prior=None):
        model = nn.Linear(100, 1, bias=False)
        nn.init.zeros_(model.weight)
        prior = prior or GaussianMixturePrior(1e-4, 2, spread=1.0, std=0.5, min_std=0.02)
        fit(
            model,
            (x, (heaps + noise)[:, None]),
            loss=F.mse_loss,
            regularizer=prior,
            lr=0.02,
            epochs=epochs,
            batch_size=100,
            callbacks=callbacks,
            resume=resume,
            seed=0,
        )
        return model, prior

    _, prior = run(1500)
    torch.testing.assert_close(prior.means.detach(), torch.tensor([-0.5, 0.8]), rtol=0.0, atol=0.03)
    torch.testing.assert_close(prior.proportions.detach(), torch.tensor([0.4, 0.6]), atol=0.02,
                               rtol=0.0)  # fmt: skip
    assert prior.stds.max() < 0.1
    path = tmp_path / "run.pt"
    straight = run(6)[1]
    run(3, [Checkpoint(path)])
    resumed = run(6, [Checkpoint(path)], path)[1]
    assert all(map(torch.equal, straight.parameters(), resumed.parameters()))
    with pytest.raises(ValueError, match="another regularizer"):
        run(6, [Checkpoint(path)], path, prior=GaussianMixturePrior(1e-4, 3))


def test_an_optimiser_that_lacks_the_priors_parameters_is_refused():
    model, prior = neuron(), GaussianMixturePrior(0.1).double()
    with pytest.raises(ValueError, match=r"lacks the parameters that GaussianMixturePrior\(0.1, 4"):
        trained(prior, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), model=model)
    own = torch.optim.SGD([*model.parameters(), *prior.parameters()], lr=0.01)
    before = prior.means.detach().clone()
    trained(prior, optimizer=own, model=model, epochs=1)
    assert not torch.equal(prior.means, before)
    fixed = prior.requires_grad_(False)
    trained(fixed, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), model=model, epochs=1)


def test_noise_on_the_inputs_of_a_linear_neuron_is_ridge():
    std, copies = 0.4, 20_000
    generator = torch.Generator().manual_seed(3)
    noisy = InputNoise(std, generator)
    gram, moment = torch.zeros(D, D).double(), torch.zeros(D).double()
    centred = X - X.mean(0)
    for _ in range(copies // 100):
        x, y = noisy(centred.repeat(100, 1), (Y - Y.mean()).repeat(100))
        gram += x.T @ x
        moment += x.T @ y
    found = torch.linalg.solve(gram, moment)
    ridge = Ridge(alpha=N * std**2).fit(X.numpy(), Y.numpy())
    # N copies = 1.2 M rows: a coefficient's standard error is below 1e-3
    np.testing.assert_allclose(found.numpy(), ridge.coef_, atol=4e-3)
    penalised = trained(GradientPenalty(std**2))
    np.testing.assert_allclose(penalised.weight.detach().squeeze().numpy(), ridge.coef_, atol=1e-6)


def test_noise_is_drawn_anew_from_the_generator_and_spares_targets_and_validation():
    x = torch.zeros(1000, 2)
    noise = InputNoise(0.5, torch.Generator().manual_seed(1))
    (a, y), (b, _) = noise(x, "y"), noise(x, "y")
    assert y == "y"
    assert not torch.equal(a, b)
    assert torch.equal(a, InputNoise(0.5, torch.Generator().manual_seed(1))(x, "y")[0])
    assert a.std().item() == pytest.approx(0.5, rel=0.1)  # 2000 draws: 1.6 % standard error
    assert torch.equal(InputNoise(0.0)(x, 0)[0], x)
    assert repr(noise) == "InputNoise(0.5)"
    for wrong, message in (
        (lambda: InputNoise(-1.0), "std must be"),
        (lambda: InputNoise(1.0, 3), "generator must be"),
        (lambda: noise(torch.ones(2, dtype=torch.long), 0), "floats as inputs, got torch.int64"),
        (lambda: noise((x, x), 0), "floats as inputs, got tuple"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


@pytest.mark.parametrize("wrap", [lambda noise: noise, images.Compose, speech.Compose])
def test_a_generator_of_the_noise_goes_on_where_the_checkpoint_was(wrap, tmp_path):
    def run(epochs, callbacks=(), resume=None):
        noise = wrap(InputNoise(0.3, torch.Generator().manual_seed(1)))
        return trained(
            L2(0.1), epochs=epochs, transform=noise, callbacks=callbacks, resume=resume, seed=0
        ).weight

    run(2, [Checkpoint(tmp_path / "run.pt")])
    resumed = run(4, [Checkpoint(tmp_path / "run.pt")], tmp_path / "run.pt")
    assert torch.equal(resumed, run(4, [Checkpoint(tmp_path / "other.pt")]))


def test_the_gradient_penalty_is_the_squared_norm_of_the_jacobian():
    model = MLP([3, 5, 2], "tanh", seed=0).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    rows = [torch.autograd.functional.jacobian(model, row[None]).square().sum() for row in x]
    torch.testing.assert_close(
        GradientPenalty(2.0)(model, x).detach(), 2 * torch.stack(rows).mean()
    )
    fit(model, (x, torch.ones(6, 2).double()), loss=F.mse_loss, epochs=1,
        regularizer=GradientPenalty(1.0) + L2(0.1))  # fmt: skip


def test_stopping_early_walks_beside_the_ridge_path():
    """Gradient descent shrinks along every eigenvector of the loss, as ridge does for 1/(lr t)."""
    lr = 0.02
    x = X - X.mean(0)
    curvature, vectors = torch.linalg.eigh(2 * x.T @ x / N)
    best = torch.linalg.lstsq(x, Y - Y.mean()).solution
    for steps in (1, 10, 100, 1000):
        model = nn.Linear(D, 1, bias=False).double()
        nn.init.zeros_(model.weight)
        fit(model, (x, (Y - Y.mean())[:, None]), loss=F.mse_loss, optimizer=torch.optim.SGD, lr=lr,
            epochs=steps, batch_size=N)  # fmt: skip
        kept = (model.weight.detach() @ vectors).squeeze(0) / (best @ vectors)
        exact = 1 - (1 - lr * curvature) ** steps
        torch.testing.assert_close(kept, exact, rtol=1e-6, atol=1e-9)
        ridge = Ridge(alpha=N / (2 * lr * steps), fit_intercept=False)
        ridge.fit(x.numpy(), (Y - Y.mean()).numpy())
        beside = (torch.as_tensor(ridge.coef_) @ vectors) / (best @ vectors)
        # 1 - e^-s and s / (1 + s), s = lr t curvature, differ by 0.204 at most; a finite step
        # adds less than lr curvature
        gap = kept - beside
        assert (gap > 0).all()
        assert (gap < 0.204 + lr * curvature).all()


def test_slopes_lie_between_the_steepest_pair_and_the_bound():
    linear = nn.Linear(4, 3)
    spectral = torch.linalg.svdvals(linear.weight.detach())[0].item()
    assert lipschitz_bound(linear) == pytest.approx(spectral, rel=1e-5)
    x = torch.randn(200, 4)
    assert 0.6 * spectral < largest_slope(linear, x) <= spectral * (1 + 1e-6)
    for activation in ("relu", "tanh", "sigmoid", "gelu", "silu", "leaky_relu", "prelu"):
        for norm in (None, "batch"):
            for head in ("identity", "softmax"):
                model = MLP([4, 8, 8, 3], activation, norm=norm, residual=True, seed=0, head=head)
                model(x)
                assert largest_slope(model, x) <= lipschitz_bound(model)
    bound = lipschitz_bound(nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Flatten()))
    assert bound > 0


def test_a_penalty_on_slopes_lowers_them():
    models = [trained(r, model=MLP([D, 8, 1], "tanh", seed=0).double(), epochs=200)
              for r in (None, L2(0.1))]  # fmt: skip
    bare, penalised = models
    assert lipschitz_bound(penalised) < lipschitz_bound(bare)
    assert largest_slope(penalised, X) < largest_slope(bare, X)


def test_slopes_refuse_what_they_do_not_know():
    with pytest.raises(TypeError, match="no bound is known for Conv2d; known are Linear"):
        lipschitz_bound(nn.Sequential(nn.Conv2d(1, 1, 3)))
    with pytest.raises(ValueError, match="two rows that differ"):
        largest_slope(nn.Linear(2, 1), torch.ones(3, 2))


def test_the_bound_is_that_of_the_weights_in_use():
    net = MLP([3, 4, 2], "tanh", seed=0)
    prune_weights(net, 0.5)
    with torch.no_grad():
        for layer in net.layers:
            layer.weight_orig.mul_(3)  # the layer's weight is old until the next forward pass
    bound = lipschitz_bound(net)
    finalize(net)
    assert bound == pytest.approx(lipschitz_bound(net), rel=1e-6)
    layer = MaskedLinear(torch.tensor([[1, 0], [1, 1]]))
    with torch.no_grad():
        layer.weight.fill_(1.0)
    assert lipschitz_bound(layer) == pytest.approx((1 + 5**0.5) / 2, rel=1e-5)
    for normed in (nn.utils.weight_norm, nn.utils.spectral_norm):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            layer = normed(nn.Linear(3, 2)).eval()
        with torch.no_grad():
            next(iter(layer.parameters())).mul_(2)
            for p in layer.parameters():
                p.add_(0.3)
            bound = lipschitz_bound(layer)
            layer(torch.ones(1, 3))  # computes its weight anew
        assert bound == pytest.approx(float(torch.linalg.matrix_norm(layer.weight, 2)), rel=1e-5)
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2))
    before = layer.parametrizations.weight[0]._u.clone()
    lipschitz_bound(layer)
    assert torch.equal(layer.parametrizations.weight[0]._u, before)


def test_a_relative_of_a_known_layer_has_no_known_bound():
    class Steep(nn.ReLU):
        def forward(self, x):
            return 5 * super().forward(x)

    class Twice(nn.Sequential):
        def forward(self, x):
            return 2 * super().forward(x)

    for model in (Steep(), Twice(nn.Linear(2, 2)), DropConnect(2, 2, activation="gelu")):
        with pytest.raises(TypeError, match="no bound is known"):
            lipschitz_bound(nn.Sequential(model))


def test_rows_that_are_not_finite_have_no_slope():
    x = torch.tensor([[0.0], [1.0], [math.nan]])
    with pytest.raises(ValueError, match="x must be finite"):
        largest_slope(nn.Linear(1, 1), x)
