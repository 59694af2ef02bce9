"""Callbacks are called at their moments and may stop the run."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnkit.training import Callback, EarlyStopping, History, Run, fit
from nnkit.training._loop import overridden

torch.manual_seed(0)
X = torch.randn(30, 2)
Y = X.sum(1, keepdim=True)


class Recorder(Callback):
    def __init__(self):
        self.calls = []

    def on_train_begin(self, run):
        self.calls.append(("train begin", run.epoch, run.step))

    def on_epoch_begin(self, run):
        self.calls.append(("epoch begin", run.epoch, run.step))

    def on_batch_end(self, run):
        assert run.loss.ndim == 0
        assert not run.loss.requires_grad
        self.calls.append(("batch end", run.epoch, run.step))

    def on_epoch_end(self, run):
        assert run.history.rows[-1]["epoch"] == run.epoch
        self.calls.append(("epoch end", run.epoch, run.step))

    def on_train_end(self, run):
        self.calls.append(("train end", run.epoch, run.step))


def test_the_hooks_come_in_order():
    recorder = Recorder()
    fit(nn.Linear(2, 1), (X, Y), loss=F.mse_loss, epochs=2, batch_size=15, callbacks=[recorder])
    assert recorder.calls == [
        ("train begin", 0, 0),
        ("epoch begin", 1, 0),
        ("batch end", 1, 1),
        ("batch end", 1, 2),
        ("epoch end", 1, 2),
        ("epoch begin", 2, 2),
        ("batch end", 2, 3),
        ("batch end", 2, 4),
        ("epoch end", 2, 4),
        ("train end", 2, 4),
    ]


def test_a_hook_that_is_not_overridden_is_not_called():
    run = Run(nn.Linear(1, 1), None, callbacks=[Recorder(), EarlyStopping(), Callback()])
    assert len(overridden(run, "on_batch_end")) == 1
    assert Callback().state_dict() == {}
    Callback().load_state_dict({})


def test_stop_closes_the_epoch_after_the_batch():
    class Stop(Callback):
        def on_batch_end(self, run):
            self.step = run.step
            if run.step == 4:
                run.stop("enough")

    history = fit(
        nn.Linear(2, 1),
        (X, Y),
        loss=F.mse_loss,
        epochs=9,
        batch_size=10,
        callbacks=[stop := Stop()],
        validation=(X, Y),
    )
    assert history.stop_reason == "enough"
    assert stop.step == 4
    assert len(history) == 2
    assert math.isfinite(history["val_loss"][-1])
    assert stop.state_dict() == {}


def run_with(values: list[float], stopping: EarlyStopping) -> tuple[list[int], nn.Module]:
    """Feed a stopping rule with values; the epochs gone through, the model (its bias = epoch)."""
    model = nn.Linear(1, 1)
    run = Run(model, None, epochs=len(values), history=History())
    stopping.on_train_begin(run)
    seen = []
    for epoch, value in enumerate(values, 1):
        run.epoch = epoch
        model.bias.data.fill_(epoch)
        run.history.rows.append({"epoch": epoch, "val_loss": value})
        stopping.on_epoch_end(run)
        seen.append(epoch)
        if run.history.stop_reason:
            break
    stopping.on_train_end(run)
    return seen, model


@pytest.mark.parametrize(
    ("values", "options", "epochs", "best"),
    [
        ([5, 4, 3, 2, 1], {"patience": 1}, 5, 5),
        ([3, 4, 4, 4, 4], {"patience": 2}, 3, 1),
        ([3, 4, 2, 4, 4, 4], {"patience": 2}, 5, 3),
        ([3, 2.95, 2.9, 2.85], {"patience": 2, "min_delta": 0.2}, 3, 1),
        ([3, 2.9, 2.7, 2.75, 2.6], {"patience": 2, "min_delta": 0.2}, 5, 3),
        ([-1, -1, -1, -1], {"patience": 3}, 4, 1),  # flat and negative: it does stop
        ([-1, -1.1, -1.2, -1.3], {"patience": 2, "min_delta": 0.5}, 3, 1),
        ([1, 2, 3, 2.5, 2.9], {"patience": 2, "mode": "max"}, 5, 3),
        ([math.nan, math.nan, 1], {"patience": 2}, 2, 0),
        ([2, math.nan, 1, 2], {"patience": 2}, 4, 3),
        ([math.inf, 3, math.inf], {"patience": 2}, 3, 2),
    ],
)
def test_it_stops_when_nothing_improves_and_gives_the_best_weights_back(
    values, options, epochs, best
):
    stopping = EarlyStopping(**options)
    seen, model = run_with(values, stopping)
    assert len(seen) == epochs
    assert stopping.best_epoch == best
    assert model.bias.item() == (best or epochs)


def test_the_last_weights_may_be_kept():
    _, model = run_with([1, 2, 3], EarlyStopping(2, restore_best=False))
    assert model.bias.item() == 3


def test_it_starts_afresh_with_each_run():
    stopping = EarlyStopping(2)
    run_with([1, 2, 3], stopping)
    seen, _ = run_with([5, 4, 3, 2], stopping)
    assert len(seen) == 4


def test_early_stopping_of_a_real_run():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 50), nn.BatchNorm1d(50), nn.ReLU(), nn.Linear(50, 1))
    noise = torch.randn(30, 1)
    stopping = EarlyStopping(patience=3)
    history = fit(
        model,
        (X, noise),
        loss=F.mse_loss,
        epochs=500,
        lr=0.01,
        validation=(X + 0.5, -noise),
        callbacks=[stopping],
    )
    assert history.stop_reason == "early stopping"
    assert len(history) == stopping.best_epoch + 3
    assert history.best()["epoch"] == stopping.best_epoch
    with torch.no_grad():  # buffers came back, too
        assert F.mse_loss(model.eval()(X + 0.5), -noise).item() == pytest.approx(stopping.best)


@pytest.mark.parametrize(
    "options", [{"patience": 0}, {"min_delta": -1}, {"min_delta": math.nan}, {"mode": "least"}]
)
def test_nonsense_is_refused(options):
    (name,) = options
    with pytest.raises(ValueError, match=name):
        EarlyStopping(**options)
