"""The style: colours that anyone can tell apart, type that has every sign the course writes."""

import itertools
import logging

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from nnkit import plots
from nnkit.plots import style
from nnkit.plots._canvas import png
from nnkit.plots.style import contrast

# What remains of linear RGB with each kind of colour blindness (Machado, Oliveira and
# Fernandes, 2009, table of severity 1).
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
WRITTEN = "ЖяДℝ⊙ᵀᵗₐⁿ₄▲●½¼−×·±≤≥≠≈→←↑↓…λσηθαβγμτφΣ∂∇∈∞√₀₁₂₃⁻⁰¹²³‖′°–—“”ŷéüABCxyz0123456789"


def lab(colour, vision="usual"):
    """Return CIE L*a*b* (D65) of an sRGB colour as it is seen."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(VISION[vision] @ linear, 0, 1)
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    t = to_xyz @ linear / [0.95047, 1.0, 1.08883]
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_measure_itself():
    assert np.allclose(lab("white"), [100, 0, 0], atol=0.01)
    assert np.allclose(lab("black"), [0, 0, 0], atol=0.01)
    assert np.allclose(lab("red"), [53.24, 80.09, 67.20], atol=0.05)  # the published value
    # the classic pair: far apart, and hardly so with deuteranopia
    green, brown = "#2CA02C", "#B0653A"
    usual = np.linalg.norm(lab(green) - lab(brown))
    assert usual > 3 * np.linalg.norm(lab(green, "deuteranopia") - lab(brown, "deuteranopia"))


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_can_be_told_apart(vision):
    for (a, one), (b, other) in itertools.combinations(plots.PALETTE.items(), 2):
        distance = np.linalg.norm(lab(one, vision) - lab(other, vision))
        # 2.3 is just noticeable side by side; ten times that holds across a hall
        assert distance > 23, f"{a} and {b} are {distance:.1f} apart with {vision}"


def test_text_and_main_lines_stand_out_from_the_paper():
    assert contrast(np.array(to_rgb(plots.INK))) > 12
    assert contrast(np.array(to_rgb(plots.BLUE))) > 4.5  # small type: WCAG 2.2, 1.4.3
    for colour in style.CURVE_COLOURS:
        assert contrast(np.array(to_rgb(colour))) > 3  # graphics: WCAG 2.2, 1.4.11


def test_every_class_has_its_own_colour_and_marker():
    assert len(set(plots.CLASS_COLOURS)) == len(plots.CLASS_COLOURS) == len(plots.CLASS_MARKERS)
    assert len(set(plots.CLASS_MARKERS)) == len(plots.CLASS_MARKERS)
    assert plots.CLASS_COLOURS[:2] == (plots.BLUE, plots.ORANGE)


def test_diverging_map_runs_from_blue_over_paper_to_orange():
    shades = style.DIVERGING(np.linspace(0, 1, 257))
    assert to_hex(shades[0]).upper() == plots.BLUE
    assert to_hex(shades[128]).upper() == plots.PAPER
    assert to_hex(shades[-1]).upper() == plots.ORANGE
    light = np.array([lab(shade[:3])[0] for shade in shades])
    assert (np.diff(light[:129]) > -1e-9).all()
    assert (np.diff(light[128:]) < 1e-9).all()


def test_sequential_map_darkens_steadily():
    light = [lab(shade[:3])[0] for shade in style.SEQUENTIAL(np.linspace(0, 1, 100))]
    assert (np.diff(light) < 1e-9).all()
    assert mpl.rcParams["image.cmap"] == "course_sequential"


def test_style_file_and_module_name_the_same_colours():
    cycle = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    assert [to_hex(colour).upper() for colour in cycle] == 2 * list(style.CURVE_COLOURS)
    for name in ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"):
        assert to_hex(mpl.rcParams[name]).upper() == plots.INK
    for name in ("figure.facecolor", "axes.facecolor", "savefig.facecolor"):
        assert to_hex(mpl.rcParams[name]).upper() == plots.PAPER


def test_style_comes_back_after_the_defaults():
    try:
        mpl.rcdefaults()
        assert mpl.rcParams["font.size"] == 10
    finally:
        plots.use_style()
    assert mpl.rcParams["font.size"] == 16
    assert not mpl.rcParams["axes.spines.top"]


@pytest.mark.parametrize(
    ("weight", "slope", "file"),
    [("normal", "normal", "Regular"), ("bold", "normal", "Bold"), ("normal", "italic", "Italic")],
)
def test_type_comes_from_the_package(weight, slope, file):
    wanted = font_manager.FontProperties(family="Inter", weight=weight, style=slope)
    path = font_manager.findfont(wanted, fallback_to_default=False)
    assert path.endswith(f"plots/fonts/Inter-{file}.ttf")


def test_every_sign_is_drawn(caplog):
    figure = Figure()
    with caplog.at_level(logging.WARNING, logger="matplotlib"):
        for row, size in enumerate(("normal", "bold")):
            figure.text(0.1, 0.2 + 0.3 * row, WRITTEN, weight=size)
        formula = r"$\hat{y} = \sigma(w_0 + \sum_d w_d x_d) \leq \lambda \|\mathbf{w}\|_2^2$"
        figure.text(0.1, 0.8, formula)
        png(figure)  # a missing glyph is a warning, and warnings are errors here
    assert not caplog.records


def test_a_sign_that_no_font_has_is_noticed():
    figure = Figure()
    figure.text(0.5, 0.5, "字")
    with pytest.warns(UserWarning, match="missing from font"):
        png(figure)


def test_no_text_is_too_pale_and_no_minus_a_hyphen():
    figure = plots.lines([1, 2], {"-3 of 10-12": [0.0, 1.0]})
    axes = figure.axes[0]
    pale = [
        axes.text(1, 0.5, "10-fold, -0.5", color=c) for c in (plots.YELLOW, plots.GREY, plots.TEAL)
    ]
    white = axes.text(1, 0.2, "on something dark", color="white")
    png(figure)
    for text in pale:
        assert contrast(np.array(to_rgb(text.get_color()))) >= 4.5
        assert text.get_text() == "10-fold, −0.5"
    assert to_rgb(white.get_color()) == (1, 1, 1)
    assert next(text.get_text() for text in axes.texts) == "−3 of 10-12"


def test_no_two_of_ten_curves_look_alike():
    figure = plots.lines([0, 1], {f"curve {n}": [n, n + 1] for n in range(10)})
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == 10


def test_of_curves_that_coincide_each_is_seen():
    x = np.linspace(0, 1, 50)
    figure = plots.lines(x, {"one": x, "the same": x + 1e-4, "another": 1 - x})
    colours = {tuple(pixel) for pixel in plots._canvas.pixels(figure).reshape(-1, 3)[::1]}
    for line in figure.axes[0].lines:
        assert tuple(round(255 * c) for c in to_rgb(line.get_color())) in colours
    styles = [line.get_linestyle() for line in figure.axes[0].lines]
    assert [style == "-" for style in styles] == [True, False, True]
