"""Small PNGs: areas keep their colours, edges nearly, photographs all of them."""

import io

import numpy as np
import pytest
import torch
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from PIL import Image

from nnkit.plots import lines, tiles
from nnkit.plots._canvas import pixels, png, reduce_colours


def opened(data):
    with Image.open(io.BytesIO(data)) as picture:
        return picture.mode, np.asarray(picture.convert("RGB"))


def reduced(picture):
    """With a palette; of an array (height, width, 3)."""
    opaque = np.pad(picture.astype(np.uint8), ((0, 0), (0, 0), (0, 1)), constant_values=255)
    return reduce_colours(opaque)


def photograph():
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3))
    figure = Figure(figsize=(3, 3))
    figure.set_layout_engine("none")
    figure.add_axes((0, 0, 1, 1)).imshow(noise)
    return figure


def test_a_drawing_keeps_its_areas_and_nearly_its_edges():
    figure = lines([0, 1], {"a": [0, 1]}, title="A line")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout settles: every drawing is the same now
    exact = pixels(figure, 1.5)
    mode, small = opened(png(figure, 1.5))
    assert mode == "P"
    assert small.shape == exact.shape == (825, 1650, 3)
    off = np.abs(small.astype(int) - exact).max(2)
    assert (off == 0).mean() > 0.98
    assert off.max() < 48
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=1.5 * figure.dpi)
    assert len(png(figure, 1.5)) < len(buffer.getvalue()) / 2


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_any_size_will_do(scale):
    """Sizes in pixels are products that may fall just below a whole number: 2.3 x 110 does."""
    for tenths in range(20, 80):
        figure = Figure(figsize=(tenths / 10 + 0.05, tenths / 10), dpi=110)
        height, width, _ = pixels(figure, scale).shape
        assert width == pytest.approx((tenths / 10 + 0.05) * 110 * scale, abs=1)
        assert height == pytest.approx(tenths / 10 * 110 * scale, abs=1)
        assert figure.dpi == 110


def test_colours_of_areas_are_exact():
    rng = np.random.default_rng(0)
    stripes = np.repeat(rng.integers(0, 256, (5, 3)), 200, axis=0)[None].repeat(50, axis=0)
    edges = rng.integers(0, 256, (50, 1000, 3))
    exact = np.where(rng.random((50, 1000, 1)) < 0.01, edges, stripes).astype(np.uint8)
    small = np.asarray(reduced(exact).convert("RGB"))
    same = (exact == stripes).all(2)
    assert (small[same] == exact[same]).all()
    off = np.abs(small[~same].astype(int) - exact[~same]).max(1)
    assert np.median(off) < 64  # 32 colours for the whole cube


def test_one_colour_is_enough():
    red = reduced(np.tile([255, 0, 0], (9, 9, 1)))
    assert red.convert("RGB").getcolors() == [(81, (255, 0, 0))]


@pytest.mark.parametrize(("palette", "expected"), [(False, "RGB"), (True, "P")])
def test_a_photograph_keeps_its_shades_unless_told(palette, expected):
    figure = photograph()
    mode, small = opened(png(figure, palette=palette))
    assert mode == expected
    error = np.abs(small.astype(int) - pixels(figure)).mean()
    assert error == 0 if not palette else 0 < error < 25


def test_it_looks_as_matplotlib_saves_it():
    """Which draws it twice, and reads the numbers on axes anew each time."""
    for title in ("A line", "The same, with $x^2$"):
        (figure, same) = (lines([0, 1e-6], {"a": [0, 1e7]}, title=title) for _ in range(2))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=2 * figure.dpi)
        with Image.open(buffer) as saved:
            assert np.array_equal(saved.convert("RGB"), pixels(same, 2.0))
        canvas = FigureCanvasBase(figure)
        png(figure)
        assert figure.canvas is canvas
        assert figure.dpi == 110


def test_a_figure_that_cannot_be_drawn_is_left_as_it_was():
    figure = lines([0, 1], {"a": [0, 1]})
    canvas = figure.canvas
    figure.suptitle("$x^$")
    with pytest.raises(ValueError, match="x"):
        png(figure, 2.0)
    assert figure.canvas is canvas
    assert figure.dpi == 110


def test_many_small_tiles_keep_their_colours():
    figure = tiles(torch.rand(64, 3, 7, 7, generator=torch.Generator().manual_seed(0)))
    exact = pixels(figure)  # 3,136 colours, none of which fills an area
    mode, small = opened(png(figure))
    assert mode == "RGB"
    assert (small == exact).mean() > 0.99  # the layout may settle between two drawings
