"""`nnkit pdf` prints a page a slide, with formulas and figures."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from nnkit.course import handout, paper
from nnkit.course.lectures import Part, find_parts

from .conftest import FEATURES
from .slides import open_deck


@pytest.fixture
def printed(features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Part:
    """The part with everything, its deck where `nnkit pdf` and `nnkit handout` look for it."""
    (part,) = find_parts([FEATURES])
    for module in (paper, handout):
        monkeypatch.setattr(module, "DECKS", tmp_path)
    deck = tmp_path / f"{part.name}.html"
    deck.parent.mkdir()
    deck.write_bytes(features.read_bytes())
    return part


def test_a_page_a_slide(browser: Browser, features: Path, printed: Part, tmp_path: Path) -> None:
    paper.print_pages([printed.name], tmp_path / "pdf")
    pdf = (tmp_path / "pdf" / f"{printed.name}.pdf").read_bytes()
    shown = open_deck(browser, features).page
    slides = shown.evaluate("Reveal.getTotalSlides()")
    shown.close()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == slides
    assert re.search(rb"/MediaBox\s*\[0 0 960 540\]", pdf)  # points: 1280 by 720 pixels


# What of a handout can be seen: of formulas, of words in bold, of outputs.
SEEN = """() => {
  const seen = node => getComputedStyle(node).visibility === 'visible'
    && getComputedStyle(node).color !== 'rgba(0, 0, 0, 0)';
  const all = selector => [...document.querySelectorAll(selector)].every(seen);
  return [
    all('.celltag_blank_formulas mjx-container[display=true] > svg'),
    all('.celltag_blank_words strong'),
    all('.celltag_blank_results .jp-OutputArea pre'),
    document.querySelectorAll('details[open]').length === 1,
  ];
}"""


@pytest.mark.parametrize(
    ("kind", "told"), [("lines", True), ("blanks", False), ("key", True), ("notes", True)]
)
def test_a_handout_leaves_out_what_is_marked_and_its_key_tells_it(
    browser: Browser, printed: Part, tmp_path: Path, kind: str, told: bool
) -> None:
    page = handout.write_page(printed.name, kind)
    opened = open_deck(browser, page, query="?print-pdf").page
    opened.wait_for_function("document.documentElement.dataset.handed === 'true'")
    assert opened.evaluate(SEEN) == [told] * 4
    notes = opened.locator(".nnkit-room", has_text="the bias is a weight like the others")
    assert notes.count() == (kind == "notes")
    sheets = opened.locator(".nnkit-sheet").count()
    frame, room = (
        opened.locator(name).nth(1).bounding_box() for name in (".nnkit-frame", ".nnkit-room")
    )
    assert frame is not None
    assert room is not None
    side, size = ("x", "width") if kind == "notes" else ("y", "height")  # beside it, or below
    assert room[side] >= frame[side] + frame[size]  # type: ignore[literal-required]
    assert room["height"] > 30
    opened.close()
    paper.print_pages([f"{printed.name}-{kind}"], tmp_path / "pdf")
    pdf = (tmp_path / "pdf" / f"{printed.name}-{kind}.pdf").read_bytes()
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert sheets == 10
    assert pages == 5 if kind != "notes" else pages < 5
    assert re.search(rb"/MediaBox\s*\[0 0 59[45][.\d]* 84[12]", pdf)  # A4, in points
