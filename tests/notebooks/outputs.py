"""What a notebook cell shows, as text that can be stored, read in a diff and compared."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

DIGITS = 1e-4  # relative: another processor may round a float differently beyond its fourth digit
ROUNDING = 1e-6  # absolute: what is smaller is the rounding error of float32, different everywhere

_NUMBER = re.compile(r"(?<![\w.])[-−+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_CELL = re.compile(r"^=== Cell (\d+): (.*) \[([0-9a-f]{8})\]$", re.MULTILINE)


@dataclass(frozen=True)
class Stored:
    """The reference output of one cell: its slide's title, a digest of its source, its text."""

    title: str
    digest: str
    text: str


def digest(source: str) -> str:
    """Name a source text by eight hexadecimal digits, so that a change in it is noticed."""
    return hashlib.sha256(source.strip().encode()).hexdigest()[:8]


def text_of(outputs: Sequence[Mapping[str, Any]]) -> str:
    """Give the text a reader sees: prints, values, tables, and the alt texts of pictures."""
    lines = "\n".join(filter(None, map(_text, outputs))).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _text(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        return str(output["text"])
    data, metadata = output["data"], output.get("metadata", {})
    if "application/vnd.jupyter.widget-view+json" in data:
        return f"[widget] {data.get('text/plain', '')}"
    if "text/html" in data:
        return _html_text(data["text/html"])
    for kind in ("image/png", "image/jpeg", "image/svg+xml"):
        if kind in data:
            return f"[image] {metadata.get(kind, {}).get('alt', 'without alt text')}"
    for kind in ("text/markdown", "text/latex", "text/plain"):
        if kind in data:
            return str(data[kind])
    raise ValueError(f"an output of unknown kind: {sorted(data)}; teach {__name__} to show it")


class _Text(HTMLParser):
    """Collect the text of an HTML fragment: a line per row or block, '[image] alt' per picture."""

    silent = frozenset({"script", "style"})
    blocks = frozenset({"tr", "p", "div", "li", "br", "h1", "h2", "h3", "h4", "caption", "figure"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.muted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.muted += tag in self.silent
        if tag == "img":
            self.parts.append(f"\n[image] {dict(attrs).get('alt') or 'without alt text'}\n")
        elif tag in self.blocks:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.muted -= tag in self.silent
        if tag in {"td", "th"}:
            self.parts.append("  ")
        elif tag in self.blocks:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.muted:
            self.parts.append(re.sub(r"\s+", " ", data))


def _html_text(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (line.strip() for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)


def agree(reference: str, text: str) -> bool:
    """Tell whether two outputs say the same: equal words and integers, floats to four digits.

    A float that is printed with at most four digits must therefore be the same to the last one.
    """
    if _words(reference) != _words(text):
        return False
    pairs = zip(_NUMBER.findall(reference), _NUMBER.findall(text), strict=True)
    return all(_same_number(a, b) for a, b in pairs)


def _words(text: str) -> list[str]:
    """Everything but the numbers; columns may be padded differently, so spaces count once."""
    return _NUMBER.sub(" # ", "\n".join(map(str.rstrip, text.splitlines()))).split()


def _same_number(a: str, b: str) -> bool:
    if a == b:
        return True
    if a.lstrip("-−+").isdigit() or b.lstrip("-−+").isdigit():
        return False  # an integer is a count: exact
    x, y = (float(number.replace("−", "-")) for number in (a, b))
    return math.isclose(x, y, rel_tol=DIGITS, abs_tol=ROUNDING)


def read(path: Path) -> dict[int, Stored]:
    """Read the reference outputs of a part, by number of the cell; none if there is no file."""
    if not path.exists():
        return {}
    _, *pieces = _CELL.split(path.read_text(encoding="utf-8"))
    quads = zip(*[iter(pieces)] * 4, strict=True)
    return {int(n): Stored(title, mark, text.strip("\n")) for n, title, mark, text in quads}


def write(path: Path, part: str, cells: Mapping[int, Stored]) -> None:
    """Write the reference outputs of a part in the form that `read` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pieces = [f"What the cells of {part} print. Written by `make references`; read the diff.\n"]
    for number, cell in sorted(cells.items()):
        heading = f"=== Cell {number}: {cell.title} [{cell.digest}]"
        pieces.append("\n".join(filter(None, (heading, cell.text))) + "\n")
    path.write_text("\n".join(pieces), encoding="utf-8")
