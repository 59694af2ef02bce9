"""A run that was killed goes on as if nothing had happened; a bad checkpoint is refused."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnkit.training import Callback, Checkpoint, EarlyStopping, fit
from nnkit.training import _checkpoint as checkpoint
from tests import systems

schedules = torch.optim.lr_scheduler
torch.manual_seed(0)
X = torch.randn(40, 3)
Y = X.sum(1, keepdim=True)


def net(width: int = 4) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, width), nn.Dropout(0.2), nn.Linear(width, 1))


class Killed(Exception):
    """As if the process had ended here."""


class StopAfter(Callback):
    """End a run before its time."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_begin(self, run):
        if run.epoch > self.epoch:
            raise Killed


def run(path, epochs=8, until=None, resume=True, model=None, data=(X, Y), every=1, **options):
    """Train with a checkpoint in `path`; with `until`, only so many epochs of it."""
    model = net() if model is None else model
    callbacks = options.pop("callbacks", [])
    callbacks = [*callbacks, Checkpoint(path, every), StopAfter(epochs if until is None else until)]
    options = {"loss": F.mse_loss, "seed": 2, "batch_size": 8} | options
    resume = path if resume else None
    try:
        return model, fit(model, data, epochs=epochs, callbacks=callbacks, resume=resume, **options)
    except Killed:
        return model, None


def assert_same_run(one, two):
    for p, q in zip(one[0].state_dict().values(), two[0].state_dict().values(), strict=True):
        assert torch.equal(p, q)
    rows = [[{k: v for k, v in r.items() if k != "seconds"} for r in h.rows] for _, h in (one, two)]
    assert rows[0] == rows[1]
    assert one[1].stop_reason == two[1].stop_reason


@systems.posix
def test_runs_killed_at_any_point_end_as_the_run_that_nobody_killed(tmp_path):
    script = Path(__file__).with_name("resumable.py")
    command = [sys.executable, str(script), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert len(report) == 2
    for case in report.values():
        assert case["ends"] == [0, *[-9] * 10, 0, 0]
        assert case["same"]
        assert case["epochs"] > 10


OPTIMIZERS = {
    "default": None,
    "momentum": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "adamw": torch.optim.AdamW,
    "lbfgs": torch.optim.LBFGS,
    "rmsprop": torch.optim.RMSprop,
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_resumed(tmp_path, optimizer):
    options = {"optimizer": OPTIMIZERS[optimizer], "lr": 0.01}
    whole = run(tmp_path / "whole.pt", **options)
    run(tmp_path / "part.pt", until=3, **options)
    assert_same_run(whole, run(tmp_path / "part.pt", **options))


SCHEDULES = {
    "steps": partial(schedules.MultiStepLR, milestones=[2, 5]),
    "lambda": partial(schedules.LambdaLR, lr_lambda=lambda epoch: 0.9**epoch),
    "cosine": partial(schedules.CosineAnnealingWarmRestarts, T_0=3),
    "plateau": partial(schedules.ReduceLROnPlateau, patience=1),
    "one cycle": partial(schedules.OneCycleLR, max_lr=0.1, total_steps=8),
    "warm-up, then decay": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, 0.1), schedules.ExponentialLR(o, 0.9)], [3]
    ),
}


@pytest.mark.parametrize("scheduler", SCHEDULES)
@pytest.mark.filterwarnings("ignore:The epoch parameter in:UserWarning")  # SequentialLR's own
def test_every_schedule_is_resumed(tmp_path, scheduler):
    options = {"scheduler": SCHEDULES[scheduler], "validation": (X, Y)}
    whole = run(tmp_path / "whole.pt", **options)
    run(tmp_path / "part.pt", until=4, **options)
    assert_same_run(whole, run(tmp_path / "part.pt", **options))


def test_a_schedule_by_the_batch_and_a_longer_interval(tmp_path):
    schedule = partial(schedules.ExponentialLR, gamma=0.97)
    options = {"scheduler": schedule, "scheduler_step": "batch", "every": 3}
    whole = run(tmp_path / "whole.pt", **options)
    run(tmp_path / "part.pt", until=5, **options)
    assert len(checkpoint.read(tmp_path / "part.pt")["history"]) == 3
    assert_same_run(whole, run(tmp_path / "part.pt", **options))
    assert len(checkpoint.read(tmp_path / "part.pt")["history"]) == 8  # the last epoch, too


def test_the_shuffling_of_a_loader_with_a_generator_is_resumed(tmp_path):
    def loader():
        generator = torch.Generator().manual_seed(9)
        return DataLoader(TensorDataset(X, Y), 8, shuffle=True, generator=generator)

    whole = run(tmp_path / "whole.pt", data=loader(), validation=loader())
    run(tmp_path / "part.pt", until=4, data=loader(), validation=loader())
    again = run(tmp_path / "part.pt", data=loader(), validation=loader())
    assert_same_run(whole, again)


def test_early_stopping_is_resumed_with_its_best_weights(tmp_path):
    def options():
        return {
            "callbacks": [EarlyStopping(3)],
            "validation": (X + 1, -Y),
            "epochs": 40,
            "lr": 0.05,
        }

    whole = run(tmp_path / "whole.pt", **options())
    assert whole[1].stop_reason == "early stopping"
    epochs = len(whole[1])
    run(tmp_path / "part.pt", until=epochs - 1, **options())
    resumed = run(tmp_path / "part.pt", **options())
    assert_same_run(whole, resumed)
    assert_same_run(whole, run(tmp_path / "part.pt", **options()))  # it had already ended


def test_a_finished_run_may_be_made_longer(tmp_path):
    whole = run(tmp_path / "whole.pt", epochs=8)
    run(tmp_path / "part.pt", epochs=5)
    assert_same_run(whole, run(tmp_path / "part.pt", epochs=8))


def test_after_ctrl_c_the_file_is_that_of_the_last_epoch(tmp_path):
    class Interrupt(Callback):
        def on_batch_end(self, run):
            if run.step == 17:
                raise KeyboardInterrupt

    path = tmp_path / "run.pt"
    model, history = run(path, callbacks=[Interrupt()])
    assert len(history) == 3
    state = checkpoint.read(path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state["model"][name])
    whole = run(tmp_path / "whole.pt", callbacks=[Callback()])
    state["kinds"]["callbacks"] = state["kinds"]["callbacks"].replace("Interrupt", "Callback")
    torch.save(state, path)
    assert_same_run(whole, run(path, callbacks=[Callback()]))


def test_a_compiled_model_resumes_a_plain_one(tmp_path):
    whole = run(tmp_path / "whole.pt")
    run(tmp_path / "part.pt", until=4)
    model = net()
    compiled = torch.compile(model, backend="eager")
    _, history = run(tmp_path / "part.pt", model=compiled)
    assert_same_run(whole, (model, history))


def test_the_file_before_is_kept_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "new folder" / "run.pt"
    run(path, epochs=3)
    assert sorted(p.name for p in path.parent.iterdir()) == ["run.pt", "run.pt.previous"]
    assert len(checkpoint.read(path)["history"]) == 3
    assert len(checkpoint.read(path.with_name("run.pt.previous"))["history"]) == 2


def test_it_works_where_there_are_no_links(tmp_path, monkeypatch):
    def no_link(*_):
        raise OSError("not supported")

    monkeypatch.setattr(checkpoint.os, "link", no_link)
    run(tmp_path / "run.pt", epochs=3)
    assert len(checkpoint.read(tmp_path / "run.pt.previous")["history"]) == 2


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    run(path, epochs=3)
    before = path.read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        run(path, epochs=5)
    assert path.read_bytes() == before


def test_a_truncated_file_is_refused_and_the_one_before_named(tmp_path):
    path = tmp_path / "run.pt"
    run(path, epochs=4)
    whole = path.read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"run.pt is damaged .*run.pt.previous"):
            run(path, epochs=8)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(ValueError, match=r"run.pt is damaged .*run.pt.previous"):
        run(path, epochs=8)
    before = path.with_name("run.pt.previous")
    again = run(tmp_path / "whole.pt", epochs=8)
    path.unlink()
    before.rename(path)
    assert_same_run(again, run(path, epochs=8))


class Dangerous:
    def __reduce__(self):
        return os.mkdir, ("made-by-a-checkpoint",)


def test_a_foreign_file_is_refused_and_never_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.pt"
    path.write_text("just a text")
    with pytest.raises(ValueError, match=r"run.pt is damaged or no checkpoint"):
        run(path)
    for foreign in (net().state_dict(), [1, 2], {"format": "other"}):
        torch.save(foreign, path)
        with pytest.raises(ValueError, match=r"run.pt is not a checkpoint of nnkit"):
            run(path)
    torch.save(Dangerous(), path)
    with pytest.raises(ValueError, match="damaged or no checkpoint"):
        run(path)
    assert not Path("made-by-a-checkpoint").exists()
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match="damaged or no checkpoint"):
        run(path)


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (r"another model: its 0.bias is \(4,\), this model's is \(6,\)", {"model": net(6)}),
        (r"another model: its 0.bias is \(4,\), .* is absent", {"model": nn.Linear(3, 1)}),
        (r"another run: its optimizer: FusedAdam, .*: SGD", {"optimizer": torch.optim.SGD}),
        (
            "another run: its scheduler: NoneType, .*: StepLR",
            {"scheduler": partial(schedules.StepLR, step_size=2)},
        ),
        ("another run: its callbacks: .*: Callback, StopAfter", {"callbacks": [Callback()]}),
        (
            "another run: its generators: 0, .* this run's: 1, ",
            {"data": DataLoader(TensorDataset(X, Y), 8, generator=torch.Generator())},
        ),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, message, options):
    path = tmp_path / "run.pt"
    run(path, epochs=3)
    options = dict(options)
    model = options.setdefault("model", net())
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match=f"run.pt is a checkpoint of {message}.*run.pt.previous"):
        run(path, **options)
    assert all(torch.equal(p, q) for p, q in zip(before, model.parameters(), strict=True))


def test_a_missing_file_is_an_error_unless_this_run_will_write_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="a missing file means a start from the beginning"):
        fit(net(), (X, Y), loss=F.mse_loss, resume=tmp_path / "none.pt")
    with pytest.raises(FileNotFoundError):
        checkpoint.read(tmp_path / "none.pt")
    _, history = run(tmp_path / "first.pt", epochs=2)
    assert len(history) == 2


def test_every_is_a_number_of_epochs():
    with pytest.raises(ValueError, match="every is 0, it must be at least 1 epoch"):
        Checkpoint("run.pt", every=0)
