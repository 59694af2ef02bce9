"""``nnkit homework validate``: what stops it is told in one line, with what to do."""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader.preprocessors import ClearHiddenTests

from nnkit.course.homework import marks, validate
from nnkit.course.homework.enclose import Enclose, enclosed
from nnkit.course.homework.grader import grade_notebook
from nnkit.course.homework.source import master, read
from nnkit.course.homework.transplant import transplant
from nnkit.course.lectures import CourseError
from tests import systems

from .course import ESSAY, HERE, MEAN, UNIT, nnkit


def homework() -> Any:
    """The homework as students get it."""
    notebook = master(read(HERE / "lectures/1_tiny/homework.md"))
    for step in (ClearHiddenTests(), Enclose()):
        notebook, _ = step.preprocess(notebook, {})
    return json.loads(nbformat.writes(notebook))


HOMEWORK = homework()


def written(folder: Path, change: Any = None, **answers: str) -> Path:
    """Write the homework with some of its cells replaced, and with another change."""
    notebook = copy.deepcopy(HOMEWORK)
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(grade_id, cell["source"])
    if change:
        change(notebook)
    (folder / "a.ipynb").write_text(json.dumps(notebook), "utf-8")
    return folder / "a.ipynb"


def refusal(file: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """Validate what must be refused; give the one line that says why."""
    assert nnkit("validate", file) == 1
    said = capfd.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(f"nnkit homework: {file}")
    return line


# What the cells show


def test_only_errors_cost_marks(tmp_path: Path, capfd) -> None:
    loud = "import sys, warnings\nwarnings.warn('w')\nprint('a', file=sys.stderr)\n"
    answers = {"mean": loud + MEAN, "unit": UNIT, "essay_mean": ESSAY}
    assert nnkit("validate", written(tmp_path, **answers)) == 0
    assert "4 of 4 tests pass" in capfd.readouterr().out


def test_what_is_broken_or_left_out_is_named(tmp_path: Path, capfd) -> None:
    def change(notebook: Any) -> None:
        cells = notebook["cells"]
        cells[:] = [c for c in cells if "unit_test_2" not in str(c["metadata"])]  # a test deleted
        cells.append(nbformat.v4.new_code_cell("helper = 3"))

    answers = {"mean": "def mean(", "unit": "def unit(x): return helper", "unit_test_1": "pass"}
    assert nnkit("validate", written(tmp_path, change, **answers)) == 1
    said = capfd.readouterr().out.splitlines()
    assert said[0].startswith("mean: SyntaxError: ")
    assert "mean_test_1: NameError: name 'mean' is not defined" in said
    assert (
        "unit_test_1: was edited; when it counts, the teacher's own is run, as it was now" in said
    )
    assert "unit_test_2: NameError: name 'helper' is not defined" in said
    assert "essay_mean: not answered yet" in said
    assert "code cells of your own are not handed in: 'helper = 3'; what" in said[-2]
    assert said[-1] == "0 of 4 tests pass; hidden ones follow when it is graded"


def test_a_worker_that_dies_costs_its_tests_alone(tmp_path: Path, capfd) -> None:
    answers = {"mean": "import os\ndef mean(x): os._exit(1)", "unit": UNIT, "essay_mean": ESSAY}
    assert nnkit("validate", written(tmp_path, **answers)) == 1
    said = capfd.readouterr().out.splitlines()
    assert said[:-1] == [f"mean_test_{i}: NoAnswer: the process died" for i in (1, 2)]


ANSWERS = {  # of `mean`, honest or not
    "right": MEAN,
    "wrong": "def mean(values): return values[0]",
    "a magic": f"%matplotlib inline\n{MEAN}\nmean?",
    "display": f"display(3)\n{MEAN}",
    "a file beside the notebook": f"open('data.csv').read()\n{MEAN}",
    "a lambda": "mean = lambda values: sum(values) / len(values)",
    "a callable object": "class Mean:\n    def __call__(self, v): return sum(v) / len(v)\n"
    "mean = Mean()",
    "a number that equals everything": "class Any(float):\n    __eq__ = lambda *_: True\n"
    "def mean(values): return Any()",
    "half a function": "def mean(",
    "the end": "import os\nos._exit(0)",
}


@systems.sandboxed
@pytest.mark.usefixtures("sandbox")
def test_validating_and_grading_are_one_judgement(tmp_path: Path) -> None:
    data = "1,2"
    (tmp_path / "data.csv").write_text(data)
    for title, answer in ANSWERS.items():
        file = written(tmp_path, mean=answer)
        notebook = json.loads(file.read_text("utf-8"))
        release = enclosed(notebook)
        here = grade_notebook(release, notebook, limits=None)
        there = grade_notebook(release, notebook)
        assert marks.lost_marks(here) == marks.lost_marks(there), title
        assert [c.get("outputs") for c in here.cells] == [c.get("outputs") for c in there.cells]


# Files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no notebook: "),
        (b"", "is no notebook: "),
        (b"# A heading", "is no notebook: "),
        (b"[" * 100_000, "is no notebook: maximum recursion depth"),
        (b"[]", "does not hold the homework as it was released"),
        (b"3", "does not hold the homework as it was released"),
        (b"{}", "does not hold the homework as it was released"),
        (b'{"cells": "\xe9"}', "is no notebook: 'utf-8' codec can't decode"),
        ("{}".encode("utf-16"), "is no notebook: 'utf-8' codec can't decode"),
        (nbformat.writes(nbformat.v4.new_notebook()).encode(), "does not hold the homework"),
    ],
    ids=["half", "empty", "text", "deep", "list", "number", "dict", "latin", "utf-16", "another"],
)
def test_a_file_that_is_no_homework_is_refused(tmp_path, content, message, capfd) -> None:
    (tmp_path / "a.ipynb").write_bytes(content)
    said = refusal(tmp_path / "a.ipynb", capfd)
    assert message in said
    assert "a file that ends in .ipynb" in said or "the homework as it was released" in said


def test_what_is_no_file_is_refused(tmp_path: Path, capfd) -> None:
    assert "does not exist; give" in refusal(tmp_path / "absent.ipynb", capfd)
    assert "is no file; give" in refusal(tmp_path, capfd)
    if hasattr(os, "mkfifo"):  # not on Windows
        (tmp_path / "loop.ipynb").symlink_to("loop.ipynb")
        os.mkfifo(tmp_path / "pipe.ipynb")
        assert "does not exist; give" in refusal(tmp_path / "loop.ipynb", capfd)
        assert "is no file; give" in refusal(tmp_path / "pipe.ipynb", capfd)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch, capfd) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    file = written(tmp_path)
    monkeypatch.setattr(Path, "read_text", forbidden)  # root may read anything
    assert "Permission denied; give" in refusal(file, capfd)


def test_a_byte_order_mark_harms_nothing(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert validate._read(file) == HOMEWORK


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


def judged(release: Any, theirs: Any) -> Any:
    """Like `grade_notebook`, but nothing is run."""
    graft = transplant(release, theirs)
    for cell in graft.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    return graft


ODD = st.sampled_from([None, True, -1, 1e400, "", "\ud800", "x", [], [None], {}, {"x": []}])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(places(HOMEWORK))), ODD, st.booleans())
def test_a_damaged_notebook_is_refused_or_judged(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], odd: Any, gone: bool
) -> None:
    def damage(notebook: Any) -> None:
        *above, last = place
        for key in above:
            notebook = notebook[key]
        if gone:
            del notebook[last]
        else:
            notebook[last] = odd

    file = written(tmp_path_factory.getbasetemp(), damage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            validate, "grade_notebook", lambda release, theirs, **_: judged(release, theirs)
        )
        try:
            status = validate.validate(file)
        except CourseError as error:
            status = len(str(error).splitlines())
    assert status in (0, 1)
