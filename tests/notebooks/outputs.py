"""What a notebook cell shows, as text that can be stored, read in a diff and compared."""

import hashlib
import math
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.notebooks import figures
from tests.notebooks.html_text import text_of_html

DIGITS = 1e-4  # relative: another processor may round a float differently beyond its fourth digit
ROUNDING = 1e-6  # absolute: what is smaller is the rounding error of float32, different everywhere

LIVE = "application/vnd.jupyter.widget-view+json"
ON_DEMAND = figures.MARK + "drawn as it is asked for"
_NUMBER = re.compile(r"(?<![\w.])[-−+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_MARKS = re.compile(
    r"(?P<look>.*): (?P<marks>\d+) of (?P<points>\d+) points(?P<places>(?: \(-?\d+, -?\d+\))*)"
)
_COLOUR = re.compile(r"#([0-9a-f]{6})\b")
_TRAINING = re.compile(r"\b(?:fit|sweep|backward|step)\(")
_CELL = re.compile(r"^=== (.*) \[(\w{8}(?:, again)*)\]$", re.MULTILINE)


@dataclass(frozen=True)
class Stored:
    """The reference output of one cell: the name of its test, and the text."""

    name: str
    text: str


def digests(sources: Sequence[str]) -> list[str]:
    """Name each cell of a notebook by its source, in eight digits, so that a change is noticed.

    Cells may move without a new name. One whose source has come before is that one, "again".
    """
    names: list[str] = []
    for source in sources:
        name = hashlib.sha256(source.strip().encode()).hexdigest()[:8]
        while name in names:
            name += ", again"
        names.append(name)
    return names


def text_of(outputs: Sequence[Mapping[str, Any]]) -> str:
    """Give the text a reader sees: prints, values, tables, and the alt texts of pictures."""
    lines = "\n".join(filter(None, map(_text, outputs))).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _text(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        return str(output["text"])
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    data, metadata = output["data"], output.get("metadata", {})
    plain, html = data.get("text/plain", ""), data.get("text/html", "")
    if '<figure class="explore"' in html:
        return f"[widget] {plain}\n{figures.text_of_slider(html)}"
    if LIVE in data and plain.startswith("explore("):
        return f"[widget] {plain}\n{ON_DEMAND}"
    if html:
        return text_of_html(html)
    for kind in ("image/png", "image/jpeg", "image/svg+xml"):
        if kind in data:
            alt = metadata.get(kind, {}).get("alt", "without alt text")
            drawn = figures.text_of_png(data[kind]) if kind == "image/png" else ""
            return f"[image] {alt}\n{drawn}"
    for kind in ("text/markdown", "text/latex", "text/plain"):
        if kind in data:
            return str(data[kind])
    raise ValueError(f"an output of unknown kind: {sorted(data)}; teach {__name__} to show it")


def trained(sources: Sequence[str]) -> list[bool]:
    """Tell of each cell whether it, or one before it in its notebook, trains something."""
    return list(accumulate((bool(_TRAINING.search(source)) for source in sources), operator.or_))


def agree(reference: str, text: str, *, trained: bool = False, seconds: bool = False) -> bool:
    """Tell whether two outputs say the same: equal words and integers, floats to four digits.

    A float that is printed with at most four digits must therefore be the same to the last one;
    unless it may come of training, in whose many steps the roundings of another processor grow:
    then the last printed digit may differ by one. What figures show is compared by `drawn_alike`;
    where they show measured seconds it is not.
    """
    (said, drawn), (said_now, drawn_now) = map(_told_and_drawn, (reference, text))
    if seconds or ON_DEMAND in text:  # only the sliders are there, no pictures
        return _same_text(said, said_now, trained)
    return (
        _same_text(said, said_now, trained)
        and len(drawn) == len(drawn_now)
        and all(drawn_alike(a, b, trained) for a, b in zip(drawn, drawn_now, strict=True))
    )


def _told_and_drawn(text: str) -> tuple[str, list[str]]:
    lines = text.splitlines()
    drawn = [line.removeprefix(figures.MARK) for line in lines if line.startswith(figures.MARK)]
    return "\n".join(line for line in lines if not line.startswith(figures.MARK)), drawn


def drawn_alike(reference: str, line: str, trained: bool = False) -> bool:
    """Tell whether two lines of a figure's description say the same, places to a percent.

    What comes of training may lie elsewhere by a tenth of the axes.
    """
    marks, now = _MARKS.fullmatch(reference), _MARKS.fullmatch(line)
    if marks is None or now is None:
        return _same_text(reference, line, trained)
    near = 10 if trained else 1
    places = [[*map(int, _NUMBER.findall(found["places"]))] for found in (marks, now)]
    return (
        _look_alike(marks["look"], now["look"])
        and marks.group("marks", "points") == now.group("marks", "points")
        and len(places[0]) == len(places[1])
        and all(abs(a - b) <= near for a, b in zip(*places, strict=True))
    )


def _look_alike(reference: str, look: str) -> bool:
    """Whether marks are of one kind, and of one colour but for rounding."""
    if _COLOUR.sub("#", reference) != _COLOUR.sub("#", look):
        return False
    pairs = zip(_COLOUR.findall(reference), _COLOUR.findall(look), strict=True)
    parts = (zip(bytes.fromhex(a), bytes.fromhex(b), strict=True) for a, b in pairs)
    return all(abs(a - b) <= 2 for pair in parts for a, b in pair)


def _same_text(reference: str, text: str, trained: bool) -> bool:
    if _words(reference) != _words(text):
        return False
    pairs = zip(_NUMBER.findall(reference), _NUMBER.findall(text), strict=True)
    return all(_same_number(a, b) or (trained and _neighbours(a, b)) for a, b in pairs)


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


def _neighbours(a: str, b: str) -> bool:
    """Whether two floats differ by one in the last digit printed; one without decimals is exact."""
    if not all(re.search(r"\.\d", number) for number in (a, b)):
        return False
    x, y = (Decimal(number.replace("−", "-")) for number in (a, b))
    unit = min(int(number.as_tuple().exponent) for number in (x, y))
    return abs(x - y) <= Decimal(1).scaleb(unit)


def read(path: Path) -> dict[str, Stored]:
    """Read the reference outputs of a part, by the digest of the cell; none if there is no file."""
    if not path.exists():
        return {}
    _, *pieces = _CELL.split(path.read_text(encoding="utf-8"))
    triples = zip(*[iter(pieces)] * 3, strict=True)
    return {digest: Stored(name, text.strip("\n")) for name, digest, text in triples}


def write(path: Path, part: str, cells: Mapping[str, Stored]) -> None:
    """Write the reference outputs of a part in the form that `read` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pieces = [f"What the cells of {part} print. Written by `make references`; read the diff.\n"]
    for digest, cell in cells.items():
        pieces.append("\n".join(filter(None, (f"=== {cell.name} [{digest}]", cell.text))) + "\n")
    path.write_text("\n".join(pieces), encoding="utf-8")
