"""Presented live in JupyterLab: what a lecturer with a clicker does, from the double click on."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from nnkit.course.theme import FACES

from .conftest import FEATURES
from .jupyter import PATIENCE, TOKEN, lab
from .slides import INSIDE, Watched, open_deck

SHOWN = ".nnkit-presented .jp-Cell.nnkit-on"
# The topic, and the number among all.
FOOT = """() => {
  const slide = document.querySelector('.nnkit-presented .jp-WindowedPanel-viewport');
  const {topic, number, total} = slide?.dataset ?? {};
  return slide ? `${topic} ${number}/${total}`.trim() : '';
}"""
# Every value of the bar over the window, and null once it is gone.
WATCH_BAR = """() => {
  window.bar = [];
  const look = () => {
    const value = document.querySelector('progress')?.value ?? null;
    if (value !== (window.bar.at(-1) ?? null)) window.bar.push(value);
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, {childList: true, subtree: true, attributeFilter: ['value']});
}"""
IDLE = ".jp-NotebookPanel-toolbar .jp-Notebook-ExecutionIndicator[data-status=idle]"


@pytest.fixture(scope="module")
def arrived(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The part with everything, whose run is kept, opened by double clicks."""
    folder = tmp_path_factory.mktemp("lab")
    nnkit = Path(sys.executable).with_name("nnkit")
    subprocess.run([nnkit, "decks", str(FEATURES)], cwd=folder, check=True)
    with lab(FEATURES, folder) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(PATIENCE * 1000)
        inside = (*INSIDE, address, address.replace("http", "ws", 1))
        watched = Watched(page, inside=inside)
        page.goto(f"{address}/lab?token={TOKEN}")
        page.locator(".jp-DirListing-item", has_text="1_features").dblclick()
        page.locator(".jp-DirListing-item", has_text="1_everything.md").dblclick()
        page.locator(".jp-NotebookPanel h1").wait_for()
        yield watched
        page.close()


@pytest.fixture(scope="module")
def opened(arrived: Watched) -> Watched:
    """The same, with all its cells run by this kernel."""
    page = arrived.page
    page.locator(".jp-NotebookPanel h1").click()
    page.evaluate(WATCH_BAR)
    page.get_by_role("button", name="Run all", exact=True).click()
    page.wait_for_function("window.bar.length > 1 && window.bar.at(-1) === null")
    return arrived


@pytest.fixture
def presented(opened: Watched) -> Iterator[Page]:
    """The part presented from its first slide."""
    page = opened.page
    page.locator(".jp-NotebookPanel h1").click()
    page.get_by_role("button", name="Present", exact=True).click()
    page.locator(SHOWN).first.wait_for()
    yield page
    if presenting(page):
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")  # the first may only have left an editor
        page.locator(".nnkit-presented").wait_for(state="detached")


def presenting(page: Page) -> bool:
    return page.locator(".nnkit-presented").count() > 0


def title(page: Page) -> str:
    texts = page.locator(f"{SHOWN} :is(h1, h2, h3)").all_inner_texts()
    return texts[0].strip().rstrip("¶") if texts else ""


def number(page: Page) -> str:
    """What the foot of the slide says at its right; nothing if there is no slide."""
    return page.evaluate(FOOT)


def press(page: Page, *keys: str) -> str:
    """Press keys; the number of the slide that they lead to."""
    for key in keys:
        page.keyboard.press(key)
    return number(page)


def go_to(page: Page, slide: int) -> None:
    page.keyboard.press("Home")
    for _ in range(60):
        if number(page).split(" ")[-1].split("/")[0] == str(slide):
            return
        page.keyboard.press("PageDown")
    pytest.fail(f"no slide {slide}")


def drag(page: Page, handle: Locator, pixels: int) -> None:
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels, y, steps=8)
    page.mouse.up()


def test_a_part_opens_as_it_has_been_run(arrived: Watched) -> None:
    """The first slide is two actions from the double click, outputs and sliders of decks in place.
    The first cell that is run has those above it run first."""
    page = arrived.page
    page.get_by_role("button", name="Present", exact=True).click()
    go_to(page, 5)
    image = page.locator(f"{SHOWN} figure.explore img")
    before = image.get_attribute("src")
    page.locator(f"{SHOWN} input[type=range]").first.press("ArrowRight")
    assert image.get_attribute("src") != before
    page.keyboard.press("Escape")  # leaves the slider
    go_to(page, 3)
    assert (
        page.locator(f"{SHOWN} .jp-OutputArea").inner_text().strip() == "sum 1.500, product 1.500"
    )
    page.locator(f"{SHOWN}.jp-CodeCell .cm-content").click()
    page.keyboard.press("Control+End")
    # on the last line: with more lines the code would give way to what it prints
    page.keyboard.type("; print(torch.ones(2).sum())")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(f"{SHOWN} .jp-OutputArea")).to_contain_text(
        "tensor(2.)", timeout=PATIENCE * 1000
    )
    page.keyboard.press("PageDown")
    page.keyboard.press("Escape")


def test_opens_as_a_notebook_in_the_course_s_type(arrived: Watched) -> None:
    heading = arrived.page.locator(".jp-NotebookPanel h1")
    assert arrived.page.locator(".jp-NotebookPanel .jp-CodeCell").count() > 5
    font = heading.evaluate("heading => getComputedStyle(heading).fontFamily")
    assert font.split(",")[0].strip('"') == FACES[0][0]


def test_a_bar_counts_the_cells_that_have_run(opened: Watched) -> None:
    *values, gone = opened.page.evaluate("window.bar")
    assert values == sorted(values)
    assert values[-1] == opened.page.locator(".jp-CodeCell").count()
    assert gone is None


def test_after_running_all_present_begins_where_one_was(opened: Watched) -> None:
    page = opened.page  # has just run all, the first cell selected
    page.get_by_role("button", name="Present", exact=True).click()
    assert title(page) == "Everything a slide can hold"
    press(page, "Escape")
    page.locator(".jp-NotebookPanel h2", has_text="A table, and an answer").click()
    page.get_by_role("button", name="Present", exact=True).click()
    assert title(page) == "A table, and an answer behind a click"
    press(page, "Escape")
    assert not presenting(page)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [("Space", "Shift+Space"), ("ArrowRight", "ArrowLeft"), ("PageDown", "PageUp"), ("n", "p")],
)
def test_one_press_is_one_step(presented: Page, forward: str, backward: str) -> None:
    """Ten slides and two fragments: eleven presses, none of them wasted, and the same back."""
    page, seen = presented, [press(presented)]
    shown = """() => [...document.querySelectorAll('.nnkit-on:not(.nnkit-waiting)')]
      .map(cell => cell.innerText).join()"""
    texts = [page.evaluate(shown)]
    for _ in range(11):
        seen.append(press(page, forward))
        texts.append(page.evaluate(shown))
    assert [told.split(" ")[-1] for told in seen] == [
        f"{n}/10" for n in (1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 9, 10)
    ]
    assert len(set(texts)) == 12
    assert seen[1] == "1.1 2/10"  # the topic stands beside the number
    assert press(page, forward) == "10/10"  # the end
    back = [press(page, backward) for _ in range(11)]
    assert back == seen[-2::-1]
    assert press(page, "End") == "10/10"
    assert press(page, "Home") == "1/10"


def test_fills_the_window_with_nothing_but_the_slide(presented: Page) -> None:
    page = presented
    assert page.locator(".nnkit-presented").bounding_box() == {
        "x": 0, "y": 0, "width": 1280, "height": 720,
    }  # fmt: skip
    visible = """() => [[5, 5], [640, 5], [1275, 5], [5, 360], [1275, 360], [5, 715], [1275, 715]]
      .filter(([x, y]) => !document.elementFromPoint(x, y).closest('.nnkit-presented'))"""
    assert page.evaluate(visible) == []
    go_to(page, 2)
    pads = """() => [...document.querySelectorAll('.nnkit-on *')].filter(node => {
      const box = node.getBoundingClientRect(), style = getComputedStyle(node);
      const wide = side => parseFloat(style[`border${side}Width`]);
      return box.width && box.height && wide('Left') && wide('Right')
        && !node.closest('table, mjx-container, svg');
    }).map(node => node.className)"""
    assert page.evaluate(pads) == []  # no frames of an editor


def test_shift_enter_runs_and_stays(presented: Page) -> None:
    page = presented
    go_to(page, 3)
    page.locator(f"{SHOWN}.jp-CodeCell .cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nprint(6 * 7)")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(f"{SHOWN} .jp-OutputArea")).to_contain_text("42", timeout=PATIENCE * 1000)
    assert number(page) == "1.2 3/10"
    assert press(page, "PageDown") == "1.3 4/10"  # a clicker, out of the editor
    assert press(page, "Space") == "1.4 5/10"  # and the keyboard is the slides' again


def test_a_finished_bar_leaves_nothing_on_the_slide(presented: Page) -> None:
    page = presented
    go_to(page, 3)
    page.locator(f"{SHOWN}.jp-CodeCell .cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(
        "\nfrom tqdm.notebook import tqdm; import time"
        "\n_ = [time.sleep(0.1) for _ in tqdm(range(3), leave=False)]; print('done')"
    )
    page.keyboard.press("Shift+Enter")
    expect(page.locator(f"{SHOWN} .jp-OutputArea")).to_contain_text("done", timeout=60_000)
    empty = """() => [...document.querySelectorAll('.nnkit-on .jp-OutputArea-child')]
      .filter(child => child.getBoundingClientRect().height && !child.innerText.trim()).length"""
    page.wait_for_function(f"({empty})() === 0")


def test_a_slider_redraws_and_keeps_its_arrow_keys(presented: Page) -> None:
    page = presented
    go_to(page, 5)
    image = page.locator(f"{SHOWN} .jp-OutputArea img")
    for slider in page.locator(f"{SHOWN} .widget-slider").all():
        before = image.get_attribute("src")
        drag(page, slider.locator(".noUi-handle"), pixels=200)
        expect(image).not_to_have_attribute("src", before, timeout=PATIENCE * 1000)
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    handle = page.locator(f"{SHOWN} .noUi-handle").first
    handle.focus()
    assert press(page, "ArrowLeft") == "1.4 5/10"
    assert press(page, "Space") == "1.5 6/10"  # the slider does not swallow it


def test_values_and_labels_of_sliders_stand_apart(presented: Page) -> None:
    page = presented
    go_to(page, 5)
    first, second = page.locator(f"{SHOWN} .widget-slider").all()
    value = first.locator(".widget-readout").bounding_box()
    label = second.locator(".widget-label").bounding_box()
    assert value is not None
    assert label is not None
    assert label["x"] - value["x"] - value["width"] > 10 or label["y"] > value["y"] + 10


def test_every_slide_fits(presented: Page) -> None:
    too_large = []
    for _ in range(12):
        too_large += page_excess(presented)
        press(presented, "PageDown")
    assert not too_large


def page_excess(page: Page) -> list[str]:
    """How far cells and outputs of a live slide stick out of the room, code's ground included."""
    return page.evaluate(
        """() => [
          ...document.querySelectorAll('.nnkit-on, .nnkit-on .jp-OutputArea-output')
        ].flatMap(cell => {
        const box = cell.getBoundingClientRect();
        const out = Math.max(box.bottom - 668, box.right - 1240, 40 - box.left, 40 - box.top);
        const name = cell.innerText.slice(0, 40);
        return box.width && out > 2 ? [`${name}: ${Math.round(out)} px`] : [];
      })"""
    )


def test_c_lays_the_code_over_the_slide(presented: Page) -> None:
    page = presented
    go_to(page, 5)  # its code is folded away
    editor = page.locator(f"{SHOWN}.jp-CodeCell .cm-content")
    expect(editor).to_be_hidden()
    press(page, "c")
    expect(editor).to_be_visible()
    assert "explore(" in editor.inner_text()
    press(page, "c")
    expect(editor).to_be_hidden()
    press(page, "c", "PageDown", "PageUp")  # moving on lays it aside
    expect(editor).to_be_hidden()


def test_go_to_a_slide_by_number_topic_or_words(presented: Page) -> None:
    page = presented
    for sought, found in (("7", "7/10"), ("1.2", "1.2 3/10"), ("table that", "10/10")):
        press(page, "g")
        page.locator(".nnkit-list input").fill(sought)
        page.keyboard.press("Enter")
        assert number(page).endswith(found)
    press(page, "g", "Escape")
    assert presenting(page)


def test_k_shows_the_core_only(presented: Page) -> None:
    page = presented
    go_to(page, 2)
    assert press(page, "k") == "1.1 2/3"
    assert press(page, "Space") == "1.4 3/3"
    assert press(page, "Home") == "1/3"
    assert title(page) == "In short"  # which the part never shows
    foot = page.locator(".nnkit-presented .jp-WindowedPanel-viewport").get_attribute("data-footer")
    assert foot == "1 Features  ·  The core"
    press(page, "End", "k")
    assert number(page) == "1.4 5/10"


def test_notes_and_clock_follow_in_a_window_of_their_own(presented: Page) -> None:
    page = presented
    go_to(page, 3)
    with page.expect_popup() as opened:
        press(page, "s")
    window = opened.value
    expect(window.locator("#title")).to_have_text("Code, and what it prints")
    expect(window.locator("#place")).to_have_text("slide 3 of 10, 1 min")
    press(page, "PageUp")
    expect(window.locator("#notes")).to_contain_text("the bias is a weight like the others")
    assert window.locator("#notes math").text_content() == "w0"
    assert window.locator("#notes mjx-container").count() == 0
    expect(window.locator("#next")).to_have_text("Next: Code, and what it prints")
    expect(window.locator("#pace")).to_have_text(re.compile(r"^of 11:00, 0:5\d early$"))
    window.evaluate("begun -= 200 * 1000")  # one minute and two were planned
    expect(window.locator("#pace")).to_have_text(re.compile(r"^of 11:00, 0:2\d late$"))
    window.get_by_role("button").click()
    expect(window.locator("#pace")).to_have_text(re.compile(r"^of 11:00, 0:5\d early$"))
    page.reload()  # and the window goes on
    page.locator(SHOWN).first.wait_for()
    press(page, "PageDown")
    expect(window.locator("#title")).to_have_text("Code, and what it prints")
    window.close()


def test_blank_draw_help_and_scheme(presented: Page) -> None:
    page = presented
    for key, what in ((".", ".nnkit-blank"), ("b", ".nnkit-blank"), ("?", ".nnkit-help")):
        press(page, key)
        page.locator(what).wait_for()
        press(page, key)
        page.locator(what).wait_for(state="detached")
    press(page, "d")
    inked = """() => {
      const pen = document.querySelector('canvas.nnkit-drawing').getContext('2d');
      return pen.getImageData(0, 0, 1280, 720).data.some(Boolean);
    }"""
    page.mouse.move(300, 300)
    page.mouse.move(400, 300)
    assert not page.evaluate(inked)  # a pointer
    page.mouse.down()
    page.mouse.move(500, 400, steps=4)
    page.mouse.up()
    assert page.evaluate(inked)
    assert press(page, "PageDown") == "1.1 2/10"
    assert page.locator(".nnkit-drawing").count() == 0
    grounds = set()
    for _ in range(3):
        grounds.add(
            page.locator(".nnkit-presented").evaluate("e => getComputedStyle(e).backgroundColor")
        )
        press(page, "t")
    assert len(grounds) == 3


def test_saved_as_it_was_held_it_shows_what_was_typed_and_moved(
    opened: Watched, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = opened.page
    typed = page.locator(".jp-CodeCell", has_text="the sum by hand")
    typed.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("; print(6 * 111)")
    page.keyboard.press("Control+Enter")
    expect(typed.locator(".jp-OutputArea")).to_contain_text("666", timeout=PATIENCE * 1000)
    moved = page.locator(".jp-OutputArea-output figure.explore img").first.get_attribute("alt")
    page.get_by_role("button", name="Save as held", exact=True).click()
    dialog = page.locator(".jp-Dialog", has_text="Saved as it was held")
    told = dialog.locator(".jp-Dialog-body").inner_text()
    dialog.get_by_role("button", name="Ok").click()
    (folder,) = tmp_path_factory.getbasetemp().glob("lab[0-9]*")
    notebook = folder / "lectures" / told.partition(",")[0]
    assert re.fullmatch(r"1_everything \d{4}-\d\d-\d\d \d\d\.\d\d", notebook.stem)
    cells = nbformat.read(notebook, as_version=4).cells
    (cell,) = [cell for cell in cells if "6 * 111" in cell.source]
    assert "666" in cell.outputs[0].text
    slides = open_deck(browser, notebook.with_suffix(".html"))
    assert slides.page.locator(".jp-OutputArea", has_text="666").count() == 1
    assert slides.page.locator(f'img[alt="{moved}"]').count() == 1
    assert slides.requests == []
    slides.page.close()


def test_a_reload_comes_back_to_the_slide(opened: Watched, presented: Page) -> None:
    page = presented
    go_to(page, 6)
    page.reload()
    page.locator(SHOWN).first.wait_for()
    assert title(page) == "A table, and an answer behind a click"
    assert press(page, "PageDown") == "1.5 7/10"
    page.locator(IDLE).wait_for(state="attached")


def test_escape_leads_back_to_where_one_was(presented: Page) -> None:
    page = presented
    go_to(page, 6)
    press(page, "Escape")
    assert not presenting(page)
    page.locator(".jp-DirListing").wait_for()
    expect(
        page.locator(".jp-NotebookPanel h2", has_text="A table, and an answer")
    ).to_be_in_viewport()


def test_asks_nothing_of_the_network_and_no_script_fails(opened: Watched) -> None:
    assert opened.requests == []
    assert opened.errors == []
