"""A figure as a small PNG: drawings have few colours, and a palette of them weighs a sixth."""

import io

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

#: A colour fills an area if it has this share of the pixels.
AREA = 0.0004
#: Colours for smoothed edges.
EDGES = 32
#: A picture of more colours has shades rather than areas,
PHOTOGRAPH = 20_000
#: and so has one where more than this share of the pixels is of colours that fill no area.
SHADES = 0.12


def png(figure: Figure, scale: float = 1.0, *, palette: bool = False) -> bytes:
    """Encode a figure as PNG.

    Args:
        figure: any matplotlib figure; its size and dpi give the picture's size in pixels.
        scale: pixels per pixel of that size; 2 stays sharp on a dense screen or a large wall.
        palette: make do with 256 colours even for a photograph, which keeps all of them otherwise.
    """
    picture = Image.fromarray(pixels(figure, scale))
    if not _has_shades(picture):
        picture = reduce_colours(picture)
    elif palette:
        picture = picture.quantize(256)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def pixels(figure: Figure, scale: float = 1.0) -> NDArray[np.uint8]:
    """Draw a figure into an array (height, width, 3); see :func:`png`."""
    buffer, dpi = io.BytesIO(), figure.dpi * scale
    figure.savefig(buffer, format="raw", dpi=dpi)
    # cut off, but 1011.999… is 1012: as matplotlib counts (FigureCanvasBase.get_width_height)
    width, height = (figure.get_size_inches() * dpi + 1e-8).astype(int)
    return np.frombuffer(buffer.getvalue(), np.uint8).reshape(height, width, 4)[:, :, :3]


def reduce_colours(picture: Image.Image) -> Image.Image:
    """Give an RGB drawing a palette such that no area changes its colour.

    Colours that fill an area are kept exactly; the many in between, from smoothed edges, become
    the nearest of these and ``EDGES`` more.
    """
    size = picture.width * picture.height
    counted = sorted(picture.getcolors(size) or [], reverse=True)
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


def _has_shades(picture: Image.Image) -> bool:
    size = picture.width * picture.height
    counts = [count for count, _ in picture.getcolors(size) or []]
    shades = sum(count for count in counts if count < AREA * size)
    return len(counts) > PHOTOGRAPH or shades > SHADES * size


def _packed(colours: NDArray[np.int_] | NDArray[np.uint8]) -> NDArray[np.int_]:
    return np.asarray(colours.astype(int) @ [1 << 16, 1 << 8, 1])


def _representatives(colours: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return at most ``EDGES`` colours that stand for (n, 3) many."""
    if not len(colours):
        return colours.reshape(0, 3)
    strip = Image.fromarray(colours[None].astype(np.uint8))
    return np.array(strip.quantize(EDGES).getpalette()).reshape(-1, 3)
