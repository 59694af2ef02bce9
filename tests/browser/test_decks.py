"""Every exported deck can be shown in a hall without a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from . import checks
from .slides import Watched, open_deck


@pytest.fixture(scope="module")
def shown(browser: Browser, deck: Path) -> Iterator[Watched]:
    """The deck in a page that all tests of the deck share."""
    # half as many pixels to a side are enough to compare pictures, and sooner there
    watched = open_deck(browser, deck, scale=0.5)
    yield watched
    watched.page.close()


@pytest.fixture(scope="module")
def found(shown: Watched) -> checks.Findings:
    """What the checks find once every slide has been shown."""
    return checks.inspect(shown.page, pictures=True)


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_no_slide_is(found: checks.Findings, check: checks.Check) -> None:
    assert not found.offences[check], "\n".join(found.offences[check])


@pytest.mark.usefixtures("found")
def test_nothing_is_asked_of_the_network(shown: Watched) -> None:
    assert not shown.requests, "\n".join(shown.requests)


@pytest.mark.usefixtures("found")
def test_no_script_fails(shown: Watched) -> None:
    assert not shown.errors, "\n".join(shown.errors)


def test_prints_one_page_a_slide_that_looks_like_it(
    browser: Browser, deck: Path, found: checks.Findings
) -> None:
    printing = open_deck(browser, deck, query="?print-pdf", scale=0.5)
    assert checks.printed_pages(printing.page) == len(found.pictures)
    otherwise = checks.printed_otherwise(found.pictures, printing.page)
    printing.page.close()
    assert not otherwise, "\n".join(otherwise)


@pytest.mark.usefixtures("found")  # the pictures are taken before a slider moves
def test_a_dragged_slider_changes_its_figure(shown: Watched) -> None:
    dead = checks.dead_sliders(shown.page)
    assert not dead, "\n".join(dead)


def test_the_speaker_view_shows_notes_with_formulas_and_the_pace(
    browser: Browser, features: Path
) -> None:
    page = open_deck(browser, features).page
    page.keyboard.press("PageDown")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    expect(notes).to_contain_text("the bias is a weight like the others")
    assert notes.locator("math").text_content() == "w0"
    assert notes.locator("svg").count() == 0
    expect(opened.value.locator(".pacing-title")).to_be_visible(timeout=30_000)
    timings = "Reveal.getSlides().map(slide => slide.dataset.timing)"
    assert page.evaluate(timings)[:3] == ["60", "120", "60"]
    page.close()


@pytest.mark.usefixtures("found")  # which are of the window as it was opened
def test_every_slide_fits_a_large_screen(shown: Watched) -> None:
    shown.page.set_viewport_size({"width": 1920, "height": 1080})
    large = checks.inspect(shown.page, [checks.too_large]).offences[checks.too_large]
    assert not large, "\n".join(large)
