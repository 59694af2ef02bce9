"""A run that goes wrong ends at once, says why and gives a usable model back."""

import math
import signal
import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from nnkit.training import Callback, EarlyStopping, NonFiniteLoss, fit
from nnkit.training._nonfinite import LossMeter, likely_cause
from nnkit.training._pytree import all_finite

torch.manual_seed(0)
X = torch.randn(60, 3)
Y = X.sum(1, keepdim=True)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1))


class WeightsPerEpoch(Callback):
    """The weights at the end of each epoch, epoch 0 included."""

    def on_train_begin(self, run):
        self.states = [{k: v.clone() for k, v in run.model.state_dict().items()}]

    def on_epoch_end(self, run):
        self.states.append({k: v.clone() for k, v in run.model.state_dict().items()})


class Late:
    """A loss that is as usual until a given call, and then `value`."""

    def __init__(self, at: int, value: float = math.nan) -> None:
        self.calls, self.at, self.value = 0, at, value

    def __call__(self, output, target):
        self.calls += 1
        loss = F.mse_loss(output, target)
        return loss * self.value if self.calls == self.at else loss


def assert_weights(model: nn.Module, state: dict) -> None:
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize(("at", "epoch", "batch"), [(1, 1, 1), (4, 1, 4), (6, 1, 6), (15, 3, 3)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_it_names_epoch_and_batch_and_gives_the_weights_of_the_epoch_before(
    at, epoch, batch, value
):
    model, recorder = net(), WeightsPerEpoch()
    with pytest.raises(NonFiniteLoss, match=f"epoch {epoch}, batch {batch}: the loss is") as caught:
        fit(model, (X, Y), loss=Late(at, value), epochs=9, batch_size=10, callbacks=[recorder])
    history = caught.value.history
    assert history.stop_reason == "non-finite loss"
    assert len(history) == epoch - 1 == len(recorder.states) - 1
    assert_weights(model, recorder.states[-1])
    assert model.training
    fit(model, (X, Y), loss=F.mse_loss, epochs=1)  # it can be trained on


def test_it_stops_within_a_moment_in_a_long_epoch():
    seen = []

    class Count(Callback):
        def on_batch_end(self, run):
            seen.append(run.step)
            if run.step > 3:  # time passes, so that the next look comes
                time.sleep(0.02)

    with pytest.raises(NonFiniteLoss, match="epoch 1, batch 3"):
        fit(
            net(),
            (X.repeat(100, 1), Y.repeat(100, 1)),
            loss=Late(3),
            batch_size=2,
            callbacks=[Count()],
        )
    assert len(seen) < 300


def test_steps_that_are_too_long_are_named():
    with pytest.raises(NonFiniteLoss, match=r"had grown from .* Hint: lower lr \(it is 30\)"):
        fit(nn.Linear(3, 1), (X, Y), loss=F.mse_loss, optimizer=torch.optim.SGD, lr=30, epochs=99)


def test_a_jump_is_named():
    with pytest.raises(NonFiniteLoss, match="a logarithm of 0 or a division by 0"):
        fit(net(), (X, Y), loss=Late(8), batch_size=10)


def test_a_loss_that_is_not_finite_from_the_start_is_named():
    with pytest.raises(NonFiniteLoss, match=r"epoch 1, batch 1: .* so before any update"):
        fit(net(), (X, Y), loss=lambda o, t: (o - t).square().mean() / 0)


class Holey(Dataset):
    def __init__(self, row: int, what: str) -> None:
        self.row, self.what = row, what

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        x, y = X[i], Y[i]
        if i == self.row:
            x, y = (x / 0, y) if self.what == "inputs" else (x, y / 0)
        return x, y


@pytest.mark.parametrize("what", ["inputs", "targets"])
def test_data_of_a_loader_that_are_not_finite_are_named(what):
    loader = DataLoader(Holey(35, what), 10)
    with pytest.raises(NonFiniteLoss, match=f"epoch 1, batch 4: .* The {what} of a batch hold nan"):
        fit(net(), loader, loss=F.mse_loss)


def test_a_transform_that_fails_now_and_then_is_named():
    def divide(x, y):
        return x / (torch.rand(len(x), 1) > 0.02), y

    with pytest.raises(
        NonFiniteLoss, match=r"inputs of a batch hold nan or inf. Hint: .*transform"
    ):
        fit(net(), (X, Y), loss=F.mse_loss, transform=divide, batch_size=2, epochs=50, seed=1)


def test_a_penalty_that_is_not_finite_is_named():
    calls = []

    def penalty(model):
        calls.append(1)
        return torch.tensor(math.nan if len(calls) == 10 else 0.0)

    with pytest.raises(NonFiniteLoss, match=r"epoch 2, batch 3: the penalty is nan.*regularizer"):
        fit(net(), (X, Y), loss=F.mse_loss, regularizer=penalty, batch_size=10)


def test_weights_that_are_not_finite_after_the_last_batch_are_seen():
    class Break(torch.optim.SGD):
        def step(self, closure=None):
            super().step()
            if self.param_groups[0].setdefault("calls", 0) == 11:
                self.param_groups[0]["params"][0].data[0] = math.nan
            self.param_groups[0]["calls"] += 1

    model, recorder = net(), WeightsPerEpoch()
    with pytest.raises(NonFiniteLoss, match="epoch 2, batch 6: its update made weights nan or inf"):
        fit(
            model,
            (X, Y),
            loss=F.mse_loss,
            optimizer=Break,
            batch_size=10,
            callbacks=[recorder],
            validation=(X, Y),
        )
    assert_weights(model, recorder.states[1])


def test_early_stopping_gives_the_best_weights_of_a_run_that_blew_up():
    model, stopping = net(), EarlyStopping(9, monitor="loss")
    recorder = WeightsPerEpoch()
    with pytest.raises(NonFiniteLoss):
        fit(model, (X, Y), loss=Late(20), batch_size=10, callbacks=[stopping, recorder])
    assert_weights(model, recorder.states[stopping.best_epoch])


class Interrupt(Callback):
    def __init__(self, hook: str, step: int) -> None:
        self.hook, self.step = hook, step

    def _maybe(self, hook, run):
        if hook == self.hook and run.step >= self.step:
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C does

    def on_epoch_begin(self, run):
        self._maybe("on_epoch_begin", run)

    def on_batch_end(self, run):
        self._maybe("on_batch_end", run)

    def on_epoch_end(self, run):
        self._maybe("on_epoch_end", run)


@pytest.mark.parametrize(
    ("hook", "step", "epochs"),
    [
        ("on_batch_end", 1, 0),
        ("on_batch_end", 8, 1),
        ("on_batch_end", 12, 1),
        ("on_epoch_begin", 12, 2),
        ("on_epoch_end", 12, 2),
    ],
)
def test_ctrl_c_loses_only_the_current_epoch(hook, step, epochs):
    model, recorder = net(), WeightsPerEpoch()
    model.eval()
    history = fit(
        model,
        (X, Y),
        loss=F.mse_loss,
        batch_size=10,
        callbacks=[recorder, Interrupt(hook, step)],
        validation=(X, Y),
    )
    assert history.stop_reason == "interrupted"
    assert len(history) == epochs
    assert_weights(model, recorder.states[epochs])
    assert not any(m.training for m in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_ctrl_c_during_validation():
    model, recorder = net(), WeightsPerEpoch()
    calls = []

    def metric(output, target):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 0.0

    history = fit(
        model,
        (X, Y),
        loss=F.mse_loss,
        callbacks=[recorder],
        validation=(X, Y),
        metrics={"m": metric},
    )
    assert len(history) == 2
    assert_weights(model, recorder.states[2])


def test_any_other_error_goes_through_after_the_last_hook():
    class Fail(Callback):
        ended = False

        def on_epoch_end(self, run):
            raise RuntimeError("disk full")

        def on_train_end(self, run):
            self.ended = True

    fail = Fail()
    with pytest.raises(RuntimeError, match="disk full"):
        fit(net(), (X, Y), loss=F.mse_loss, callbacks=[fail])
    assert fail.ended


def test_the_likely_cause_of_a_loss_near_zero():
    assert "had grown from 0.001 to 5" in likely_cause(5.0, 0.001, 0.1)
    assert "logarithm" in likely_cause(0.5, 0.4, 0.1)
    assert "logarithm" in likely_cause(0.5, 0.0, 0.1)  # no factor says anything of growth from 0
    assert "before any update" in likely_cause(None, math.inf, 0.1)


def test_finite_or_not():
    nan = torch.tensor([1.0, math.nan])
    assert all_finite([torch.ones(2), {"a": torch.ones(0)}, torch.ones(2).long(), "text"])
    assert not all_finite({"a": (torch.ones(2), nan)})
    assert not all_finite(-nan / 0)
    assert all_finite(torch.tensor([torch.finfo().max, torch.finfo().min]))


def test_the_meter_is_the_mean_over_rows():
    meter = LossMeter()
    assert math.isnan(meter.mean[0])
    assert meter.read()
    meter.add(torch.tensor(1.0), 3)
    meter.add(torch.tensor(5.0), 1)
    assert meter.read()
    assert meter.count == 2
    meter.add(torch.tensor(2.0), 4)
    assert meter.read()
    assert meter.mean == pytest.approx((3 + 5 + 8) / 8)
    assert (meter.last, meter.least) == (2, 1)
    meter.add(torch.tensor(1.0), 1)
    meter.add(torch.tensor(math.inf), 1)
    meter.add(torch.tensor(math.nan), 1)
    assert not meter.read()
    assert (meter.first_bad, meter.last, meter.bad) == (5, 1, math.inf)


def test_the_meter_holds_the_losses_of_many_models_apart():
    meter = LossMeter(3)
    for losses in ([1.0, 2.0, 3.0], [3.0, math.inf, 1.0], [5.0, 1.0, math.nan]):
        meter.add(torch.tensor(losses), 2)
    assert not meter.read()
    assert meter.first_bad.tolist() == [0, 2, 3]
    assert meter.mean[0] == 3
    assert meter.mean[1] == math.inf
    assert math.isnan(meter.mean[2])
    assert meter.least.tolist() == [1, 2, 1]


def test_a_sum_that_overflows_is_no_fault_of_a_batch():
    meter = LossMeter()
    meter.add(torch.tensor(1e308, dtype=torch.float64), 100)
    assert meter.read()
