"""The checks themselves: a deck spoiled in one way is caught by one check, and by that one only."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from nnkit.course.chromium import find_browser

from . import checks
from .slides import Watched, open_deck

TALL = '<p style="height: 640px">Too much</p>'
WIDE = f"<pre>{'x' * 200}</pre>"
SMALL = (
    '<div class="jp-OutputArea-output"><img alt="A dot" width="900" height="500" '
    'style="width: 90px; height: 50px" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></div>'
)
OUTSIDE = '<img alt="From elsewhere" src="https://example.org/figure.png">'
WITHOUT_ALT = '<img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
WRONG_FORMULA = r"<p>$\frac{1}$</p>"
UNKNOWN_MACRO = r"<p>$\unheardof{x}$</p>"
OPEN_FORMULA = r"<p>half of it: $\frac12</p>"
ERROR = "<script>setTimeout(() => { throw new Error('broken') })</script>"


@pytest.fixture
def spoiled(browser: Browser, features: Path, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """A function that opens the deck with something added to its second slide."""
    opened: list[Watched] = []

    def spoil(added: str = "", change: tuple[str, str] = ("", ""), **opening: Any) -> Watched:
        deck = features.read_text("utf-8")
        before, second, after = deck.rpartition("<p>The neuron sums its inputs")
        assert second
        path = tmp_path / "spoiled.html"
        path.write_text(before + added + second + after.replace(*change), "utf-8")
        opened.append(open_deck(browser, path, **opening))
        return opened[-1]

    yield spoil
    for watched in opened:
        watched.page.close()


def offences(watched: Watched) -> dict[str, list[str]]:
    """What each check finds, without those that find nothing."""
    found = {
        check.__name__: lines for check, lines in checks.inspect(watched.page).offences.items()
    }
    found["outside"] = list(watched.requests)
    return {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize(
    ("added", "check", "told"),
    [
        (TALL, "too_large", "px at the bottom"),
        (WIDE, "too_large", "px at the right"),
        (SMALL, "too_small", "10%"),
        (OUTSIDE, "outside", "https://example.org/figure.png"),
        (WITHOUT_ALT, "without_alt", "1 image"),
        (WRONG_FORMULA, "untypeset", "Missing argument"),
        (UNKNOWN_MACRO, "untypeset", "Undefined control sequence"),
        (OPEN_FORMULA, "untypeset", "half of it"),
        ('<p style="font-size: 20px">Tiny</p>', "too_small_to_read", "20 px: Tiny"),
        ('<pre style="font-size: 18px">code</pre>', "too_small_to_read", "18 px: code"),
        ("<p>א</p>", "of_foreign_fonts", "letters of "),
    ],
)
def test_an_offence_is_told_with_its_slide(spoiled, added: str, check: str, told: str) -> None:
    found = offences(spoiled(added))
    assert list(found) == [check]
    assert len(found[check]) == 1
    assert told in found[check][0]
    assert check == "outside" or "slide 2 “A formula states, words explain”" in found[check][0]


def test_the_excess_is_measured_in_pixels_of_the_slide(spoiled) -> None:
    watched = spoiled('<p id="tall">Too much</p>')
    page = watched.page
    for height in (900, 1000):
        page.evaluate("h => document.getElementById('tall').style.height = h + 'px'", height)
        page.set_viewport_size({"width": 1920, "height": 1080})  # what is scaled is not the excess
        (line,) = checks.inspect(page, [checks.too_large]).offences[checks.too_large]
        excess = int(line.split(" by ")[1].split(" px")[0])
        if height == 900:
            before = excess
    assert excess - before == 100


def test_an_error_in_a_script_is_told(spoiled) -> None:
    for added, told in ((ERROR, True), ("", False)):
        watched = spoiled(added)
        checks.inspect(watched.page)
        assert ["broken" in error for error in watched.errors] == [True] * told


def test_a_dead_slider_is_told(spoiled) -> None:
    watched = spoiled(change=("image.src = data", "image.lost = data"))
    found = checks.dead_sliders(watched.page)
    assert [line.split("slider ")[1] for line in found] == [
        "'k' changes nothing",
        "'shift' changes nothing",
    ]


def test_a_slider_that_keeps_the_arrow_keys_is_told(spoiled) -> None:
    watched = spoiled(change=("this.blur()", "0"))
    assert "'k' keeps the arrow keys" in checks.dead_sliders(watched.page)[0]


def test_a_page_that_prints_otherwise_is_told(browser: Browser, spoiled, features: Path) -> None:
    printing = spoiled("<p>Only in print</p>", query="?print-pdf", scale=0.5)
    watched = open_deck(browser, features, scale=0.5)
    pictures = checks.inspect(watched.page, [], pictures=True).pictures
    lines = checks.printed_otherwise(pictures, printing.page)
    watched.page.close()
    assert [line for line in lines if line.startswith("slide 2 ")]


def test_the_deck_itself_offends_in_nothing(spoiled) -> None:
    assert offences(spoiled()) == {}


def test_a_browser_that_is_named_but_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(FileNotFoundError, match="CHROMIUM is '/nowhere/chromium'"):
        find_browser()
