"""What cannot be trained is refused before anything is changed; what can be is not."""

import copy
import math
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from nnkit.regularizers import L2
from nnkit.sweep import sweep
from nnkit.training import Callback, EarlyStopping, fit

torch.manual_seed(0)
X = torch.randn(33, 4)
LABELS = torch.arange(33) % 3
VALUES = torch.randn(33)
schedules = torch.optim.lr_scheduler


def net(inputs: int = 4, outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs))


def lazy() -> nn.Module:
    return nn.LazyLinear(3)


def broken() -> nn.Module:
    model = net()
    model[0].weight.data[1, 2] = math.nan
    return model


class Empty(Dataset):
    def __len__(self):
        return 0


class EmptyStream(IterableDataset):
    def __iter__(self):
        return iter([])


class Rows(Dataset):
    """A data set of one's own, so that nothing is known before its first batch."""

    def __init__(self, *tensors):
        self.tensors = tensors

    def __len__(self):
        return len(self.tensors[0])

    def __getitem__(self, i):
        return tuple(t[i] for t in self.tensors)


def with_bad_row(row: int) -> torch.Tensor:
    x = X.clone()
    x[row, 1] = math.nan
    return x


class View(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x).view(-1, 3)


class Dict(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return {"a": self.layer(x), "b": 1}


class OneWay(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        raise RuntimeError("no way back")


def wrong(label, what, kind=ValueError, model=net, loss=F.cross_entropy, data=(X, LABELS), **rest):
    """A case: `what` must be in the message."""
    return pytest.param(what, kind, model, loss, data, rest, id=label)


one = partial(net, 4, 1)
CASES = [
    # numbers
    wrong("lr", "lr must be greater than 0, got -1", lr=-1),
    wrong("lr nan", "lr must be finite", lr=math.nan),
    wrong("lr text", "lr must be a number", TypeError, lr="0.1"),
    wrong("epochs", "epochs must be at least 1, got 0", epochs=0),
    wrong("epochs 1.5", "epochs must be a whole number, got 1.5", TypeError, epochs=1.5),
    wrong("batch_size", "batch_size must be at least 1, got -3", batch_size=-3),
    wrong("clip_norm", "clip_norm must be greater than 0, got 0", clip_norm=0),
    wrong("seed", "seed must be at least 0", seed=-1),
    wrong("schedule", "unknown scheduler_step 'epochs': .* mean 'epoch'", scheduler_step="epochs"),
    wrong("device", "device must be None .*, got 'gpu0'", device="gpu0"),
    wrong("device meta", "got 'meta', which holds no numbers", device="meta"),
    # kinds
    wrong("model", "must be a torch.nn.Module", TypeError, model=lambda: "net"),
    wrong("loss class", r"Hint: MSELoss\(\)", TypeError, loss=nn.MSELoss),
    wrong("loss name", "got 'mse'", TypeError, loss="mse"),
    wrong("metrics", "must be a dict", TypeError, metrics=[len], validation=(X, LABELS)),
    wrong("metric", "'a' must be a function", TypeError, metrics={"a": 1}, validation=(X, LABELS)),
    wrong("metric name", "named 'loss'", metrics={"loss": len}, validation=(X, LABELS)),
    wrong("metrics alone", "give validation", metrics={"n": len}),
    wrong(
        "penalty",
        "regularizer must return a scalar tensor, got 0.0",
        TypeError,
        regularizer=lambda m: 0.0,
    ),
    wrong("penalties", r"got shape \(2,\)", TypeError, regularizer=lambda m: torch.ones(2)),
    wrong(
        "transform",
        r"return a pair \(x, y\), got shape \(32, 4\)",
        TypeError,
        transform=lambda x, y: x,
    ),
    wrong("callback", "must be a list", TypeError, callbacks=Callback()),
    wrong("callback class", "an object of a Callback", TypeError, callbacks=[EarlyStopping]),
    wrong("optimizer", "got 'adam'", TypeError, optimizer="adam"),
    # what belongs together
    wrong("stopping", "watches 'val_loss', but this run has loss, lr", callbacks=[EarlyStopping()]),
    wrong("plateau", "give validation", scheduler=schedules.ReduceLROnPlateau),
    wrong(
        "plateau by batch",
        "needs scheduler_step='epoch'",
        scheduler=schedules.ReduceLROnPlateau,
        scheduler_step="batch",
        validation=(X, LABELS),
    ),
    wrong(
        "one cycle",
        "ends after 5 steps, but this run makes 20 .* Hint: total_steps=20",
        scheduler=partial(schedules.OneCycleLR, max_lr=0.1, total_steps=5),
        scheduler_step="batch",
    ),
    wrong(
        "other schedule",
        "the scheduler must belong to the optimizer",
        scheduler=schedules.StepLR(torch.optim.SGD(net().parameters()), 1),
    ),
    wrong(
        "other optimizer",
        "holds none of the model's trainable parameters",
        optimizer=torch.optim.SGD(net().parameters()),
    ),
    # models
    wrong("frozen", "no parameter that can be trained", model=lambda: net().requires_grad_(False)),
    wrong("lazy", r"call model\(x\) once", model=lazy),
    wrong("nan weights", "0.weight holds nan or inf before training", model=broken),
    # data
    wrong("one tensor", "got a Tensor", TypeError, data=X),
    wrong("three", "got a tuple of length 3", TypeError, data=(X, X, X)),
    wrong("array", "got a ndarray. Hint: torch.as_tensor", TypeError, data=(X.numpy(), LABELS)),
    wrong("rows", r"as many rows as each other, got \(33, 4\), \(9,\)", data=(X, LABELS[:9])),
    wrong("no rows", r"shape \(0, 4\) has no rows", data=(X[:0], LABELS[:0])),
    wrong("scalar", "has no rows", data=(X, torch.tensor(1))),
    wrong("empty set", "data is empty", data=Empty()),
    wrong("empty loader", "at least one batch$", data=DataLoader(Empty(), 4)),
    wrong("empty stream", "epoch 1: the loader gave no batch", data=EmptyStream()),
    wrong(
        "all dropped",
        "Hint: drop_last",
        data=DataLoader(Rows(X, LABELS), batch_size=99, drop_last=True),
    ),
    wrong("no pair", "it must be a pair", TypeError, data=Rows(X)),
    wrong("validation", "validation: X and y must have as many", validation=(X, LABELS[:9])),
    wrong("validation width", "validation: .* it wants 4 features", validation=(X[:, :3], LABELS)),
    wrong("validation labels", "validation: the labels run", validation=(X, LABELS + 1)),
    wrong(
        "validation loader",
        "validation: .* it wants 4 features",
        validation=DataLoader(Rows(X[:, :3], LABELS), 4),
    ),
    # inputs and model
    wrong(
        "float64",
        "0, Linear.* weights are of dtype torch.float32. Hint: X.float",
        TypeError,
        data=(X.double(), LABELS),
    ),
    wrong("integers", r"Hint: X.float\(\)", TypeError, data=(X.long(), LABELS)),
    wrong("double model", r"Hint: X.to\(torch.float64\)", TypeError, model=lambda: net().double()),
    wrong("width", "0, Linear.* it wants 5 features in the last dimension$", model=partial(net, 5)),
    wrong(
        "images",
        r"wants 16 features .* Hint: X.flatten\(1\)",
        model=partial(net, 16),
        data=(torch.randn(33, 4, 4), LABELS),
    ),
    wrong(
        "channels",
        "it wants 3 channels in dimension 1",
        model=lambda: nn.Conv2d(3, 4, 3),
        data=(torch.randn(33, 1, 8, 8), LABELS),
    ),
    wrong(
        "inner layer",
        "2, Linear.* was given shape .*, 8.* it wants 9 features",
        model=lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(9, 3)),
    ),
    wrong(
        "rnn",
        "it wants 7 features",
        model=lambda: nn.RNN(7, 3),
        data=(torch.randn(33, 5, 4), LABELS),
    ),
    wrong(
        "token range",
        "Embedding was given .*: it wants numbers from 0 to 9, got from 0 to 31",
        model=lambda: nn.Embedding(10, 3),
        data=(torch.arange(33), LABELS),
    ),
    wrong("token kind", r"Hint: X.long\(\)", TypeError, model=lambda: nn.Embedding(10, 3)),
    wrong(
        "one row left",
        "1, BatchNorm1d.* of one row. Hint: another batch_size",
        model=lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)),
        batch_size=16,
    ),
    wrong(
        "two inputs",
        "Linear was given .*: .*forward",
        model=lambda: nn.Linear(4, 3),
        data=((X, X), LABELS),
    ),
    wrong(
        "loader width",
        "it wants 5 features",
        model=partial(net, 5),
        data=DataLoader(Rows(X, LABELS), 4),
    ),
    # outputs and targets
    wrong(
        "labels",
        "run from 0 to 2, but the model has 2 outputs: allowed are 0 to 1$",
        model=partial(net, 4, 2),
    ),
    wrong("labels from 1", "run from 1 to 3, .* Hint: y - 1", data=(X, LABELS + 1)),
    wrong("late label", "run from 0 to 7", data=(X, torch.cat([LABELS[:-1], torch.tensor([7])]))),
    wrong("labels module", "allowed are 0 to 2", loss=nn.CrossEntropyLoss(), data=(X, LABELS - 1)),
    wrong(
        "labels partial",
        "allowed are 0 to 2",
        loss=partial(F.cross_entropy, ignore_index=9),
        data=(X, LABELS + 1),
    ),
    wrong("labels loader", "allowed are 0 to 2", data=DataLoader(Rows(X, LABELS + 5), 4)),
    wrong("float labels", r"Hint: y.long\(\)", TypeError, data=(X, LABELS.float())),
    wrong("column of labels", r"Hint: y.squeeze\(1\)", data=(X, LABELS[:, None])),
    wrong(
        "flat target",
        r"\(32, 1\).*\(32,\).*Hint: y.unsqueeze\(1\)",
        model=one,
        loss=F.mse_loss,
        data=(X, VALUES),
    ),
    wrong(
        "flat output",
        r"Hint: y.squeeze\(1\)",
        model=lambda: nn.Sequential(one(), nn.Flatten(0)),
        loss=nn.L1Loss(),
        data=(X, VALUES[:, None]),
    ),
    wrong(
        "broadcast inside",
        r"Hint: y.unsqueeze\(1\)",
        model=one,
        loss=lambda o, t: 2 * F.huber_loss(o, t),
        data=(X, VALUES),
    ),
    wrong(
        "bce shape",
        r"Hint: y.unsqueeze\(1\)",
        model=one,
        loss=nn.BCEWithLogitsLoss(),
        data=(X, (VALUES > 0).float()),
    ),
    wrong(
        "bce signs",
        r"run from -1 to 1, .* Hint: .*\(y \+ 1\) / 2",
        model=one,
        loss=F.binary_cross_entropy_with_logits,
        data=(X, VALUES[:, None].sign()),
    ),
    wrong(
        "bce bool",
        r"Hint: y.float\(\)",
        TypeError,
        model=one,
        loss=nn.BCEWithLogitsLoss(),
        data=(X, VALUES[:, None] > 0),
    ),
    wrong(
        "bce scores",
        "between 0 and 1",
        model=one,
        loss=lambda o, t: F.binary_cross_entropy(o - 9, t),
        data=(X, (VALUES[:, None] > 0).float()),
    ),
    wrong(
        "not reduced",
        r"got shape \(32,\). Hint: .mean\(\)",
        loss=partial(F.cross_entropy, reduction="none"),
    ),
    wrong(
        "number", r"Hint: no .item\(\)", TypeError, loss=lambda o, t: F.cross_entropy(o, t).item()
    ),
    wrong(
        "detached",
        "does not depend on any trainable",
        loss=lambda o, t: F.cross_entropy(o.detach(), t),
    ),
    wrong(
        "own layer",
        r"View was given .*: shape '\[-1, 3\]' is invalid",
        model=View,
    ),
    wrong(
        "backward",
        r"the loss cannot compare .*: no way back",
        loss=lambda o, t: OneWay.apply(o).mean(),
    ),
    wrong(
        "loss of a dict",
        r"an output of \{a: shape \(32, 3\), torch.float32; b: int\} with a target of .*: .*dict",
        model=lambda: Dict(),
    ),
    wrong(
        "loss of a tuple",
        r"an output of \(shape \(32, 3\).*; shape .*\) with a target",
        model=lambda: nn.Sequential(nn.LSTM(4, 3)),
    ),
    # values
    wrong(
        "nan input",
        r"the inputs hold nan or inf, first at \(\d+, 1\) of the batch",
        data=(with_bad_row(20), LABELS),
    ),
    wrong(
        "inf target",
        "the targets hold nan or inf",
        model=one,
        loss=F.mse_loss,
        data=(X, torch.full((33, 1), math.inf)),
    ),
    wrong(
        "nan among inputs",
        "the inputs hold nan or inf, in one of their parts",
        model=lambda: nn.Bilinear(4, 4, 3),
        data=((X, with_bad_row(3)), LABELS),
    ),
    wrong(
        "nan by transform", "inputs after the transform hold nan", transform=lambda x, y: (x / 0, y)
    ),
]


@pytest.mark.parametrize(("what", "kind", "model", "loss", "data", "rest"), CASES)
def test_it_is_refused_and_nothing_is_changed(what, kind, model, loss, data, rest):
    torch.manual_seed(0)
    net = model()
    before = (
        copy.deepcopy(net.state_dict()) if what != r"call model\(x\) once" and net != "net" else {}
    )
    state = torch.get_rng_state()
    with pytest.raises(kind, match=f"(?s){what}") as caught:
        fit(net, data, loss=loss, **rest)
    assert type(caught.value) is kind
    for name, tensor in before.items():
        torch.testing.assert_close(net.state_dict()[name], tensor, rtol=0, atol=0, equal_nan=True)
    if not isinstance(data, (Dataset, DataLoader)):  # a loader has to be asked for its first batch
        assert torch.equal(state, torch.get_rng_state())


def test_a_missing_model_argument_is_pythons_own_message():
    with pytest.raises(TypeError, match="loss"):
        fit(net(), (X, LABELS))


class Own(nn.Module):
    """Any forward at all: no layers, a state, a fixed batch size, several outputs."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(4, 2))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        assert self.training is False or len(x) == 11
        self.seen += self.training
        return {"mean": x @ self.w[:, 0], "log_var": x @ self.w[:, 1]}


def gaussian(output, y):
    return (output["log_var"] + (y - output["mean"]) ** 2 / output["log_var"].exp()).mean()


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 5)
        self.rnn = nn.GRU(5, 6, batch_first=True)
        self.out = nn.Linear(6, 3)

    def forward(self, tokens):
        _, last = self.rnn(self.embed(tokens))
        return self.out(last[0])


class Caster(nn.Module):
    """It takes pixels and casts them itself."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x.float())


class OnlyTrainAux(nn.Module):
    """In train mode it returns two outputs, in eval mode one."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return (self.a(x), self.b(x)) if self.training else self.a(x)


def auxiliary(output, y):
    if isinstance(output, tuple):
        return sum(F.cross_entropy(o, y) for o in output)
    return F.cross_entropy(output, y)


def ignoring(output, y):
    known = ~y.isnan()
    return F.mse_loss(output[known], y[known])


def triplet(output, y):
    return F.triplet_margin_loss(output, output.roll(1, 0), output.roll(2, 0))


class Unsized:
    def __iter__(self):
        return iter(range(33))


def one_by_one(rows):
    """Labels of different lengths without padding, as CTC takes them."""
    inputs, labels = zip(*rows, strict=True)
    return torch.stack(inputs), (
        torch.cat(labels).clamp(min=1),
        torch.tensor(list(map(len, labels))),
    )


holes = VALUES[:, None].clone()
holes[5] = math.nan
tokens = torch.randint(0, 7, (33, 6))
unlabelled = torch.where(LABELS == 1, -1, LABELS)

GOOD = {
    "embedding and rnn": (Text, (tokens, LABELS), F.cross_entropy),
    "own outputs, fixed batch": (Own, (X, VALUES), gaussian),
    "casts itself": (Caster, ((255 * X).to(torch.uint8), LABELS), F.cross_entropy),
    "another output in eval mode": (OnlyTrainAux, (X, LABELS), auxiliary),
    "nan targets that the loss ignores": (one, (X, holes), ignoring),
    "no use of the target": (net, (X, LABELS), triplet),
    "class probabilities": (net, (X, torch.full((33, 3), 1 / 3)), F.cross_entropy),
    "labels of pixels": (
        lambda: nn.Conv2d(1, 3, 3, padding=1),
        (torch.randn(33, 1, 4, 4), torch.randint(0, 3, (33, 4, 4))),
        nn.CrossEntropyLoss(),
    ),
    "ignored labels": (net, (X, unlabelled), partial(F.cross_entropy, ignore_index=-1)),
    "ignored by the module": (net, (X, unlabelled), nn.CrossEntropyLoss(ignore_index=-1)),
    "byte labels": (net, (X, LABELS.byte()), F.cross_entropy),
    "soft binary targets": (one, (X, torch.rand(33, 1)), nn.BCEWithLogitsLoss()),
    "broadcast by hand": (one, (X, VALUES), lambda o, y: (o - y[:, None]).square().mean()),
    "double throughout": (
        lambda: one().double(),
        (X.double(), VALUES[:, None].double()),
        F.mse_loss,
    ),
    "a target of higher precision": (one, (X, VALUES[:, None].double()), F.mse_loss),
    "autoencoder": (partial(net, 4, 4), (X, X), F.mse_loss),
    "complex weights": (
        lambda: nn.Linear(4, 1, dtype=torch.complex64),
        (X.to(torch.complex64), VALUES[:, None].to(torch.complex64)),
        lambda o, y: (o - y).abs().square().mean(),
    ),
    "rows that do not come": (
        net,
        DataLoader(
            TensorDataset(with_bad_row(0), LABELS),
            11,
            sampler=torch.utils.data.SubsetRandomSampler(range(11, 33)),
        ),
        F.cross_entropy,
    ),
    "batches of any size": (
        net,
        DataLoader(TensorDataset(X, LABELS), batch_sampler=[[0], [1, 2, 3], [4]]),
        F.cross_entropy,
    ),
    "half precision": (
        lambda: one().bfloat16(),
        (X.bfloat16(), VALUES[:, None].bfloat16()),
        F.mse_loss,
    ),
    "labels one after the other": (
        lambda: nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Linear(1, 3), nn.LogSoftmax(-1)),
        DataLoader([(x, LABELS[: 1 + n % 2]) for n, x in enumerate(X)], 11, collate_fn=one_by_one),
        lambda o, y: F.ctc_loss(o.transpose(0, 1), y[0], torch.full((len(o),), 4), y[1]),
    ),
    "a loader's own batch size": (
        lambda: nn.Sequential(nn.Unflatten(0, (-1, 3)), nn.Flatten(0, 1), net()),
        DataLoader(TensorDataset(X, LABELS), 3),
        F.cross_entropy,
    ),
    "a sampler of unknown length": (
        lambda: nn.Sequential(nn.BatchNorm1d(4), net()),
        DataLoader(TensorDataset(X, LABELS), 11, sampler=Unsized()),
        F.cross_entropy,
    ),
    "a list of pairs in a loader": (
        net,
        DataLoader(list(zip(X, LABELS, strict=True)), 11),
        F.cross_entropy,
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_that_works_is_refused(name):
    model, data, loss = GOOD[name]
    net = model()
    history = fit(net, data, loss=loss, epochs=2, batch_size=11, validation=data)
    assert len(history) == 2
    if isinstance(net, Own):
        assert net.seen == 6  # the trial left no trace


def test_float_buffers_are_as_before_the_trial():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    fit(model, (X, LABELS), loss=F.cross_entropy, epochs=1, batch_size=33)
    assert model[1].num_batches_tracked == 1


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(0, 5),
    other_rows=st.integers(0, 5),
    width=st.integers(1, 4),
    wanted=st.integers(1, 4),
    labels=st.integers(-2, 4),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.int64]),
)
def test_it_trains_exactly_what_fits(rows, other_rows, width, wanted, labels, dtype):
    data = torch.ones(rows, width, dtype=dtype), torch.full((other_rows,), labels)
    fits = rows == other_rows > 0 and width == wanted and 0 <= labels < 3 and dtype == torch.float32
    try:
        fit(net(wanted), data, loss=F.cross_entropy, epochs=1)
    except (ValueError, TypeError):
        assert not fits
    else:
        assert fits


def test_arrays_are_not_tensors():
    with pytest.raises(TypeError, match="ndarray"):
        fit(net(), (X, np.zeros(33)), loss=F.cross_entropy)


class Named(NamedTuple):
    first: Tensor
    second: Tensor


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3, 1)

    def forward(self, first, second):
        return self.net(first) + second.sum(1, keepdim=True)


def test_named_inputs_are_several_arguments():
    x, y = torch.randn(12, 3), torch.randn(12, 1)
    rows = [(Named(a, b), c) for a, b, c in zip(x, x, y, strict=True)]
    by_name, by_tuple = TwoInputs(), TwoInputs()
    by_tuple.load_state_dict(by_name.state_dict())
    fit(by_name, DataLoader(rows, 5), loss=F.mse_loss, epochs=2)
    fit(by_tuple, DataLoader(TensorDataset(x, x, y), 5), loss=F.mse_loss, epochs=2)
    assert torch.equal(by_name.net.weight, by_tuple.net.weight)


@pytest.mark.parametrize("where", [torch.no_grad, torch.inference_mode])
def test_training_where_no_gradient_is_recorded_is_refused(where):
    x, y = torch.randn(4, 3), torch.randn(4, 1)
    with where(), pytest.raises(ValueError, match=f"within torch.{where.__name__}"):
        fit(nn.Linear(3, 1), (x, y), loss=F.mse_loss)
    with where(), pytest.raises(ValueError, match=f"within torch.{where.__name__}"):
        sweep(lambda seed: nn.Linear(3, 1), (x, y), loss=F.mse_loss, grid={"lr": [0.1, 0.2]})


def test_inputs_that_require_a_gradient_are_data_and_get_none():
    x, y = torch.randn(40, 3), torch.randn(40, 1)
    free, plain = x.clone().requires_grad_(), nn.Linear(3, 1)
    models = [nn.Linear(3, 1) for _ in range(2)]
    for model, data in zip(
        models, ((free, y), DataLoader([*zip(free, y, strict=True)], 8)), strict=True
    ):
        model.load_state_dict(plain.state_dict())
        fit(model, data, loss=F.mse_loss, batch_size=8, epochs=2, seed=0, validation=(free, y))
        assert free.grad is None
    fit(plain, (x, y), loss=F.mse_loss, batch_size=8, epochs=2, seed=0)
    assert torch.equal(models[0].weight, plain.weight)


@pytest.mark.parametrize("loss", [
    nn.CrossEntropyLoss(weight=torch.ones(3).double()),
    partial(F.cross_entropy, weight=torch.ones(3).double()),
])  # fmt: skip
def test_weights_of_a_loss_in_another_dtype_are_named(loss):
    x, y = torch.randn(9, 4), torch.arange(9) % 3
    with pytest.raises(
        TypeError, match=r"Hint: the loss has weights of torch.float64, torch.float32 is"
    ):
        fit(nn.Linear(4, 3), (x, y), loss=loss)


def test_clipping_a_sparse_gradient_is_refused():
    model = nn.Sequential(nn.Embedding(5, 2, sparse=True), nn.Flatten(), nn.Linear(2, 1))
    data = (torch.arange(5)[:, None], torch.randn(5, 1))
    with pytest.raises(
        ValueError, match=r"cannot clip the sparse gradient of 0, .* Hint: sparse=False"
    ):
        fit(model, data, loss=F.mse_loss, optimizer=torch.optim.SGD, clip_norm=1.0)


class Items(Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


@pytest.mark.parametrize("form", ["tensors", "data set", "loader", "batch sampler"])
def test_batch_normalisation_of_a_last_batch_of_one_row_is_refused_before_any_step(form):
    x, y = torch.randn(17, 3), torch.randn(17, 1)
    data = {
        "tensors": (x, y),
        "data set": Items(x, y),
        "loader": DataLoader(Items(x, y), 8),
        "batch sampler": DataLoader(Items(x, y), batch_sampler=[[1, 2, 3], [4]]),
    }[form]
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    before = [t.clone() for t in model.state_dict().values()]
    with pytest.raises(
        ValueError, match=r"cannot normalise a batch .* of one row. Hint: another batch"
    ):
        fit(model, data, loss=F.mse_loss, batch_size=8)
    assert all(map(torch.equal, model.state_dict().values(), before))
    model[1].eval()  # it normalises by what it has seen before, so one row will do
    assert len(fit(model, data, loss=F.mse_loss, batch_size=8, epochs=2)) == 2


def test_a_batch_that_fails_later_is_explained_and_costs_neither_history_nor_model():
    x, y = torch.randn(40, 3), torch.arange(40) % 2
    y[-1] = 7
    model = nn.Linear(3, 2)
    with pytest.raises(
        ValueError, match="the labels run from 0 to 7, but the model has 2"
    ) as caught:
        fit(model, DataLoader(Items(x, y), 8), loss=F.cross_entropy)
    assert len(caught.value.history) == 0


class Faulty(Callback):
    def on_epoch_end(self, run):
        if run.epoch == 3:
            self.weights = [p.clone() for p in run.model.parameters()]
            raise OSError("the disk is full")


def test_an_error_in_a_callback_costs_neither_history_nor_weights():
    model, faulty, ended = nn.Linear(3, 1), Faulty(), []
    last = type("Last", (Callback,), {"on_train_end": lambda self, run: ended.append(run.epoch)})()
    with pytest.raises(OSError, match="disk is full") as caught:
        fit(
            model, (torch.randn(8, 3), torch.randn(8, 1)), loss=F.mse_loss, callbacks=[faulty, last]
        )
    assert caught.value.history["epoch"] == [1, 2, 3]
    assert caught.value.history.stop_reason == "OSError"
    assert caught.value.__notes__ == ["Its attribute history holds the 3 epochs before."]
    assert all(map(torch.equal, model.parameters(), faulty.weights))
    assert ended == [3]


def test_a_metric_that_fails_later_keeps_the_epochs_before():
    calls = []

    def metric(output, target):
        calls.append(1)
        return 1.0 if len(calls) < 3 else [1, 2]

    data = (torch.randn(8, 3), torch.randn(8, 1))
    with pytest.raises(TypeError, match=r"metric 'm' gave \[1, 2\]") as caught:
        fit(nn.Linear(3, 1), data, loss=F.mse_loss, validation=data, metrics={"m": metric})
    assert caught.value.history["val_m"] == [1.0, 1.0]


def net_with_statistics():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))


@pytest.mark.parametrize("ways", [{}, {"validation": True}, {"regularizer": L2(0.1)}])
def test_a_submodule_in_eval_mode_stays_in_it(ways):
    x, y = torch.randn(30, 3), torch.randn(30, 1)
    ways = ways | ({"validation": (x, y)} if "validation" in ways else {})
    model = net_with_statistics()
    model[1].eval()
    statistics = model[1].running_mean.clone()
    fit(model, (x, y), loss=F.mse_loss, epochs=2, **ways)
    assert torch.equal(model[1].running_mean, statistics)
    assert [m.training for m in model] == [True, False, True, True]


def test_a_model_wholly_in_eval_mode_is_trained_and_put_back():
    x, y = torch.randn(30, 3), torch.randn(30, 1)
    model = net_with_statistics().eval()
    fit(model, (x, y), loss=F.mse_loss, epochs=2)
    assert model[1].running_mean.abs().sum() > 0
    assert not any(m.training for m in model.modules())


def test_a_search_that_remembers_frozen_weights_is_refused():
    x, y = torch.randn(20, 3), torch.randn(20, 1)
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    search = torch.optim.LBFGS(model.parameters(), lr=0.1)
    fit(model, (x, y), loss=F.mse_loss, optimizer=search, batch_size=20, epochs=2)
    model[0].requires_grad_(False)
    frozen = model[0].weight.clone()
    with pytest.raises(ValueError, match=r"LBFGS moves frozen parameters .* Hint: make it anew"):
        fit(model, (x, y), loss=F.mse_loss, optimizer=search, batch_size=20, epochs=2)
    fit(
        model, (x, y), loss=F.mse_loss, optimizer=torch.optim.LBFGS, lr=0.1, batch_size=20, epochs=2
    )
    assert torch.equal(model[0].weight, frozen)


def test_labels_are_looked_at_after_the_transform():
    shifted = {"transform": lambda x, y: (x, y - 1), "loss": F.cross_entropy, "epochs": 1}
    assert len(fit(net(), (X, LABELS + 1), **shifted)) == 1
    with pytest.raises(ValueError, match="the labels run from -1"):
        fit(net(), (X, LABELS), **shifted)
