"""What every lecture source must look like, read without running it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest

from tests.notebooks import outputs

ROOT = Path(__file__).parents[2]
REFERENCES = ROOT / "tests" / "notebooks" / "references"
# The finished parts with the topics that each opens, first and last.
TOPICS = {
    "18_architecture/1_neuron": ("18.1", "18.8"),
    "18_architecture/2_activations": ("18.9", "18.10"),
    "18_architecture/3_outputs_and_losses": ("18.11", "18.17"),
    "18_architecture/4_metrics": ("18.18", "18.18"),
    "18_architecture/5_optimizers": ("18.19", "18.19"),
    "18_architecture/6_weight_space_and_gradients": ("18.20", "18.23"),
    "18_architecture/7_approximation_and_representations": ("18.24", "18.26"),
    "18_architecture/8_hypernetworks": ("18.27", "18.28"),
    "19_regularization/1_generalization": ("19.1", "19.5"),
    "19_regularization/2_architecture_constraints": ("19.6", "19.10"),
    "19_regularization/3_weight_penalties": ("19.11", "19.15"),
    "19_regularization/4_transfer_and_early_stopping": ("19.16", "19.18"),
    "19_regularization/5_noise_and_augmentation": ("19.19", "19.21"),
    "19_regularization/5b_text_and_speech": ("19.22", "19.23"),
    "19_regularization/5c_rules_and_equivariance": ("19.24", "19.25"),
    "19_regularization/6_dropout": ("19.26", "19.30"),
    "19_regularization/7_pruning": ("19.31", "19.34"),
    "19_regularization/8_together": ("19.35", "19.35"),
}

SLIDES = {"slide", "subslide"}  # what puts a new page on the screen
CODE_LINES = 15
TAGS = {"remove_input", "nbval-ignore-output", "raises-exception"}
PARTS = sorted((ROOT / "lectures").glob("*/[0-9]*.md"))
HOMEWORK = sorted((ROOT / "lectures").glob("*/homework.md"))
part = pytest.mark.parametrize("path", PARTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
source = pytest.mark.parametrize(
    "path", PARTS + HOMEWORK, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


@cache
def cells(path: Path) -> list[Any]:
    return list(jupytext.read(path).cells)


def slide_type(cell: Any) -> str:
    return str(cell.metadata.get("slideshow", {}).get("slide_type", "none"))


def topics(path: Path) -> list[str]:
    return [t for cell in cells(path) for t in cell.metadata.get("topic", "").split()]


def numbered(first: str, last: str) -> list[str]:
    """The ids from first to last: 18.1, 18.2, …"""
    lecture, _, start = first.partition(".")
    return [f"{lecture}.{n}" for n in range(int(start), int(last.partition(".")[2]) + 1)]


def round_trip(text: str) -> str:
    """From Markdown to a notebook file and back, as when JupyterLab opens and saves it."""
    stored = nbformat.writes(jupytext.reads(text, fmt="md"))
    return str(jupytext.writes(nbformat.reads(stored, as_version=4), fmt="md"))


def test_the_finished_parts_are_there() -> None:
    names = {f"{path.parent.name}/{path.stem}" for path in PARTS}
    assert names == set(TOPICS), "enter a new part with its topics in TOPICS"


def test_a_lecture_holds_parts_and_homework_only() -> None:
    assert sorted((ROOT / "lectures").glob("*/*.md")) == sorted(PARTS + HOMEWORK)


@source
def test_a_round_trip_changes_nothing(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    stamp = re.search(r"^ +jupytext_version: .*\n", text, re.MULTILINE)
    assert stamp, "jupytext notes its version in the header; save the part once in JupyterLab"
    # The stamp names the jupytext that saved last; nothing else may differ.
    assert round_trip(text).replace(_stamp(round_trip(text)), stamp[0]) == text


def _stamp(text: str) -> str:
    found = re.search(r"^ +jupytext_version: .*\n", text, re.MULTILINE)
    assert found
    return found[0]


@part
def test_topics_come_complete_and_in_order(path: Path) -> None:
    first_and_last = TOPICS[f"{path.parent.name}/{path.stem}"]
    assert topics(path) == numbered(*first_and_last)
    assert path.parent.name.startswith(first_and_last[0].partition(".")[0] + "_")


@part
def test_each_topic_is_proved_before_the_next_opens(path: Path) -> None:
    proved: dict[str, bool] = {}
    topic = ""
    for cell in cells(path):
        topic = cell.metadata.get("topic", topic)
        claim = cell.cell_type == "code" and re.search(r"^\s*assert ", cell.source, re.MULTILINE)
        proved[topic] = proved.get(topic, False) or bool(claim)
    proved.pop("", None)
    assert all(proved.values()), f"no claim is asserted: {[t for t in proved if not proved[t]]}"


@part
def test_every_cell_says_what_it_is_on_the_slides(path: Path) -> None:
    for cell in cells(path):
        opens = {"none"} if cell.cell_type == "code" else SLIDES  # code belongs to the slide above
        allowed = {*opens, "fragment", "skip"}
        assert slide_type(cell) in allowed, f"{slide_type(cell)!r} in {allowed}: {cell.source[:60]}"
        unknown = set(cell.metadata) - {"slideshow", "topic", "tags", "jupyter"}
        unknown |= set(cell.metadata.get("tags", [])) - TAGS
        assert not unknown, f"unknown metadata {unknown}: {cell.source[:60]}"
        if "topic" in cell.metadata:
            assert slide_type(cell) in SLIDES, f"a topic opens no slide: {cell.source[:60]}"


@part
def test_a_slide_has_one_title_that_stands_for_itself(path: Path) -> None:
    titles = []
    for cell in cells(path):
        if slide_type(cell) in SLIDES:
            headings = re.findall(r"^#+ +(.*)$", cell.source, re.MULTILINE)
            assert len(headings) == 1, f"{headings} in {cell.source[:60]}"
            assert cell.source.startswith("#"), f"the title comes first: {cell.source[:60]}"
            titles += headings
    numbers = [t for t in titles if re.match(r"(slide|part|topic|figure)?\W*\d+[.:)]", t, re.I)]
    assert not numbers, f"a title says what the slide shows, not its number: {numbers}"
    assert len(titles) == len(set(titles)), "two slides have the same title"


@part
def test_code_on_a_slide_is_short(path: Path) -> None:
    for cell in cells(path):
        lines = cell.source.count("\n") + 1
        if cell.cell_type == "code" and slide_type(cell) != "skip":
            assert lines <= CODE_LINES, f"{lines} lines; move some to nnkit: {cell.source[:60]}"


@part
def test_the_reference_belongs_to_this_source(path: Path) -> None:
    stored = outputs.read(REFERENCES / path.parent.name / f"{path.stem}.txt")
    sources = [cell.source for cell in cells(path) if cell.cell_type == "code"]
    assert outputs.digests(sources) == list(stored), (
        "the cells have changed or moved since the references were stored: "
        "run `make references` and read the diff"
    )


def test_no_reference_is_left_of_a_part_that_is_gone() -> None:
    stored = {path.relative_to(REFERENCES).with_suffix("") for path in REFERENCES.glob("*/*")}
    assert stored == {path.relative_to(ROOT / "lectures").with_suffix("") for path in PARTS}
