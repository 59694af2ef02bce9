"""What a training run leaves behind: one row of numbers per epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nnkit._table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Row = dict[str, float]


@dataclass(repr=False)
class History:
    """One row per finished epoch; ``history["val_loss"]`` is a column.

    Args:
        rows: dicts with the keys epoch, loss (mean over the epoch's batches, while the weights
            change), penalty (with a regulariser; at the epoch's end, one that goes through
            autograd as at the last batch), val_loss and the metrics (with validation data, at the
            epoch's end), lr (of the epoch's start) and seconds.
        stop_reason: why the run ended before its last epoch: "" (it did not), "early stopping",
            "interrupted", "non-finite loss" or what a callback said.

    Example:
        >>> from nnkit.training import History
        >>> history = History([{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.4}])
        >>> history["loss"], history.best("loss")["epoch"]
        ([0.9, 0.4], 2)
        >>> print(history)
        epoch  loss
            1   0.9
            2   0.4
    """

    rows: list[Row] = field(default_factory=list)
    stop_reason: str = ""

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.rows[0]) if self.rows else []

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> list[float]:
        if self.rows and name not in self.rows[0]:
            raise KeyError(f"no column {name!r}: this history has {', '.join(self.names)}")
        return [row[name] for row in self.rows]

    def best(self, monitor: str = "val_loss", mode: str = "min") -> Row:
        """The row of the epoch where `monitor` was least (mode "min") or greatest ("max").

        Raises:
            ValueError: if no epoch was finished, or none gave a number that is not nan.
        """
        if mode not in ("min", "max"):
            raise ValueError(f"mode is {mode!r}, allowed are 'min' and 'max'")
        if not self.rows:
            raise ValueError("no epoch was finished, so none is best")
        column = self[monitor]
        numbers = [epoch for epoch, value in enumerate(column) if not math.isnan(value)]
        if not numbers:
            raise ValueError(f"{monitor!r} was nan in every epoch, so none is best")
        choose = min if mode == "min" else max
        return self.rows[choose(numbers, key=column.__getitem__)]

    def plot(self, **options: Any) -> Figure:
        """Draw the curves: `nnkit.plots.history` with these options (needs matplotlib)."""
        from nnkit.plots import history

        return history(self, **options)

    def __repr__(self) -> str:
        last = ", ".join(f"{k} {_number(v)}" for k, v in self.rows[-1].items()) if self.rows else ""
        return f"History({len(self)} epochs{': ' + last if last else ''}{self._ending()})"

    def __str__(self) -> str:
        """A small aligned table."""
        if not self.rows:
            return f"no epoch was finished{self._ending()}"
        table = str(Table(self.names, self._cells()))
        return f"{table}\nstopped: {self.stop_reason}" if self.stop_reason else table

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        note = f"<p>stopped: {escape(self.stop_reason)}</p>" if self.stop_reason else ""
        return Table(self.names, self._cells())._repr_html_() + note

    def _cells(self, at_most: int = 12) -> list[list[str]]:
        """The rows as text; of a long history the first and the last ones."""
        cells = [[_number(value) for value in row.values()] for row in self.rows]
        if len(cells) <= at_most:
            return cells
        half = at_most // 2
        return [*cells[:half], ["…"] * len(self.names), *cells[-half:]]

    def _ending(self) -> str:
        return f"; stopped: {self.stop_reason}" if self.stop_reason else ""


class MeanStd:
    """The mean of several runs and their standard deviation, written as text: 0.913 ± 0.008.

    Args:
        values: a number of each run.
        form: how to write a number, such as ".1%"; f"{self:.1f}" writes it otherwise, and
            f"{self:>30}" moves the whole text to the right.

    Attributes:
        mean: of the runs.
        std: how far single runs lie from it, estimated with n - 1; nan of one run.
        runs: how many there are.

    Raises:
        ValueError: no value.

    Example:
        >>> from nnkit.training import MeanStd
        >>> right = MeanStd([0.91, 0.93, 0.89], ".1%")
        >>> print("right:", right)
        right: 91.0% ± 2.0% (3 runs)
        >>> f"{right:.3f}", round(right.mean, 2), right.runs
        ('0.910 ± 0.020 (3 runs)', 0.91, 3)
    """

    def __init__(self, values: Any, form: str = ".3g") -> None:
        numbers = np.asarray(values, dtype=float)
        if not numbers.size:
            raise ValueError("there is no run to take the mean of")
        self.mean, self.runs, self.form = float(numbers.mean()), numbers.size, form
        self.std = float(numbers.std(ddof=1)) if self.runs > 1 else math.nan

    def __format__(self, form: str) -> str:
        if form[-1:].isdigit() and "." not in form:  # such as ">30": a place for the whole text
            return f"{self!s:{form}}"
        form = form or self.form
        if self.runs == 1:
            return f"{self.mean:{form}} (1 run)"
        return f"{self.mean:{form}} ± {self.std:{form.lstrip('+')}} ({self.runs} runs)"

    def __str__(self) -> str:
        return format(self, "")

    def __repr__(self) -> str:
        return f"MeanStd({self})"


def mean_of(histories: Sequence[History]) -> History:
    """The means over several runs, epoch by epoch, of those that came so far."""
    longest = max(histories, key=len)
    rows = []
    for number, row in enumerate(longest.rows):
        there = [history.rows[number] for history in histories if len(history) > number]
        names = [name for name in row if all(name in one for one in there)]
        means = {name: sum(one[name] for one in there) / len(there) for name in names}
        rows.append(means | {"epoch": row["epoch"]})
    endings = {history.stop_reason for history in histories}
    return History(rows, endings.pop() if len(endings) == 1 else "")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"
