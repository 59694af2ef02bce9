"""``nnkit homework validate``: what stops it is told in one line, with what to do."""

import copy
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnkit.course.homework import kernel, validate
from nnkit.course.homework.source import master, read
from nnkit.course.lectures import CourseError

from .course import ESSAY, HERE, MEAN, UNIT, nnkit

HOMEWORK = json.loads(nbformat.writes(master(read(HERE / "lectures/1_tiny/homework.md"))))


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


# Kernels


@pytest.mark.parametrize("end", ["import os; os._exit(1)", "import os; os.kill(os.getpid(), 9)"])
def test_a_kernel_that_dies_is_told_with_its_cell(tmp_path: Path, end: str, capfd) -> None:
    said = refusal(written(tmp_path, mean=end), capfd)
    assert "the kernel died in the cell mean or just before; run all cells in JupyterLab" in said


def test_of_a_cell_without_a_name_the_number_is_told(tmp_path: Path, capfd) -> None:
    def end(notebook: Any) -> None:
        cell = nbformat.v4.new_code_cell("import os; os._exit(1)", id="mine")
        notebook["cells"].insert(1, cell)

    assert "the kernel died in cell 2" in refusal(written(tmp_path, end), capfd)


def test_a_cell_that_cannot_be_interrupted_is_told(tmp_path: Path, monkeypatch, capfd) -> None:
    monkeypatch.setattr(kernel, "TIMEOUT", 1)
    loop = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)"
    file = written(tmp_path, mean=loop)
    assert nnkit("validate", file) == 1
    said = capfd.readouterr()
    assert "CellTimeoutError" in said.out or "no end within 1 s in the cell mean" in said.err
    assert "Traceback" not in said.err


KERNELS = {
    "absent": None,
    "removed": '{"argv": ["/absent/python", "-m", "ipykernel"], "display_name": "x"}',
    "dead": json.dumps({"argv": [sys.executable, "-c", "raise SystemExit"], "display_name": "x"}),
    "broken": "{",
}


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_that_does_not_start_is_told(
    name: str, tmp_path: Path, monkeypatch, capfd
) -> None:
    if text := KERNELS[name]:
        (tmp_path / "kernels" / name).mkdir(parents=True)
        (tmp_path / "kernels" / name / "kernel.json").write_text(text)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    spec = {"name": name, "display_name": "x", "language": "python"}
    file = written(tmp_path, lambda notebook: notebook["metadata"].update(kernelspec=spec))
    said = refusal(file, capfd)
    assert f"wants the kernel '{name}'" in said or "the kernel failed before the first cell" in said
    assert "Python 3" in said


# What the cells show


def test_only_errors_cost_marks(tmp_path: Path, capfd) -> None:
    loud = "import sys, warnings\nwarnings.warn('w')\nprint('a', file=sys.stderr)\n"
    answers = {"mean": loud + MEAN, "unit": UNIT, "essay_mean": ESSAY}
    assert nnkit("validate", written(tmp_path, **answers)) == 0
    assert "4 of 4 tests pass" in capfd.readouterr().out


@pytest.mark.parametrize(
    "value", ["100", "0.5", "object()", "type('A', (), {'_repr_html_': str})()"]
)
def test_a_test_that_ends_in_a_value_is_no_partial_mark(tmp_path: Path, value: str, capfd) -> None:
    file = written(tmp_path, mean=MEAN, unit=UNIT, essay_mean=ESSAY, unit_test_1=value)
    assert nnkit("validate", file) == 1
    said = capfd.readouterr()
    assert said.out.splitlines()[0].startswith("unit_test_1: was edited")
    assert "4 of 4 tests pass" in said.out
    assert said.err == ""


# Files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no notebook: Notebook does not appear to be JSON"),
        (b"", "is no notebook: Notebook does not appear to be JSON"),
        (b"# A heading", "is no notebook: Notebook does not appear to be JSON"),
        (b"[" * 100_000, "is no notebook: maximum recursion depth"),
        (b"[]", "is no notebook"),
        (b"3", "is no notebook"),
        (b"{}", "is no notebook"),
        (b'{"cells": "\xe9"}', "is no notebook: 'utf-8' codec can't decode"),
        ("{}".encode("utf-16"), "is no notebook: 'utf-8' codec can't decode"),
        (nbformat.writes(nbformat.v4.new_notebook()).encode(), "holds no tests"),
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
    assert len(validate._read(file).cells) == len(HOMEWORK["cells"])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


ODD = st.sampled_from([None, True, -1, 1e400, "", "\ud800", "x", [], [None], {}, {"x": []}])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
        patch.setattr(validate, "run", lambda notebook, file: notebook)
        try:
            status = validate.validate(file)
        except CourseError as error:
            status = len(str(error).splitlines())
    assert status in (0, 1)
