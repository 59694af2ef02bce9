"""The browser of the tests: whichever Chromium or Chrome the machine has."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from nnkit.course.chromium import ADVICE, ARGUMENTS, find_browser

MISSING = (
    "no Chromium or Chrome found, so slides and JupyterLab are not tested in a browser. "
    f"{ADVICE}, and run the tests again."
)


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Start the browser with a fresh profile, and end it."""
    path = find_browser()
    if path is None:
        raise FileNotFoundError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()
