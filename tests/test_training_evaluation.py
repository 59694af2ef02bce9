"""Held-out data are all seen, each row with its weight, whatever they come in."""

import math
from collections import namedtuple

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)

from nnkit.sweep import sweep
from nnkit.training import History, fit


class Squeeze(nn.Module):
    def forward(self, x):
        return x.squeeze(-1)


class Rows(Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Stream(IterableDataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __iter__(self):
        return iter(list(zip(self.x, self.y, strict=True)))


class Once(IterableDataset):
    """A stream that is over when it has been read."""

    def __init__(self, x, y):
        self.rows = iter(list(zip(x, y, strict=True)))

    def __iter__(self):
        yield from self.rows


class Unmeasured(BatchSampler):
    """A batch sampler that does not say how many batches there are."""

    __len__ = None


def loader_of(kind: str, x, y, size: int, drop_last: bool):
    """Held-out data of a kind, and the numbers of the rows that they give."""
    dataset, n = TensorDataset(x, y), len(x)
    kept = n - n % size if drop_last else n
    plain = {"batch_size": size, "drop_last": drop_last}
    by_sampler = BatchSampler(range(n - 1, -1, -1), size, drop_last)
    random = BatchSampler(RandomSampler(dataset, num_samples=3 * n), size, False)
    return {
        "tensors": ((x, y), n),
        "a data set": (Rows(x, y), n),
        "a loader": (DataLoader(dataset, **plain), kept),
        "rows": (DataLoader(Rows(x, y), **plain), kept),
        "a batch sampler": (DataLoader(dataset, batch_sampler=by_sampler), kept),
        "batch sampler, rows": (DataLoader(Rows(x, y), batch_sampler=by_sampler), kept),
        "of torch": (DataLoader(dataset, batch_sampler=BatchSampler(
            SequentialSampler(dataset), size, drop_last)), kept),
        "oversampled": (DataLoader(dataset, batch_sampler=random), None),
        "unmeasured": (DataLoader(dataset, batch_sampler=Unmeasured(range(n), size, False)), n),
        "lists": (DataLoader(dataset, batch_sampler=[list(range(n - 1)), [n - 1]]), n),
        "single rows": (DataLoader(dataset, batch_size=None), n),
        "a stream": (DataLoader(Stream(x, y), **plain), kept),
        "stream of rows": (DataLoader(Stream(x, y), batch_size=None), n),
        "a bare stream": (Stream(x, y), n),
    }[kind]  # fmt: skip


KINDS = ["tensors", "a data set", "a loader", "rows", "a batch sampler", "batch sampler, rows",
         "of torch", "unmeasured", "lists", "single rows", "a stream", "stream of rows",
         "a bare stream"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 40),
    size=st.integers(1, 45),
    drop_last=st.booleans(),
    bad=st.sampled_from([None, None, math.inf, math.nan]),
    where=st.integers(0, 39),
)
def test_val_loss_is_the_mean_over_all_rows(kind, n, size, drop_last, bad, where):
    x = torch.randn(n, 2)
    y = torch.randn(n) if kind in ("single rows", "stream of rows") else torch.randn(n, 1)
    if bad is not None:
        y[where % n] = bad
    data, count = loader_of(kind, x, y, size, drop_last)
    if count == 0:
        return
    model = nn.Sequential(nn.Linear(2, 1), Squeeze()) if y.ndim == 1 else nn.Linear(2, 1)
    train = (x, torch.zeros_like(y))
    bias_only = torch.optim.SGD(model.parameters(), lr=1e-30)
    right_rows = slice(None) if kind != "a batch sampler" and kind != "batch sampler, rows" else (
        torch.arange(n - 1, -1, -1)[:count])  # fmt: skip
    xs, ys = x[right_rows][:count], y[right_rows][:count]
    seen = []

    def by_hand(output, target):
        seen.append(len(target))
        return (output - target).square().mean()

    right = (model(xs) - ys).square().mean().item()
    try:
        history = fit(model, train, loss=F.mse_loss, validation=data, epochs=2, optimizer=bias_only,
                      metrics={"mse": by_hand})  # fmt: skip
    except ValueError:  # refused before any work: the first batch held it
        if bad is None:
            raise
        return
    assert history["val_loss"] == pytest.approx([right] * 2, rel=1e-4, nan_ok=True)
    assert history["val_mse"] == pytest.approx([right] * 2, rel=1e-4, nan_ok=True)
    assert seen == [count, count]


@pytest.mark.parametrize("way", ["auto", "sequential"])
def test_a_loss_that_is_infinite_on_later_rows_is_infinite(way):
    x = torch.ones(600, 1)
    x[300:] = -1
    loss = lambda o, t: -o.clamp(min=0).log().mean()  # noqa: E731

    class Same(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return self.weight * x

    good = (x[:300], x[:300])
    options = {"loss": loss, "validation": (x, x), "epochs": 1}
    assert fit(Same(), good, lr=1e-12, **options)["val_loss"] == [math.inf]
    runs = sweep(lambda seed: Same(), good, grid={"lr": [1e-12, 1e-13]}, method=way, **options)
    assert runs.values().ravel().tolist() == [math.inf, math.inf]


def test_a_stream_that_is_read_once_or_is_empty_is_refused_before_the_first_step():
    x, y = torch.randn(300, 2), torch.randn(300, 1)
    model = nn.Linear(2, 1)
    before = [p.clone() for p in model.parameters()]
    for held_out, message in (
        (Once(x, y), "gives its rows only once, and they are needed after each epoch. Hint"),
        (DataLoader(Once(x, y), 7), "gives its rows only once"),
        (Stream(x[:0], y[:0]), "the loader gave no batch"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(model, (x, y), loss=F.mse_loss, validation=held_out, epochs=1)
    assert all(map(torch.equal, model.parameters(), before))


def test_a_training_stream_that_is_read_once_serves_one_epoch_and_then_keeps_the_history():
    x, y = torch.randn(30, 2), torch.randn(30, 1)
    assert len(fit(nn.Linear(2, 1), Once(x, y), loss=F.mse_loss, epochs=1)) == 1
    with pytest.raises(ValueError, match="epoch 2: the loader gave no batch") as caught:
        fit(nn.Linear(2, 1), Once(x, y), loss=F.mse_loss, epochs=2)
    assert len(caught.value.history) == 1


def test_trying_out_held_out_data_draws_nothing_from_their_generators():
    x, y = torch.randn(20, 2), torch.randn(20, 1)

    def run(shared: bool):
        generator = torch.Generator().manual_seed(3)
        train = DataLoader(Rows(x, y), 4, shuffle=True, generator=generator)
        held_out = DataLoader(Rows(x, y), 20, generator=generator if shared else None)
        torch.manual_seed(0)
        model = nn.Linear(2, 1)
        if shared:
            fit(model, train, loss=F.mse_loss, validation=held_out, epochs=1)
        else:
            fit(model, train, loss=F.mse_loss, epochs=1)
        return model.weight

    assert torch.equal(run(True), run(False))


Outputs = namedtuple("Outputs", ["mean", "names"])


class Several(nn.Module):
    """A model whose output is a tuple, a named one or a dict."""

    def __init__(self, form: str):
        super().__init__()
        self.net, self.form = nn.Linear(2, 1), form

    def forward(self, x):
        mean = self.net(x)
        return {
            "tuple": (mean, [mean, mean]),
            "namedtuple": Outputs(mean, [mean]),
            "dict": {"mean": mean, "more": (mean,)},
        }[self.form]


@pytest.mark.parametrize("form", ["tuple", "namedtuple", "dict"])
def test_metrics_are_given_outputs_of_several_parts_joined_part_by_part(form):
    first = lambda o: o["mean"] if form == "dict" else o[0]  # noqa: E731
    dicts = [{"id": f"r{i}", "y": torch.randn(1)} for i in range(70)]
    x = torch.randn(70, 2)
    held_out = DataLoader(Rows(x, dicts), 16)
    seen = []

    def names(output, target):
        seen.append((len(first(output)), target["id"], len(target["y"])))
        return (first(output) - target["y"]).square().mean()

    history = fit(Several(form), held_out, validation=held_out, epochs=2, metrics={"mse": names},
                  loss=lambda o, t: (first(o) - t["y"]).square().mean())  # fmt: skip
    assert seen == [(70, [f"r{i}" for i in range(70)], 70)] * 2
    assert history["val_mse"] == pytest.approx(history["val_loss"], rel=1e-5)


def test_a_short_last_batch_weighs_less_whatever_the_target_is_made_of():
    x = torch.cat([torch.zeros(32, 1), torch.ones(1, 1)])
    dicts = [{"id": f"r{i}", "y": value} for i, value in enumerate(x)]
    model = nn.Linear(1, 1)
    frozen = torch.optim.SGD(model.parameters(), lr=1e-30)
    run = lambda data, loss: fit(model, data, loss=loss, epochs=1, optimizer=frozen)["loss"]  # noqa: E731
    by_dict = run(DataLoader(Rows(x, dicts), 32), lambda o, t: (o - t["y"]).square().mean())
    assert by_dict == pytest.approx([F.mse_loss(model(x), x).item()], rel=1e-5)


def test_the_best_epoch_is_one_with_a_number():
    rows = [
        {"epoch": i + 1, "val_loss": v} for i, v in enumerate([math.nan, 2.0, math.nan, 1.0, 3.0])
    ]
    assert History(rows).best()["epoch"] == 4
    assert History(rows).best(mode="max")["epoch"] == 5
    with pytest.raises(ValueError, match="'val_loss' was nan in every epoch"):
        History(rows[:1]).best()
