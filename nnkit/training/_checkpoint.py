"""Checkpoints: written so that a kill at any moment leaves a valid file, resumed bit for bit."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nnkit.training._callbacks import Callback, Run
from nnkit.training._distributed import is_first
from nnkit.training._randomness import get_random_state, set_random_state

FORMAT = "nnkit checkpoint 2"

OLD = 3600.0  # seconds after which a half-written file has no writer any more


class Checkpoint(Callback):
    """Keep the run in a file, so that `fit(..., resume=path)` can go on after a crash.

    The file is written aside, brought to disk and renamed; the one before stays as
    ``<name>.previous``. There is no moment without a valid file, even if several processes write
    it; it then holds the run that wrote last.

    Args:
        path: the file; its folder is made if need be.
        every: write after every so many epochs, and after the last.

    Example:
        >>> import torch
        >>> from nnkit.training import Checkpoint, fit
        >>> X, model = torch.randn(64, 3), torch.nn.Linear(3, 1)
        >>> options = dict(loss=torch.nn.functional.mse_loss, callbacks=[Checkpoint("run.pt")])
        >>> first = fit(model, (X, X[:, :1]), epochs=2, resume="run.pt", **options)
        >>> len(fit(model, (X, X[:, :1]), epochs=5, resume="run.pt", **options))
        5
    """

    def __init__(self, path: str | Path, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"every is {every}, it must be at least 1 epoch")
        self.path, self.every = Path(path), every

    def on_train_begin(self, run: Run) -> None:
        """Remove what processes left behind that were killed as they wrote, long ago."""
        for aside in self.path.parent.glob(f"{glob.escape(self.path.name)}.*-*"):
            if time.time() - aside.stat().st_mtime > OLD:
                aside.unlink(missing_ok=True)

    def on_epoch_end(self, run: Run) -> None:
        """Write the file if it is time."""
        if (run.epoch % self.every == 0 or run.is_last_epoch) and is_first():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(state_of(run), self.path)


def state_of(run: Run) -> dict[str, Any]:
    """All that a run needs to go on as if nothing had happened."""
    return {
        "format": FORMAT,
        "model": bare(run.model).state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "regularizer": _own_state(run.regularizer),
        "scheduler": run.scheduler.state_dict() if run.scheduler is not None else None,
        "kinds": _kinds(run),
        "callbacks": [callback.state_dict() for callback in run.callbacks],
        "history": run.history.rows,
        "stop_reason": run.history.stop_reason,
        "step": run.step,
        "random": get_random_state(),
        "sources": run.sources.state(),
    }


def load(path: str | Path, run: Run) -> None:
    """Bring `run` to the state of a checkpoint.

    Raises:
        ValueError: if the file is damaged, is no checkpoint, or is one of another run.
    """
    state = read(Path(path))
    _check_same_run(state, run, Path(path))
    bare(run.model).load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    if own := state.get("regularizer"):
        run.regularizer.load_state_dict(own)
    if run.scheduler is not None:
        run.scheduler.load_state_dict(state["scheduler"])
    for callback, saved in zip(run.callbacks, state["callbacks"], strict=True):
        callback.load_state_dict(saved)
    run.history.rows[:] = state["history"]
    run.history.stop_reason = state["stop_reason"]
    run.epoch, run.step = len(run.history), state["step"]
    run.sources.load(state["sources"])
    set_random_state(state["random"])


def resume(path: str | Path, run: Run) -> None:
    """Load the checkpoint, or start afresh if this very run is to write it for the first time."""
    path = Path(path)
    if path.exists():
        load(path, run)
    elif not any(
        isinstance(c, Checkpoint) and c.path.resolve() == path.resolve() for c in run.callbacks
    ):
        raise FileNotFoundError(
            f"there is no checkpoint {path} to resume from. Hint: with Checkpoint({str(path)!r}) "
            "among the callbacks a missing file means a start from the beginning"
        )


def read(path: Path) -> dict[str, Any]:
    """The contents of a checkpoint; nothing in the file is executed."""
    previous = _previous(path)
    hint = f" Hint: the one before is {previous}" if previous.exists() else ""
    try:
        with zipfile.ZipFile(path) as file:
            if file.testzip() is not None:
                raise zipfile.BadZipFile("a checksum does not agree")  # torch does not compare it
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises half a dozen kinds for a damaged or foreign file
        kind = type(error).__name__
        raise ValueError(f"{path} is damaged or no checkpoint ({kind}).{hint}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of nnkit ({FORMAT!r}).{hint}")
    return state


def write_atomically(state: dict[str, Any], path: Path) -> None:
    """Write aside, to the disk, and rename; keep the file before as ``<name>.previous``."""
    aside = _aside(path)
    try:
        with open(aside, "xb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            _keep(path)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _aside(path: Path) -> Path:
    """A name beside the file that no other process writes to."""
    return path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")


def _keep(path: Path) -> None:
    """A second name for the file, or a copy where the file system has no links."""
    aside = _aside(path)
    try:
        os.link(path, aside)
    except OSError:
        shutil.copyfile(path, aside)
    os.replace(aside, _previous(path))
    aside.unlink(missing_ok=True)  # renaming does nothing where both are one file already


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def _sync_folder(folder: Path) -> None:
    """Bring the new names to the disk, too; Windows cannot and need not."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def bare(model: nn.Module) -> nn.Module:
    """The module inside `torch.compile`'s wrapper, whose names carry a prefix."""
    return getattr(model, "_orig_mod", model)


def _kinds(run: Run) -> dict[str, str]:
    return {
        "optimizer": type(run.optimizer).__name__,
        "scheduler": type(run.scheduler).__name__,
        "callbacks": ", ".join(type(callback).__name__ for callback in run.callbacks),
        "generators": run.sources.form(),
    }


def _check_same_run(state: dict[str, Any], run: Run, path: Path) -> None:
    """Refuse a checkpoint of another model, optimiser, schedule or list of callbacks."""
    previous = _previous(path)
    hint = f" Hint: the one before is {previous}" if previous.exists() else ""
    ours, theirs = bare(run.model).state_dict(), state["model"]
    for name in sorted(set(ours) | set(theirs)):
        here, there = _shape(ours.get(name)), _shape(theirs.get(name))
        if here != there:
            raise ValueError(
                f"{path} is a checkpoint of another model: its {name} is {there}, "
                f"this model's is {here}.{hint}"
            )
    ours, theirs = _own_state(run.regularizer), state.get("regularizer", {})
    if {k: _shape(v) for k, v in ours.items()} != {k: _shape(v) for k, v in theirs.items()}:
        raise ValueError(f"{path} is a checkpoint of a run with another regularizer.{hint}")
    for what, here in _kinds(run).items():
        there = state["kinds"].get(what)
        if here != there:
            raise ValueError(
                f"{path} is a checkpoint of another run: its {what}: {there}, "
                f"this run's: {here}. Resume with the arguments of the first start.{hint}"
            )


def _shape(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)}"
    return "absent" if value is None else type(value).__name__


def _own_state(regularizer: Any) -> dict[str, Any]:
    """The parameters that a regulariser learns; a plain function has none."""
    return regularizer.state_dict() if isinstance(regularizer, nn.Module) else {}
