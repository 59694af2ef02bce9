"""The state of a training run: what callbacks see and a checkpoint keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit.training.history import History
from nnkit.training.sources import Sources

if TYPE_CHECKING:
    from nnkit.training.callbacks import Callback


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


def copies(tensors: Iterable[Tensor]) -> list[Tensor]:
    """The values of the tensors, to be put back later."""
    return [tensor.detach().clone() for tensor in tensors]


@torch.no_grad()
def put_back(tensors: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    """Give the tensors these values, in place."""
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
