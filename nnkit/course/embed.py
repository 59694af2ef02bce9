"""Pictures that a text refers to, put into the page itself."""

import base64
import re
from html import escape
from html.parser import HTMLParser
from itertools import accumulate
from mimetypes import MimeTypes
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from nnkit.course.lectures import CourseError, Part

SLIDES = re.compile(r"(<main.*</main>)", re.DOTALL)
KINDS = MimeTypes()  # Python's own table: the machine's, as in Windows' registry, may be another


def embed_images(page: str, part: Part, *, strict: bool = True) -> str:
    """Put the files that images on slides refer to into the page.

    nbconvert's own way closes a ``<details>`` where its first paragraph begins.

    Args:
        page: HTML with ``<main>…</main>`` around the slides.
        part: what the page is made of; addresses are relative to its folder.
        strict: refuse what cannot be embedded, rather than leave it as it is.

    Raises:
        CourseError: if an image is missing, or on the network.
    """
    before, slides, after = SLIDES.split(page, maxsplit=1)
    pieces, end = [before], 0
    for image in _Images(slides).found:
        told = dict(image.attributes)
        file = file_of(image, part)
        if file and not file.is_file():
            if strict:
                raise CourseError(f"{part.path}: a slide shows {told['src']}, which is no file")
        elif file:
            told["src"] = _embedded(file)
        tag = "".join(f' {name}="{escape(value or "")}"' for name, value in told.items())
        pieces += [slides[end : image.start], f"<img{tag}>"]
        end = image.start + len(image.tag)
    return "".join([*pieces, slides[end:], after])


def file_of(image: "Image", part: Part) -> Path | None:
    """Return the file that an image is read from; None if the page holds it already."""
    source = dict(image.attributes).get("src")
    if not source or source.lower().startswith("data:"):
        return None
    return part.path.parent / unquote(source)


def images(page: str) -> "list[Image]":
    """Return the images on the slides of a page."""
    return _Images(SLIDES.split(page, maxsplit=1)[1]).found


def _embedded(file: Path) -> str:
    kind = KINDS.guess_type(file.name, strict=False)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


class Image(NamedTuple):
    """The tag of an image."""

    start: int  #: the place where it begins
    tag: str  #: as it is written
    attributes: list[tuple[str, str | None]]
    slide: int  #: the number of the slide that shows it


class _Images(HTMLParser):
    """The image tags of a page, not those that a script or a comment speaks of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Image] = []
        self.slide = 0
        self.lines = list(accumulate((len(line) + 1 for line in page.split("\n")), initial=0))
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an image; note the slide that begins."""
        if tag == "section":
            self.slide = int(dict(attrs).get("data-number") or self.slide)
        if tag == "img":
            line, column = self.getpos()
            written = self.get_starttag_text() or ""
            self.found.append(Image(self.lines[line - 1] + column, written, attrs, self.slide))
