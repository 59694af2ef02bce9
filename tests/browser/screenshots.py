"""Take a picture of every slide of a deck: python -m tests.browser.screenshots DECK.html FOLDER"""

import argparse
from pathlib import Path

from .chromium import start_browser
from .slides import open_deck, walk


def screenshots(deck: Path, folder: Path, size: str, only: list[int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with start_browser() as browser:
        page = open_deck(browser, deck, size=size).page
        for slide in walk(page):
            if not only or slide.number in only:
                page.screenshot(path=folder / f"{slide.number:02d}.png")
                print(slide)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deck", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1280x720", help="default: %(default)s")
    parser.add_argument("--only", type=int, nargs="*", default=[], help="numbers of slides")
    asked = parser.parse_args()
    screenshots(asked.deck, asked.folder, asked.size, asked.only)
