"""Names beside the ends of curves, and few plain numbers along a logarithmic axis."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import FuncFormatter, LogFormatterMathtext, LogLocator, NullLocator
from matplotlib.typing import ColorType

from nnkit.plots.canvas import figure_of
from nnkit.plots.fields import Array
from nnkit.plots.style import INK

SIZE = 15  # of the type, in points


class End(NamedTuple):
    """Where a curve ends, in data units, and what it is called."""

    x: float
    y: float
    name: str
    colour: ColorType


def label_ends(ax: Axes, ends: Sequence[End]) -> None:
    """Write names beside the ends of curves, moved apart where they would touch.

    Args:
        ax: axes whose limits are final.
        ends: of every curve; one that is not finite is left out.
    """
    ends = [end for end in ends if np.isfinite(end.y)]
    figure = figure_of(ax)
    figure.draw_without_rendering()  # places the axes, so that points can be turned into pixels
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


def readable(colour: ColorType) -> str:
    """Return a colour for type: as it is, or darkened where it is too pale on white."""
    rgb = np.array(to_rgb(colour))
    while contrast(rgb) < 4.5:
        rgb = 0.9 * rgb + 0.1 * np.array(to_rgb(INK))
    return to_hex(tuple(rgb))


def contrast(rgb: Array) -> float:
    """Return the contrast of a colour with white, from 1 to 21 (WCAG 2.2)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05))


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
