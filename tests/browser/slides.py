"""An exported deck, opened in a browser and watched."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize

from nnkit.course.measure import SHOW

INSIDE = ("file:", "data:", "blob:", "about:")  # addresses that need no network


@dataclass(frozen=True)
class Slide:
    """Where a slide is in its deck, and how a message names it."""

    number: int
    horizontal: int
    vertical: int
    title: str

    def __str__(self) -> str:
        return f"slide {self.number} “{self.title}”"


@dataclass
class Watched:
    """A page with what it asked of the network and what went wrong in it."""

    page: Page
    inside: tuple[str, ...] = INSIDE
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught {error}"))
        self.page.on("websocket", lambda socket: self._note(socket.url))
        self.page.on(
            "console",
            lambda message: message.type == "error" and self.errors.append(message.text),
        )

    def _note(self, url: str) -> None:
        if not url.startswith(self.inside):
            self.requests.append(url)


LIST = """holding => Reveal.getSlides().map((slide, i) => {
  const {h, v} = Reveal.getIndices(slide);
  const heading = slide.querySelector('h1, h2, h3, h4');
  const entry = [i + 1, h, v || 0, (heading || slide).textContent.trim().slice(0, 60)];
  return !holding || slide.querySelector(holding) ? entry : null;
}).filter(entry => entry)"""


def open_deck(
    browser: Browser, deck: Path, *, query: str = "", size: str = "1280x720", scale: float = 1
) -> Watched:
    """Open a deck in a page of its own and wait until formulas and fonts are in place.

    A screenshot has `scale` times as many pixels to a side as the page.
    """
    width, height = map(int, size.split("x"))
    viewport: ViewportSize = {"width": width, "height": height}
    watched = Watched(browser.new_page(viewport=viewport, device_scale_factor=scale))
    watched.page.goto(deck.resolve().as_uri() + query)
    watched.page.wait_for_function("document.documentElement.dataset.ready === 'true'")
    return watched


def walk(page: Page, *, holding: str = "") -> Iterator[Slide]:
    """Show one slide after the other and name each; or only those that hold what CSS selects."""
    for entry in page.evaluate(LIST, holding):
        slide = Slide(*entry)
        page.evaluate(SHOW, [slide.horizontal, slide.vertical])
        yield slide
