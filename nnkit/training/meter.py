"""The mean loss of an epoch, gathered without waiting for the device."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class LossMeter:
    """The mean of the losses of an epoch's batches over the rows.

    Reading a number waits for the device, so `add` only remembers and `read` fetches, in one go,
    all that has gathered since the last time. `count` is the number of batches read, `mean` that
    of all of them. Of the finite losses up to the first that is not, `bad`, `last` is the last
    (None at first) and `least` the least.
    """

    def __init__(self, least: float = math.inf) -> None:
        self.count, self.least = 0, least
        self.last: float | None = None
        self.first_bad: int | None = None
        self.bad = math.nan
        self._rows, self._sum = 0, 0.0
        self._waiting: list[Tensor] = []
        self._sizes: list[int] = []

    def add(self, loss: Tensor, size: int) -> None:
        """Remember the scalar `loss` of a batch of `size` rows."""
        self._waiting.append(loss)
        self._sizes.append(size)

    def read(self) -> int | None:
        """Fetch what waits; the number of the first batch, from 1, that is not finite, or None."""
        values = torch.stack(self._waiting).tolist() if self._waiting else []
        for value, size in zip(values, self._sizes, strict=True):
            self.count += 1
            self._sum += value * size
            self._rows += size
            if self.first_bad is not None:
                continue
            if math.isfinite(value):
                self.last, self.least = value, min(self.least, value)
            else:
                self.first_bad, self.bad = self.count, value
        self._waiting, self._sizes = [], []
        return self.first_bad

    @property
    def mean(self) -> float:
        """The mean over the rows read so far."""
        return self._sum / self._rows if self._rows else math.nan
