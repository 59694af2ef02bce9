"""Walk through an exported deck in a browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page


@dataclass(frozen=True)
class Slide:
    """Where a slide is in the deck, and how to name it in a message."""

    number: int
    horizontal: int
    vertical: int
    title: str

    def __str__(self) -> str:
        return f"slide {self.number} “{self.title}”"


LIST = """() => Reveal.getSlides().map((slide, i) => {
  const {h, v} = Reveal.getIndices(slide);
  const heading = slide.querySelector('h1, h2, h3, h4');
  return [i + 1, h, v || 0, (heading || slide).textContent.trim().slice(0, 60)];
})"""
# two frames without a change: the layout has settled
SETTLED = """([h, v]) => {
  Reveal.slide(h, v, Infinity);
  const slide = Reveal.getCurrentSlide();
  slide.querySelectorAll('.fragment').forEach(part => part.classList.add('visible'));
  return Promise.all([...slide.querySelectorAll('img')].map(image => image.decode().catch(() => 0)))
    .then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
}"""


def open_deck(page: Page, deck: Path, query: str = "") -> None:
    """Open a deck and wait until formulas and fonts are in place."""
    page.goto(deck.resolve().as_uri() + query)
    page.wait_for_function("document.documentElement.dataset.ready === 'true'")


def walk(page: Page) -> Iterator[Slide]:
    """Show one slide after the other, with all its fragments, and name each."""
    for entry in page.evaluate(LIST):
        slide = Slide(*entry)
        page.evaluate(SETTLED, [slide.horizontal, slide.vertical])
        yield slide
