"""A core fits ninety minutes, a part forty-five: by its slides' times, and its notes read aloud."""

import re
from typing import Any

import pytest

from nnkit.course.core import Core, cores
from nnkit.course.lectures import Part, find_parts
from nnkit.course.reading import NOTES, read, slide_type
from nnkit.course.slides import core_of, minutes, of_part, opener, slides_of
from tests.notebooks.test_sources import ROOT

WORDS = 130  # a minute, read aloud
LIMITS = {Core: 90, Part: 45}
PARTS = find_parts([ROOT / "lectures"])
CORES = cores(PARTS)
deck = pytest.mark.parametrize("deck", [*PARTS, *CORES], ids=lambda deck: deck.name)
core = pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
# What leans on the slide before or after, which may be left out; by its heading it can be found.
LEANS = re.compile(
    r"\b(?:next|previous|last|earlier|following|preceding) (?:slide|cell|figure|page)s?\b"
    r"|\b(?:slide|cell|figure)s? (?:above|before|below)\b|\]\((?:#|[^)\s]*\.(?:md|ipynb|html))",
    re.IGNORECASE,
)


def slides(deck: Part) -> list[list[Any]]:
    if isinstance(deck, Core):
        return [slide for part in deck.parts for slide in core_of(read(part))]
    return slides_of(of_part(read(deck)))


def notes(slide: list[Any]) -> str:
    return "\n".join(cell.source for cell in slide if slide_type(cell) == NOTES)


@deck
def test_it_ends_in_time(deck: Part) -> None:
    planned, limit = minutes(slides(deck)), LIMITS[type(deck)]
    assert planned <= limit, f"{planned:g} minutes are planned; cut or split what is longer"


@deck
def test_its_notes_read_aloud_end_in_time(deck: Part) -> None:
    words = sum(len(notes(slide).split()) for slide in slides(deck))
    assert words / WORDS <= LIMITS[type(deck)], f"{words} words"


@core
def test_the_core_opens_with_a_title_of_its_own(core: Core) -> None:
    first, *rest = slides(core)
    assert opener(first).source.startswith("# ")
    assert not any(opener(slide).source.startswith("# ") for slide in rest), "a part's title"


@core
def test_nothing_in_the_core_leans_on_a_slide_that_may_be_left_out(core: Core) -> None:
    found = {
        opener(slide).source.split("\n")[0]: told[0]
        for slide in slides(core)
        for cell in slide
        if cell.cell_type == "markdown" and (told := LEANS.search(cell.source))
    }
    assert not found


@deck
def test_a_slide_has_one_cell_of_notes_and_it_comes_last(deck: Part) -> None:
    for slide in slides(deck):
        kinds = [slide_type(cell) for cell in slide if slide_type(cell) != "skip"]
        assert NOTES not in kinds[:-1], opener(slide).source.split("\n")[0]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_each_of_its_topics_has_notes(part: Part) -> None:
    told: dict[str, bool] = {}
    for topic, slide in _with_topics(part):
        told[topic] = told.get(topic, False) or bool(notes(slide))
    told.pop("", None)
    assert all(told.values()), told


def _with_topics(part: Part) -> list[tuple[str, list[Any]]]:
    """Each slide with the topic that it belongs to, which may have opened some slides before."""
    found, topic = [], ""
    for slide in slides(part):
        topic = opener(slide).metadata.get("topic", topic)
        found.append((topic, slide))
    return found
