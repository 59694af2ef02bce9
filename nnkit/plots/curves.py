"""Curves labelled where they end, and the history of a training run."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnkit.plots.canvas import figure_of, new_axes, set_title
from nnkit.plots.style import BLUE, CLASS_COLOURS, INK, ORANGE, PAPER


class HasRows(Protocol):
    """A training history: one dict per epoch, as ``nnkit.training.History`` keeps them."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """One dict per epoch with "epoch", "loss", and "val_loss" where there was one."""


def lines(
    x: Any,
    curves: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    log: str = "",
    **style: Any,
) -> Figure:
    """Draw curves over a common x, each named at its right end.

    Args:
        x: the common abscissae (n,).
        curves: the ordinates (n,) by name.
        ax: where to draw; a new figure when None.
        xlabel: the quantity along x, with its unit.
        ylabel: the quantity along y.
        title: what to see.
        log: the axes with a logarithmic scale: "", "x", "y" or "xy".
        style: further options of ``Axes.plot``, for all curves.

    Raises:
        ValueError: ``log`` is none of these; a curve with another length than ``x``.
    """
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f"log={log!r}: choose '', 'x', 'y' or 'xy'")
    x = np.asarray(x)
    for name, y in curves.items():
        if np.shape(y) != x.shape:
            raise ValueError(f"curve {name!r} has shape {np.shape(y)}, x has {x.shape}")
    axes = new_axes(ax)
    for axis in log:
        getattr(axes, f"set_{axis}scale")("log")
    ends = [
        (float(x[-1]), float(np.asarray(y)[-1]), name, line.get_color())
        for name, y in curves.items()
        for line in axes.plot(x, np.asarray(y), **style)
    ]
    axes.set(xlabel=xlabel, ylabel=ylabel)
    set_title(axes, title)
    label_ends(axes, ends)
    return figure_of(axes)


def label_ends(ax: Axes, ends: Sequence[tuple[float, float, str, Any]]) -> None:
    """Write names beside the ends of curves, moved apart where they would touch.

    Args:
        ax: axes whose limits are final.
        ends: (x, y, name, colour) of every curve, in data units.
    """
    figure = figure_of(ax)
    figure.draw_without_rendering()  # places the axes, so that points can be turned into pixels
    line = 1.25 * 15 * figure.dpi / 72  # the height of a line of type, in pixels
    spots = sorted((ax.transData.transform((x, y))[1], i) for i, (x, y, *_) in enumerate(ends))
    heights = np.array([spot for spot, _ in spots])
    for _ in range(100):  # push neighbours apart until none overlaps
        overlap = np.clip(line - np.diff(heights), 0, None)
        if not overlap.any():
            break
        heights[1:] += overlap / 2
        heights[:-1] -= overlap / 2
    for (spot, i), height in zip(spots, heights, strict=True):
        x, y, name, colour = ends[i]
        ax.annotate(
            name,
            (x, y),
            xytext=(10, (height - spot) * 72 / figure.dpi),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=15,
            weight="bold",
            annotation_clip=False,
        )


def history(
    h: HasRows | Mapping[str, HasRows],
    ax: Axes | None = None,
    *,
    metric: str = "loss",
    log: bool = False,
    best: bool = True,
    title: str = "",
) -> Figure:
    """Draw learning curves: training and validation, the best epoch marked.

    Args:
        h: a history with ``rows``, or several by name.
        ax: where to draw; a new figure when None.
        metric: the column to draw: "loss" (with "val_loss" beside it) or any other of the rows.
        log: logarithmic y axis.
        best: mark the epoch with the lowest validation loss.
        title: what to see.

    Raises:
        ValueError: an empty history, or a column that it does not have.
    """
    runs: Mapping[str, HasRows] = h if isinstance(h, Mapping) else {"": h}
    axes = new_axes(ax)
    if log:
        axes.set_yscale("log")
    ends = []
    for number, (label, run) in enumerate(runs.items()):
        ends += _run(axes, run, label, number, metric, best, alone=len(runs) == 1)
    axes.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    set_title(axes, title)
    label_ends(axes, ends)
    return figure_of(axes)


def _run(
    ax: Axes, run: HasRows, label: str, number: int, metric: str, best: bool, *, alone: bool
) -> list[tuple[float, float, str, Any]]:
    """Draw one run and return the names for its ends."""
    rows = list(run.rows)
    columns = list(rows[0]) if rows else []
    wanted = [name for name in (metric, f"val_{metric}") if name in columns]
    if not wanted:
        raise ValueError(f"metric={metric!r}: this history has {columns or 'no epochs'}")
    epochs = [row["epoch"] for row in rows]
    ends = []
    for name in wanted:
        validation = name.startswith("val_")
        colour = (ORANGE if validation else BLUE) if alone else CLASS_COLOURS[number]
        values = [row[name] for row in rows]
        dashed = not alone and not validation and len(wanted) > 1
        ax.plot(epochs, values, color=colour, ls=":" if dashed else "-", lw=2 if dashed else 3.2)
        said = ("validation" if validation else "training") if alone else label
        if alone and len(wanted) == 1 and metric != "loss":
            said = metric
        if not dashed:
            ends.append((epochs[-1], values[-1], said, colour))
        if best and validation and metric == "loss":
            at = int(np.argmin(values))
            ax.plot(epochs[at], values[at], "o", mfc=PAPER, mec=colour, mew=3, ms=11, zorder=5)
            if alone:
                ax.annotate(
                    f"best: epoch {epochs[at]}",
                    (epochs[at], values[at]),
                    xytext=(0, -16),
                    textcoords="offset points",
                    ha="center",
                    va="top",
                    color=INK,
                    fontsize=14,
                )
    return ends
