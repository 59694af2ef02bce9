"""What every plot starts from: a figure of its own, a title that fits, a size that fits."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray
from torch import Tensor

from nnkit.plots.encoding import png

#: Inches to a unit of a drawing's axes, where there is room.
UNIT = 0.8


class Picture(Figure):
    """A figure that shows itself when it is the value of a cell.

    It is not registered with pyplot, so that nothing is shown twice and nothing leaks.
    """

    def _repr_png_(self) -> bytes:
        return png(self)


def new_axes(ax: Axes | None = None, figsize: tuple[float, float] | None = None) -> Axes:
    """Return ``ax``, or the only axes of a new figure when it is None."""
    return Picture(figsize=figsize).add_subplot() if ax is None else ax


def figure_of(ax: Axes) -> Figure:
    """Return the figure that ``ax`` is drawn on."""
    figure = ax.figure
    while isinstance(figure, SubFigure):
        figure = figure.figure
    return figure


def numbers(values: Any, dtype: type | None = None) -> NDArray[Any]:
    """Return numbers as an array; a tensor may be on any device and have a gradient."""
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype == torch.bfloat16 else values  # NumPy has none
    return np.asarray(values, dtype)


def set_title(ax: Axes, title: str) -> None:
    """Write what to see above the axes, in as many lines as it takes."""
    ax.set_title(title, wrap=True)


def fit_figure(ax: Axes, title: str = "") -> None:
    """Give the figure of a drawing the size of the drawing, ``UNIT`` inches to a unit of it."""
    width, height = np.ptp(ax.get_xlim()) * UNIT, np.ptp(ax.get_ylim()) * UNIT
    shrink = min(1, 11 / width, 5 / height)
    figure_of(ax).set_size_inches(width * shrink, height * shrink + (0.6 if title else 0))


def fit_text(ax: Axes) -> None:
    """Shrink or enlarge what is written in a drawing as the drawing itself is."""
    figure = figure_of(ax)
    figure.draw_without_rendering()  # lays the axes out
    box = ax.get_window_extent()
    unit = min(box.width / np.ptp(ax.get_xlim()), box.height / np.ptp(ax.get_ylim())) / figure.dpi
    for text in ax.texts:
        text.set_fontsize(text.get_fontsize() * min(unit / UNIT, 1.2))
