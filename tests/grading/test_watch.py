"""A watched folder: each attempt is judged once, by visible tests; too many are not counted."""

from pathlib import Path

import pytest

from nnkit.course.homework.attempts import attempts
from nnkit.course.homework.course_folder import open_course
from nnkit.course.homework.watch import tell

from .course import FIRST, MEAN, NAME, POSITIVE, UNIT, hand_in, nnkit

pytestmark = pytest.mark.usefixtures("sandbox")


def marks(course: Path, tmp_path: Path) -> dict[str, str]:
    assert nnkit("export", tmp_path / "marks.csv", "--course", course) == 0
    _, *rows = (tmp_path / "marks.csv").read_text("utf-8").splitlines()
    return {row.split(",")[0]: row.split(",")[-1] for row in rows}


def test_what_arrives_is_graded_once_and_told_by_visible_tests(
    course: Path, tmp_path: Path
) -> None:
    folder, pages = tmp_path / "in", tmp_path / "pages"
    look = ("watch", 1, folder, pages, "--attempts", 2, "--once", "--course", course)
    folder.mkdir()
    assert nnkit(*look) == 0  # nothing yet
    hand_in(course, folder / "ana.ipynb", mean=FIRST, unit=UNIT)
    assert nnkit(*look) == 0
    said = (pages / "ana/attempt_1.txt").read_text("utf-8")
    assert "3 of 4 tests pass" in said
    assert "mean_test_2" in said
    assert marks(course, tmp_path) == {"ana": "3"}

    hand_in(course, folder / "ana.ipynb", mean=MEAN, unit=POSITIVE)  # only a hidden test fails
    assert nnkit(*look) == 0
    said = (pages / "ana/attempt_2.txt").read_text("utf-8")
    assert "4 of 4 tests pass" in said
    second = marks(course, tmp_path)

    hand_in(course, folder / "ana.ipynb", mean=MEAN, unit=UNIT)  # right, but the third
    (folder / "bob.ipynb").write_text('no notebook, but "mean_test_1"')
    assert nnkit(*look) == 0
    assert "2 attempts count" in (pages / "ana/attempt_3.txt").read_text("utf-8")
    assert "is no notebook" in (pages / "bob/attempt_1.txt").read_text("utf-8")
    assert marks(course, tmp_path)["ana"] == second["ana"] != "5"
    assert len(attempts(open_course(course), NAME, "ana")) == 3

    kept = (pages / "ana/attempt_2.txt").stat().st_mtime_ns
    (pages / "ana/attempt_1.txt").unlink()  # as if killed before it was written
    assert tell(open_course(course), NAME, pages) == 1
    assert (pages / "ana/attempt_2.txt").stat().st_mtime_ns == kept


def test_pages_in_the_folder_of_submissions_are_refused(
    course: Path, tmp_path: Path, capsys
) -> None:
    assert nnkit("watch", 1, tmp_path, tmp_path / "pages", "--once", "--course", course) == 1
    assert "would be taken for submissions" in capsys.readouterr().err
