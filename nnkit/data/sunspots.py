"""The yearly sunspot number, and how a series becomes rows for a regression."""

import numpy as np
import torch
from torch import Tensor

from nnkit._checks import whole
from nnkit.data.files import stored

Pair = tuple[Tensor, Tensor]


def sunspots() -> Pair:
    """Return the years 1700 to 2008, (309,) int64, and their mean sunspot numbers, (309,) float32.

    This is the edition before the revision of 2015; its years up to 1979 are those on which
    neural networks have been compared since Weigend, Huberman and Rumelhart, 1990.

    Source: WDC-SILSO, Royal Observatory of Belgium; the way here in stored/sunspots.

    Example:
        >>> from nnkit.data import sunspots
        >>> years, numbers = sunspots()
        >>> years[numbers.argmax()].item()  # the strongest of 309 years
        1957
    """
    with stored("sunspots", "sunspots.csv").open("rb") as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1)  # (309, 2)
    return torch.from_numpy(table[:, 0]).long(), torch.from_numpy(table[:, 1]).float()


def lagged(series: Tensor, lags: int) -> Pair:
    """Return rows that forecast a series from its own past: X (T - lags, lags), y (T - lags, 1).

    Row t of X holds the values before y[t], the newest first.

    Args:
        series: (T,), evenly spaced in time.
        lags: how many values of the past are seen.

    Raises:
        ValueError: the series has another shape, or is not longer than `lags`.

    Example:
        >>> import torch
        >>> from nnkit.data import lagged
        >>> X, y = lagged(torch.arange(5.0), lags=2)
        >>> X.tolist()  # the newest first
        [[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]]
        >>> y.flatten().tolist()
        [2.0, 3.0, 4.0]
    """
    whole("lags", lags, at_least=1)
    if series.dim() != 1 or len(series) <= lags:
        raise ValueError(
            f"series must be (T,) with T above lags={lags}, got shape {tuple(series.shape)}"
        )
    windows = series.unfold(0, lags + 1, 1)  # (T - lags, lags + 1), oldest first
    return windows[:, :-1].flip(1), windows[:, -1:].clone()
