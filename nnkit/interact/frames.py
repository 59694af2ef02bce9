"""A figure as one small picture with its words."""

import base64
import io
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from nnkit.plots.canvas import pixels
from nnkit.plots.display import close

#: Pixels of a frame per pixel on the slide: 1280 × 720 is most often thrown at 1920 × 1080.
SCALE = 1.5
#: A colour fills an area if it has this share of the pixels.
AREA = 0.0004
#: Colours for smoothed edges.
EDGES = 32
#: A picture of more colours has shades rather than areas.
PHOTOGRAPH = 20_000


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
    picture = Image.fromarray(pixels(figure, SCALE))
    close(figure)
    buffer = io.BytesIO()
    reduce_colours(picture).save(buffer, format="PNG", optimize=True)
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Frame(source, alt, round(width), round(height))


def reduce_colours(picture: Image.Image) -> Image.Image:
    """Give an RGB picture a palette: a sixth of the bytes, and no area changes its colour.

    Colours that fill an area are kept exactly; the many in between, from smoothed edges, become
    the nearest of these and ``EDGES`` more.
    """
    size = picture.width * picture.height
    counted = sorted(picture.getcolors(size) or [], reverse=True)
    if len(counted) > PHOTOGRAPH:
        return picture.quantize(256)
    colours = np.array([colour for _, colour in counted])  # (colours, 3), most frequent first
    areas = sum(count >= AREA * size for count, _ in counted)
    areas = min(areas, 256 - EDGES)
    palette = np.concatenate([colours[:areas], _representatives(colours[areas:])])
    distance = ((colours[:, None] - palette) ** 2).sum(-1)  # (colours, palette)
    index = np.zeros(1 << 24, dtype=np.uint8)
    index[_packed(colours)] = distance.argmin(1)
    small = Image.fromarray(index[_packed(np.asarray(picture))])
    small.putpalette(palette.ravel().tolist())
    return small


def _packed(colours: NDArray[np.int_] | NDArray[np.uint8]) -> NDArray[np.int_]:
    return np.asarray(colours.astype(int) @ [1 << 16, 1 << 8, 1])


def _representatives(colours: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return at most ``EDGES`` colours that stand for (n, 3) many."""
    if not len(colours):
        return colours.reshape(0, 3)
    strip = Image.fromarray(colours[None].astype(np.uint8))
    return np.array(strip.quantize(EDGES).getpalette()).reshape(-1, 3)
