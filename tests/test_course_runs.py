"""Kept runs: used while all that they stand on is as it was, and never otherwise."""

import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nnkit.course import cli, execute, reading, runs
from nnkit.course.lectures import CourseError, Part

NNKIT = Path(runs.__file__).parents[1]
PART = """\
---
jupyter:
  kernelspec: {display_name: P, language: python, name: python3}
---

<!-- #region slideshow={"slide_type": "slide"} -->
# Good
<!-- #endregion -->

```python
print(1)
```
"""


class Course:
    """A course of one part in a folder of its own; counts how often it is run."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "lectures/1_tiny/1_good.md"
        self.source.parent.mkdir(parents=True)
        self.source.write_text(PART, encoding="utf-8")
        self.library = folder / "nnkit"
        (self.library / "course").mkdir(parents=True)
        (self.library / "data/stored/x").mkdir(parents=True)
        self.kept = folder / "build/runs/1_tiny/1_good.ipynb"
        self.count = 0

    def execute(self, part: Part) -> Any:
        """Instead of a kernel: it would print how often it was run."""
        self.count += 1
        notebook = reading.read(part)
        output = nbformat.v4.new_output("stream", name="stdout", text=f"{self.count}\n")
        notebook.cells[1].outputs = [output]
        execute.settle(notebook, seconds=1.0)
        return notebook

    def shown(self) -> str:
        return str(runs.executed(self.source).cells[1].outputs[0].text)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.chdir(tmp_path)
    course = Course(tmp_path)
    monkeypatch.setattr(execute, "execute", course.execute)
    monkeypatch.setattr(runs, "NNKIT", course.library)
    monkeypatch.setattr(runs, "COURSE", course.library / "course")
    return course


def test_a_part_is_run_once(course: Course) -> None:
    first, second = runs.executed(course.source), runs.executed(course.source)
    assert course.count == 1
    assert first == second
    assert first.metadata.nnkit.seconds == 1.0
    assert course.kept.is_file()
    assert [file.name for file in course.kept.parent.iterdir()] == ["1_good.ipynb"]


def test_a_kept_run_is_a_notebook_for_others_to_open(course: Course) -> None:
    runs.executed(course.source)
    nbformat.validate(nbformat.read(course.kept, as_version=4))


def new_text(course: Course, _: pytest.MonkeyPatch) -> None:
    course.source.write_text(PART + "\nMore.\n", encoding="utf-8")


def new_file_beside(course: Course, _: pytest.MonkeyPatch) -> None:
    course.source.with_name("points.csv").write_text("1, 2", encoding="utf-8")


def another_package(_: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    class Newer:
        name, version = "torch", "99.0"

    monkeypatch.setattr(runs, "_installed", lambda: [Newer])
    runs._surroundings.cache_clear()
    monkeypatch.setattr(runs, "_surroundings", runs._surroundings.__wrapped__)


def another_processor(_: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setattr(runs, "_surroundings", runs._surroundings.__wrapped__)


@pytest.mark.parametrize("change", [new_text, new_file_beside, another_package, another_processor])
def test_what_it_stands_on_runs_it_anew(
    course: Course, monkeypatch: pytest.MonkeyPatch, change: Callable[..., None]
) -> None:
    assert course.shown() == "1\n"
    change(course, monkeypatch)
    assert course.shown() == "2\n"
    assert course.shown() == "2\n"


def test_a_package_that_is_found_twice_does_not_run_it_anew(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the course itself is by what is started with its folder on the path, such as pytest."""
    installed = list(runs._installed())
    monkeypatch.setattr(runs, "_surroundings", runs._surroundings.__wrapped__)
    assert course.shown() == "1\n"
    monkeypatch.setattr(runs, "_installed", lambda: [*installed, installed[0]])
    assert course.shown() == "1\n"


def test_packages_that_a_process_carries_do_not_run_it_anew(
    course: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """JupyterLab's server finds those within setuptools, and would not find the run."""
    carried = tmp_path / "vendor" / "carried-1.0.dist-info"
    carried.mkdir(parents=True)
    (carried / "METADATA").write_text("Name: carried\nVersion: 1.0\n", encoding="utf-8")
    monkeypatch.setattr(runs, "_surroundings", runs._surroundings.__wrapped__)
    assert course.shown() == "1\n"
    monkeypatch.syspath_prepend(carried.parent)
    assert course.shown() == "1\n"


def test_a_file_beside_it_that_changes_or_goes_runs_it_anew(course: Course) -> None:
    data = course.source.with_name("points.csv")
    for count, text in enumerate(("1, 2", "1, 3", "1,3"), start=1):
        data.write_text(text, encoding="utf-8")
        assert course.shown() == f"{count}\n"
    data.rename(data.with_name("dots.csv"))
    assert course.shown() == "4\n"


@pytest.mark.parametrize("name", ["2_next.md", "homework.md", "1_good.ipynb", "module.pyc"])
def test_what_it_does_not_read_does_not_run_it_anew(course: Course, name: str) -> None:
    assert course.shown() == "1\n"
    course.source.with_name(name).write_text("another", encoding="utf-8")
    assert course.shown() == "1\n"


def test_each_file_of_the_library_counts_and_none_of_the_other_tools() -> None:
    counted = {path.relative_to(NNKIT).as_posix() for path in runs._library()}
    sources = {path.relative_to(NNKIT).as_posix() for path in NNKIT.rglob("*.py")}
    stored = {path for path in NNKIT.rglob("stored/*/*") if path.is_file()}
    assert {name for name in sources if not name.startswith("course/")} <= counted
    assert {path.relative_to(NNKIT).as_posix() for path in stored} <= counted
    assert "plots/course.mplstyle" in counted
    tools = {name for name in counted if name.startswith("course/")}
    assert tools == {"course/execute.py", "course/runs.py"}


def test_a_part_uses_none_of_the_tools_that_do_not_count() -> None:
    lectures = list((NNKIT.parent / "lectures").glob("*/*.md"))
    library = [path for path in NNKIT.rglob("*.py") if not path.is_relative_to(NNKIT / "course")]
    imports = re.compile(r"^\s*(from|import) nnkit(\.| import )course\b", re.MULTILINE)
    assert lectures
    assert not [path for path in lectures + library if imports.search(path.read_text("utf-8"))]


@pytest.mark.parametrize(
    ("name", "count"),
    [("models.py", 2), ("data/stored/x/x.npz", 2), ("course/decks.py", 1), ("models.pyc", 1)],
)
def test_a_change_of_the_library_runs_all_parts_anew(course: Course, name: str, count: int) -> None:
    (course.library / name).write_text("old", encoding="utf-8")
    assert course.shown() == "1\n"
    (course.library / name).write_text("new", encoding="utf-8")
    assert course.shown() == f"{count}\n"


def test_a_part_that_changes_while_it_runs_is_not_kept(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute_and_edit(part: Part) -> Any:
        ran = course.execute(part)
        if course.count == 1:
            course.source.write_text(PART + "\nMore.\n", encoding="utf-8")
        return ran

    monkeypatch.setattr(execute, "execute", execute_and_edit)
    assert course.shown() == "1\n"
    assert not course.kept.exists()
    assert course.shown() == "2\n"
    assert course.shown() == "2\n"


def test_a_part_that_fails_leaves_nothing(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(part: Part) -> Any:
        raise CourseError(f"{part.path}: cell 2 raises")

    monkeypatch.setattr(execute, "execute", fail)
    with pytest.raises(CourseError, match="cell 2 raises"):
        course.shown()
    assert not course.kept.exists()


# Nothing that somebody has written by hand is taken for a run


VALUES = [None, 2, "2\n", ["2\n"], {}]


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_run_that_was_edited_is_none(course: Course, data: st.DataObject) -> None:
    part = Part(course.source)
    runs.executed(course.source)
    kept = json.loads(course.kept.read_text("utf-8"))
    places = [(node, name) for node in nodes(kept) for name in node]
    node, name = data.draw(st.sampled_from(places))
    value = data.draw(st.sampled_from(VALUES))
    assume(value != node[name])
    node[name] = value
    course.kept.write_text(json.dumps(kept), encoding="utf-8")
    found = runs.find(part, runs.key(part))
    assert found is None, f"{name} is now {node[name]!r}"


def nodes(tree: Any) -> list[dict[str, Any]]:
    """Every table in a JSON document."""
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    below = [node for value in inner for node in nodes(value)]
    return [tree, *below] if isinstance(tree, dict) else below


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'{"cells": []}', b"\xff", b"no JSON", b"[" * 99999]
)
def test_what_is_no_notebook_is_no_run(course: Course, content: bytes) -> None:
    course.kept.parent.mkdir(parents=True)
    course.kept.write_bytes(content)
    assert course.shown() == "1\n"
    assert course.shown() == "1\n"


def test_a_run_of_another_part_is_none(course: Course) -> None:
    other = course.source.with_name("2_other.md")
    other.write_text(PART.replace("Good", "Other"), encoding="utf-8")
    runs.executed(other)
    course.kept.with_name("2_other.ipynb").rename(course.kept)
    assert course.shown() == "2\n"


def test_what_is_kept_is_what_the_kernel_said(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    course = Course(tmp_path)
    first = runs.executed(course.source)
    inode = os.stat(course.kept).st_mtime_ns
    assert runs.executed(course.source) == first
    assert os.stat(course.kept).st_mtime_ns == inode
    cell = first.cells[1]
    assert (cell.execution_count, cell.outputs[0].text) == (1, "1\n")


# The notebooks to hand out


def test_notebooks_are_written_with_outputs_and_the_files_they_read(course: Course) -> None:
    course.source.with_name("points.csv").write_text("1, 2", encoding="utf-8")
    course.source.with_name("homework.md").write_text("solutions", encoding="utf-8")
    assert cli.main(["notebooks"]) == 0
    with zipfile.ZipFile("build/notebooks.zip") as archive:
        assert archive.namelist() == ["1_tiny/1_good.ipynb", "1_tiny/points.csv"]
        notebook = nbformat.reads(archive.read("1_tiny/1_good.ipynb").decode(), as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[1].outputs[0].text == "1\n"
    assert "nnkit" not in notebook.metadata
    assert cli.main(["notebooks", "--out", "again.zip"]) == 0
    assert course.count == 1, "it was run again"
    assert Path("again.zip").read_bytes()


def test_a_part_that_fails_is_told_and_nothing_is_written(
    course: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(part: Part) -> Any:
        raise CourseError(f"{part.path}: cell 2 raises")

    monkeypatch.setattr(execute, "execute", fail)
    assert cli.main(["notebooks"]) == 1
    assert "1_good.md: cell 2 raises" in capsys.readouterr().err
    assert not Path("build/notebooks.zip").exists()


def test_two_parts_of_one_name_are_not_one_notebook(course: Course, capsys: Any) -> None:
    other = course.source.parents[1] / "old" / "1_tiny" / "1_good.md"
    other.parent.mkdir(parents=True)
    other.write_text(PART, encoding="utf-8")
    assert cli.main(["notebooks"]) == 1
    assert "would be a second 1_tiny/1_good.ipynb" in capsys.readouterr().err
