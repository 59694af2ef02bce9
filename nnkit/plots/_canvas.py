"""What every plot starts from and ends with: a figure of its own, texts that fit, a small PNG."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from nnkit.plots.style import INK, contrast, readable

#: A hyphen that stands for a minus: before a figure, and not within a word or a range.
HYPHEN = re.compile(r"(?<![\w.)\]-])-(?=\.?\d)")
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
    drawn = _draw(figure, scale)
    exact = Image.fromarray(drawn[:, :, :3])
    picture = reduce_colours(drawn) or (exact.quantize(256) if palette else exact)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")  # optimize=True takes four times as long, and saves a tenth
    return buffer.getvalue()


def make_legible(figure: Figure) -> None:
    """Darken what is written too palely for white paper, and write minus signs for hyphens.

    White text stands on something dark, and is left alone.
    """
    for text in figure.findobj(Text):
        colour = to_rgb(text.get_color())
        if not text.get_text() or text.get_bbox_patch() is not None:
            continue
        if 1.3 < contrast(np.array(colour)) < 4.5:
            text.set_color(readable(colour))
        written = HYPHEN.sub("−", text.get_text())
        if written != text.get_text() and "$" not in written:
            text.set_text(written)


def pixels(figure: Figure, scale: float = 1.0) -> NDArray[np.uint8]:
    """Draw a figure into an array (height, width, 3); see :func:`png`."""
    return _draw(figure, scale)[:, :, :3]


def _draw(figure: Figure, scale: float) -> NDArray[np.uint8]:
    """Draw a figure into an array (height, width, 4)."""
    make_legible(figure)
    with _canvas(figure, figure.dpi * scale) as canvas:
        canvas.draw()  # savefig would draw it twice, the first time for the layout alone
    return np.asarray(canvas.buffer_rgba())


def lay_out(figure: Figure) -> None:
    """Place the axes, so that their points can be turned into pixels."""
    with _canvas(figure, figure.dpi):
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
        for ax in figure.axes:
            ax.apply_aspect()


#: Reads formulas, such as the numbers on axes, and remembers the last ones. Each canvas of
#: matplotlib has its own, which begins with nothing.
FORMULAS = FigureCanvasAgg(Figure()).get_renderer().mathtext_parser


@contextmanager
def _canvas(figure: Figure, dpi: float) -> Iterator[FigureCanvasAgg]:
    """Put a figure on a canvas of so many pixels per inch, and then back on its own."""
    before, figure.dpi = (figure.canvas, figure.dpi), dpi
    canvas = FigureCanvasAgg(figure)
    canvas.get_renderer().mathtext_parser = FORMULAS
    try:
        yield canvas
    finally:
        figure.canvas, figure.dpi = before


def reduce_colours(picture: NDArray[np.uint8]) -> Image.Image | None:
    """Give a drawing a palette such that no area changes its colour.

    Colours that fill an area are kept exactly; the many in between, from smoothed edges, become
    the nearest of these and ``EDGES`` more.

    Args:
        picture: (height, width, 4).

    Returns:
        The drawing; None if it has shades, as a photograph has.
    """
    codes = picture.view("<u4").ravel()
    runs = np.flatnonzero(np.diff(codes, prepend=~codes[:1]))  # where another colour begins
    lengths = np.diff(runs, append=codes.size)
    found, which = np.unique(codes[runs], return_inverse=True)
    counts = np.bincount(which, lengths)  # pixels of each colour
    is_area = counts >= AREA * codes.size
    if len(found) > PHOTOGRAPH or counts[~is_area].sum() > SHADES * codes.size:
        return None
    colours = found[:, None].astype(int) >> [0, 8, 16] & 255
    order = np.argsort(-counts, kind="stable")
    areas, edges = np.split(colours[order], [min(is_area.sum(), 256 - EDGES)])
    palette = np.concatenate([areas, _representatives(edges)])
    # half the squared distance, without what all of a row share: whole numbers and halves below
    # 2²³, which float32 adds up exactly
    product = colours.astype(np.float32) @ palette.T.astype(np.float32)
    nearest = ((palette**2).sum(1) / 2 - product).argmin(1).astype(np.uint8)
    small = Image.fromarray(np.repeat(nearest[which], lengths).reshape(picture.shape[:2]))
    small.putpalette(palette.ravel().tolist())
    return small


def _representatives(colours: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return at most ``EDGES`` colours that stand for (n, 3) many."""
    if not len(colours):
        return colours.reshape(0, 3)
    strip = Image.fromarray(colours[None].astype(np.uint8))
    return np.array(strip.quantize(EDGES).getpalette()).reshape(-1, 3)


#: Pixels of the PNG per pixel on the slide: sharp on a dense screen and on a large wall.
SCALE = 2.0


def show(figure: Figure, *, alt: str) -> None:
    """Display a figure in the notebook with its alternative text, then close it.

    Args:
        figure: any matplotlib figure, one of pyplot's included.
        alt: what the picture shows, in a sentence.

    Raises:
        ValueError: ``alt`` is empty.

    Outside IPython nothing is displayed.

    Example:
        >>> from nnkit import plots
        >>> figure = plots.lines([1, 2, 3], {"loss": [1.0, 0.5, 0.25]}, xlabel="epoch")
        >>> plots.show(figure, alt="The loss halves with every epoch.")  # in a notebook
        >>> plots.show(figure, alt="")
        Traceback (most recent call last):
            ...
        ValueError: alt='': say in a sentence what the figure shows...
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(
            f"alt={alt!r}: say in a sentence what the figure shows, "
            'for example alt="Loss falls for 20 epochs, then levels off"'
        )
    if in_notebook():
        width, height = figure.get_size_inches() * figure.dpi
        metadata = {"alt": alt, "width": round(width), "height": round(height)}
        bundle = {"image/png": png(figure, SCALE), "text/plain": alt}
        display(bundle, metadata={"image/png": metadata})
    close(figure)


def in_notebook() -> bool:
    """Whether IPython runs, and what is displayed has somewhere to appear."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def display(bundle: dict[str, Any], **options: Any) -> None:
    """Display one thing in its several formats."""
    sys.modules["IPython"].display.display(bundle, raw=True, **options)


def close(figure: Figure) -> None:
    """Forget a figure: pyplot, if it is in use, shall not draw it a second time."""
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close(figure)


#: An arrow that starts and ends where it is told, and a text about its place.
ARROW: dict[str, Any] = {
    **{"color": INK, "shrinkA": 0, "shrinkB": 0, "joinstyle": "miter", "capstyle": "butt"}
}
CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}
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
    lay_out(figure)
    box = ax.get_window_extent()
    unit = min(box.width / np.ptp(ax.get_xlim()), box.height / np.ptp(ax.get_ylim())) / figure.dpi
    for text in ax.texts:
        text.set_fontsize(text.get_fontsize() * min(unit / UNIT, 1.2))
