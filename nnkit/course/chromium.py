"""A browser that the machine has: for slides on paper, and for the tests."""

import os
import shutil
from pathlib import Path

from nnkit.course.lectures import CourseError

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
#: Milliseconds that a page believes to have to lay itself out; they pass as fast as it does.
LAYOUT = 600_000
TIMEOUT = 300
ADVICE = (
    "Install one (apt-get install chromium, brew install --cask google-chrome) or set CHROMIUM to "
    "its path"
)


def find_browser() -> str | None:
    """Return the path of a browser: $CHROMIUM, on PATH, or where it is usually installed.

    Raises:
        FileNotFoundError: if $CHROMIUM is no program.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"CHROMIUM is {named!r}, which is no program")
        return found
    on_path = (shutil.which(name) for name in NAMES)
    installed = (place for place in PLACES if Path(place).exists())
    return next(filter(None, (*on_path, *installed)), None)


def require_browser() -> str:
    """Return the path of a browser.

    Raises:
        CourseError: if there is none.
    """
    browser = find_browser()
    if browser is None:
        raise CourseError(
            f"slides are printed and measured by Chromium or Chrome, and none is here. {ADVICE}"
        )
    return browser
