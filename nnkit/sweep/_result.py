"""What a sweep leaves behind: every trial's model and history, to select from and to draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from nnkit._checks import one_of
from nnkit._table import Table
from nnkit.training import History, MeanStd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Settings = dict[str, Any]


@dataclass(repr=False)
class Trial:
    """One model of a sweep.

    Args:
        settings: its hyperparameters by name.
        seed: what its weights and its batches were drawn with.
        model: the trained module.
        history: its training, as `fit` records it.

    Example:
        >>> import torch
        >>> from nnkit.sweep import Trial
        >>> from nnkit.training import History
        >>> history = History([{"loss": 0.9}, {"loss": 0.4}])
        >>> Trial({"lam": 0.1}, 0, torch.nn.Linear(3, 1), history).value("loss")
        0.4
    """

    settings: Settings
    seed: int
    model: nn.Module
    history: History

    def value(self, column: str) -> float:
        """The last entry of a column of the history; nan if the training came to no number."""
        if self.history.stop_reason == "non-finite loss" or not self.history.rows:
            return math.nan
        return self.history[column][-1]

    def __repr__(self) -> str:
        return f"Trial({_text(self.settings)}, seed={self.seed}, {self.history!r})"


@dataclass(repr=False)
class Sweep:
    """The trials of a sweep.

    Args:
        grid: the values of each hyperparameter.
        seeds: the seeds that each setting was trained with.
        trials: one for each setting and seed, setting by setting.
        method: how they were trained: "batched", "vmap" or "sequential".
        reason: why so.

    Example:
        >>> import torch
        >>> from nnkit.sweep import Sweep, Trial
        >>> from nnkit.training import History
        >>> ended = {0.1: 0.5, 1.0: 0.8}  # the loss at the end, by learning rate
        >>> trials = [Trial({"lr": lr}, 0, torch.nn.Linear(1, 1), History([{"loss": loss}]))
        ...           for lr, loss in ended.items()]
        >>> Sweep({"lr": list(ended)}, [0], trials).best("loss")
        {'lr': 0.1}
    """

    grid: Mapping[str, Sequence[Any]]
    seeds: Sequence[int]
    trials: Sequence[Trial]
    method: str = ""
    reason: str = ""

    @property
    def settings(self) -> list[Settings]:
        """Every combination of the grid's values."""
        return all_settings(self.grid)

    @property
    def models(self) -> list[nn.Module]:
        """The trained models, setting by setting."""
        return [trial.model for trial in self.trials]

    def values(self, column: str = "val_loss") -> npt.NDArray[np.float64]:
        """The last entries of a column of the histories (settings, seeds); nan if it diverged.

        Raises:
            KeyError: if the histories have no such column; nan for those that alone lack it.
        """
        known = any(column in trial.history.names for trial in self.trials)
        found = [
            math.nan if known and column not in trial.history.names else trial.value(column)
            for trial in self.trials
        ]
        return np.asarray(found, dtype=float).reshape(-1, len(self.seeds))

    def best(self, column: str = "val_loss", mode: str = "min") -> Settings:
        """The setting whose mean over the seeds is least (mode "min") or greatest ("max").

        A setting of which a seed diverged is not chosen.

        Raises:
            ValueError: if all settings diverged.
        """
        one_of("mode", mode, ("min", "max"))
        means = self.values(column).mean(1)
        if np.isnan(means).all():
            raise ValueError("no setting was trained to a finite loss with every seed")
        return self.settings[int(np.nanargmin(means) if mode == "min" else np.nanargmax(means))]

    def select(self, **settings: Any) -> Sweep:
        """The part of the sweep with these values: ``result.select(**result.best()).models``.

        Raises:
            ValueError: if the grid has no such name or value.
        """
        for name, value in settings.items():
            one_of("hyperparameter", name, self.grid)
            if not any(_same(value, known) for known in self.grid[name]):
                raise ValueError(f"{name}={value!r} was not trained, only {list(self.grid[name])}")
        kept = [
            t
            for t in self.trials
            if all(_same(v, t.settings[name]) for name, v in settings.items())
        ]
        grid = {k: [settings[k]] if k in settings else v for k, v in self.grid.items()}
        return Sweep(grid, self.seeds, kept, self.method, self.reason)

    def plot(
        self, column: str = "val_loss", ax: Axes | None = None, *, x: str | None = None,
        log: bool | None = None, title: str = "",
    ) -> Figure:  # fmt: skip
        """Draw a column over a hyperparameter: mean, spread and every seed (needs matplotlib).

        Args:
            column: of the histories.
            ax: where to draw; a new figure when None.
            x: the hyperparameter along x, by default the first; every combination of the others
                is a line.
            log: a logarithmic x axis, by default if the values span a factor of 100.
            title: what to see.
        """
        from nnkit.plots import spread
        from nnkit.plots._canvas import set_title

        if not self.grid:
            raise ValueError("there is no hyperparameter to draw along, only seeds")
        x = one_of("hyperparameter", next(iter(self.grid)) if x is None else x, self.grid)
        if not all(isinstance(value, (int, float)) for value in self.grid[x]):
            raise ValueError(f"{x} has values that are no numbers to draw along: {self.grid[x]}")
        along = [float(value) for value in self.grid[x]]
        if log is None:
            log = min(along) > 0 and max(along) >= 100 * min(along)
        for others in all_settings({k: v for k, v in self.grid.items() if k != x}):
            runs = self.select(**others).values(column)
            figure = spread(along, runs, ax, label=_text(others), log=log)
            ax = figure.axes[0] if ax is None else ax
        assert ax is not None
        ax.set(xlabel=x, ylabel=column)
        set_title(ax, title)
        return figure

    def __repr__(self) -> str:
        sizes = [f"{len(values)} {name}" for name, values in self.grid.items()]
        grid = f"{', '.join(sizes)} × " if sizes else ""
        return f"Sweep({grid}{len(self.seeds)} seeds, {self.method}: {self.reason})"

    def _repr_html_(self) -> str:
        """A table: each setting with the mean and spread of what was measured last."""
        names = {name for trial in self.trials for name in trial.history.names}
        columns = [c for c in ("loss", "penalty", "val_loss") if c in names]
        numbers = [self.values(c) for c in columns]
        rows = [
            [*map(_short, settings.values()), *(str(MeanStd(values[i])) for values in numbers)]
            for i, settings in enumerate(self.settings)
        ]
        return Table([*self.grid, *columns], rows)._repr_html_()


def all_settings(grid: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """Every combination of the grid's values."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def _same(a: Any, b: Any) -> bool:
    """Whether two settings are equal; tensors and arrays are, if they are so in all places."""
    if isinstance(a, (Tensor, np.ndarray)) or isinstance(b, (Tensor, np.ndarray)):
        return type(a) is type(b) and a.shape == b.shape and bool((a == b).all())
    return bool(a == b)


def _text(settings: Settings) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in settings.items())


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
