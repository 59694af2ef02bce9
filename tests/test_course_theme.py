"""The theme loads nothing, has one source of colours, and code that can be told from its ground."""

import re

import pytest

from nnkit.course.theme import FACES, HERE, stylesheet
from nnkit.plots.style import INK, PALETTE, PAPER


def rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def mix(share: float) -> list[float]:
    """Ink in paper, as ``color-mix(in srgb, var(--ink) share, var(--paper))``."""
    return [share * i + (1 - share) * p for i, p in zip(rgb(INK), rgb(PAPER), strict=True)]


def contrast(a: list[float], b: list[float]) -> float:
    """The ratio of WCAG 2."""
    linear = (
        [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in x] for x in (a, b)
    )
    low, high = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in linear)
    return (high + 0.05) / (low + 0.05)


def share(name: str) -> float:
    content = (HERE / "content.css").read_text("utf-8")
    found = re.search(rf"--{name}: color-mix\(in srgb, var\(--ink\) (\d+)%", content)
    assert found
    return int(found[1]) / 100


@pytest.mark.parametrize("sheet", ["deck", "lab", "index"])
def test_a_style_sheet_loads_nothing(sheet: str) -> None:
    css = stylesheet(sheet)
    assert set(re.findall(r"url\(\"?(\w+):", css)) == {"data"}
    assert len(re.findall(r"url\(", css)) == len(FACES) + 2  # and the motif, the pointer
    assert "@import" not in css


def test_colours_are_those_of_the_figures() -> None:
    css = stylesheet("deck")
    for name, colour in PALETTE.items():
        assert f"--{name.lower()}: {colour};" in css


def test_every_variable_that_is_used_is_defined() -> None:
    for sheet in ("deck", "lab"):
        css = stylesheet(sheet)
        defined = set(re.findall(r"(--[\w-]+)\s*:", css))
        used = set(re.findall(r"var\((--[\w-]+)\)", css))
        assert used <= defined


def test_code_stands_out_from_its_ground() -> None:
    code = (HERE / "code.css").read_text("utf-8")
    for name, colour in re.findall(r"--jp-mirror-editor-([\w-]+): ([^;]+);", code):
        named = re.fullmatch(r"var\(--(\w+)\)", colour)
        value = PALETTE[named[1].upper()] if named else colour
        assert contrast(rgb(value), mix(share("soft"))) >= 4.5, name


def test_quiet_text_stands_out_from_paper() -> None:
    assert contrast(mix(share("quiet")), rgb(PAPER)) >= 4.5
