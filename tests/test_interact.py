"""Figures with sliders: arguments checked first, every frame the right one, live and in a page."""

import base64
import io
import json
import math
import re
from html.parser import HTMLParser

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from nnkit.interact import Explore, explore, linear, log
from nnkit.interact import _explorer as explorer_module
from nnkit.interact._ranges import shown
from nnkit.interact._shows import encode, picture, widget
from nnkit.plots import BLUE, lines

ALT = "A bar {height} high"


def draw(height=1, colour=BLUE):
    """Draw one bar; quick."""
    figure = Figure(figsize=(1, 1))
    figure.set_layout_engine("none")
    figure.add_axes((0, 0, 1, 1)).barh([0], [height], color=colour)
    return figure


@pytest.fixture
def export(monkeypatch):
    monkeypatch.setenv("NNKIT_EXPORT", "1")


# Ranges


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(2, 50))
def test_linear_steps_are_equal(low, high, n):
    if abs(high - low) < 1e-3:
        return
    values = linear(low, high, n)
    assert len(values) == n
    scale = max(abs(low), abs(high))
    assert np.allclose(values, np.linspace(low, high, n), rtol=0, atol=1e-10 * scale)


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 50))
def test_logarithmic_steps_are_equal_factors(low, high, n):
    if abs(np.log(high / low)) < 1e-3:
        return
    assert np.allclose(log(low, high, n), np.geomspace(low, high, n), rtol=1e-10)


def test_values_carry_no_rounding_errors():
    assert linear(0, 1, 11)[3] == 0.3
    assert log(1e-6, 1e6, 13) == [float(f"1e{k}") for k in range(-6, 7)]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: linear(0, 1, 1), "n=1"),
        (lambda: linear(0, 1, 2.5), "n=2.5"),
        (lambda: linear(1, 1, 3), "two different finite ends"),
        (lambda: linear(0, float("inf"), 3), "inf"),
        (lambda: log(0, 1, 3), "must be positive"),
        (lambda: log(1, -1, 3), "must be positive"),
    ],
)
def test_impossible_ranges_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "3"),
        (-3.0, "−3"),
        (0.25, "0.25"),
        (1e-6, "10⁻⁶"),
        (2e-5, "2 × 10⁻⁵"),
        (-1e7, "−1 × 10⁷"),
        (123456, "1.235 × 10⁵"),
        ("tanh", "tanh"),
        (True, "True"),
        (None, "None"),
        ([2, 8], "[2, 8]"),
    ],
)
def test_values_are_written_as_people_write_them(value, expected):
    assert shown(value) == expected


# Arguments


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: explore(draw, alt="A bar"), ValueError, "at least one range"),
        (lambda: explore(draw, alt=ALT, height=[]), ValueError, r"height=\[\]"),
        (lambda: explore(draw, alt=ALT, height=[1, 2, 1]), ValueError, "must not repeat"),
        (lambda: explore(draw, alt=ALT, height=[1], start={"h": 1}), ValueError, "names 'h'"),
        (lambda: explore(draw, alt=ALT, height=[1], start={"height": 2}), ValueError, "among"),
        (lambda: explore(draw, alt=ALT, hight=[1]), TypeError, "hight.*does not fit|does not fit"),
        (lambda: explore(lambda a, b: None, alt="a", a=[1]), TypeError, "'b'"),
        (lambda: explore("draw", alt="a", a=[1]), TypeError, "must be a function"),
        (lambda: explore(draw, alt=" ", height=[1]), ValueError, "say in a sentence"),
        (lambda: explore(draw, alt="{width}", height=[1]), ValueError, r"\{height\}"),
        (lambda: explore(draw, alt="{height", height=[1]), ValueError, "may hold the fields"),
        (lambda: explore(lambda a: None, alt="a", a=[1]), TypeError, "let it return the figure"),
    ],
)
def test_misuse_is_refused_at_once(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("value", ["0", "1"])
def test_what_draw_raises_stops_the_cell(monkeypatch, value):
    monkeypatch.setenv("NNKIT_EXPORT", value)

    def broken(a):
        raise ArithmeticError("no such picture")

    with pytest.raises(ArithmeticError, match="no such picture"):
        explore(broken, alt="Nothing", a=[1, 2])


def test_its_words_do_not_depend_on_the_machine():
    made = explore(draw, alt=ALT, height=linear(0, 1, 3), colour=[BLUE, "red"])
    assert repr(made) == f"explore(draw, height=0…1 (3), colour={BLUE}…red (2))"
    assert made.draw is draw
    assert isinstance(made, Explore)


# Frames


def opened(source):
    return Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,"))))


def test_frame_keeps_the_colours_of_areas():
    frame = encode(lines([0, 1], {"a": [0, 1]}), "A line")
    assert (frame.alt, frame.width, frame.height) == ("A line", 1100, 550)
    with opened(frame.source) as small:
        assert small.mode == "P"
        assert small.size == (2200, 1100)
        colours = {colour for _, colour in small.convert("RGB").getcolors()}
    assert (255, 255, 255) in colours
    assert tuple(int(BLUE[i : i + 2], 16) for i in (1, 3, 5)) in colours
    assert len(frame.source) < 25_000


def test_figures_of_pyplot_are_closed():
    explore(lambda a: plt.subplots()[0], alt="Empty", a=[1])
    assert not plt.get_fignums()


# A page without a kernel


class Page(HTMLParser):
    """The parts of the HTML that matter."""

    def __init__(self, html):
        super().__init__()
        self.images, self.sliders, self.outputs, self._open = [], [], [], ""
        self.data = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self._open = tag
        {"img": self.images, "input": self.sliders}.get(tag, []).append(dict(attrs))

    def handle_data(self, data):
        if self._open == "script":
            self.data = json.loads(data)
        if self._open == "output":
            self.outputs.append(data)
        self._open = ""


@pytest.mark.usefixtures("export")
def test_page_holds_every_frame_in_order():
    bundle = explore(
        draw, alt="{height} in {colour}", start={"colour": "red"}, height=[1, 2, 3],
        colour=["red", "blue"],
    )._repr_mimebundle_()  # fmt: skip
    page = Page(bundle["text/html"])
    assert set(bundle) == {"text/html", "text/plain"}
    assert page.data["alts"] == [f"{h} in {c}" for h in (1, 2, 3) for c in ("red", "blue")]
    assert page.data["values"] == [["1", "2", "3"], ["red", "blue"]]
    red, blue = (
        opened(page.data["sources"][page.data["frames"][i]]).convert("RGB").getpixel((20, 80))
        for i in (0, 1)
    )
    assert (red, blue) == ((255, 0, 0), (0, 0, 255))


@pytest.mark.usefixtures("export")
def test_page_starts_at_the_start():
    html = explore(draw, alt=ALT, start={"height": 2}, height=[1, 2, 3])._repr_mimebundle_()
    page = Page(html["text/html"])
    (image,), (slider,) = page.images, page.sliders
    assert image["alt"] == "A bar 2 high"
    assert image["src"] == page.data["sources"][page.data["frames"][1]]
    assert (image["width"], image["height"]) == ("110", "110")
    assert (slider["value"], slider["max"], slider["aria-valuetext"]) == ("1", "2", "2")
    assert page.outputs == ["2"]


@pytest.mark.usefixtures("export")
def test_page_starts_at_the_start_of_every_slider():
    bundle = explore(
        draw, alt="{height} in {colour}", start={"height": 2, "colour": "blue"},
        height=[1, 2, 3], colour=["red", "blue"],
    )._repr_mimebundle_()  # fmt: skip
    page = Page(bundle["text/html"])
    assert page.images[0]["alt"] == "2 in blue"
    assert [slider["value"] for slider in page.sliders] == ["1", "1"]
    assert page.outputs == ["2", "blue"]


@pytest.mark.usefixtures("export")
def test_equal_frames_are_stored_once():
    html = explore(lambda a: draw(), alt="A bar", a=[1, 2, 3])._repr_mimebundle_()["text/html"]
    data = Page(html).data
    assert data["frames"] == [0, 0, 0]
    assert len(data["sources"]) == 1


@pytest.mark.usefixtures("export")
def test_nothing_breaks_out_of_the_page():
    def evil(a_b):
        return draw()

    bad = '"></script><script>alert(1)</script>'
    html = explore(evil, alt="{a_b}", a_b=[bad, "&lt;"])._repr_mimebundle_()["text/html"]
    page = Page(html)
    assert page.images[0]["alt"] == bad
    assert page.data["alts"] == [bad, "&lt;"]
    assert html.count("<script") == html.count("</script>") == 1
    assert "<span>a b</span>" in html
    assert not re.search(r'(src|href)="(?!data:image/png)', html)


@pytest.mark.usefixtures("export")
def test_too_many_frames_are_refused_before_any_is_drawn():
    def never(a, b):
        raise AssertionError

    with pytest.raises(ValueError, match=r"21 of a × 10 of b make 210 frames.*at most 200"):
        explore(never, alt="Nothing", a=range(21), b=range(10))
    assert explorer_module.MAX_FRAMES == 200


@pytest.mark.usefixtures("export")
def test_the_same_figure_makes_the_same_page():
    first, second = (
        explore(draw, alt=ALT, height=[1, 2])._repr_mimebundle_()["text/html"] for _ in range(2)
    )
    assert first == second


# With a kernel


def parts(box):
    image, controls = box.children
    return image, controls.children


def test_moving_a_slider_redraws():
    made = explore(draw, alt=ALT, start={"height": 2}, height=[1, 2, 3], colour=["red", "blue"])
    image, (height, colour) = parts(widget(made))
    assert isinstance(height, ipywidgets.SelectionSlider)
    assert [label for label, _ in height.options] == ["1", "2", "3"]
    before = image.value
    assert 'alt="A bar 2 high"' in before
    height.value = 3
    assert 'alt="A bar 3 high"' in image.value
    colour.value = "blue"
    blue = re.search(r'src="([^"]+)"', image.value)[1]
    assert opened(blue).convert("RGB").getpixel((20, 80)) == (0, 0, 255)
    height.value, colour.value = 2, "red"
    assert image.value == before


def test_a_frame_is_drawn_once():
    calls = []

    def counted(a):
        calls.append(a)
        return draw(a)

    image, (slider,) = parts(widget(explore(counted, alt="{a}", a=[1, 2, 3])))
    for value in (2, 1, 2, 3, 1):
        slider.value = value
    assert calls == [1, 2, 3]
    assert 'alt="1"' in image.value


def test_values_need_not_be_hashable():
    made = explore(lambda sizes: draw(len(sizes)), alt="{sizes}", sizes=[[2, 1], [2, 8, 1]])
    image, (slider,) = parts(widget(made))
    slider.index = 1
    assert 'alt="[2, 8, 1]"' in image.value


def test_a_slow_figure_follows_when_the_slider_is_let_go(monkeypatch):
    _, (slider,) = parts(widget(explore(draw, alt=ALT, height=[1, 2, 3])))
    assert slider.continuous_update
    monkeypatch.setattr("nnkit.interact._shows.SLOW", 0.0)  # whatever it takes is too long
    slider.value = 2
    assert not slider.continuous_update
    monkeypatch.setattr("nnkit.interact._shows.SLOW", math.inf)
    slider.value = 1  # drawn before: says nothing about drawing
    assert not slider.continuous_update
    slider.value = 3
    assert slider.continuous_update


def test_what_goes_wrong_is_shown_and_the_slider_lives_on():
    def fragile(a):
        if a == 2:
            raise ValueError("<two> is too much")
        return draw(a)

    image, (slider,) = parts(widget(explore(fragile, alt="{a}", a=[1, 2, 3])))
    slider.value = 2
    assert "ValueError: &lt;two&gt; is too much" in image.value
    assert "<img" not in image.value
    slider.value = 3
    assert 'alt="3"' in image.value


def test_alt_text_is_escaped():
    made = explore(draw, alt='"{height}" <b>', height=[1])
    assert 'alt="&quot;1&quot; &lt;b&gt;"' in picture(made, [0])


def test_a_notebook_gets_the_widget():
    made = explore(draw, alt=ALT, height=[1, 2])
    bundle = made._repr_mimebundle_()
    assert bundle["text/plain"] == repr(made)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "text/html" not in bundle


def test_greek_arguments_have_greek_sliders():
    from nnkit.interact._ranges import spoken

    assert [spoken(name) for name in ("lam", "tau", "sigma", "lam_2", "lambda_", "batch_size")] == [
        "λ", "τ", "σ", "λ 2", "lambda", "batch size",
    ]  # fmt: skip
