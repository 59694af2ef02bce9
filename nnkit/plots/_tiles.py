"""Many small images in one picture: digits, patches, filters."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from nnkit.plots._canvas import figure_of, new_axes, numbers, set_title
from nnkit.plots.style import DIVERGING, SHADE

#: Room between two images, as a part of an image's side.
GAP = 0.12


def tiles(
    images: Tensor,
    ax: Axes | None = None,
    *,
    columns: int | None = None,
    signed: bool = False,
    title: str = "",
) -> Figure:
    """Draw images in rows, each as a tile: tile (row, column) is centred at (column, row).

    Args:
        images: (n, height, width) from 0, white, to 1, black; or (n, 3, height, width), red,
            green and blue from 0 to 1. Other values are cut off.
        ax: where to draw; a new figure when None.
        columns: tiles in a row; about twice as many as rows when None.
        signed: (n, height, width) of any size: 0 is white, below blue, above orange; the largest
            of each image gets the full colour.
        title: what to see.

    Raises:
        ValueError: images of another shape, none at all, or colours that are ``signed``.

    Example:
        >>> from nnkit import plots
        >>> from nnkit.data import digits
        >>> X, y = digits()
        >>> figure = plots.tiles(X[:20].view(-1, 8, 8), columns=10)
        >>> len(figure.axes[0].images)
        20
    """
    shown = numbers(images, float)
    colours = shown.ndim == 4 and shown.shape[1] == 3
    if not (colours or shown.ndim == 3) or not shown.size:
        raise ValueError(
            f"images has shape {tuple(images.shape)}: (n, height, width) or "
            "(n, 3, height, width) is needed, with at least one image"
        )
    if signed and colours:
        raise ValueError("signed=True is for images of one channel, got three")
    columns = columns or min(len(shown), math.ceil(math.sqrt(2 * len(shown))))
    rows = math.ceil(len(shown) / columns)
    axes = new_axes(ax, figsize=(min(11, 5 * columns / rows), min(5, 11 * rows / columns)))
    for place, image in enumerate(shown):
        row, column = divmod(place, columns)
        half = (1 - GAP) / 2
        extent = (column - half, column + half, row + half, row - half)
        if signed:
            top = np.abs(image).max() or 1.0
            axes.imshow(image, cmap=DIVERGING, vmin=-top, vmax=top, extent=extent)
        else:
            axes.imshow(_rgb(image), extent=extent)
        corner = (column - half, row - half)
        axes.add_patch(Rectangle(corner, 2 * half, 2 * half, fill=False, ec=SHADE, lw=0.8))
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[])
    axes.set_aspect("equal")
    axes.spines[:].set_visible(False)
    set_title(axes, title)
    return figure_of(axes)


def _rgb(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (height, width, 3) of an image of one channel, ink on paper, or of three."""
    if image.ndim == 2:
        image = np.broadcast_to(1 - image, (3, *image.shape))
    return np.clip(image, 0, 1).transpose(1, 2, 0)
