"""What every plot starts from and ends in: a figure of its own, and its PNG."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray


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


def png(figure: Figure, scale: float = 1.0) -> bytes:
    """Encode a figure as PNG.

    Args:
        figure: any matplotlib figure; its size and dpi give the picture's size in pixels.
        scale: pixels per pixel of that size; 2 stays sharp on a dense screen or a large wall.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi * scale)
    return buffer.getvalue()


def pixels(figure: Figure, scale: float = 1.0) -> NDArray[np.uint8]:
    """Draw a figure into an array (height, width, 3); see :func:`png`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="raw", dpi=figure.dpi * scale)
    width, height = (figure.get_size_inches() * figure.dpi * scale).astype(int)
    return np.frombuffer(buffer.getvalue(), np.uint8).reshape(height, width, 4)[:, :, :3]
