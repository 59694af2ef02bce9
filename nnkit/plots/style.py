"""The course's one look: its colours, its type, its colour maps.

Seven colours on white paper, told apart with any of the three kinds of colour blindness
(``tests/test_plots_style.py`` measures it), and a typeface drawn for legibility.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager, style
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.typing import ColorType
from numpy.typing import NDArray

INK = "#16263A"
PAPER = "#FFFFFF"
BLUE = "#1658B0"
ORANGE = "#DD5A12"
TEAL = "#00A668"
MAGENTA = "#A84380"
YELLOW = "#F2BF3D"
GREY = "#A3ACBA"
GRID = "#E3E7EC"  # for what should hardly be seen; not for data
SHADE = "#D3D9E1"  # the same, out of the light

PALETTE = {
    "INK": INK,
    "PAPER": PAPER,
    "BLUE": BLUE,
    "ORANGE": ORANGE,
    "TEAL": TEAL,
    "MAGENTA": MAGENTA,
    "YELLOW": YELLOW,
    "GREY": GREY,
}

#: Colour and marker of class 0, 1, 2, …: shape tells classes apart as well as colour.
CLASS_COLOURS = (BLUE, ORANGE, TEAL, MAGENTA, YELLOW, INK, GREY)
CLASS_MARKERS = ("o", "^", "s", "D", "P", "X", "v")

#: Colours of curves, which stand out from paper 3 : 1. The sixth and later ones are dashed.
CURVE_COLOURS = (BLUE, ORANGE, TEAL, MAGENTA, INK)

#: Negative is blue, zero is paper, positive is orange: weights and decision surfaces. An odd
#: number of shades, so that one of them is paper.
DIVERGING = LinearSegmentedColormap.from_list(
    "course_diverging", [BLUE, "#8DB4E4", PAPER, "#F8B88F", ORANGE], N=257
)
#: Little is paper, much is ink: amounts.
SEQUENTIAL = LinearSegmentedColormap.from_list(
    "course_sequential", [PAPER, "#BBD3EE", "#5F97D3", BLUE, INK]
)

SIGNS = "NotoSansMath-Regular"
_HERE = Path(__file__).parent


def use_style() -> None:
    """Make every figure drawn from now on look like the course's.

    Called when :mod:`nnkit.plots` is imported; call it again after ``matplotlib.rcdefaults()``.

    Example:
        >>> import matplotlib
        >>> from nnkit import plots
        >>> matplotlib.rcdefaults()
        >>> plots.use_style()
        >>> matplotlib.rcParams["axes.prop_cycle"].by_key()["color"][0] == plots.BLUE
        True
    """
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for font in sorted((_HERE / "fonts").glob("*.ttf")):
        if str(font) not in known:
            font_manager.fontManager.addfont(font)
            if font.stem == SIGNS:  # has one weight, which serves bold text, too
                (entry,) = (e for e in font_manager.fontManager.ttflist if e.fname == str(font))
                font_manager.fontManager.ttflist.append(replace(entry, weight=700))
    for colormap in (DIVERGING, SEQUENTIAL):
        if colormap.name not in mpl.colormaps:
            mpl.colormaps.register(colormap)
    style.use(_HERE / "course.mplstyle")


def readable(colour: ColorType) -> str:
    """Return a colour for type: as it is, or darkened where it is too pale on white."""
    rgb = np.array(to_rgb(colour))
    while contrast(rgb) < 4.5:
        rgb = 0.9 * rgb + 0.1 * np.array(to_rgb(INK))
    return to_hex(tuple(rgb))


def contrast(rgb: NDArray[np.float64]) -> float:
    """Return the contrast of a colour with white, from 1 to 21 (WCAG 2.2)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05))
