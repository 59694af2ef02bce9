"""Trains under SIGKILL: run by tests/test_training_checkpoint.py in a process of its own.

torch is imported once; each run is a fork of this process, killed for good at the point that is
asked for. Prints one JSON line: the epochs each run came to and whether weights and history of the
resumed runs equal those of the run that nobody killed.
"""

import json
import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnkit.training import Callback, Checkpoint, EarlyStopping, fit
from nnkit.training import _checkpoint as checkpoint

EPOCHS = 40
torch.manual_seed(3)
X = torch.randn(80, 5)
Y = (X.square().sum(1) > 5).long()
X_VAL, Y_VAL = X[60:] + 0.3, Y[60:]


class Kill(Callback):
    """Kill the process after so many batches."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_batch_end(self, run) -> None:
        if run.step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def kill_at(call: str, count: int) -> None:
    """Kill the process before the `count`-th call of a function that the writing uses."""
    real, calls = getattr(checkpoint.os, call), []

    def counted(*arguments):
        calls.append(call)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    setattr(checkpoint.os, call, counted)


def half_a_file(count: int) -> None:
    """Kill the process when half of the `count`-th checkpoint is written."""
    real, calls = checkpoint.torch.save, []

    def cut(state, file):
        calls.append(1)
        real(state, file)
        if len(calls) == count:
            file.truncate(file.tell() // 2)
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.torch.save = cut


def train(folder: Path, kill_step: int, loader: bool) -> None:
    torch.manual_seed(11)
    model = nn.Sequential(
        nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2)
    )
    data = (X[:60], Y[:60])
    if loader:
        generator = torch.Generator().manual_seed(5)
        data = DataLoader(TensorDataset(*data), 8, shuffle=True, generator=generator)
    optimizer = partial(torch.optim.SGD, momentum=0.9) if loader else None
    path = folder / "run.pt"
    stopping = EarlyStopping(patience=6, min_delta=1e-3)
    history = fit(
        model,
        data,
        loss=F.cross_entropy,
        validation=(X_VAL, Y_VAL),
        epochs=EPOCHS,
        batch_size=8,
        optimizer=optimizer,
        lr=0.02,
        scheduler=partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=EPOCHS),
        transform=lambda x, y: (x + 0.1 * torch.randn_like(x), y),
        callbacks=[Checkpoint(path), stopping, Kill(kill_step)],
        seed=None if loader else 4,
        resume=path,
    )
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history.rows]
    state = {"model": model.state_dict(), "rows": rows, "stopped": history.stop_reason}
    torch.save(state | {"random": torch.get_rng_state()}, folder / "result.pt")


def forked(folder: Path, loader: bool, kill_step: int = -1, sabotage=None) -> int:
    """Train in a fork; how it ended: 0, or minus the signal's number."""
    pid = os.fork()
    if pid == 0:
        try:
            if sabotage is not None:
                sabotage()
            train(folder, kill_step, loader)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def same(a: Path, b: Path) -> bool:
    """Whether two runs ended in the same weights, history and random state, bit for bit."""
    one, two = (torch.load(folder / "result.pt") for folder in (a, b))
    equal = one["rows"] == two["rows"] and one["stopped"] == two["stopped"]
    equal &= torch.equal(one["random"], two["random"])
    pairs = zip(one["model"].values(), two["model"].values(), strict=True)
    return equal and all(torch.equal(p, q) for p, q in pairs)


def main(folder: Path) -> None:
    report = {}
    for loader in (False, True):
        whole = folder / f"whole-{loader}"
        whole.mkdir()
        ends = [forked(whole, loader)]
        killed = folder / f"killed-{loader}"
        killed.mkdir()
        for step in (3, 9, 45, 100):  # in epochs 1 (before any checkpoint), 2, 6 and 13
            ends.append(forked(killed, loader, kill_step=step))
        for sabotage in (
            partial(half_a_file, 2),
            partial(kill_at, "fsync", 1),
            partial(kill_at, "link", 1),
            partial(kill_at, "replace", 1),
            partial(kill_at, "replace", 2),
            partial(kill_at, "fsync", 2),
        ):
            ends.append(forked(killed, loader, sabotage=sabotage))
            torch.load(killed / "run.pt", weights_only=True)  # there is no moment without it
        ends.append(forked(killed, loader))
        ends.append(forked(killed, loader))  # to resume a run that has ended changes nothing
        epochs = len(torch.load(whole / "result.pt")["rows"])
        report[f"loader={loader}"] = {"ends": ends, "same": same(whole, killed), "epochs": epochs}
        shutil.rmtree(killed)
    print(json.dumps(report))


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.optim.SGD([torch.zeros(1)]).state_dict()  # loads what each fork would load again
    main(Path(sys.argv[1]))
