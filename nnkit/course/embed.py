"""Pictures that a text refers to, put into the page itself."""

import base64
import re
from html import escape
from html.parser import HTMLParser
from itertools import accumulate
from mimetypes import MimeTypes
from urllib.parse import unquote

from nnkit.course.lectures import CourseError, Part

SLIDES = re.compile(r"(<main.*</main>)", re.DOTALL)
KINDS = MimeTypes()  # Python's own table: the machine's, as in Windows' registry, may be another


def embed_images(page: str, part: Part) -> str:
    """Put the files that images on slides refer to into the page.

    nbconvert's own way closes a ``<details>`` where its first paragraph begins.

    Args:
        page: HTML with ``<main>…</main>`` around the slides.
        part: what the page is made of; addresses are relative to its folder.

    Raises:
        CourseError: if an image is missing, or on the network.
    """
    before, slides, after = SLIDES.split(page, maxsplit=1)
    pieces, end = [before], 0
    for start, tag, attributes in _Images(slides).found:
        told = (f'{name}="{escape(_embedded(name, value, part))}"' for name, value in attributes)
        pieces += [slides[end:start], f"<img {' '.join(told)}>"]
        end = start + len(tag)
    return "".join([*pieces, slides[end:], after])


def _embedded(name: str, value: str | None, part: Part) -> str:
    if name != "src" or value is None or value.lower().startswith("data:"):
        return value or ""
    file = part.path.parent / unquote(value)
    if not file.is_file():
        raise CourseError(f"{part.path}: a slide shows {value}, which is no file")
    kind = KINDS.guess_type(file.name, strict=False)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


class _Images(HTMLParser):
    """The image tags of a page, not those that a script or a comment speaks of.

    Each as the place where it begins, the tag as it is written, and its attributes.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[int, str, list[tuple[str, str | None]]]] = []
        self.lines = list(accumulate((len(line) + 1 for line in page.split("\n")), initial=0))
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an image."""
        if tag == "img":
            line, column = self.getpos()
            written = self.get_starttag_text() or ""
            self.found.append((self.lines[line - 1] + column, written, attrs))
