"""What all penalties have in common: value, gradient, sums, and which weights they act on."""

import copy
import pickle
import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from nnkit.layers import MaskedLinear, NonNegativeLinear
from nnkit.models import MLP
from nnkit.pruning import finalize, prune_weights
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
from nnkit.regularizers._groups import Constraint
from nnkit.training import Callback, fit
from nnkit.training._penalties import bound


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


def masked(model, amount, seed=0, biases=False):
    """The model with random masks on its weights, of the last layer on its biases, too."""
    generator = torch.Generator().manual_seed(seed)
    for layer in model.layers:
        mask = (torch.rand(layer.weight.shape, generator=generator) >= amount).double()
        prune.custom_from_mask(layer, "weight", mask)
    if biases:
        prune.custom_from_mask(layer, "bias", torch.arange(len(layer.bias)) % 2)
    return model


def final(model):
    """The same with zeros instead."""
    for layer in model.layers:
        for name in ("weight", "bias"):
            if hasattr(layer, f"{name}_mask"):
                prune.remove(layer, name)
    return model


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
        parts = bound(two, b)
        before = sum(part.value(x).item() for part in parts if not part.closed)
        (F.mse_loss(b(x), y) + two(b, x)).backward()
        nn.utils.clip_grad_norm_(params, 0.5)
        adam.step()
        if isinstance(two, MaxNorm):
            two.project(b)
        penalties.append(before + sum(part.value(x).item() for part in parts if part.closed))
    assert history["penalty"] == pytest.approx(penalties, rel=1e-6)
    for p, q in zip([*a.parameters(), *one.parameters()], params, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("make", PENALTIES.values(), ids=PENALTIES)
@settings(deadline=None, max_examples=15)
@given(sizes=SIZES, amount=st.sampled_from([0.0, 0.3, 0.8, 1.0]), seed=st.integers(0, 5))
def test_a_pruned_weight_counts_as_zero_and_is_left_alone(make, sizes, amount, seed):
    a = masked(net(sizes, seed=seed), amount, seed, biases=True)
    b = final(masked(net(sizes, seed=seed), amount, seed, biases=True))
    x = torch.randn(4, sizes[0], dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    one, two = make(net(sizes, seed=seed)), make(net(sizes, seed=seed))
    torch.testing.assert_close(one(a, x), two(b, x))
    torch.testing.assert_close(sum(p.value(x) for p in one.bind(a)).detach(), one(a, x).detach())
    two.add_gradient(b, x)
    used = dict(b.named_parameters())
    buffers = dict(a.named_buffers())
    for way in ("in place", "autograd"):
        a.zero_grad()
        a(x)  # torch makes the weights of a masked layer, with their graph, when it runs
        if way == "in place":
            one.add_gradient(a, x)
        elif (value := one(a, x)).requires_grad:
            value.backward()
        for name, p in a.named_parameters():
            base = name.removesuffix("_orig")
            wanted = torch.zeros_like(p) if used[base].grad is None else used[base].grad
            got = torch.zeros_like(p) if p.grad is None else p.grad
            torch.testing.assert_close(got, wanted * buffers.get(f"{base}_mask", 1))


PROXIMAL = {
    "L1": lambda: L1(0.2),
    "group lasso": lambda: GroupLasso(0.1),
    "group lasso inputs": lambda: GroupLasso(0.1, dim=1),
    "max norm": lambda: MaxNorm(0.5),
    "max norm inputs": lambda: MaxNorm(0.5, dim=1),
    "non-negative": lambda: NonNegative(),
    "by layer": lambda: L1([0.1, 0.2, 0.3]) + NonNegative(exempt=["layers.1.weight"]),
}


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, None])
@pytest.mark.parametrize("make", PROXIMAL.values(), ids=PROXIMAL)
def test_steps_and_projections_are_those_of_the_weights_there_are(make, optimizer):
    a, b = masked(net(), 0.5), final(masked(net(), 0.5))
    kept = [layer.weight_mask for layer in a.layers]
    for layer, mask in zip(b.layers, kept, strict=True):
        layer.weight.register_hook(lambda grad, mask=mask: grad * mask)
    before = [layer.weight_orig.detach().clone() for layer in a.layers]
    x, y = torch.randn(12, 3, dtype=torch.float64), torch.randn(12, 2, dtype=torch.float64)
    options = {} if optimizer is None else {"optimizer": optimizer}
    for model in (a, b):
        fit(model, (x, y), loss=F.mse_loss, regularizer=make(), batch_size=4, epochs=3, lr=0.05,
            seed=0, progress=False, **options)  # fmt: skip
    for one, two, mask, old in zip(a.layers, b.layers, kept, before, strict=True):
        torch.testing.assert_close(one.weight_orig * mask, two.weight)
        assert torch.equal(one.weight_orig[mask == 0], old[mask == 0])
    for penalty in getattr(make(), "parts", [make()]):
        if isinstance(penalty, Constraint):
            penalty.project(a)
            torch.testing.assert_close(a.layers[0].weight_orig * kept[0], b.layers[0].weight)


def test_masks_that_come_while_a_penalty_is_bound_are_seen():
    model = net()
    (part,) = L2(1.0).bind(model)
    prune_weights(model, 0.5)
    finalized = net()
    prune_weights(finalized, 0.5)
    torch.testing.assert_close(part.value(), L2(1.0)(model).detach())
    finalize(finalized)
    torch.testing.assert_close(part.value(), L2(1.0)(finalized).detach())
    finalize(model)
    torch.testing.assert_close(part.value(), L2(1.0)(model).detach())


def test_names_are_those_without_masks():
    model = net()
    start = {name: value + 1 for name, value in model.state_dict().items()}
    prune_weights(model, 0.5, skip=["layers.2"])
    names = ["layers.0.weight", "layers.1.weight", "layers.2.weight"]
    assert [t.name for t in L2(1.0).terms(model)] == names
    assert [t.name for t in L2(1.0, exempt=[names[1]]).terms(model)] == [names[0], names[2]]
    value = L2SP(1.0, start)(model)
    pruned_start = L2SP(1.0, model)  # from a net with masks, on one without
    finalize(model)
    torch.testing.assert_close(value, L2SP(1.0, start)(model))
    assert pruned_start(model) == 0


def test_missing_connections_take_no_part():
    layer = MaskedLinear(torch.tensor([[1, 0, 1], [0, 1, 1]]))
    plain = nn.Linear(3, 2)
    with torch.no_grad():
        plain.weight.copy_(layer.weight)
    for make in (lambda: SoftSharing(1.0), lambda: GaussianMixturePrior(1.0, 3), lambda: L2(1.0)):
        one, two = make(), make()
        torch.testing.assert_close(one(layer), two(plain))
        layer.zero_grad()
        plain.zero_grad()
        one.add_gradient(layer)
        two.add_gradient(plain)
        torch.testing.assert_close(layer.weight.grad, plain.weight.grad * layer.mask)


def old_style(name):
    def make(layer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return getattr(nn.utils, name)(layer)

    return make


PARAMETRISED = {
    "weight_norm": nn.utils.parametrizations.weight_norm,
    "spectral_norm": nn.utils.parametrizations.spectral_norm,
    "orthogonal": nn.utils.parametrizations.orthogonal,
    "old weight_norm": old_style("weight_norm"),
    "old spectral_norm": old_style("spectral_norm"),
    "positive": lambda layer: NonNegativeLinear(3, 3),
}


@pytest.mark.parametrize("wrap", PARAMETRISED.values(), ids=PARAMETRISED)
@pytest.mark.parametrize(
    "penalty",
    [L2(1.0), L1(1.0), GroupLasso(1.0), SoftSharing(1.0), MaxNorm(1.0), L2(1, biases=True)],
)
def test_a_parametrised_weight_is_refused_unless_exempt(wrap, penalty):
    model = nn.Sequential(wrap(nn.Linear(3, 3)), nn.Linear(3, 2))
    for use in (penalty, penalty.bind, penalty.add_gradient):
        with pytest.raises(ValueError, match=r"^0\.weight is made of other.*exempt=\['0.weight'\]"):
            use(model)
    for name in ("0.weight", "0"):
        exempt = L2(1.0, exempt=[name])
        torch.testing.assert_close(exempt(model), model[1].weight.square().sum())


COMPLEX = {
    "L2": (lambda: L2(0.3), lambda w: 0.3 * w.abs().square().sum()),
    "L1": (lambda: L1(0.2, proximal=False), lambda w: 0.2 * w.abs().sum()),
    "L2SP": (lambda: L2SP(0.3, {"weight": torch.full((2, 3), 1j)}),
             lambda w: 0.3 * (w - 1j).abs().square().sum()),
    "sharing": (lambda: SoftSharing(0.1), lambda w: 0.1 * pairs(w.flatten())),
    "sharing groups": (
        lambda: SoftSharing(0.1, {"weight": torch.tensor([[0, 0, 1], [1, 1, -1]])}),
        lambda w: 0.1 * (pairs(w[0, :2]) + pairs(torch.stack([w[0, 2], w[1, 0], w[1, 1]]))),
    ),
    "group lasso": (lambda: GroupLasso(0.1, proximal=False),
                    lambda w: 0.1 * 3**0.5 * w.abs().square().sum(1).sqrt().sum()),
}  # fmt: skip


def pairs(w):
    return (w[:, None] - w).abs().square().sum() / 2


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
@pytest.mark.parametrize("name", COMPLEX)
def test_of_complex_weights_the_magnitudes_count(name):
    make, formula = COMPLEX[name]
    layer = nn.Linear(3, 2, dtype=torch.complex128)
    w = layer.weight.detach().clone().requires_grad_()
    formula(w).backward()
    value = make()(layer)
    assert not value.is_complex()
    torch.testing.assert_close(value, formula(w))
    value.backward()
    torch.testing.assert_close(layer.weight.grad, w.grad)
    layer.weight.grad = None
    make().add_gradient(layer)
    torch.testing.assert_close(layer.weight.grad, w.grad)


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
def test_what_has_no_meaning_for_complex_weights_is_refused():
    layer = nn.Linear(3, 2, dtype=torch.complex64)
    for penalty in (NonNegative(), GaussianMixturePrior(1.0)):
        with pytest.raises(TypeError, match=r"weight is complex.*real weights"):
            penalty(layer)
    for penalty in (L1(1.0), GroupLasso(1.0)):
        with pytest.raises(TypeError, match=r"weight is complex.*proximal=False"):
            penalty.bind(layer)
    MaxNorm(0.1).project(layer)
    torch.testing.assert_close(layer.weight.abs().square().sum(1).sqrt(), torch.full((2,), 0.1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("penalty", [L2(1.0), L1(1.0), SoftSharing(1.0, mean=True)])
def test_sums_over_half_precision_neither_overflow_nor_stall(dtype, penalty):
    layer = nn.Linear(400, 400).to(dtype)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(-2, 3).repeat(32000).view(400, 400))
    exact = penalty(copy.deepcopy(layer).double())
    torch.testing.assert_close(penalty(layer).double(), exact, rtol=1e-5, atol=0)
    (part,) = penalty.bind(layer)
    torch.testing.assert_close(part.value().double(), exact.detach(), rtol=1e-5, atol=0)


def test_an_embedding_with_sparse_gradients_is_refused_by_what_acts_on_all_rows():
    model = nn.Sequential(nn.Embedding(5, 2, sparse=True), nn.Flatten(), nn.Linear(6, 1))
    data = (torch.randint(5, (8, 3)), torch.randn(8, 1))
    options = {"loss": F.mse_loss, "optimizer": torch.optim.SGD, "lr": 0.1, "progress": False}
    before = copy.deepcopy(model.state_dict())
    for penalty in (L2(0.1), L1(0.1, proximal=False), SoftSharing(0.1), L2(0.1) + L1(0.1)):
        with pytest.raises(ValueError, match=r"gradient of 0\.weight is sparse.*sparse=False"):
            fit(model, data, regularizer=penalty, **options)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    fit(model, data, regularizer=L2(0.1, exempt=["0"]) + L1(0.1) + MaxNorm(1.0), **options)

    class Looked(nn.Module):  # up in a way that cannot be known
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(torch.randn(5, 1))

        def forward(self, x):
            return F.embedding(x, self.table, sparse=True).sum(1)

    model = Looked()
    before = model.table.detach().clone()
    with pytest.raises(ValueError, match="gradient of table is sparse"):
        fit(model, data, regularizer=L2(0.1), **options)
    assert torch.equal(model.table, before)


def plain(model):
    return sum(p.square().sum() for p in model.parameters())


@pytest.mark.parametrize("make", [lambda: L1(0.1), lambda: L2(0.1), lambda: plain])
def test_the_log_has_the_penalty_at_the_end_of_each_epoch(make):
    x, y = torch.randn(39, 3, dtype=torch.float64), torch.randn(39, 2, dtype=torch.float64)
    model, penalty = net(), make()
    values = [penalty(model).item()]

    class Keep(Callback):
        def on_batch_end(self, run):
            values.append(penalty(run.model).item())

    history = fit(model, (x, y), loss=F.mse_loss, regularizer=penalty, batch_size=2, epochs=2,
                  lr=0.05, callbacks=[Keep()])  # fmt: skip
    last = 1 if penalty is plain else 0  # through autograd it is known from before the step
    assert history["penalty"] == pytest.approx([values[20 - last], values[40 - last]], rel=1e-6)


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
        (lambda m: GroupLasso(0.1, dim=2), "dim must be from 0 to 1"),
        (lambda m: MaxNorm(1.0, dim=2), "dim must be from 0 to 1"),
        (lambda m: MaxNorm(0.0), "limit must be finite and above 0"),
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
        (lambda m: GaussianMixturePrior(0.1, std=0.0), "std must be finite and above 0"),
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


def test_slopes_of_no_rows_are_refused_and_those_in_half_precision_do_not_overflow():
    model = nn.Linear(2, 1)
    for x in (torch.zeros(0, 2), torch.tensor(1.0)):
        with pytest.raises(ValueError, match="needs a row of inputs, got shape"):
            GradientPenalty(1.0)(model, x)
    with torch.no_grad():
        model.weight.fill_(200.0)
    assert GradientPenalty(1.0)(model.half(), torch.ones(300, 2).half()) == 80000
