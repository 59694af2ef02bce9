"""Descriptions of figures: what makes another picture is seen, what rounding makes is not."""

import base64
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
from matplotlib.figure import Figure

from nnkit import plots
from nnkit.interact import explore
from nnkit.interact._shows import page
from nnkit.plots import _canvas
from tests.notebooks.figures import MARK, describe, text_of_png, text_of_slider, with_text
from tests.notebooks.outputs import agree

VALUES = np.linspace(0.0, 1.0, 40).reshape(5, 8) ** 2
DRAWN: dict[str, Callable[..., Figure]] = {
    "curves": lambda y=(1.0, 2.0, 4.0), z=(3.0, 2.0, 2.5): plots.lines([1, 2, 3], {"a": y, "b": z}),
    "band": lambda widen=1.0: plots.spread([1, 2, 3], np.array([[-1, 0, 1.5]] * 3) * widen + 4),
    "image": lambda values=VALUES: plots.tiles(values[None]),
    "surface": lambda axis=0: plots.surface(lambda x: x[:, axis]),
    "title": lambda title="falls": plots.lines([1, 2], {"a": [1.0, 2.0]}, title=title),
}


def described(kind: str, *args: Any) -> str:
    figure = DRAWN[kind](*args)
    _canvas.png(figure)
    return describe(figure)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("curves", [[4.0, 2.0, 1.0]]),
        ("curves", [[3.0, 2.0, 2.5], [1.0, 2.0, 4.0]]),
        ("image", [VALUES[::-1]]),
        ("image", [VALUES[:, ::-1]]),
        ("surface", [1]),
        ("title", ["rises"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_picture_is_seen(kind: str, change: list[Any]) -> None:
    assert agree(described(kind), described(kind))
    assert not agree(described(kind), described(kind, *change))


def test_a_wider_band_is_seen_beside_the_same_points() -> None:
    figure = plots.spread([1, 2, 3], np.array([[-1, 0, 1.5]] * 3) + 4)
    _canvas.png(figure)
    before = describe(figure)
    (band,) = figure.axes[0].collections
    (path,) = band.get_paths()
    middle = path.vertices[:, 1].mean()
    path.vertices[:, 1] = middle + 3 * (path.vertices[:, 1] - middle)
    assert not agree(before, describe(figure))


def test_exchanged_colours_are_seen() -> None:
    figure = DRAWN["curves"]()
    _canvas.png(figure)
    before = describe(figure)
    a, b = figure.axes[0].lines[:2]
    colours = a.get_color(), b.get_color()
    a.set_color(colours[1])
    b.set_color(colours[0])
    assert not agree(before, describe(figure))


def test_what_training_moves_a_little_is_let_pass_where_something_trains() -> None:
    before, after = described("curves"), described("curves", [1.0, 2.2, 4.0])
    assert not agree(before, after)
    assert agree(before, after, trained=True)
    assert agree(before, described("curves", [1.0, 2.0 + 1e-6, 4.0]))


def test_what_no_rounding_moves_is_seen_where_something_trains_too() -> None:
    before, after = described("curves"), described("curves", [1.0, 2.9, 4.0])
    assert not agree(before, after, trained=True)
    assert agree(before, after, trained=True, seconds=True)


def test_a_png_carries_its_text_and_stays_a_png() -> None:
    png = _canvas.png(DRAWN["title"]())
    carried = with_text(png, "σ › a line")
    assert text_of_png(base64.b64encode(carried).decode()) == "σ › a line"
    assert text_of_png(base64.b64encode(png).decode()) == ""
    assert carried.startswith(png[:100])
    assert carried.endswith(png[-12:])


def test_three_frames_of_a_slider_are_described() -> None:
    def draw(power: int) -> Figure:
        return plots.lines([1, 2], {"y": [1.0, 2.0**power]}, title=f"power {power}")

    def png(figure: Figure, *args: Any, **options: Any) -> bytes:
        return with_text(_canvas.png(figure, *args, **options), describe(figure))

    with mock.patch("nnkit.interact._shows.png", png):
        values = [1, 2, 3, 4, 5]
        slider = explore(draw, alt="To the power {power}.", start={"power": 2}, power=values)
        frames = [slider._frame(place) for place in range(5)]
    told = text_of_slider(page(frames, slider.ranges, slider.positions))
    titles = [line for line in told.splitlines() if line.startswith(f"{MARK}axes")]
    assert [title.split()[3] for title in titles] == ["2", "3", "5"]
