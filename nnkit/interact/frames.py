"""A figure as one small picture with its words."""

import base64
import io
from typing import NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from nnkit.plots.canvas import png
from nnkit.plots.display import close

#: Pixels of a frame per pixel on the slide: 1280 × 720 is most often thrown at 1920 × 1080.
SCALE = 1.5


class Frame(NamedTuple):
    """A picture: its PNG as a data address, its words, its size in pixels of the page."""

    source: str
    alt: str
    width: int
    height: int


def encode(figure: Figure, alt: str) -> Frame:
    """Turn a figure into a frame and close it. 256 colours are enough, and a third of the bytes."""
    if not isinstance(figure, Figure):
        raise TypeError(f"draw returned {figure!r}; let it return the figure")
    width, height = figure.get_size_inches() * figure.dpi
    picture = Image.open(io.BytesIO(png(figure, SCALE))).convert("RGB")
    close(figure)
    buffer = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Frame(source, alt, round(width), round(height))
