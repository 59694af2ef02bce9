"""What must hold on every slide. A check returns one line for each offence, none if all is well."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageChops
from playwright.sync_api import FloatRect, Locator, Page

from nnkit.course.measure import EXCESS, ROUNDING, UNTYPESET

from .slides import Slide, walk

Check = Callable[[Page], list[str]]  # of the slide that is shown

READABLE = 0.84  # of its size: numbers on axes, 23 px high there, are then 19 px

PHOTOGRAPHED = 20  # printed pages to a picture; one of all would be too high for the browser

NO_PROGRESS = ".reveal .progress { display: none !important; }"  # which is not printed

SMALL = """() => [...Reveal.getCurrentSlide().querySelectorAll('.jp-OutputArea-output img')]
  .map(image => {
    const box = image.getBoundingClientRect(), scale = Reveal.getScale();
    const width = image.getAttribute('width') || image.naturalWidth;
    const height = image.getAttribute('height') || image.naturalHeight;
    return Math.min(box.width / scale / width, box.height / scale / height);
  })"""
WITHOUT_ALT = """() => [...Reveal.getCurrentSlide().querySelectorAll('img')].filter(image => {
  const alt = (image.getAttribute('alt') || '').trim();
  return !alt || alt.startsWith('No description has been provided');
}).length"""


def too_large(page: Page) -> list[str]:
    """How far anything sticks out of the slide that is shown."""
    out = [f"{px:.0f} px {side}" for side, px in page.evaluate(EXCESS) if px > ROUNDING]
    return [f"sticks out of the room for content by {', '.join(out)}"] if out else []


def too_small(page: Page) -> list[str]:
    """Figures that had to shrink so much that they cannot be read."""
    shares = [shown for shown in page.evaluate(SMALL) if shown < READABLE]
    return [f"a figure at {shown:.0%} of its size; hide or shorten the code" for shown in shares]


def untypeset(page: Page) -> list[str]:
    """Formulas that are still source, or wrong."""
    return [repr(text) for text in page.evaluate(UNTYPESET)]


def without_alt(page: Page) -> list[str]:
    """Images without words."""
    count = page.evaluate(WITHOUT_ALT)
    return [f"{count} images without alt"] if count else []


# Words, code and labels of sliders smaller than they may be, in pixels of the slide.
UNREADABLE = """() => {
  const slide = Reveal.getCurrentSlide(), found = new Set();
  const texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const words = texts.currentNode.textContent.trim(), parent = texts.currentNode.parentElement;
    if (!words || parent.closest('aside.notes, script, style, mjx-container')) continue;
    if (!parent.getClientRects().length) continue;
    const size = parseFloat(getComputedStyle(parent).fontSize);
    const least = parent.closest('pre, code') ? 20 : parent.closest('figcaption, table') ? 22 : 28;
    if (size < least - 0.1) found.add(`${size} px: ${words.slice(0, 40)}`);
  }
  return [...found];
}"""


def too_small_to_read(page: Page) -> list[str]:
    """Text below 28 px, in tables and beside sliders below 22; code below 20."""
    return list(page.evaluate(UNREADABLE))


# Marks what holds a letter that has not been seen yet in its font, on any slide, and counts it.
MARK_NEW = """() => {
  const seen = window.lettersSeen ||= {};
  const texts = document.createTreeWalker(Reveal.getCurrentSlide(), NodeFilter.SHOW_TEXT);
  let count = 0;
  while (texts.nextNode()) {
    const parent = texts.currentNode.parentElement;
    if (parent.closest('aside.notes, script, style, mjx-container')) continue;
    if (!parent.getClientRects().length) continue;
    const {fontFamily, fontWeight, fontStyle} = getComputedStyle(parent);
    const known = seen[[fontFamily, fontWeight, fontStyle]] ||= new Set();
    const before = known.size;
    for (const letter of texts.currentNode.textContent.trim()) known.add(letter);
    if (known.size > before) { parent.dataset.newLetters = ''; count++; }
  }
  return count;
}"""
MARKED = "[data-new-letters]"
UNMARK = f"() => document.querySelectorAll('{MARKED}').forEach(e => delete e.dataset.newLetters)"


def of_foreign_fonts(page: Page) -> list[str]:
    """Letters that the page's own fonts do not have, so that the machine's stand in."""
    if not page.evaluate(MARK_NEW):
        return []
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    nodes = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": MARKED})["nodeIds"]
    used = [session.send("CSS.getPlatformFontsForNode", {"nodeId": node}) for node in nodes]
    session.detach()
    page.evaluate(UNMARK)
    foreign = {
        font["familyName"] for fonts in used for font in fonts["fonts"] if not font["isCustomFont"]
    }
    return [f"letters of {name}" for name in sorted(foreign)]


CHECKS = (too_large, too_small, untypeset, without_alt, too_small_to_read, of_foreign_fonts)


@dataclass
class Findings:
    """What each check has found, with the slide's name before it, and a picture of every slide."""

    offences: dict[Check, list[str]]
    pictures: list[tuple[Slide, bytes]] = field(default_factory=list)


def inspect(page: Page, checks: Sequence[Check] = CHECKS, *, pictures: bool = False) -> Findings:
    """Show every slide once, check it, and take its picture if asked to."""
    found = Findings({check: [] for check in checks})
    for slide in walk(page):
        for check in checks:
            found.offences[check] += [f"{slide}: {offence}" for offence in check(page)]
        if pictures:
            found.pictures.append((slide, page.screenshot(style=NO_PROGRESS)))
    return found


def dead_sliders(page: Page) -> list[str]:
    """Sliders that can be dragged and change nothing, or that keep the arrow keys afterwards."""
    found = []
    for slide in walk(page, holding="figure.explore"):
        for figure in page.locator("section.present section.present figure.explore").all():
            for slider in figure.locator("input[type=range]").all():
                before = figure.locator("img").get_attribute("src")
                _drag(page, slider)
                name = f"{slide}: slider {slider.locator('xpath=..').inner_text().split()[0]!r}"
                if figure.locator("img").get_attribute("src") == before:
                    found.append(f"{name} changes nothing")
                if slider.evaluate("slider => slider === document.activeElement"):
                    found.append(f"{name} keeps the arrow keys")
    return found


def _drag(page: Page, slider: Locator) -> None:
    """Drag the handle to the end of the slider that is farther away."""
    box = slider.bounding_box()
    assert box is not None
    ratio = slider.evaluate("s => (s.value - s.min) / (s.max - s.min)")
    middle, inset = box["y"] + box["height"] / 2, 8
    page.mouse.move(box["x"] + inset + ratio * (box["width"] - 2 * inset), middle)
    page.mouse.down()
    end = box["x"] + (2 if ratio > 0.5 else box["width"] - 2)
    page.mouse.move(end, middle, steps=5)
    page.mouse.up()


PRINTING = """() => {
  document.querySelectorAll('details').forEach(answer => answer.open = true);
  return Promise.all([...document.images].map(image => image.decode().catch(() => 0)))
    .then(() => null);
}"""


def printed_pages(printing: Page) -> int:
    """How many pages the browser prints of a deck opened with ``?print-pdf``."""
    pdf = printing.pdf(prefer_css_page_size=True, print_background=True)
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def printed_otherwise(pictures: Sequence[tuple[Slide, bytes]], printing: Page) -> list[str]:
    """Slides whose printed page does not look like them: the share of pixels that differ."""
    printing.emulate_media(media="print")
    printing.evaluate(PRINTING)
    found = []
    for (slide, picture), printed in zip(pictures, _pages(printing), strict=True):
        shown = Image.open(io.BytesIO(picture))
        if (share := _difference(shown, printed)) > 0.002:
            found.append(f"{slide}: {share:.1%} of the pixels differ in print")
    return found


def _pages(printing: Page) -> Iterator[Image.Image]:
    """Pictures of the printed pages, photographed many at a time: one by one takes 5 times as long.

    They stand below each other, each as large as the window.
    """
    size = printing.viewport_size
    assert size is not None
    width, height = size["width"], size["height"]
    total = printing.locator(".pdf-page").count()
    for first in range(0, total, PHOTOGRAPHED):
        count = min(PHOTOGRAPHED, total - first)
        area: FloatRect = {"x": 0, "y": first * height, "width": width, "height": count * height}
        column = Image.open(io.BytesIO(printing.screenshot(full_page=True, clip=area)))
        for page in range(count):
            top, bottom = (column.height * n // count for n in (page, page + 1))
            yield column.crop((0, top, column.width, bottom))


def _difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels of two pictures that are clearly not the same."""
    a, b = one.convert("L"), other.convert("L")
    if a.size != b.size:
        return 1.0
    histogram = ImageChops.difference(a, b).histogram()
    return sum(histogram[64:]) / sum(histogram)
