"""A loss that is no longer a number: find it, say why, stop."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nnkit.training.history import History


class NonFiniteLoss(FloatingPointError):
    """The training loss became nan or inf; the model has the weights of the last good epoch.

    Args:
        message: epoch, batch, likely cause and remedy.
        history: the epochs finished before.
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class LossMeter:
    """The mean loss of an epoch, kept on the device and read in bundles.

    Reading a number waits for the device, so `add` only remembers and `read` fetches all that
    has gathered since the last time.
    """

    def __init__(self) -> None:
        self.values: list[float] = []  # one per batch read so far
        self.rows = 0
        self.sum = 0.0
        self._waiting: list[Tensor] = []
        self._sizes: list[int] = []

    def add(self, loss: Tensor, size: int) -> None:
        """Remember the scalar `loss` of a batch of `size` rows."""
        self._waiting.append(loss)
        self._sizes.append(size)

    def read(self) -> int | None:
        """Fetch what waits; the number of the first batch (from 1) that is not finite, or None."""
        if not self._waiting:
            return None
        values = torch.stack(self._waiting).tolist()
        start = len(self.values)
        self.values += values
        self.rows += sum(self._sizes)
        self.sum += sum(value * size for value, size in zip(values, self._sizes, strict=True))
        self._waiting, self._sizes = [], []
        if math.isfinite(self.sum):
            return None
        return next((start + i for i, v in enumerate(values, 1) if not math.isfinite(v)), None)

    @property
    def mean(self) -> float:
        """The mean over the rows read so far."""
        return self.sum / self.rows if self.rows else math.nan
