"""A browser if there is one, and every part exported once for all tests."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from nnkit.course.chromium import find_browser
from nnkit.course.core import Core, composed, cores, sources
from nnkit.course.lectures import Part, find_parts
from nnkit.course.render import render
from nnkit.course.runs import executed

from .chromium import MISSING, start_browser

HERE = Path(__file__).parent
FEATURES = HERE / "lectures"  # a part with everything that a slide can hold
LECTURES = HERE.parents[1] / "lectures"
PARTS = find_parts([FEATURES, LECTURES])
PARTS += cores(PARTS)
DECKS = os.environ.get("DECKS")  # where `nnkit decks` has just written them


class ByDeck(LoadScopeScheduling):
    """All tests of a deck go to one process, which exports it once; so do those of a file."""

    def _split_scope(self, nodeid: str) -> str:
        deck = re.search(r"\[(\w+/\w+)", nodeid)  # …[18_architecture/1_neuron-1280x720]
        return deck[1] if deck else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByDeck:
    config.option.loadscopereorder = False  # those that take long come first
    return ByDeck(config, log)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if find_browser() is None:
        pytest.fail(MISSING) if os.environ.get("CI") else pytest.skip(MISSING)
    with start_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory):
    """A function that runs a part and writes its deck, once; or takes it from $DECKS."""
    folder = tmp_path_factory.mktemp("decks")

    @cache
    def export(part: Part) -> Path:
        if DECKS and (written := Path(DECKS) / f"{part.name}.html").exists():
            return written
        # in a thread of its own: playwright's event loop runs in this one
        with ThreadPoolExecutor() as thread:
            runs = [thread.submit(executed, source.path).result() for source in sources(part)]
        _, page = render(part, composed(part, runs))
        path = folder / f"{part.path.stem}-{part.path.parent.name}.html"
        path.write_text(page, encoding="utf-8")
        return path

    return export


def name(part: Part) -> str:
    """What tests call a deck, two words for :class:`ByDeck`."""
    return f"{part.name}/core" if isinstance(part, Core) else part.name


@pytest.fixture(scope="session", params=PARTS, ids=name)
def deck(request: pytest.FixtureRequest, browser: Browser, export) -> Path:
    """Each deck in turn."""
    return export(request.param)


@pytest.fixture(scope="session")
def features(browser: Browser, export) -> Path:
    """The deck with everything that a slide can hold."""
    return export(find_parts([FEATURES])[0])
