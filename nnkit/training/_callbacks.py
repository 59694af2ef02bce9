"""The state of a training run: what callbacks see and a checkpoint keeps."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit._checks import number
from nnkit.training._history import History
from nnkit.training._pytree import copies, put_back, tensors_of
from nnkit.training._randomness import Sources


@dataclass
class Run:
    """A training run in progress.

    Args:
        model: the module in training.
        optimizer: what updates its parameters.
        scheduler: the learning-rate schedule, or None.
        epochs: the number of the last epoch.
        callbacks: in the order in which they are called.
        sources: the generators and counters by which data are drawn.
        history: the rows of the epochs finished so far.
        epoch: the number of the current epoch, from 1.
        step: how many batches have been trained on since the start.
        loss: of the batch just done, a scalar tensor without graph.
        regularizer: what is added to the loss, or None; it may have parameters of its own.
        lr_ratio: the lr of a model in a stack over that of the optimiser, which they share.

    Example:
        >>> import torch
        >>> from nnkit.training import Run
        >>> model = torch.nn.Linear(3, 1)
        >>> run = Run(model, torch.optim.SGD(model.parameters(), lr=0.1), epochs=5)
        >>> run.stop("seen enough")
        >>> run.lr, run.is_last_epoch
        (0.1, True)
    """

    model: nn.Module
    optimizer: Optimizer
    scheduler: Any = None
    epochs: int = 1
    callbacks: Sequence[Callback] = ()
    sources: Sources = field(default_factory=lambda: Sources(()))
    history: History = field(default_factory=History)
    epoch: int = 0
    step: int = 0
    loss: Tensor | None = None
    regularizer: Any = None
    lr_ratio: float = 1.0

    def stop(self, reason: str) -> None:
        """End the run: the epoch closes with the batch just done, validation and its row."""
        self.history.stop_reason = reason

    def call(self, hook: str) -> None:
        """Call one hook of every callback."""
        for callback in self.callbacks:
            getattr(callback, hook)(self)

    @property
    def lr(self) -> float:
        """The step size (of the optimiser's first group)."""
        return float(self.optimizer.param_groups[0]["lr"]) * self.lr_ratio

    @property
    def is_last_epoch(self) -> bool:
        """Whether no epoch follows this one."""
        return self.epoch >= self.epochs or bool(self.history.stop_reason)


class Callback:
    """A base class whose hooks do nothing: override those you need.

    Every hook is given the :class:`~nnkit.training.Run`: its model, optimizer, epoch, step, loss
    and history, and ``run.stop(reason)``. A hook that is not overridden costs nothing per batch.

    Example:
        >>> from nnkit.training import Callback, Run
        >>> class Budget(Callback):
        ...     def on_batch_end(self, run):
        ...         if run.step >= 1000:
        ...             run.stop("budget")
        >>> run = Run(None, None, step=1000)
        >>> Budget().on_batch_end(run)
        >>> run.history.stop_reason
        'budget'
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
        """At the end, however it came; ``run.history.stop_reason`` says why."""

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

    Example:
        >>> import torch
        >>> from nnkit.training import EarlyStopping, fit
        >>> X, stopping = torch.randn(64, 3), EarlyStopping(patience=2, min_delta=10.0)
        >>> model, data = torch.nn.Linear(3, 1), (X, X[:, :1])
        >>> history = fit(model, data, validation=data, callbacks=[stopping],
        ...               loss=torch.nn.functional.mse_loss)
        >>> history.stop_reason, stopping.best_epoch, len(history)
        ('early stopping', 1, 3)
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


class EMA(Callback):
    """The exponential moving average of the weights, which often tests better than the last ones.

    After each update every weight of the average moves by 1 - decay towards that of the model;
    the counters and running statistics of normalisation are the model's.

    Args:
        decay: how much of the average stays, in (0, 1); over some 1 / (1 - decay) updates.

    Attributes:
        model: the averaged model, in eval mode; the model in training is left alone.

    Source: Polyak and Juditsky, 1992.

    Example:
        >>> import torch
        >>> from nnkit.training import EMA, fit
        >>> X, ema = torch.randn(64, 3), EMA(decay=0.9)
        >>> model, mse = torch.nn.Linear(3, 1), torch.nn.functional.mse_loss
        >>> run = fit(model, (X, X[:, :1]), loss=mse, callbacks=[ema])
        >>> ema.model(X).shape
        torch.Size([64, 1])
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 < number("decay", decay) < 1:
            raise ValueError(f"decay must lie between 0 and 1, got {decay!r}")
        self.decay = decay
        self.model: nn.Module | None = None
        self._saved: dict[str, Tensor] | None = None

    def on_train_begin(self, run: Run) -> None:
        """Start from the weights of the model, or from the average of a resumed run."""
        self.model = copy.deepcopy(run.model).eval().requires_grad_(False)
        if self._saved is not None and run.history.rows:
            self.model.load_state_dict(self._saved)
        self._saved = None

    @torch.no_grad()
    def on_batch_end(self, run: Run) -> None:
        """Move the average towards the model."""
        assert self.model is not None
        for mean, w in zip(self.model.parameters(), run.model.parameters(), strict=True):
            mean.lerp_(w, 1 - self.decay)
        for mine, buffer in zip(self.model.buffers(), run.model.buffers(), strict=True):
            mine.copy_(buffer)

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights."""
        return {"model": None if self.model is None else self.model.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._saved = state["model"]
