"""How large slides are once a browser has laid them out; the tests measure by the same scripts."""

import json
import subprocess
import tempfile
from html import unescape
from pathlib import Path
from typing import NamedTuple

from nnkit.course.chromium import ARGUMENTS, LAYOUT, TIMEOUT, require_browser
from nnkit.course.lectures import CourseError

#: Pixels of a slide for its content.
WIDTH, HEIGHT = 1200, 628
ROUNDING = 6  # px; a line of text is a little higher than its box

#: All fragments and answers shown; then two frames, so that the layout has settled.
SHOW = """([h, v]) => {
  Reveal.slide(h, v);
  const slide = Reveal.getCurrentSlide();
  slide.querySelectorAll('.fragment').forEach(part => part.classList.add('visible'));
  slide.querySelectorAll('details').forEach(answer => answer.open = true);
  const images = [...slide.querySelectorAll('img')].map(image => image.decode().catch(() => 0));
  const frame = () => new Promise(requestAnimationFrame);
  return Promise.all(images).then(frame).then(frame).then(() => null);
}"""
#: How far, in pixels of the slide, anything sticks out of the slide's content box: text as well
# as boxes. A formula counts by its outer box, its copy for screen readers not at all.
EXCESS = """() => {
  const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale();
  const style = getComputedStyle(slide);
  const edge = side => parseFloat(style['padding-' + side]) * scale;
  const outer = slide.getBoundingClientRect();
  const out = {top: 0, bottom: 0, left: 0, right: 0};
  const measure = rects => { for (const r of rects) if (r.width && r.height) {
    out.top = Math.max(out.top, outer.top + edge('top') - r.top);
    out.bottom = Math.max(out.bottom, r.bottom - outer.bottom + edge('bottom'));
    out.left = Math.max(out.left, outer.left + edge('left') - r.left);
    out.right = Math.max(out.right, r.right - outer.right + edge('right'));
  }};
  const hidden = 'aside.notes, script, style, mjx-assistive-mml, svg *';
  for (const part of slide.querySelectorAll('*'))
    if (!part.closest(hidden)) measure(part.getClientRects());
  const texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) if (!texts.currentNode.parentElement.closest(hidden)) {
    range.selectNodeContents(texts.currentNode);
    measure(range.getClientRects());
  }
  return Object.entries(out).map(([side, px]) => ['at the ' + side, px / scale]);
}"""
#: Formulas that are still source, or wrong.
UNTYPESET = r"""() => {
  const slide = Reveal.getCurrentSlide(), found = [];
  for (const error of slide.querySelectorAll('mjx-merror, [data-mml-node="merror"]'))
    found.push(error.getAttribute('data-mjx-error') || error.textContent);
  const texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent;
    const verbatim = 'pre, code, script, style, textarea, aside.notes, mjx-container';
    if (/\$|\\[([]/.test(text) && !texts.currentNode.parentElement.closest(verbatim))
      found.push(text.trim());
  }
  return found;
}"""
#: Shows one slide after the other; then the page holds nothing but what was measured.
MEASURE = f"""<script>(async () => {{
  const ready = () => document.documentElement.dataset.ready === "true";
  while (!ready()) await new Promise(done => setTimeout(done, 100));
  window.requestAnimationFrame = done => setTimeout(done);  // nothing is drawn here
  const found = [];
  for (const slide of Reveal.getSlides()) {{
    const {{ h, v }} = Reveal.getIndices(slide);
    await ({SHOW})([h, v || 0]);
    const out = Object.fromEntries(({EXCESS})());
    found.push([Math.max(out["at the top"], out["at the bottom"]),
                Math.max(out["at the left"], out["at the right"]), ({UNTYPESET})()]);
  }}
  document.head.remove();
  document.body.textContent = JSON.stringify(found);
}})();</script></body>"""


class Measured(NamedTuple):
    """What a browser makes of a slide."""

    height: float  #: pixels of the slide, which has 720, that it is too high
    width: float  #: pixels of the slide, which has 1280, that it is too wide
    untypeset: list[str]  #: formulas that are still source, or wrong

    @property
    def fits(self) -> bool:
        """Whether all of it is seen."""
        return max(self.height, self.width) <= ROUNDING


def measure(page: str) -> list[Measured]:
    """Lay out a deck as a hall sees it.

    Args:
        page: its HTML, as :func:`nnkit.course.render.render` returns it.

    Returns:
        What was measured of each slide, in order.

    Raises:
        CourseError: if there is no browser, or it fails.
    """
    browser = require_browser()
    with tempfile.TemporaryDirectory(prefix="nnkit-measure-") as folder:
        deck = Path(folder, "deck.html")
        before, _, after = page.rpartition("</body>")
        deck.write_text(before + MEASURE + after, "utf-8")
        command = [browser, *ARGUMENTS, f"--user-data-dir={folder}/profile", "--dump-dom"]
        command += ["--window-size=1280,900", f"--virtual-time-budget={LAYOUT}", deck.as_uri()]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=TIMEOUT)
    _, _, body = done.stdout.partition("<body")
    told = unescape(body.partition(">")[2].partition("</body>")[0])
    try:
        return [Measured(*slide) for slide in json.loads(told)]
    except (ValueError, TypeError):
        raise CourseError(f"the browser could not lay out the slides:\n{done.stderr}") from None
