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
#: A colour fills an area if it has this share of the pixels.
AREA = 0.0004
#: Colours for smoothed edges, and for all of a photograph.
EDGES = 32


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
    with Image.open(io.BytesIO(png(figure, SCALE))) as picture:
        small = reduce_colours(picture.convert("RGB"))
    close(figure)
    buffer = io.BytesIO()
    small.save(buffer, format="PNG", optimize=True)
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Frame(source, alt, round(width), round(height))


def reduce_colours(picture: Image.Image) -> Image.Image:
    """Give a picture a palette: a sixth of the bytes, and no area changes its colour.

    Colours that fill an area are kept exactly; the many in between, from smoothed edges, become
    the nearest of ``EDGES``.
    """
    pixels = picture.width * picture.height
    counted = sorted(picture.getcolors(pixels) or [], reverse=True)
    areas = [colour for count, colour in counted if count >= AREA * pixels][: 256 - EDGES]
    rest = [colour for _, colour in counted[len(areas) :]]
    palette = list(areas)
    if rest:
        strip = Image.new("RGB", (len(rest), 1))
        strip.putdata(rest)
        values = strip.quantize(EDGES).getpalette() or []
        palette += zip(*[iter(values)] * 3, strict=True)
    carrier = Image.new("P", (1, 1))
    carrier.putpalette([value for colour in palette for value in colour])
    return picture.quantize(palette=carrier, dither=Image.Dither.NONE)
