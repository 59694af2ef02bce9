"""Every exported deck can be shown in a hall without a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from . import checks
from .slides import Watched, open_deck


@pytest.fixture(scope="module")
def shown(browser: Browser, deck: Path) -> Iterator[Watched]:
    """The deck in a page that the tests of the deck share."""
    watched = open_deck(browser, deck)
    yield watched
    watched.page.close()


@pytest.fixture(scope="module")
def found(shown: Watched) -> dict[checks.Check, list[str]]:
    """What the checks find once every slide has been shown."""
    return checks.inspect(shown.page)


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_no_slide_is(found: dict[checks.Check, list[str]], check: checks.Check) -> None:
    assert not found[check], "\n".join(found[check])


@pytest.mark.usefixtures("found")
def test_nothing_is_asked_of_the_network(shown: Watched) -> None:
    assert not shown.requests, "\n".join(shown.requests)


@pytest.mark.usefixtures("found")
def test_no_script_fails(shown: Watched) -> None:
    assert not shown.errors, "\n".join(shown.errors)


def test_a_dragged_slider_changes_its_figure(shown: Watched) -> None:
    dead = checks.dead_sliders(shown.page)
    assert not dead, "\n".join(dead)


def test_every_slide_fits_a_large_screen(browser: Browser, deck: Path) -> None:
    watched = open_deck(browser, deck, size="1920x1080")
    large = checks.inspect(watched.page, [checks.too_large])[checks.too_large]
    watched.page.close()
    assert not large, "\n".join(large)


def test_prints_one_page_a_slide_that_looks_like_it(browser: Browser, deck: Path) -> None:
    # half as many pixels to a side are enough to tell, and sooner there
    watched = open_deck(browser, deck, scale=0.5)
    printing = open_deck(browser, deck, query="?print-pdf", scale=0.5)
    assert checks.printed_pages(printing.page) == watched.page.evaluate("Reveal.getTotalSlides()")
    otherwise = checks.printed_otherwise(watched.page, printing.page)
    watched.page.close()
    printing.page.close()
    assert not otherwise, "\n".join(otherwise)
