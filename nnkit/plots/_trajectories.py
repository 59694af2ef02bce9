"""Walks over a landscape: the ways that update rules take downhill, seen from above."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from nnkit.plots._canvas import figure_of, new_axes, numbers, set_title
from nnkit.plots._fields import Array, Field, Limits, evaluate
from nnkit.plots.style import (
    BLUE,
    CLASS_MARKERS,
    INK,
    MAGENTA,
    ORANGE,
    PAPER,
    SEQUENTIAL,
    TEAL,
    YELLOW,
    readable,
)

COLOURS = (ORANGE, TEAL, MAGENTA, INK, YELLOW, BLUE)  # blue last: the map is blue
BANDS = 14


def paths(
    f: Callable[[Tensor], Tensor],
    walks: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    limits: Limits,
    goals: Sequence[tuple[float, float]] = (),
    labels: tuple[str, str] = ("$w_1$", "$w_2$"),
    title: str = "",
    resolution: int = 160,
) -> Figure:
    """Draw walks over the map of a function, a mark at every step; valleys are pale, hills blue.

    The level lines lie closer together in height the lower they are, so that a valley's floor has
    some too: between two lines there is a share of the map's area, not a step of height.

    Args:
        f: heights (n,) at points (n, 2).
        walks: points (steps + 1, 2) by name, the first on top; the names are written beside the
            map, an empty one is not. A walk ends where it is no longer finite.
        ax: where to draw; a new figure when None.
        limits: (left, right, bottom, top).
        goals: points to mark with a star, such as minima.
        labels: names of the two coordinates.
        title: what to see.
        resolution: points along each side at which ``f`` is evaluated.

    Raises:
        ValueError: a walk that is not (steps + 1, 2), more walks than colours, or ``f`` that gives
            more than one height.

    Example:
        >>> import torch
        >>> from nnkit import plots
        >>> walk = torch.tensor([[1.0, 1.0], [0.5, 0.8], [0.25, 0.64]])
        >>> bowl = lambda w: (w**2).sum(1)
        >>> figure = plots.paths(bowl, {"SGD": walk}, limits=(-1, 2, -1, 2), goals=[(0, 0)])
        >>> figure.axes[0].get_legend().get_texts()[0].get_text()
        'SGD'
    """
    ways = {name: _finite(name, walk) for name, walk in walks.items()}
    if len(ways) > len(COLOURS):
        raise ValueError(f"{len(ways)} walks: there are colours for {len(COLOURS)}")
    field = evaluate(f, limits, resolution)
    if field.classes != 1:
        raise ValueError(f"f gives {field.classes} values at a point; one height is needed")
    axes = new_axes(ax)
    _landscape(axes, field)
    for number, (name, way) in enumerate(ways.items()):
        _walk(axes, name, way, number)
    for goal in goals:
        axes.plot(*goal, "*", color=INK, mec=PAPER, mew=1.2, ms=20, zorder=6)
    axes.set(xlim=limits[:2], ylim=limits[2:], xlabel=labels[0], ylabel=labels[1])
    axes.locator_params(nbins=5)
    set_title(axes, title)
    if any(ways):
        _names(axes)
    return figure_of(axes)


def _finite(name: str, walk: Any) -> Array:
    """Return a walk up to where it is not finite, or too far away to be drawn."""
    way = numbers(walk, float)
    if way.ndim != 2 or way.shape[1] != 2:
        raise ValueError(f"walk {name!r} has shape {way.shape}; points are (steps + 1, 2)")
    lost = ~(np.abs(way) < 1e6).all(axis=1)
    return way[: lost.argmax()] if lost.any() else way


def _landscape(ax: Axes, field: Field) -> None:
    """Draw bands that hold less area the lower they lie, with pale lines between them."""
    heights = field.values[:, :, 0]
    levels = np.unique(np.quantile(heights, np.linspace(0, 1, BANDS + 1) ** 1.6))
    if len(levels) < 3:  # a plain has no bands
        return
    tints = SEQUENTIAL(np.linspace(0, 0.55, len(levels) - 1))
    ax.contourf(field.across, field.up, heights, levels, colors=tints)
    lines: dict[str, Any] = {"colors": PAPER, "linewidths": 0.8, "linestyles": "solid"}
    ax.contour(field.across, field.up, heights, levels[1:-1], **lines)


def _walk(ax: Axes, name: str, way: Array, number: int) -> None:
    """Draw one walk on a white rim, and its start as a ring."""
    style: dict[str, Any] = {"color": COLOURS[number], "marker": CLASS_MARKERS[number], "ms": 5.5}
    rim = {"mec": PAPER, "mew": 2.5, "lw": 4.5, "label": "_"}
    layer = 4 - number / 10
    ax.plot(*way.T, **style | rim | {"color": PAPER}, zorder=layer - 0.05)
    ax.plot(*way.T, **style, lw=2, label=name or "_", zorder=layer)
    if len(way):
        ax.plot(*way[0], "o", mfc=PAPER, mec=INK, mew=2.5, ms=11, zorder=5)


def _names(ax: Axes) -> None:
    """List the names to the right of the map, each in the colour of its walk."""
    legend = ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True):
        text.set(color=readable(to_rgb(line.get_color())), weight="bold")
