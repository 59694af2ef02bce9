"""What a reader sees of an HTML output, as plain text."""

import re
from html.parser import HTMLParser

MEASURED = {"seconds"}  # columns of tables that differ from run to run


def text_of_html(html: str) -> str:
    """Give a line per row or block, '…' for what is measured, '[image] alt' for a picture."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (line.strip() for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)


class _Text(HTMLParser):
    silent = frozenset({"script", "style"})
    blocks = frozenset({"tr", "p", "div", "li", "br", "h1", "h2", "h3", "h4", "caption", "figure"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.muted = 0  # depth of silent tags
        self.heading = False
        self.column = 0
        self.measured: set[int] = set()  # columns of the table that we are in

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.muted += tag in self.silent
        self.heading = tag == "th"
        if tag == "img":
            self.parts.append(f"\n[image] {dict(attrs).get('alt') or 'without alt text'}\n")
        elif tag in self.blocks:
            self.parts.append("\n")
            self.column = 0

    def handle_endtag(self, tag: str) -> None:
        self.muted -= tag in self.silent
        if tag == "table":
            self.measured.clear()
        if tag in {"td", "th"}:
            self.parts.append("  ")
            self.column += 1
        elif tag in self.blocks:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self.muted:
            return
        if self.heading and data.strip() in MEASURED:
            self.measured.add(self.column)
        elif self.column in self.measured and data.strip():
            data = "…"
        self.parts.append(re.sub(r"\s+", " ", data))
