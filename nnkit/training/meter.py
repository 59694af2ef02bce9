"""The mean losses of an epoch, gathered without waiting for the device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Numbers = npt.NDArray[np.float64]


class LossMeter:
    """The means over the rows of the losses of an epoch's batches, for one model or M at once.

    Reading a number waits for the device, so `add` only remembers and `read` fetches, in one go,
    all that has gathered since the last time.

    Args:
        models: how many.
        least: the least finite losses (M,) so far.

    Attributes:
        count: the number of batches read.
        first_bad: the number, from 1, of the first batch whose loss is not finite (M,), 0 if none.
        bad: that loss.
        last: the last loss before that, nan at first.
    """

    def __init__(self, models: int = 1, least: Numbers | None = None) -> None:
        self.count, self._rows = 0, 0
        self.least = np.full(models, np.inf) if least is None else least
        self._sum, self.first_bad = np.zeros(models), np.zeros(models, int)
        self.bad, self.last = np.full(models, np.nan), np.full(models, np.nan)
        self._waiting: list[Tensor] = []
        self._sizes: list[int] = []

    def add(self, losses: Tensor, size: int) -> None:
        """Remember the losses, a scalar or (M,), of a batch of `size` rows."""
        self._waiting.append(losses)
        self._sizes.append(size)

    def read(self) -> bool:
        """Fetch what waits; whether all losses so far are finite."""
        if self._waiting:
            values = torch.stack(self._waiting).cpu().double().numpy()
            for losses, size in zip(values.reshape(len(values), -1), self._sizes, strict=True):
                self._take(losses, size)
        self._waiting, self._sizes = [], []
        return not self.first_bad.any()

    def _take(self, losses: Numbers, size: int) -> None:
        self.count += 1
        self._rows += size
        with np.errstate(all="ignore"):
            self._sum = self._sum + losses * size
        finite = np.isfinite(losses)
        sound = finite & (self.first_bad == 0)
        new = ~finite & (self.first_bad == 0)
        self.last = np.where(sound, losses, self.last)
        self.least = np.where(sound, np.minimum(self.least, losses), self.least)
        self.first_bad = np.where(new, self.count, self.first_bad)
        self.bad = np.where(new, losses, self.bad)

    @property
    def mean(self) -> Numbers:
        """The means over the rows read so far (M,), nan before the first."""
        return self._sum / self._rows if self._rows else np.full_like(self._sum, np.nan)
