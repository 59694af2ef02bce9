"""Curves labelled where they end, and the history of a training run."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogFormatterMathtext,
    LogLocator,
    MaxNLocator,
    NullLocator,
)
from matplotlib.typing import ColorType

from nnkit.plots._canvas import figure_of, lay_out, new_axes, numbers, set_title
from nnkit.plots._fields import Array
from nnkit.plots.style import BLUE, CURVE_COLOURS, GREY, ORANGE, PAPER, readable

SIZE = 15  # of the type, in points


class End(NamedTuple):
    """Where a curve ends, in data units, and what it is called.

    Example:
        >>> from nnkit import plots
        >>> plots.End(2.0, 0.5, "loss", plots.BLUE)
        End(x=2.0, y=0.5, name='loss', colour='#1658B0')
        >>> plots.End(2.0, 0.5, "loss", "red").name
        'loss'
    """

    x: float
    y: float
    name: str
    colour: ColorType


def label_ends(ax: Axes, ends: Sequence[End]) -> None:
    """Write names beside the ends of curves, moved apart where they would touch.

    Args:
        ax: axes whose limits are final.
        ends: of every curve; one that is not finite is left out.

    Example:
        >>> import torch
        >>> from nnkit import plots
        >>> (axes,) = plots.points(torch.tensor([[0.0, 0.0], [1.0, 1.0]])).axes
        >>> plots.label_ends(axes, [plots.End(1.0, 1.0, "up", "red")])
        >>> axes.texts[0].get_text()
        'up'
    """
    ends = [end for end in ends if np.isfinite(end.y)]
    figure = figure_of(ax)
    lay_out(figure)
    ends.sort(key=lambda end: end.y)
    at = np.array([ax.transData.transform((end.x, end.y))[1] for end in ends])
    moved = spread_out(at, 1.35 * SIZE * figure.dpi / 72)
    for end, shift in zip(ends, moved - at, strict=True):
        ax.annotate(
            end.name,
            (end.x, end.y),
            xytext=(10, shift * 72 / figure.dpi),
            textcoords="offset points",
            va="center",
            color=readable(end.colour),
            fontsize=SIZE,
            weight="bold",
            annotation_clip=False,
        )


def spread_out(heights: Array, apart: float) -> Array:
    """Return rising heights moved as little as it takes to be ``apart`` from one another."""
    # with i * apart taken off, "at least apart" reads "not falling": pool what falls (Ayer, 1955)
    blocks: list[list[float]] = []
    for i, height in enumerate(heights):
        blocks.append([height - i * apart])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    level = np.array([np.mean(block) for block in blocks for _ in block])
    return np.asarray(level + apart * np.arange(len(heights)))


def log_axis(ax: Axes, which: str) -> None:
    """Make the x or the y axis logarithmic, with a few plain numbers; limits are final."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    getattr(ax, f"set_{which}scale")("log")
    low, high = sorted(axis.get_view_interval())
    decades = np.log10(high / low)
    subs = (1.0, 2.0, 5.0) if decades < 1.5 else (1.0, 3.0) if decades < 3 else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axis.set_minor_locator(NullLocator())
    if low >= 1e-4 and high <= 1e5:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_major_formatter(LogFormatterMathtext())


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

    Example:
        >>> import torch
        >>> from nnkit import plots
        >>> x = torch.linspace(-3, 3, 50)
        >>> figure = plots.lines(x, {"tanh": x.tanh(), "sigmoid": x.sigmoid()}, xlabel="u")
        >>> [text.get_text() for text in figure.axes[0].texts]  # named at their ends, no legend
        ['sigmoid', 'tanh']
    """
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f"log={log!r}: choose '', 'x', 'y' or 'xy'")
    x, curves = numbers(x), {name: numbers(y) for name, y in curves.items()}
    for name, y in curves.items():
        if y.shape != x.shape:
            raise ValueError(f"curve {name!r} has shape {y.shape}, x has {x.shape}")
    axes = new_axes(ax)
    ends = []
    drawn: list[Array] = []
    for name, y in curves.items():
        (line,) = axes.plot(x, y, **style)
        if any(_coincide(y, other) for other in drawn) and "ls" not in style:
            line.set_linestyle((0, (1.5, 2.5)))  # so that the one below is seen, too
        drawn.append(y)
        ends.append(End(float(x[-1]), float(y[-1]), name, line.get_color()))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    _finish(axes, ends, log, title)
    return figure_of(axes)


def _coincide(one: Array, other: Array) -> bool:
    """Return whether two curves are one line to the eye over most of their length."""
    both = np.isfinite(one) & np.isfinite(other)
    span = np.ptp(np.concatenate([one[both], other[both]])) if both.any() else 0.0
    near = np.abs(one[both] - other[both]) <= 0.005 * span
    return bool(both.any() and near.mean() > 0.5)


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
        ValueError: a history without epochs, or without the column.

    Example:
        >>> from types import SimpleNamespace
        >>> from nnkit import plots
        >>> rows = [{"epoch": e, "loss": 1 / e, "val_loss": abs(e - 3) + 1} for e in range(1, 6)]
        >>> figure = plots.history(SimpleNamespace(rows=rows))  # or what fit returns
        >>> figure.axes[0].texts[0].get_text()
        'lowest: epoch 3'
    """
    runs: Mapping[str, HasRows] = h if isinstance(h, Mapping) else {"": h}
    columns = {label: _columns(run, metric) for label, run in runs.items()}
    axes = new_axes(ax)
    ends: list[End] = []
    for number, (label, (epochs, training, validation)) in enumerate(columns.items()):
        alone, own = len(runs) == 1, CURVE_COLOURS[number % len(CURVE_COLOURS)]
        if validation is None:
            name = label or ("training" if metric == "loss" else metric)
            ends.append(_curve(axes, epochs, training, name, own))
            continue
        colour = ORANGE if alone else own
        if alone:
            ends.append(_curve(axes, epochs, training, "training", BLUE))
        else:
            axes.plot(epochs, training, ":", color=colour, lw=1.6)
        ends.append(_curve(axes, epochs, validation, label or "validation", colour))
        if best and np.isfinite(validation).any():
            _mark_lowest(axes, epochs, validation, colour, say=alone)
    dotted = len(runs) > 1 and any(validation is not None for *_, validation in columns.values())
    note = " (dotted: training)" if dotted else ""
    axes.set(xlabel="epoch", ylabel=metric.replace("_", " ") + note)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    _finish(axes, ends, "y" if log else "", title)
    return figure_of(axes)


def _columns(run: HasRows, metric: str) -> tuple[Array, Array, Array | None]:
    """Return the epochs, the metric, and the same on validation data where there is one."""
    rows = run.rows
    names = list(rows[0]) if rows else []
    if metric not in names:
        raise ValueError(
            f"metric={metric!r}: this history has " + (", ".join(names) or "no epochs")
        )

    def column(name: str) -> Array:
        return np.array([float(row[name]) for row in rows])

    validation = f"val_{metric}"
    return column("epoch"), column(metric), column(validation) if validation in names else None


def _curve(ax: Axes, x: Array, y: Array, name: str, colour: str) -> End:
    """Draw one curve, a lone point as a dot, and return the last point that is finite."""
    ax.plot(x, y, color=colour, marker="o" if len(x) == 1 else "")
    last = np.flatnonzero(np.isfinite(y))[-1:]
    return End(float(x[-1]), float(y[last[0]]) if last.size else np.nan, name, colour)


def _mark_lowest(ax: Axes, x: Array, y: Array, colour: str, *, say: bool) -> None:
    """Mark the lowest point with a ring, and say its epoch above when ``say``."""
    at = int(np.nanargmin(y))
    ax.plot(x[at], y[at], "o", mfc=PAPER, mec=colour, mew=3, ms=11, zorder=5)
    if say:
        early = at <= 0.6 * len(x)
        ax.axvline(x[at], color=GREY, lw=1.5, zorder=1)
        ax.annotate(
            f"lowest: epoch {x[at]:g}",
            (x[at], 1),
            xycoords=ax.get_xaxis_transform(),
            xytext=(8 if early else -8, 0),
            textcoords="offset points",
            ha="left" if early else "right",
            va="top",
            fontsize=14,
        )


def _finish(ax: Axes, ends: Sequence[End], log: str, title: str) -> None:
    """Set scales and title, then write the names, which need the final limits."""
    for which in "xy":
        if which in log:
            log_axis(ax, which)
        elif which == "y":
            ax.locator_params(axis="y", nbins=6)
    ax.margins(x=0.02)
    set_title(ax, title)
    label_ends(ax, ends)
