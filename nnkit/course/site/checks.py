"""What no page may have: a link to nowhere, a picture without words, a request to elsewhere."""

from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"img", "script", "source", "audio", "video", "iframe", "embed"}
NOTHING_SAID = ("", "No description has been provided for this image")


class Page(HTMLParser):
    """The addresses, the targets of links and the pictures of a page."""

    def __init__(self, path: Path) -> None:
        """Read a file."""
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.targets: set[str] = set()
        self.silent: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag says."""
        told = {name: value or "" for name, value in attrs}
        self.targets |= {told[name] for name in ("id", "name") if name in told}
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        if tag in LOADS and "src" in told:
            self.loads.append(told["src"])
        if tag == "link" and told.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(told.get("href", ""))
        decoration = told.get("role") == "presentation" or told.get("aria-hidden") == "true"
        if tag == "img" and not decoration and told.get("alt", "").strip() in NOTHING_SAID:
            self.silent.append(told.get("src", "")[:60])


def offences(site: Path) -> list[str]:
    """Return what is wrong with the pages of a site, a line each.

    Args:
        site: the folder that holds them. Decks are tested by themselves.
    """
    read = cache(Page)
    pages = [path for path in sorted(site.rglob("*.html")) if _is_page(path.relative_to(site))]
    return [
        f"{path.relative_to(site)}: {offence}"
        for path in pages
        for offence in dict.fromkeys(_of_page(path, read))
    ]


def _is_page(path: Path) -> bool:
    return path.parts[0] not in ("decks", "_static")


def _of_page(path: Path, read: Callable[[Path], Page]) -> Iterator[str]:
    page = read(path)
    for source in page.silent:
        yield f"a picture without words: {source}"
    for address in page.loads:
        if urlsplit(address).scheme in ("http", "https") or address.startswith("//"):
            yield f"asks for {address}"
        elif not address.startswith("data:") and not _leads(path, address, read):
            yield f"asks for {address}, which is not there"
    for address in page.links:
        if not urlsplit(address).scheme and not _leads(path, address, read):
            yield f"a link to {address}, which is not there"


def _leads(path: Path, address: str, read: Callable[[Path], Page]) -> bool:
    parts = urlsplit(address)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return False
    if not parts.fragment or target.suffix != ".html" or "decks" in target.parts:
        return True
    return unquote(parts.fragment) in read(target).targets
