"""Every exported deck can be shown in a hall without a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from . import checks
from .slides import Watched, open_deck


@pytest.fixture(scope="module")
def shown(browser: Browser, deck: Path) -> Iterator[Watched]:
    """The deck in a page that all tests of the deck share."""
    watched = open_deck(browser, deck)
    yield watched
    watched.page.close()


@pytest.mark.parametrize("size", ["1280x720", "1920x1080"])
def test_every_slide_fits_the_screen(browser: Browser, deck: Path, size: str) -> None:
    watched = open_deck(browser, deck, size=size)
    found = checks.too_large(watched.page)
    watched.page.close()
    assert not found, "\n".join(found)


def test_every_figure_is_large_enough_to_be_read(shown: Watched) -> None:
    found = checks.too_small(shown.page)
    assert not found, "\n".join(found)


def test_every_formula_is_typeset(shown: Watched) -> None:
    found = checks.untypeset(shown.page)
    assert not found, "\n".join(found)


def test_every_image_has_words(shown: Watched) -> None:
    found = checks.without_alt(shown.page)
    assert not found, "\n".join(found)


def test_nothing_is_asked_of_the_network(shown: Watched) -> None:
    found = checks.outside(shown)
    assert not found, "\n".join(found)


def test_no_script_fails(shown: Watched) -> None:
    found = checks.wrong(shown)
    assert not found, "\n".join(found)


def test_a_dragged_slider_changes_its_figure(shown: Watched) -> None:
    found = checks.dead_sliders(shown.page)
    assert not found, "\n".join(found)


def test_prints_one_page_a_slide_that_looks_like_it(browser: Browser, deck: Path) -> None:
    watched = open_deck(browser, deck)
    printing = open_deck(browser, deck, query="?print-pdf")
    assert checks.printed_pages(printing.page) == watched.page.evaluate("Reveal.getTotalSlides()")
    found = checks.printed_otherwise(watched.page, printing.page)
    watched.page.close()
    printing.page.close()
    assert not found, "\n".join(found)
