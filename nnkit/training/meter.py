"""The mean loss of an epoch, gathered without waiting for the device."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class LossMeter:
    """The losses of an epoch's batches and their mean over the rows.

    Reading a number waits for the device, so `add` only remembers and `read` fetches, in one go,
    all that has gathered since the last time.
    """

    def __init__(self) -> None:
        self.values: list[float] = []  # one per batch read so far
        self._rows = 0
        self._sum = 0.0
        self._waiting: list[Tensor] = []
        self._sizes: list[int] = []

    def add(self, loss: Tensor, size: int) -> None:
        """Remember the scalar `loss` of a batch of `size` rows."""
        self._waiting.append(loss)
        self._sizes.append(size)

    def read(self) -> int | None:
        """Fetch what waits; the number of the first batch, from 1, that is not finite, or None."""
        if not self._waiting:
            return None
        values = torch.stack(self._waiting).tolist()
        self.values += values
        self._rows += sum(self._sizes)
        self._sum += sum(value * size for value, size in zip(values, self._sizes, strict=True))
        self._waiting, self._sizes = [], []
        if math.isfinite(self._sum):
            return None
        return next((i for i, v in enumerate(self.values, 1) if not math.isfinite(v)), None)

    @property
    def count(self) -> int:
        """How many batches there were."""
        return len(self.values) + len(self._waiting)

    @property
    def mean(self) -> float:
        """The mean over the rows read so far."""
        return self._sum / self._rows if self._rows else math.nan
