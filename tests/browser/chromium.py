"""The browser of the tests: whichever Chromium or Chrome the machine has."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)
ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = (
    "no Chromium or Chrome found, so slides and JupyterLab are not tested in a browser. "
    "Install one (apt-get install chromium, brew install --cask google-chrome) or set "
    "CHROMIUM to its path, and run the tests again."
)


def find_browser() -> str | None:
    """Return the path of a browser: $CHROMIUM, on PATH, or where it is usually installed."""
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"CHROMIUM is {named!r}, which is no program")
        return found
    on_path = (shutil.which(name) for name in NAMES)
    installed = (place for place in PLACES if Path(place).exists())
    return next(filter(None, (*on_path, *installed)), None)


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
