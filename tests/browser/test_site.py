"""The site as readers open it: from a file, narrow and wide, by keyboard, in both schemes."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from nnkit.course.lectures import Part, find_parts
from nnkit.course.measure import UNTYPESET
from nnkit.course.site.build import COMPLETE, MARK
from nnkit.course.site.build import site as build_site

from .slides import INSIDE

ROOT = Path(__file__).parents[2]
PARTS = find_parts([ROOT / "lectures"])
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ACCESSIBLE = [
    "index.html",
    "lectures/18_architecture/1_neuron.html",
    "lectures/19_regularization/4_transfer_and_early_stopping.html",
    "lectures/19_regularization/5b_text_and_speech.html",
    "reference/nnkit.training.html",
    "decks/index.html",
]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `nnkit site` has just written, $SITE, or a new one."""
    built = Path(os.environ.get("SITE") or tmp_path_factory.mktemp("site"))
    if "SITE" not in os.environ:
        with ThreadPoolExecutor() as thread:  # playwright's event loop runs in this one
            thread.submit(build_site, built, "", [ROOT / "lectures"]).result()
    assert (built / MARK).read_text("utf-8").startswith(COMPLETE), "nnkit site warned or failed"
    return built.resolve()


@pytest.fixture
def visit(browser: Browser, site: Path) -> Iterator[Callable[..., Page]]:
    """A function that opens a page; at the end nothing may have gone wrong in any."""
    told: list[str] = []
    pages: list[Page] = []

    def visit(name: str, width: int = 1280, scheme: str = "light") -> Page:
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        page.on("request", lambda r: None if r.url.startswith(INSIDE) else told.append(r.url))
        page.on("requestfailed", lambda r: told.append(f"{name}: not there: {r.url[-60:]}"))
        page.on("pageerror", lambda error: told.append(f"{name}: {error}"))
        page.on("console", lambda m: told.append(f"{name}: {m.text}") if m.type == "error" else 0)
        page.goto(f"{site.as_uri()}/{name}", wait_until="load")
        pages.append(page)
        return page

    yield visit
    for page in pages:
        page.close()
    assert not told


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ACCESSIBLE)
def test_axe_finds_nothing(visit: Callable[..., Page], name: str, scheme: str) -> None:
    page = visit(name, 390 if scheme == "dark" else 1280, scheme)
    page.evaluate("window.MathJax?.startup?.promise.then(() => null)")
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    page.add_script_tag(path=AXE)
    options = {"preload": False, "runOnly": RULES}  # preload would fetch, which a file may not
    found = page.evaluate(
        "options => axe.run(options).then(told => told.violations.map("
        "v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).slice(0, 3).join('; ')))",
        options,
    )
    assert not found


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_page_of_a_part_is_whole(visit: Callable[..., Page], part: Part) -> None:
    page = visit(f"lectures/{part.name}.html")
    page.evaluate("window.MathJax?.startup?.promise.then(() => null)")
    assert page.locator("mjx-container").count() > 0
    assert not page.evaluate(UNTYPESET.replace("Reveal.getCurrentSlide()", "document.body"))
    for width in (390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("L2SP", "nnkit.regularizers.L2SP"),
        ("stop early", "nnkit.training.EarlyStopping"),
        ("how do I stop early?", "Build with the library"),  # which has that question as a title
    ],
)
def test_search_finds(visit: Callable[..., Page], words: str, found: str) -> None:
    page = visit("index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.get_by_text("Search finished").wait_for()
    first = page.locator("#search-results li").all_inner_texts()[:10]
    assert any(found in title for title in first)


def test_from_a_class_to_the_slide_that_explains_it_and_back(visit: Callable[..., Page]) -> None:
    page = visit("reference/nnkit.training.html")
    entry = "//dt[@id='nnkit.training.EarlyStopping']/ancestor::dl[1]"
    uses = page.locator(f"{entry}/following-sibling::details[1]")
    uses.locator("summary").click()
    addresses = [str(link.get_attribute("href")) for link in uses.locator("a").all()]
    lecture = next(to for to in addresses if "4_transfer_and_early_stopping" in to)
    assert "#" in lecture
    uses.locator(f"a[href='{lecture}']").first.click()
    page.wait_for_url("**/4_transfer_and_early_stopping.html#*")
    back = page.locator("a[href$='nnkit.training.html#nnkit.training.EarlyStopping']")
    assert back.count() > 0


def test_the_figure_of_the_start_page_moves(visit: Callable[..., Page]) -> None:
    page = visit("index.html")
    figure = page.locator("figure.explore")
    before = figure.locator("img").get_attribute("src")
    figure.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    assert figure.locator("img").get_attribute("src") != before


def test_each_lecture_page_leads_to_its_slides_its_notebook_and_the_next(
    visit: Callable[..., Page], site: Path
) -> None:
    page = visit("lectures/18_architecture/1_neuron.html")
    links = {
        a.inner_text(): str(a.get_attribute("href")) for a in page.locator(".part-links a").all()
    }
    assert list(links) == ["Slides", "PDF of the slides", "Notebook"]  # and no buttons
    assert page.locator("a.right-next").get_attribute("href") == "2_activations.html"
    told = page.locator(".part-links").inner_text()
    assert re.search(r"Runs in \d+ s", told)
    notebook = site / "lectures/18_architecture" / links["Notebook"]
    assert json.loads(notebook.read_text("utf-8"))["cells"]


def test_a_downloaded_notebook_runs_where_nnkit_is_not_installed(
    browser: Browser, site: Path, tmp_path: Path
) -> None:
    notebook = tmp_path / "4_metrics.ipynb"
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:  # a file opens, as text
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/lectures/18_architecture/4_metrics.html")
        with page.expect_download() as started:
            page.get_by_role("link", name="Notebook", exact=True).click()
        started.value.save_as(notebook)
        page.close()
        server.shutdown()
    python, environment = without_nnkit(tmp_path)
    found = [python, "-c", "import nnkit; print(nnkit.__file__)"]
    kept = {"env": environment, "cwd": tmp_path, "capture_output": True, "text": True}
    assert subprocess.run(found, **kept).returncode != 0
    done = subprocess.run([python, "-m", "IPython", str(notebook)], **kept)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert str(tmp_path) in subprocess.run(found, **kept).stdout


def without_nnkit(folder: Path) -> tuple[str, dict[str, str]]:
    """An environment with all but nnkit, and a wheel of it for pip instead of an index."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = str(folder / "venv/bin/python")
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    ours = Path(packages, "all_others.pth")
    ours.write_text(sysconfig.get_path("purelib"), "utf-8")  # not what its own .pth files name
    source = folder / "source"
    shutil.copytree(ROOT / "nnkit", source / "nnkit")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = ["wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "."]
    command = [sys.executable, "-m", "pip", *wheel, "--wheel-dir", str(folder / "wheels")]
    subprocess.run(command, cwd=source, check=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHONPATH"))}
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "wheels"), "PIP_NO_DEPS": "1"}
    # the others' metadata say that nnkit is there; IPython's own files go with the test
    apart = {"PIP_FORCE_REINSTALL": "1", "IPYTHONDIR": str(folder / "ipython"), "MPLBACKEND": "Agg"}
    return python, kept | pip | apart
