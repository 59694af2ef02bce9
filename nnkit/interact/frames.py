"""A figure as one small picture with its words."""

import base64
from typing import NamedTuple

from matplotlib.figure import Figure

from nnkit.plots.display import close
from nnkit.plots.encoding import png

#: Pixels of a frame per pixel on the slide: 1280 × 720 is most often thrown at 1920 × 1080.
SCALE = 1.5


class Frame(NamedTuple):
    """A picture: its PNG as a data address, its words, its size in pixels of the page."""

    source: str
    alt: str
    width: int
    height: int


def encode(figure: Figure, alt: str) -> Frame:
    """Turn a figure into a frame and close it."""
    if not isinstance(figure, Figure):
        raise TypeError(f"draw returned {figure!r}; let it return the figure")
    width, height = figure.get_size_inches() * figure.dpi
    data = base64.b64encode(png(figure, SCALE, palette=True)).decode()
    close(figure)
    return Frame(f"data:image/png;base64,{data}", alt, round(width), round(height))
