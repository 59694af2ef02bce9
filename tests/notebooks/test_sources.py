"""What every lecture source must look like, read without running it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest

from tests.notebooks import outputs
from tests.notebooks.lectures import is_beside

ROOT = Path(__file__).parents[2]
REFERENCES = ROOT / "tests" / "notebooks" / "references"
# The finished parts with the topics that each opens, in the order of its slides.
TOPICS = {
    "18_architecture/1_neuron": "18.1–8",
    "18_architecture/2_activations": "18.9–10",
    "18_architecture/3_outputs_and_losses": "18.11–17",
    "18_architecture/4_metrics": "18.18 18.33",
    "18_architecture/5_optimizers": "18.19",
    "18_architecture/6_weight_space_and_gradients": "18.20–21 18.30 18.22–23 18.31",
    "18_architecture/7_approximation_and_representations": "18.24 18.32 18.25–26 18.29",
    "18_architecture/8_hypernetworks": "18.27–28",
    "19_regularization/1_generalization": "19.1–2 19.36 19.3 19.37 19.4–5",
    "19_regularization/2_architecture_constraints": "19.6–10",
    "19_regularization/3_weight_penalties": "19.11–15",
    "19_regularization/4_transfer_and_early_stopping": "19.16–17 19.38 19.18",
    "19_regularization/5_noise_and_augmentation": "19.19–21",
    "19_regularization/5b_text_and_speech": "19.22–23",
    "19_regularization/5c_rules_and_equivariance": "19.24–25",
    "19_regularization/6_dropout": "19.26–30 19.39",
    "19_regularization/7_pruning": "19.31–34 19.40",
    "19_regularization/8_together": "19.35",
}
# The standard name by which a reader looks for a topic: in its first title or the line after.
TERMS = {
    "18.1": "neuron", "18.2": "hyperplane", "18.3": "linear regression",
    "18.4": "logistic regression", "18.5": "multilayer perceptron", "18.6": "features",
    "18.7": "acyclic", "18.8": "hyperparameter", "18.9": "activation function",
    "18.10": "choice of activation", "18.11": "output head", "18.12": "regression loss",
    "18.13": "vector regression", "18.14": "maximum likelihood",
    "18.15": "binary cross-entropy", "18.16": "softmax", "18.17": "cross-entropy",
    "18.18": "metrics", "18.19": "gradient descent", "18.20": "weight symmetry",
    "18.21": "convex", "18.22": "vanishing gradient", "18.23": "exploding gradient",
    "18.24": "universal approximation", "18.25": "manifold", "18.26": "convolution",
    "18.27": "hypernetwork", "18.28": "hypernetwork", "18.29": "representation learning",
    "18.30": "backpropagation", "18.31": "debugging", "18.32": "deep",
    "18.33": "class imbalance", "19.1": "generalis", "19.2": "no free lunch",
    "19.3": "overfitting", "19.4": "lipschitz", "19.5": "regularisation",
    "19.6": "architecture", "19.7": "sparse connections", "19.8": "weight sharing",
    "19.9": "soft weight sharing", "19.10": "soft weight sharing", "19.11": "L2 and L1",
    "19.12": "weight decay", "19.13": "choosing λ", "19.14": "biases",
    "19.15": "layerwise", "19.16": "transfer learning", "19.17": "fine-tuning",
    "19.18": "early stopping", "19.19": "input noise", "19.20": "augmentation",
    "19.21": "image augmentation", "19.22": "text augmentation",
    "19.23": "speech augmentation", "19.24": "rules of augmentation",
    "19.25": "equivariance", "19.26": "ensemble", "19.27": "dropout",
    "19.28": "dropout at inference", "19.29": "dropout rate", "19.30": "dropconnect",
    "19.31": "pruning", "19.32": "prune", "19.33": "prune", "19.34": "quantisation",
    "19.35": "regularis", "19.36": "inductive bias", "19.37": "bias and variance",
    "19.38": "fine-tuning today", "19.39": "dropout today", "19.40": "distillation",
}  # fmt: skip

SLIDES = {"slide", "subslide"}  # what puts a new page on the screen
CODE_LINES = 15
METADATA = {"slideshow", "topic", "tags", "jupyter", "layout", "minutes", "blank"}
TAGS = {"nbval-ignore-output", "raises-exception", "shows-seconds", "core", "core-only"}
SOURCES = [path for path in sorted((ROOT / "lectures").glob("*/*.md")) if not is_beside(path)]
PARTS = [path for path in SOURCES if path.name[0].isdigit()]
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


def numbered(ids: str) -> list[str]:
    """The ids in "18.1–3 18.5": 18.1, 18.2, 18.3 and 18.5."""
    found = []
    for piece in ids.split():
        lecture, _, numbers = piece.partition(".")
        first, _, last = numbers.partition("–")
        found += [f"{lecture}.{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def round_trip(text: str) -> str:
    """From Markdown to a notebook file and back, as when JupyterLab opens and saves it."""
    stored = nbformat.writes(jupytext.reads(text, fmt="md"))
    return str(jupytext.writes(nbformat.reads(stored, as_version=4), fmt="md"))


def test_the_finished_parts_are_there() -> None:
    names = {f"{path.parent.name}/{path.stem}" for path in PARTS}
    assert names == set(TOPICS), "enter a new part with its topics in TOPICS"


def test_a_lecture_holds_parts_and_homework_only() -> None:
    assert sorted(PARTS + HOMEWORK) == SOURCES


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
    ids = TOPICS[f"{path.parent.name}/{path.stem}"]
    assert topics(path) == numbered(ids)
    assert all(path.parent.name.startswith(topic.split(".")[0] + "_") for topic in topics(path))


def test_every_topic_is_taught_in_one_part() -> None:
    taught = [topic for ids in TOPICS.values() for topic in numbered(ids)]
    assert sorted(taught) == sorted(TERMS), "enter a new topic in TERMS, with its standard name"


@part
def test_a_topic_is_found_by_its_name(path: Path) -> None:
    for cell in cells(path):
        first_lines = "\n".join(line for line in cell.source.splitlines() if line.strip())
        first_lines = "\n".join(first_lines.splitlines()[:2]).lower()
        for topic in cell.metadata.get("topic", "").split():
            assert TERMS[topic].lower() in first_lines, f"{topic} opens without {TERMS[topic]!r}"


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
        # code belongs to the slide above
        own = {"none"} if cell.cell_type == "code" else {*SLIDES, "notes"}
        allowed = {*own, "fragment", "skip"}
        assert slide_type(cell) in allowed, f"{slide_type(cell)!r} in {allowed}: {cell.source[:60]}"
        unknown = set(cell.metadata) - METADATA
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
