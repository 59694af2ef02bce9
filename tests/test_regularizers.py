"""What all penalties have in common: value, gradient, sums, and which weights they act on."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnkit.models import MLP
from nnkit.regularizers import (
    L1,
    L2,
    L2SP,
    GaussianMixturePrior,
    GradientPenalty,
    GroupLasso,
    MaxNorm,
    NonNegative,
    Penalty,
    ScaleL1,
    SoftSharing,
    Sum,
    WeightPenalty,
)
from nnkit.regularizers.constraints import Constraint
from nnkit.training import Callback, fit


def net(sizes=(3, 5, 4, 2), norm=None, seed=0):
    model = MLP(sizes, "tanh", norm=norm, seed=seed).double()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(seed)))
    return model


def labelled(model):
    """Three groups and some weights in none, for the first layer."""
    w = model.layers[0].weight
    return {"layers.0.weight": torch.arange(w.numel()).view(w.shape) % 4 - 1}


PENALTIES = {
    "L2": lambda m: L2(0.3),
    "L2 by layer": lambda m: L2([0.1 * (i + 1) for i in range(len(m.layers))]),
    "L2 biases": lambda m: L2(0.3, biases=True),
    "L1": lambda m: L1(0.2),
    "elastic net": lambda m: L2(0.3) + L1(0.2),
    "L2SP": lambda m: L2SP(0.3, net(m.sizes, seed=5)),
    "L2SP new": lambda m: L2SP(0.3, {"layers.0.weight": m.layers[0].weight + 1}, new=0.1),
    "sharing": lambda m: SoftSharing(0.1),
    "sharing groups": lambda m: SoftSharing(0.1, labelled(m)),
    "sharing groups mean": lambda m: SoftSharing(0.1, labelled(m), mean=True),
    "sharing names": lambda m: SoftSharing(0.1, ["layers.0.weight", "layers.0.bias"], mean=True),
    "mixture": lambda m: GaussianMixturePrior(0.2, 3).double(),
    "group lasso": lambda m: GroupLasso(0.2),
    "group lasso inputs": lambda m: GroupLasso(0.2, dim=1),
    "slopes": lambda m: GradientPenalty(0.5),
    "constraint": lambda m: MaxNorm(2.0),
    "function": lambda m: L2(0.1) + (lambda model: model.layers[0].bias.square().sum()),
    "scaled": lambda m: 3 * (L2(0.1) + L1([0.1] * len(m.layers))) * 0.5,
}
SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=4)


def gradients(*modules):
    return [p.grad for module in modules for p in module.parameters()]


@pytest.mark.parametrize("make", PENALTIES.values(), ids=PENALTIES)
@settings(deadline=None, max_examples=25)
@given(sizes=SIZES, seed=st.integers(0, 5))
def test_the_gradient_in_place_is_that_of_autograd(make, sizes, seed):
    a = net(tuple(sizes), seed=seed)
    b = copy.deepcopy(a)
    x = torch.randn(4, sizes[0], dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    one, two = make(a), make(b)
    total = F.mse_loss(a(x), torch.ones(4, sizes[-1], dtype=torch.float64)) + one(a, x)
    total.backward()
    F.mse_loss(b(x), torch.ones(4, sizes[-1], dtype=torch.float64)).backward()
    value = sum(part.value(x) for part in two.bind(b))
    torch.testing.assert_close(value.detach(), one(a, x).detach())
    two.add_gradient(b, x)
    for p, q in zip(gradients(a, one), gradients(b, two), strict=True):
        torch.testing.assert_close(p, q)


@pytest.mark.parametrize("make", PENALTIES.values(), ids=PENALTIES)
def test_fit_takes_the_step_of_the_loop_by_hand(make):
    a, b = net(), net()
    x = torch.randn(12, 3, dtype=torch.float64)
    y = torch.randn(12, 2, dtype=torch.float64)
    one, two = make(a), make(b)
    for penalty in getattr(one, "parts", [one]):
        if getattr(penalty, "needs_steps", False):
            penalty.rank = 0  # as with proximal=False
    history = fit(
        a, (x, y), loss=F.mse_loss, regularizer=one, batch_size=12, epochs=3, lr=0.01, clip_norm=0.5
    )
    params = [*b.parameters(), *two.parameters()]
    adam = torch.optim.Adam(params, lr=0.01)
    penalties = []
    for _ in range(3):
        adam.zero_grad()
        penalty = two(b, x)
        (F.mse_loss(b(x), y) + penalty).backward()
        nn.utils.clip_grad_norm_(params, 0.5)
        adam.step()
        if isinstance(two, MaxNorm):
            two.project(b)
        penalties.append(penalty.item())
    assert history["penalty"] == pytest.approx(penalties, rel=1e-6)
    for p, q in zip([*a.parameters(), *one.parameters()], params, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-9)


def plain(model):
    return sum(p.square().sum() for p in model.parameters())


@pytest.mark.parametrize("make", [lambda: L1(0.1), lambda: L2(0.1), lambda: plain])
def test_the_log_has_a_penalty_on_weights_of_every_sixteenth_batch_and_a_function_of_each(make):
    x, y = torch.randn(39, 3, dtype=torch.float64), torch.randn(39, 2, dtype=torch.float64)
    model, penalty = net(), make()
    values = [penalty(model).item()]

    class Keep(Callback):
        def on_batch_end(self, run):
            values.append(penalty(run.model).item())

    history = fit(model, (x, y), loss=F.mse_loss, regularizer=penalty, batch_size=2, epochs=2,
                  lr=0.05, callbacks=[Keep()])  # fmt: skip
    every = 1 if penalty is plain else 16
    rows = [2] * 19 + [1]
    for epoch, found in enumerate(history["penalty"]):
        known = [values[20 * epoch + n - n % every] for n in range(20)]
        assert found == pytest.approx(np.average(known, weights=rows), rel=1e-6)
    assert len(set(values)) == len(values), "so that it shows which were taken"


def test_an_optimiser_that_searches_sees_the_penalty_as_it_is():
    x, y = torch.ones(6, 3, dtype=torch.float64), torch.ones(6, 2, dtype=torch.float64)
    model, penalty, seen, wanted = net(), L2(0.3), [], []

    class Search(torch.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self, closure):
            for _ in range(2):
                seen.append(closure())
                wanted.append(F.mse_loss(model(x), y).item() + penalty(model).item())
                with torch.no_grad():
                    for p in self.param_groups[0]["params"]:
                        p.add_(0.1)

    options = {"optimizer": Search, "batch_size": 2, "epochs": 1}
    fit(model, (x, y), loss=F.mse_loss, regularizer=penalty, **options)
    assert seen == pytest.approx(wanted, rel=1e-9)
    assert len(seen) == 6


def test_biases_and_normalisations_are_exempt_unless_asked_for():
    model = MLP([2, 3, 1], norm="batch", seed=0)
    assert [t.name for t in L2(1.0).terms(model)] == ["layers.0.weight", "layers.1.weight"]
    everything = {name for name, _ in model.named_parameters()}
    assert {t.name for t in L2(1.0, biases=True).terms(model)} == everything
    lstm = nn.LSTM(2, 3)
    assert [t.name for t in L2(1.0).terms(lstm)] == ["weight_ih_l0", "weight_hh_l0"]


def test_layers_and_parameters_are_exempt_by_name():
    model = MLP([2, 3, 4, 1], seed=0)
    terms = L2([0.1, 0.2], exempt=["layers.1"]).terms(model)
    assert [(t.name, t.lam) for t in terms] == [("layers.0.weight", 0.1), ("layers.2.weight", 0.2)]
    terms = L2(0.1, exempt=["layers.0.weight"], biases=True).terms(model)
    assert [t.name for t in terms][:2] == ["layers.0.bias", "layers.1.weight"]


def test_a_shared_weight_counts_once_and_a_frozen_one_gets_no_gradient():
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight = a.weight
    model = nn.Sequential(a, b)
    torch.testing.assert_close(L2(2.0)(model), 2 * a.weight.square().sum())
    a.weight.requires_grad_(False)
    L2(2.0).add_gradient(model)
    assert a.weight.grad is None
    (part,) = L2(2.0).bind(model)
    torch.testing.assert_close(part.value(), 2 * a.weight.square().sum())


def test_a_compiled_model_is_seen_through():
    class Wrapped(nn.Module):
        def __init__(self, model):
            super().__init__()
            self._orig_mod = model

    model = net()
    assert L2SP(1.0, Wrapped(model)).terms(Wrapped(model))[0].name == "layers.0.weight"


def test_penalties_add_and_scale():
    model = net()
    a, b = L2(0.1), L1(0.2)
    both = sum([a, b, lambda m: m.layers[0].bias.sum()])
    expected = a(model) + b(model) + model.layers[0].bias.sum()
    torch.testing.assert_close(both(model), expected)
    torch.testing.assert_close((3 * both)(model), 3 * expected)
    torch.testing.assert_close(((lambda m: m.layers[0].bias.sum()) + a)(model),
                               a(model) + model.layers[0].bias.sum())  # fmt: skip
    assert a.lam == 0.1, "scaling makes a new penalty"
    assert repr(0.5 * (L2(0.2) + L1([1.0, 2.0])) + b) == "L2(0.1) + L1([0.5, 1]) + L1(0.2)"
    assert isinstance(both, Sum)
    scaled = 2 * L2SP(0.1, model, new=0.5)
    assert (scaled.lam, scaled.new) == (0.2, 1.0)
    assert isinstance(2 * MaxNorm(3.0), MaxNorm)
    prior = GaussianMixturePrior(1.0)
    assert (2 * prior).means is prior.means


def test_they_say_what_they_are():
    def roughness(model):
        return torch.tensor(1.0)

    assert repr(L2(1e-4) + roughness) == "L2(0.0001) + roughness"
    assert repr(2 * (L2(1.0) + roughness)) == "L2(2) + 2 * roughness"
    assert repr(MaxNorm(3.0) + NonNegative()) == "MaxNorm(3) + NonNegative()"
    assert repr(GroupLasso(0.1)) == "GroupLasso(0.1, dim=0)"
    assert repr(GaussianMixturePrior(0.1, 3)) == "GaussianMixturePrior(0.1, 3)"
    assert repr(L2SP(0.1, nn.Linear(1, 1), new=0.2)) == "L2SP(0.1, start, new=0.2)"


def test_they_are_pickled_and_copied():
    model = net()
    penalty = L2(0.1) + SoftSharing(0.2, labelled(model)) + L2SP(0.1, model)
    for other in (pickle.loads(pickle.dumps(penalty)), copy.deepcopy(penalty)):
        torch.testing.assert_close(other(model), penalty(model))


def test_a_strength_may_be_a_tensor_and_is_differentiable():
    model, lam = net(), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    (2 * L2(lam))(model).backward()
    torch.testing.assert_close(lam.grad, 2 * L2(1.0)(model).detach())


def test_under_sgd_l2_is_weight_decay_of_twice_lambda_and_under_adam_it_is_not():
    x, y = torch.randn(20, 3, dtype=torch.float64), torch.randn(20, 2, dtype=torch.float64)

    def train(optimizer, penalty=None, **options):
        model = net()
        for p in model.parameters():
            p.requires_grad_(p.ndim > 1)  # weight decay would move the biases
        made = optimizer([p for p in model.parameters() if p.requires_grad], lr=0.05, **options)
        fit(model, (x, y), loss=F.mse_loss, optimizer=made, regularizer=penalty, epochs=4, seed=0)
        return torch.cat([layer.weight.flatten() for layer in model.layers])

    sgd = train(torch.optim.SGD, L2(0.1), momentum=0.9)
    torch.testing.assert_close(sgd, train(torch.optim.SGD, weight_decay=0.2, momentum=0.9))
    adam = train(torch.optim.Adam, L2(0.1))
    torch.testing.assert_close(adam, train(torch.optim.Adam, weight_decay=0.2))
    assert (adam - train(torch.optim.AdamW, weight_decay=0.2)).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda m: L2(-1.0), "lam must be finite and at least 0, got -1.0"),
        (lambda m: L2("a"), "lam must be a number, got 'a'"),
        (lambda m: L2([0.1, float("nan")]), "each lam must be finite"),
        (lambda m: L2(torch.ones(2)), r"scalar tensor, got shape \(2,\)"),
        (lambda m: L2(0.1, biases=1), "biases must be True or False, got 1"),
        (lambda m: L2(0.1, exempt="layers.0"), r"list of names, got 'layers.0'. Hint: \["),
        (lambda m: L2(0.1, exempt=["layer.0"])(m), "no 'layer.0'; it has after, after.0"),
        (lambda m: L2([0.1, 0.2])(m), r"there are 3 layers \(layers.0, .*got 2 numbers"),
        (lambda m: ScaleL1(0.1)(m), r"ScaleL1\(0.1\) finds no weight"),
        (lambda m: L1(0.1, proximal=0), "proximal must be"),
        (lambda m: GroupLasso(0.1, proximal=0), "proximal must be"),
        (lambda m: GroupLasso(0.1, dim=2), "dim must be 0"),
        (lambda m: MaxNorm(1.0, dim=2), "dim must be 0"),
        (lambda m: MaxNorm(0.0), "limit must be greater than 0"),
        (lambda m: L2SP(0.1, 3), "start must be a module"),
        (lambda m: L2SP(0.1, nn.Linear(2, 2))(m), "no weight of the model has the name"),
        (lambda m: SoftSharing(0.1, "layers.0.weight"), "groups must be a dict or list"),
        (lambda m: SoftSharing(0.1, mean=1), "mean must be"),
        (lambda m: SoftSharing(0.1, ["layers.0.weight", "a"])(m), "no parameter 'a'"),
        (lambda m: SoftSharing(0.1, {"layers.0.weight": torch.zeros(2)}), "tensor of whole"),
        (
            lambda m: SoftSharing(0.1, {"layers.0.weight": torch.zeros(2, dtype=torch.long)})(m),
            r"must have its shape \(5, 3\), got \(2,\)",
        ),
        (lambda m: GaussianMixturePrior(0.1, 0), "components must be at least 1"),
        (lambda m: GaussianMixturePrior(0.1, std=0.0), "std must be greater than 0"),
        (lambda m: GradientPenalty([0.1]), "must be one number"),
        (lambda m: GradientPenalty(0.1)(m), "needs the inputs, a tensor of floats, got NoneType"),
        (lambda m: L2(0.1) * [1, 2], "scales by one number"),
        (lambda m: L2(0.1) * L1(0.1), "unsupported operand"),
        (lambda m: L2(0.1) + 1, "unsupported operand"),
        (lambda m: Penalty()(m), "Penalty has no forward"),
        (lambda m: WeightPenalty(0.1)(m), "WeightPenalty has no value"),
        (lambda m: Constraint().project(m), r"Constraint has no project_\(w\)"),
        (lambda m: WeightPenalty(0.1).add_gradient(m), "WeightPenalty has no gradient"),
    ],
)
def test_errors_say_what_is_allowed(wrong, message):
    with pytest.raises((TypeError, ValueError, NotImplementedError), match=message):
        wrong(net())
