"""What there is to do on Windows: all but grading. See `windows`, which pretends to be there."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from .course import ESSAY, HERE, MEAN, NAME, UNIT, hand_in

SOURCE = (HERE / "lectures/1_tiny/homework.md").read_text("utf-8")


def nnkit(folder: Path, *commands: str) -> tuple[str, str]:
    """Run commands in a folder; give what they print, the status of each after it, and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.grading.windows", *commands],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A course folder with the homework released, and what was said."""
    course = tmp_path_factory.mktemp("windows") / "course"
    said, _ = nnkit(HERE, f"homework release 1 --course {shlex.quote(str(course))}")
    return course, said


def test_homework_is_released_all_the_same(released: tuple[Path, str]) -> None:
    course, said = released
    assert "without a sandbox" in said
    assert said.splitlines()[-1].startswith("0 homework release 1")
    notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "HIDDEN" not in text
    assert "sum(values)" not in text
    assert not [cell.outputs for cell in notebook.cells if cell.get("outputs")]


def test_a_reference_that_loses_marks_is_not_released(tmp_path: Path) -> None:
    homework = tmp_path / "lectures/1_tiny/homework.md"
    homework.parent.mkdir(parents=True)
    homework.write_text(SOURCE.replace("sum(values) / len(values)", "max(values)"), "utf-8")
    said, errors = nnkit(tmp_path, "homework release 1 --course course")
    assert said.splitlines()[-1].startswith("1 homework release 1")
    assert "the reference solution loses marks" in errors
    assert "mean_test_2: the mean of 2 and 4 is 3" in errors
    assert "mean_test_1" not in errors
    assert not (tmp_path / "course/release").exists()


def test_everything_but_grading_does_its_work_or_says_what_is_wrong(
    released: tuple[Path, str], tmp_path: Path
) -> None:
    course, _ = released
    hand_in(course, tmp_path / "good.ipynb", mean=MEAN, unit=UNIT, essay_mean=ESSAY)
    hand_in(course, tmp_path / "dead.ipynb", mean="import os; os._exit(1)")
    at = f"--course {shlex.quote(str(course))}"
    commands = {
        "homework validate good.ipynb": "4 of 4 tests pass",
        "homework validate dead.ipynb": "mean: NoAnswer: the process died",
        f"homework export marks.csv {at}": "marks.csv: 0 students, 1 homeworks",
        f"homework stats 1 {at}": "nobody has handed in homework_1",
        f"homework feedback 1 {at}": "nobody has been graded",
        f"homework grade 1 . {at}": "homework is graded on Linux only",
        "lab": "no folder 'lectures'",
        "decks": "no folder 'lectures'",
    }
    said, errors = nnkit(tmp_path, *commands)
    status = [line for line in said.splitlines() if line[2:] in commands]
    assert status == [f"{'01'[i not in (0, 2)]} {command}" for i, command in enumerate(commands)]
    for words in commands.values():
        assert words in said + errors
    assert "Traceback" not in errors
