"""Training where the model is: on a device that is not there, with the numbers of the CPU."""

from __future__ import annotations

import copy
import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nnkit.models import MLP
from nnkit.optim import RULES
from nnkit.regularizers import (
    L1,
    L2,
    L2SP,
    GaussianMixturePrior,
    GradientPenalty,
    GroupLasso,
    InputNoise,
    MaxNorm,
    NonNegative,
    ScaleL1,
    SoftSharing,
)
from nnkit.sweep import sweep
from nnkit.training import Callback, Checkpoint, EarlyStopping, fit
from nnkit.training._assembly import choose_device
from tests.accelerator import CPU, DEVICE, FakeTensor, close, same_state, where

DRAWS = torch.Generator().manual_seed(3)
X = torch.randn(50, 4, generator=DRAWS)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).long()
X_VAL, Y_VAL = X[:20] + 0.1, Y[:20]
TARGET = X.sum(1, keepdim=True)


@pytest.fixture
def accelerator(monkeypatch):
    """The machine has one, and torch says so."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: torch.device("lazy"))


def net(**options):
    return MLP([4, 8, 2], **{"activation": "tanh", "seed": 0} | options)


def same_rows(there, here):
    assert len(there) == len(here) > 0
    for a, b in zip(there.rows, here.rows, strict=True):
        assert a.keys() == b.keys()
        assert {k: v for k, v in a.items() if k != "seconds"} == pytest.approx(
            {k: v for k, v in b.items() if k != "seconds"}, rel=1e-5, abs=1e-5
        )


# The device itself: what it must refuse for the tests below to mean something


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: x + torch.ones(3), "expected all tensors on the device lazy:0, one is on cpu"),
        (lambda x: torch.ones(3) + x, "one is on cpu"),
        (lambda x: torch.ones(3)[x.long()], "one is on cpu"),
        (lambda x: torch.ones(3).add_(x), "one is on cpu"),
        (lambda x: torch.tensor(1.0).add_(x.sum()), "one is on cpu"),
        (lambda x: torch.stack([x.sum(), torch.tensor(1.0)]), "one is on cpu"),
        (lambda x: nn.Linear(3, 1)(x), "one is on cpu"),
        (lambda x: x.double(), "has no torch.float64"),
        (lambda x: torch.zeros(2, dtype=torch.float64, device=x.device), "has no torch.float64"),
        (lambda x: torch.tensor([1.0], dtype=torch.float64).to(x.device), "has no torch.float64"),
        (lambda x: x.numpy(), "numpy"),
        (lambda x: torch.rand(3, generator=torch.Generator(), device=x.device), "generator"),
        (lambda x: x.to("cpu", non_blocking=True), "too early"),
    ],
)
def test_the_device_refuses_what_a_gpu_refuses(wrong, message):
    x = torch.ones(3, device=DEVICE)
    with pytest.raises((RuntimeError, TypeError), match=message):
        wrong(x)


def test_the_device_computes():
    model, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    twin.load_state_dict(model.state_dict())
    parameters = list(twin.parameters())
    twin.to(DEVICE)
    assert list(map(id, parameters)) == list(map(id, twin.parameters()))  # as with CUDA and MPS
    x = torch.randn(5, 3)
    for m, inputs in ((model, x), (twin, x.to(DEVICE))):
        m(inputs).square().mean().backward()
    assert isinstance(twin.weight.grad, FakeTensor)
    close(twin.weight.grad, model.weight.grad)
    close(x.to(DEVICE)[torch.tensor([1, 2])] * torch.tensor(2.0), x[1:3] * 2)
    assert (x.to(DEVICE).sum().item(), x[0].to(DEVICE).tolist()) == (x.sum().item(), x[0].tolist())


# Where the model is


def test_a_model_stays_where_it_is_though_there_is_an_accelerator(accelerator):
    model = net()
    fit(model, (X, Y), loss=F.cross_entropy, epochs=1, progress=False)
    assert where(model) == {CPU}
    assert model(X).device == CPU  # as the next cell does
    assert choose_device(None, model) == CPU


def test_auto_moves_a_model_of_the_cpu_to_the_accelerator_and_leaves_it_there(accelerator):
    model = net()
    fit(model, (X, Y), loss=F.cross_entropy, epochs=1, device="auto", progress=False)
    assert where(model) == {DEVICE}
    assert model(X.to(DEVICE)).device == DEVICE
    assert choose_device("auto", net()) == DEVICE
    assert choose_device("cpu", model) == CPU


def test_auto_is_where_the_model_is_without_an_accelerator_or_elsewhere(accelerator, monkeypatch):
    assert choose_device("auto", nn.Linear(1, 1, device="meta").to_empty(device=DEVICE)) == DEVICE
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert choose_device("auto", net()) == CPU


def test_a_device_that_there_is_not_is_refused():
    for device in ("no such thing", "hpu:7", 1.5):
        with pytest.raises(ValueError, match=r"device must be None \(where the model is\), 'auto'"):
            choose_device(device, net())


def test_a_model_on_several_devices_is_refused_unless_told_where_to_go():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2).to(DEVICE))
    for device in (None, "auto"):
        with pytest.raises(ValueError, match=r"on several devices, cpu, lazy:0.*Hint: device="):
            fit(model, (X, Y), loss=F.cross_entropy, device=device)
    assert where(model[0]) == {CPU}
    fit(model, (X, Y), loss=F.cross_entropy, device=DEVICE, epochs=1, progress=False)
    assert where(model) == {DEVICE}


def test_a_model_without_numbers_is_refused():
    with pytest.raises(ValueError, match="on the device meta, which holds no numbers"):
        fit(nn.Linear(4, 2, device="meta"), (X, Y), loss=F.cross_entropy)


def test_an_optimizer_of_elsewhere_is_refused_before_anything_moves():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    with pytest.raises(ValueError, match=r"holds tensors on cpu, but training is on lazy:0.*Hint"):
        fit(model, (X, Y), loss=F.cross_entropy, optimizer=optimizer, device=DEVICE)
    assert where(model) == {CPU}
    fit(model, (X, Y), loss=F.cross_entropy, optimizer=optimizer, epochs=1, progress=False)
    with pytest.raises(ValueError, match="holds tensors on cpu"):  # its means stayed behind
        fit(model.to(DEVICE), (X, Y), loss=F.cross_entropy, optimizer=optimizer)


def test_what_the_device_has_no_type_for_is_refused_before_anything_moves():
    wide, x = net().double(), X.double()
    cases = [
        (wide, (x, Y), {}, "model"),
        (net(), (x, Y), {}, "data"),
        (net(), ((x,), Y), {}, "data"),
        (net(), (X, Y), {"validation": (x, Y)}, "validation"),
        (net(), (X, Y), {"loss": nn.CrossEntropyLoss(torch.ones(2).double())}, "loss"),
    ]
    for model, data, options, name in cases:
        with pytest.raises(TypeError, match=rf"{name}: the device lazy:0 has no torch.float64"):
            fit(model, data, **{"loss": F.cross_entropy, "device": DEVICE} | options)
        assert where(model) == {CPU}


# Training there gives the numbers of the CPU


class Rows(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i], Y[i]


class Half(nn.Module):
    """A loss with weights, which are moved."""

    def __init__(self):
        super().__init__()
        self.inner = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))

    def forward(self, output, target, factor=1.0):
        return factor * self.inner(output, target)


class Hits:
    """As torchmetrics' objects are."""

    def reset(self):
        self.hits = self.count = 0

    def update(self, output, target):
        self.hits = self.hits + (output.argmax(1) == target).sum()
        self.count += len(target)

    def compute(self):
        return self.hits / self.count


def accuracy(output, target):
    return (output.argmax(1) == target).float().mean()


class Losses(Callback):
    def __init__(self):
        self.seen = []

    def on_batch_end(self, run):
        self.seen.append(run.loss)

    def on_epoch_end(self, run):
        assert all(math.isfinite(float(loss)) for loss in self.seen)


WAYS = {
    "tensors": lambda: {},
    "loss with weights": lambda: {"loss": Half()},
    "partial loss": lambda: {"loss": partial(F.cross_entropy, weight=torch.tensor([1.0, 2.0]))},
    "partial module": lambda: {"loss": partial(Half(), factor=0.5)},
    "metrics": lambda: {"metrics": {"accuracy": accuracy, "hits": Hits()}},
    "dataset": lambda: {"data": Rows()},
    "loader": lambda: {"data": DataLoader(Rows(), 7, shuffle=True)},
    "loader of tensors": lambda: {"data": DataLoader(TensorDataset(X, Y), 7, shuffle=True)},
    "noise": lambda: {"transform": InputNoise(0.1)},
    "noise of a generator": lambda: {
        "transform": InputNoise(0.1, torch.Generator().manual_seed(1))
    },
    "clipped": lambda: {"clip_norm": 0.1},
    "sgd": lambda: {"optimizer": torch.optim.SGD, "lr": 0.1},
    "momentum": lambda: {
        "optimizer": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
        "scheduler": lambda o: torch.optim.lr_scheduler.StepLR(o, 1),
    },
    "lbfgs": lambda: {"optimizer": partial(torch.optim.LBFGS, max_iter=4), "epochs": 1},
    "plateau": lambda: {"scheduler": torch.optim.lr_scheduler.ReduceLROnPlateau},
    "callbacks": lambda: {"callbacks": [Losses(), EarlyStopping(patience=1, min_delta=0.5)]},
}
PENALTIES = {
    "plain": lambda: lambda model: sum(p.square().sum() for p in model.parameters()),
    "L1": lambda: L1(1e-2),
    "L1 subgradient": lambda: L1(1e-2, proximal=False),
    "L2": lambda: L2([1e-2, 1e-3]),
    "L2SP": lambda: L2SP(1e-2, net(seed=1)),
    "sum": lambda: L2(1e-3) + 2 * L1(1e-3) + MaxNorm(1.0),
    "group lasso": lambda: GroupLasso(1e-2),
    "non-negative": lambda: NonNegative(),
    "gradient": lambda: GradientPenalty(1e-2),
    "mixture": lambda: GaussianMixturePrior(1e-3),
    "sharing": lambda: SoftSharing(1e-3),
    "sharing in groups": lambda: SoftSharing(
        1e-3, groups={"layers.0.weight": torch.arange(32).view(8, 4) % 3 - 1}
    ),
    "scales": lambda: ScaleL1(1e-2),
}


def trained(place, model=net, **options):
    model = model().to(place)
    settings = {"data": (X, Y), "loss": F.cross_entropy, "validation": (X_VAL, Y_VAL), "epochs": 3}
    settings |= {"lr": 1e-2, "batch_size": 8, "seed": 5, "progress": False} | options
    return model, fit(model, settings.pop("data"), **settings)


def check_same(options, model=net):
    """Train here and there: the same numbers, and nothing moves."""
    here, history = trained(CPU, model, **options())
    there, other = trained(DEVICE, model, **options())
    assert (where(here), where(there)) == ({CPU}, {DEVICE})
    same_rows(other, history)
    same_state(there, here)


@pytest.mark.parametrize("way", WAYS)
def test_fit_works_where_the_model_is(way):
    check_same(WAYS[way])


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_penalty_works_where_the_model_is(penalty):
    make = PENALTIES[penalty]
    if penalty != "scales":  # with batch normalisation Adam makes full steps of mere rounding
        check_same(lambda: {"regularizer": make()})
    model = (lambda: net(norm="batch")) if penalty == "scales" else net
    check_same(lambda: {"regularizer": make(), "optimizer": torch.optim.SGD}, model)


@pytest.mark.parametrize("rule", RULES)
def test_rules_work_where_the_model_is(rule):
    check_same(lambda: {"optimizer": RULES[rule]})


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted({*WAYS} - {"sgd", "momentum", "lbfgs"})),
    st.sampled_from(sorted({*PENALTIES} - {"scales"})),
    st.sampled_from(sorted({*PENALTIES} - {"scales"})),
    st.sampled_from(["tanh", "gelu", "softsign"]),
    st.floats(0.0, 0.9),
)
def test_together_they_give_the_numbers_of_the_cpu(way, first, second, activation, momentum):
    def options():
        penalty = PENALTIES["L2"]() + PENALTIES[first]() + PENALTIES[second]()
        sgd = partial(torch.optim.SGD, momentum=momentum)
        return WAYS[way]() | {"regularizer": penalty, "optimizer": sgd}

    check_same(options, lambda: net(activation=activation))


def test_batch_norm_and_several_inputs_work_where_the_model_is():
    check_same(lambda: {"optimizer": torch.optim.SGD}, lambda: net(norm="batch"))

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net()

        def forward(self, a, b):
            return self.inner(a + b)

    check_same(lambda: {"data": ((X, X), Y), "validation": ((X_VAL, X_VAL), Y_VAL)}, Two)


def test_data_on_the_device_come_to_a_model_on_the_cpu():
    expected, history = trained(CPU)
    for options in (
        {"data": (X.to(DEVICE), Y.to(DEVICE))},
        {"data": DataLoader(TensorDataset(X.to(DEVICE), Y.to(DEVICE)), 8, shuffle=True)},
        {"data": DataLoader([(x.to(DEVICE), y.to(DEVICE)) for x, y in zip(X, Y, strict=True)], 8)},
    ):
        model, other = trained(CPU, **options)
        assert where(model) == {CPU}
        if isinstance(options["data"], tuple):
            same_rows(other, history)
            same_state(model, expected)


def test_a_run_on_the_device_stops_early_restores_the_best_and_resumes(tmp_path):
    def options(path):
        return {
            "callbacks": [EarlyStopping(patience=2), Checkpoint(path)],
            "resume": path,
            "regularizer": L1(1e-3) + GaussianMixturePrior(1e-3),
        }

    whole, history = trained(DEVICE, epochs=5, **options(tmp_path / "a.pt"))
    trained(DEVICE, epochs=2, **options(tmp_path / "b.pt"))
    resumed, other = trained(DEVICE, epochs=5, **options(tmp_path / "b.pt"))
    assert where(resumed) == {DEVICE}
    assert [r["loss"] for r in other.rows] == [r["loss"] for r in history.rows]
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name].cpu(), value.cpu())
    here, rows = trained(CPU, epochs=5, **options(tmp_path / "c.pt"))
    same_rows(history, rows)
    same_state(whole, here)


def test_a_loss_that_is_no_number_restores_the_model_on_the_device():
    model = nn.Linear(4, 1).to(DEVICE)
    before = copy.deepcopy(model)
    options = {"loss": F.mse_loss, "lr": 1e30, "optimizer": torch.optim.SGD, "progress": False}
    with pytest.raises(FloatingPointError, match="epoch 1"):
        fit(model, (X, TARGET), **options)
    same_state(model, before)


# Sweeps


def sweeps(place, **options):
    settings = {"loss": F.cross_entropy, "validation": (X_VAL, Y_VAL), "epochs": 3, "seeds": 2}
    settings |= {"metrics": {"accuracy": accuracy}} | options
    return sweep(lambda seed: net(seed=seed).to(place), (X, Y), **settings)


@pytest.mark.parametrize(
    "options",
    [
        {"grid": {"lr": [1e-3, 1e-2]}},
        {"grid": {"lam": [1e-3, 1e-2]}, "regularizer": L1, "method": "stacked"},
        {"grid": {"lam": [1e-3, 1e-2]}, "regularizer": lambda lam: L2(lam) + GroupLasso(lam)},
        {"grid": {"lam": [1e-3, 1e-2]}, "regularizer": L2, "method": "sequential"},
        {"grid": {"momentum": [0.0, 0.9]}, "optimizer": torch.optim.SGD, "lr": 0.1},
        {"grid": {"lr": [1e-3]}, "loss": Half()},
        {"grid": {"factor": [0.5, 1.0]}, "loss": Half()},
        {"grid": {"factor": [0.5, 1.0]}, "loss": Half(), "method": "sequential"},
    ],
)
def test_a_sweep_works_where_the_models_are_made(options, accelerator):
    here = sweeps(CPU, **options)
    assert all(where(model) == {CPU} for model in here.models)
    there = sweeps(DEVICE, **copy.deepcopy(options))
    moved = sweeps(CPU, device="auto", **copy.deepcopy(options))
    for other in (there, moved):
        assert all(where(model) == {DEVICE} for model in other.models)
        assert other.method == here.method
        for a, b in zip(other.trials, here.trials, strict=True):
            same_rows(a.history, b.history)
            same_state(a.model, b.model)


def test_models_that_go_through_vmap_work_where_they_are_made():
    def convolutional(place):
        def make(seed):
            torch.manual_seed(seed)
            return nn.Sequential(
                nn.Unflatten(1, (1, 4)),
                nn.Conv1d(1, 3, 2),
                nn.Tanh(),
                nn.Flatten(),
                nn.Linear(9, 2),
            ).to(place)

        options = {"loss": F.cross_entropy, "grid": {"lam": [0.0, 0.1]}, "regularizer": L2}
        return sweep(make, (X, Y), method="stacked", epochs=2, **options)

    here, there = convolutional(CPU), convolutional(DEVICE)
    assert (here.method, there.method) == ("vmap", "vmap")
    for a, b in zip(there.trials, here.trials, strict=True):
        same_rows(a.history, b.history)
        same_state(a.model, b.model)
