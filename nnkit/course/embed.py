"""Pictures that a text refers to, put into the page itself."""

import base64
import html
import mimetypes
import re
from pathlib import Path
from urllib.parse import unquote

from nnkit.course.lectures import CourseError

SLIDES = re.compile(r"(<main.*</main>)", re.DOTALL)
IMAGE = re.compile(r'(<img\b[^>]*?\bsrc=)"([^"]*)"')


def embed_images(page: str, folder: Path) -> str:
    """Put the files that images on slides refer to into the page.

    nbconvert's own way closes a ``<details>`` where its first paragraph begins.

    Args:
        page: HTML with ``<main>…</main>`` around the slides.
        folder: what addresses are relative to.

    Raises:
        CourseError: if an image is missing, or on the network.
    """

    def embedded(match: re.Match[str]) -> str:
        address = html.unescape(match[2])
        if address.startswith("data:"):
            return match[0]
        file = folder / unquote(address)
        if not file.is_file():
            raise CourseError(f"{folder}: a slide shows {address}, which is no file")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        data = base64.b64encode(file.read_bytes()).decode("ascii")
        return f'{match[1]}"data:{kind};base64,{data}"'

    before, slides, after = SLIDES.split(page, maxsplit=1)  # scripts hold "<img src" as well
    return before + IMAGE.sub(embedded, slides) + after
