"""Slides that are too full are told, and made to fit if that is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from nnkit.course import reading
from nnkit.course.fit import SMALLEST, fitted
from nnkit.course.lectures import Part
from nnkit.course.measure import Measured, measure
from nnkit.course.slides import shown_of
from tests.browser.slides import open_deck
from tests.test_course_check import slide
from tests.test_course_decks import HEAD, cell

WORDS = "Some words that say nothing and take some room of a slide, a line of it at least. "
FULL = "\n\n".join([WORDS * 2] * 5)
SIZES = "() => Reveal.getSlides().map(s => parseFloat(getComputedStyle(s).fontSize))"
Fit = tuple[list[list[Any]], list[Measured], list[str]]


@pytest.fixture
def fit(browser: Browser, tmp_path: Path) -> Callable[..., Fit]:
    """A function that fits slides; it gives them, their sizes, and what was told."""

    def fit(*texts: str) -> Fit:
        part = Part(tmp_path / "1_tiny" / "1_full.md")
        part.path.parent.mkdir()
        part.path.write_text("\n".join([HEAD, *texts]), "utf-8")
        notebook = reading.read(part)
        notebook.metadata["nnkit"] = {"seconds": 0.0}
        _, page, told = fitted(part, notebook)
        part.path.with_suffix(".html").write_text(page, "utf-8")
        return shown_of(notebook), measure(page), told

    return fit


def test_what_fits_is_left_alone(fit) -> None:
    shown, sizes, told = fit(slide("# Good"), slide(f"## Words\n\n{WORDS}"))
    assert len(shown) == 2
    assert all(size.fits for size in sizes)
    assert not told


def test_a_little_too_full_becomes_smaller_and_far_too_full_two(fit) -> None:
    shown, sizes, told = fit(
        slide(f"## Little\n\n{FULL}\n\n{WORDS * 3}"), slide(f"## Far\n\n{FULL}\n\n{FULL}")
    )
    assert all(size.fits for size in sizes)
    titles = [cells[0].source.partition("\n")[0] for cells in shown]
    assert titles == ["## Little", "## Far", "## Far (2)"]
    assert SMALLEST <= shown[0][0].metadata["scale"] < 1
    words = [" ".join(cell.source for cell in cells).count("Some words") for cells in shown]
    assert words == [13, 10, 10]  # none is lost, and the two are alike
    assert told[0].startswith("slide 1 “Little”: set at ")
    assert told[1].startswith("slide 2 “Far”: split into 2")


def test_a_slide_is_split_at_its_headings_first(fit) -> None:
    text = f"## One\n\n{FULL}\n\n## Two\n\n{WORDS}\n\n{WORDS}\n\n### Three\n\n{WORDS * 3}"
    shown, sizes, _ = fit(slide(text))
    assert all(size.fits for size in sizes)
    assert [cells[0].source.partition("\n")[0] for cells in shown] == ["## One", "## Two"]
    assert slides_below(shown) == ["slide", "subslide"]


def slides_below(shown: list[list[Any]]) -> list[str | None]:
    return [reading.slide_type(cells[0]) for cells in shown]


def test_what_cannot_be_split_is_named_and_stays_readable(fit) -> None:
    code = "\n".join(f"line_{number} = {number}" for number in range(60))
    shown, sizes, told = fit(slide("# Good"), cell(code, 'slideshow={"slide_type": "slide"}'))
    assert len(shown) == 2
    assert not sizes[1].fits
    assert shown[1][0].metadata["scale"] == 0.8
    assert told == [f"slide 2 “”: set at 80%, still {sizes[1].height:.0f} px too large: shorten it"]


def test_only_the_slide_that_needs_it_is_set_smaller(fit, browser: Browser, tmp_path: Path) -> None:
    text = f"## One\n\n{FULL}\n\n{WORDS * 4}\n\n## Two\n\n{WORDS * 14}"
    shown, sizes, _ = fit(slide(text))
    assert all(size.fits for size in sizes)
    scales = [cells[0].metadata.get("scale", 1) for cells in shown]
    assert scales[0] < 1 == scales[1]
    page = open_deck(browser, tmp_path / "1_tiny" / "1_full.html").page
    found = page.evaluate(SIZES)
    page.close()
    assert found == pytest.approx([28 * scale for scale in scales])
