"""In JupyterLab a part opens as a notebook, presents with one button, and its sliders redraw."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from .conftest import FEATURES
from .jupyter import PATIENCE, TOKEN, lab
from .slides import INSIDE, Watched

SHOWN = ".jp-Deck .jp-Cell.jp-deck-mod-onscreen.jp-deck-mod-visible"
# No code cell waits any more, and the last one has its number; a folded input shows no prompt.
RAN = r"""() => {
  const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
  const texts = prompts.map(prompt => prompt.textContent);
  return !texts.some(text => text.includes('*')) && /\[\d+\]/.test(texts.at(-1));
}"""
IDLE = ".jp-NotebookPanel-toolbar .jp-Notebook-ExecutionIndicator[data-status=idle]"


@pytest.fixture(scope="module")
def opened(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The part with everything, opened by double clicks and run."""
    with lab(FEATURES, tmp_path_factory.mktemp("lab")) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(PATIENCE * 1000)
        inside = (*INSIDE, address, address.replace("http", "ws", 1))
        watched = Watched(page, inside=inside)
        page.goto(f"{address}/lab?token={TOKEN}")
        page.locator(".jp-DirListing-item", has_text="1_features").dblclick()
        page.locator(".jp-DirListing-item", has_text="1_everything.md").dblclick()
        page.locator(".jp-NotebookPanel h1").wait_for()
        page.locator(IDLE).wait_for()
        run_all(page)
        yield watched
        page.close()


def run_all(page: Page, attempts: int = 3) -> None:
    """Run all cells; again if nothing comes of it, as what is sent to a kernel that is still
    connecting can be lost on a busy machine."""
    for left in reversed(range(attempts)):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            page.wait_for_function(RAN, timeout=PATIENCE * 1000 / attempts)
            return
        except TimeoutError:
            if not left:
                raise


@pytest.fixture
def presented(opened: Watched) -> Iterator[Page]:
    """The part presented from its first slide."""
    page = opened.page
    page.locator(".jp-NotebookPanel h1").click()
    page.get_by_role("button", name="Present").click()
    page.locator(SHOWN).first.wait_for()
    yield page
    page.locator(SHOWN).first.click(position={"x": 1, "y": 1})
    page.keyboard.press("Escape")
    page.locator(".jp-Deck").wait_for(state="detached")


def titles(page: Page) -> list[str]:
    return [
        text.strip().rstrip("¶") for text in page.locator(f"{SHOWN} :is(h1, h2)").all_inner_texts()
    ]


def forward_to(page: Page, title: str) -> None:
    page.locator(SHOWN).first.click(position={"x": 1, "y": 1})  # the keyboard goes to the slides
    for _ in range(40):
        if titles(page) == [title]:
            return
        page.keyboard.press("Space")
        page.wait_for_timeout(100)
    pytest.fail(f"no slide {title!r} after 40 steps, but {titles(page)}")


def drag(page: Page, handle: Locator, pixels: int) -> None:
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels, y, steps=8)
    page.mouse.up()


def test_opens_as_a_notebook_in_the_course_s_type(opened: Watched) -> None:
    heading = opened.page.locator(".jp-NotebookPanel h1")
    assert opened.page.locator(".jp-NotebookPanel .jp-CodeCell").count() > 5
    font = heading.evaluate("heading => getComputedStyle(heading).fontFamily")
    assert font.startswith('"Atkinson Hyperlegible Next"')


def test_presents_with_one_button(presented: Page) -> None:
    assert titles(presented) == ["Everything a slide can hold"]
    background = "e => getComputedStyle(e).backgroundColor"
    assert presented.locator(".jp-Deck").evaluate(background) == "rgb(22, 38, 58)"  # INK
    forward_to(presented, "Code, and what it prints")
    assert "sum 1.500" in presented.locator(f"{SHOWN} .jp-OutputArea").inner_text()


def test_fills_the_window(presented: Page) -> None:
    box = presented.locator(".jp-Deck").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 1280, "height": 720}


def test_a_dragged_slider_redraws_while_presenting(presented: Page) -> None:
    forward_to(presented, "Two sliders move the figure")
    image = presented.locator(f"{SHOWN} .jp-OutputArea img")
    for slider in presented.locator(f"{SHOWN} .widget-slider").all():
        before = image.get_attribute("src")
        drag(presented, slider.locator(".noUi-handle"), pixels=200)
        expect(image).not_to_have_attribute("src", before, timeout=PATIENCE * 1000)
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_the_figure_and_its_sliders_fit_the_window(presented: Page) -> None:
    forward_to(presented, "Two sliders move the figure")
    for part in presented.locator(f"{SHOWN} :is(img, .widget-slider)").all():
        box = part.bounding_box()
        assert box is not None
        assert box["y"] > 0
        assert box["y"] + box["height"] < 720


def test_asks_nothing_of_the_network_and_no_script_fails(opened: Watched) -> None:
    assert opened.requests == []
    assert opened.errors == []
