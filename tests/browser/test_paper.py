"""`nnkit pdf` prints a page a slide, with formulas and figures."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from nnkit.course import paper
from nnkit.course.lectures import find_parts

from .conftest import FEATURES
from .slides import open_deck


@pytest.mark.usefixtures("browser")
def test_a_page_a_slide(
    browser: Browser, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (part,) = find_parts([FEATURES])
    monkeypatch.setattr(paper, "DECKS", tmp_path)
    deck = tmp_path / f"{part.name}.html"
    deck.parent.mkdir()
    deck.write_bytes(features.read_bytes())
    paper.print_decks([part], tmp_path / "pdf")
    pdf = (tmp_path / "pdf" / f"{part.name}.pdf").read_bytes()
    shown = open_deck(browser, deck).page
    slides = shown.evaluate("Reveal.getTotalSlides()")
    shown.close()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == slides
    assert re.search(rb"/MediaBox\s*\[0 0 960 540\]", pdf)  # points: 1280 by 720 pixels
