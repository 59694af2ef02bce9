"""Code that runs at named moments of a training run."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from nnkit.training.run import Run, copies, put_back
from nnkit.training.stack import tensors_of


class Callback:
    """A base class whose hooks do nothing: override those you need.

    Every hook is given the :class:`~nnkit.training.Run`: its model, optimizer, epoch, step, loss
    and history, and ``run.stop(reason)``. A hook that is not overridden costs nothing per batch.
    """

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch (also of a resumed run)."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, run: Run) -> None:
        """After the update of a batch; ``run.loss`` is its loss."""

    def on_epoch_end(self, run: Run) -> None:
        """After the epoch's row was added to ``run.history`` and the schedule moved on."""

    def on_train_end(self, run: Run) -> None:
        """At the end, however it came; ``run.history.stopped`` says why."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep so that a resumed run goes on as if uninterrupted."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""


class EarlyStopping(Callback):
    """Stop when the monitored value has not improved for `patience` epochs.

    Args:
        patience: epochs without improvement after which to stop, at least 1.
        min_delta: by how much, absolutely, a value must beat the best to count as improvement.
        restore_best: give the model the weights of the best epoch at the end, however it ends.
        monitor: a column of the history.
        mode: "min" if small is good, "max" if large is good.

    `best` is the best value so far and `best_epoch` its epoch.
    """

    def __init__(
        self,
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
        monitor: str = "val_loss",
        mode: str = "min",
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience is {patience}, it must be at least 1 epoch")
        if not min_delta >= 0 or math.isinf(min_delta):
            raise ValueError(f"min_delta is {min_delta}, it must be 0 or a positive number")
        if mode not in ("min", "max"):
            raise ValueError(f"mode is {mode!r}, allowed are 'min' and 'max'")
        self.patience, self.min_delta, self.restore_best = patience, min_delta, restore_best
        self.monitor, self.mode = monitor, mode
        self._reset()

    def _reset(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        self.best_epoch = 0
        self._weights: list[Tensor] | None = None

    def on_train_begin(self, run: Run) -> None:
        """Start afresh, unless the run is a resumed one."""
        if not run.history.rows:
            self._reset()

    def on_epoch_end(self, run: Run) -> None:
        """Compare this epoch's value with the best one."""
        value = run.history.rows[-1][self.monitor]
        gain = self.best - value if self.mode == "min" else value - self.best
        if gain > self.min_delta:
            self.best, self.best_epoch = value, run.epoch
            self._weights = copies(tensors_of(run.model)) if self.restore_best else None
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop("early stopping")

    def on_train_end(self, run: Run) -> None:
        """Give the model the weights of the best epoch."""
        if self._weights is not None:
            put_back(tensors_of(run.model), self._weights)

    def state_dict(self) -> dict[str, Any]:
        """The best value, its epoch and its weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._weights = state["weights"]
