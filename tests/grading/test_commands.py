"""``nnkit homework …`` on a tiny homework, from its release to the marks."""

import csv
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

import nnkit as library
from nnkit.course import cli
from nnkit.course.homework import commands, convert, feedback, grade, marks, source
from nnkit.course.homework.course_folder import open_course
from nnkit.course.homework.enclose import enclosed
from nnkit.course.lectures import CourseError

from .course import ESSAY, FIRST, HERE, MEAN, NAME, POSITIVE, UNIT, hand_in, nnkit, released

pytestmark = pytest.mark.usefixtures("sandbox")
SOURCE = HERE / "lectures/1_tiny/homework.md"
NO_FILE = os.strerror(errno.ENOENT)
ODD = "Zoë [b]*"  # a name that is a pattern, too


@pytest.fixture(scope="session")
def graded(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder after grading a class with a broken notebook in it, and what was said."""
    course = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(empty, course)
    folder = course.with_name("submissions")
    hand_in(course, folder / "ana.ipynb", mean=MEAN, unit=UNIT, essay_mean=ESSAY)
    hand_in(course, folder / "bob" / "my copy (2).ipynb", mean=FIRST, unit=POSITIVE)
    hand_in(course, folder / "eve" / NAME / f"{NAME}.ipynb")
    hand_in(course, folder / f"{ODD}.ipynb", mean=MEAN)
    (folder / "broken.ipynb").write_text('{"mean"')
    (folder / "another.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))
    (folder / "linked.ipynb").symlink_to(folder / "ana.ipynb")
    (folder / ".DS_Store").write_text("not a submission")
    (folder / "nothing").mkdir()
    command = [Path(sys.executable).with_name("nnkit"), "homework", "grade", "1", folder]
    done = subprocess.run([*command, "--course", course], cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    return course, done.stdout + done.stderr


# Release


def test_the_release_holds_no_solution_and_no_hidden_test(empty: Path) -> None:
    text = "\n".join(cell.source for cell in released(empty).cells)
    assert "sum(values)" not in text
    assert "the median tells more" not in text
    assert "96.25" not in text
    assert "HIDDEN" not in text
    assert "SOLUTION" not in text
    inside = "\n".join(cell.source for cell in enclosed(released(empty)).cells)
    assert inside == text  # what goes along for `validate`
    assert text.count("raise NotImplementedError(") == 2
    assert "add the values up and divide" in text  # the hint
    assert "one number becomes 1" in text  # what is visible of a test with a hidden part


def test_a_release_is_the_same_each_time(empty: Path, course: Path) -> None:
    assert nnkit("release", 1, "--course", course) == 0
    assert released(course) == released(empty)


def test_a_reference_that_loses_marks_is_not_released(tmp_path, monkeypatch, capsys) -> None:
    homework = tmp_path / "lectures/1_tiny/homework.md"
    homework.parent.mkdir(parents=True)
    text = SOURCE.read_text("utf-8").replace("sum(values) / len(values)", "max(values)")
    homework.write_text(text, "utf-8")
    monkeypatch.setattr("tests.grading.course.HERE", tmp_path)
    assert nnkit("release", 1, "--course", tmp_path / "course") == 1
    said = capsys.readouterr().err
    assert "the reference solution loses marks" in said
    assert "mean_test_2: the mean of 2 and 4 is 3" in said
    assert "mean_test_1" not in said
    assert not (tmp_path / "course/release").exists()


def test_a_cell_that_is_marked_wrongly_is_named(tmp_path, monkeypatch, capsys) -> None:
    homework = tmp_path / "lectures/1_tiny/homework.md"
    homework.parent.mkdir(parents=True)
    homework.write_text(SOURCE.read_text("utf-8").replace("mean_test_2", "mean_test_1"), "utf-8")
    monkeypatch.setattr("tests.grading.course.HERE", tmp_path)
    assert nnkit("release", 1, "--course", tmp_path / "course") == 1
    assert "homework.md: Duplicate grade id: mean_test_1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("---\njupyter:", "---\njupyter: [", "homework.md: while parsing"),
        ('"schema_version": 3', '"schema": 3', "homework.md: Outdated schema version: 0"),
        ('"points": 1', '"points": "one"', "homework.md: 'one' is not of type 'number'"),
        ("### END SOLUTION", "", "homework.md: cell 4: each BEGIN SOLUTION needs its END"),
        ("### BEGIN HIDDEN TESTS", "", "cell 6: each BEGIN HIDDEN TESTS needs its END"),
        ("BEGIN HIDDEN TESTS", "BEGIN HIDDEN TEST", "cell 6: each BEGIN HIDDEN TESTS needs its"),
        (
            "import numpy as np",
            "import numpy as",
            "homework.md: cell 2 is no Python: invalid syntax",
        ),
    ],
    ids=["header", "schema", "points", "solution", "hidden", "misspelt", "python"],
)
def test_a_source_that_is_wrong_is_told(tmp_path, monkeypatch, capsys, old, new, message) -> None:
    homework = tmp_path / "lectures/1_tiny/homework.md"
    homework.parent.mkdir(parents=True)
    text = SOURCE.read_text("utf-8")
    assert old in text
    homework.write_text(text.replace(old, new, 1), "utf-8")
    monkeypatch.setattr("tests.grading.course.HERE", tmp_path)
    assert nnkit("release", 1, "--course", tmp_path / "course") == 1
    said = capsys.readouterr().err
    assert said.startswith("nnkit homework: ")
    assert message in said
    assert not (tmp_path / "course/release").exists()


def test_a_source_in_another_encoding_is_told(tmp_path, monkeypatch, capsys) -> None:
    homework = tmp_path / "lectures/1_tiny/homework.md"
    homework.parent.mkdir(parents=True)
    homework.write_bytes(SOURCE.read_bytes().replace(b"mean", b"m\xe9an"))
    monkeypatch.setattr("tests.grading.course.HERE", tmp_path)
    assert nnkit("release", 1, "--course", tmp_path / "course") == 1
    assert "homework.md: 'utf-8' codec can't decode byte 0xe9" in capsys.readouterr().err


def test_a_lecture_without_homework_is_named(capsys, tmp_path: Path) -> None:
    assert nnkit("release", 7, "--course", tmp_path) == 1
    assert "lecture 7 has no homework; those that have one: 1" in capsys.readouterr().err
    assert nnkit("stats", "one", "--course", tmp_path) == 1
    assert "'one' is no lecture" in capsys.readouterr().err


# Validate


def test_a_right_notebook_is_valid_whatever_it_warns_of(course: Path, capsys) -> None:
    warning = "import sys\nprint('a warning', file=sys.stderr)\n"
    hand_in(course, course / "a.ipynb", mean=warning + MEAN, unit=UNIT, essay_mean=ESSAY)
    assert nnkit("validate", course / "a.ipynb") == 0
    assert "4 of 4 tests pass" in capsys.readouterr().out


def test_what_fails_is_told_in_words(course: Path, capsys) -> None:
    hand_in(course, course / "a.ipynb", mean=FIRST, unit_test_1="pass")
    assert nnkit("validate", course / "a.ipynb") == 1
    said = capsys.readouterr().out
    assert "mean_test_2: the mean of 2 and 4 is 3" in said
    assert "mean_test_1" not in said
    assert re.search(r"unit_test_1: was edited", said)
    assert "unit_test_2: NotImplementedError: Write this" in said
    assert "essay_mean: not answered yet" in said


# Grade


def test_one_bad_submission_stops_nobody(graded: tuple[Path, str]) -> None:
    course, said = graded
    assert "4 of 5 graded, 5 tried now" in said
    assert re.search(r"not graded: broken: attempt 1 is no notebook: Expecting", said)
    assert "not taken: linked.ipynb: is a link, which is not followed" in said
    assert "not taken: another.ipynb: holds nothing of homework_1; is it another" in said
    assert {path.name for path in (course / "autograded").iterdir()} == {"ana", "bob", "eve", ODD}
    assert not list((course / grade.UNFINISHED).rglob("*.ipynb"))


def test_marks_are_exported_per_question(graded: tuple[Path, str], tmp_path: Path, capsys) -> None:
    assert nnkit("export", tmp_path / "marks.csv", "--course", graded[0]) == 0
    assert "1 answers wait for a mark by hand" in capsys.readouterr().out
    with (tmp_path / "marks.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:4] == ["student", "last name", "first name", "email"]
    titles = ("mean /3", "unit /2", "essay_mean /3", "late penalty", "total /8")
    assert header[4:] == [f"{NAME} {title}" for title in titles]
    assert {row[0]: row[4:] for row in rows} == {
        "ana": ["3", "2", "", "0", "5"],
        "bob": ["1", "1", "0", "0", "2"],
        "eve": ["0", "0", "0", "0", "0"],
        ODD: ["3", "0", "0", "0", "3"],
    }


def test_marks_by_hand_and_penalties_count(graded: tuple[Path, str], tmp_path, capsys) -> None:
    course = tmp_path / "course"
    shutil.copytree(graded[0], course)
    with open_course(course).gradebook() as gradebook:
        grade = gradebook.find_grade("essay_mean", NAME, NAME, "ana")
        grade.manual_score, grade.needs_manual_grade = 2.5, False  # as Formgrader does
        gradebook.find_submission_notebook(NAME, NAME, "ana").late_submission_penalty = 1
        gradebook.db.commit()
    assert nnkit("export", tmp_path / "marks.csv", "--course", course) == 0
    assert "ana,,,,3,2,2.5,1,6.5" in (tmp_path / "marks.csv").read_text().splitlines()
    assert "wait" not in capsys.readouterr().out


def test_a_killed_run_goes_on_where_it_was(course: Path, tmp_path: Path, capsys) -> None:
    settings = course / "nbgrader_config.py"
    settings.write_text(settings.read_text() + "c.TrustedExecute.timeout = 3.0\n")
    folder = tmp_path / "submissions"
    hand_in(course, folder / "1.ipynb", mean=MEAN)
    hand_in(course, folder / "2.ipynb", mean="def mean(values):\n    while True: pass")
    command = [Path(sys.executable).with_name("nnkit"), "homework", "grade", "1", folder]
    run = subprocess.Popen([*command, "--course", course, "--jobs", "1"], cwd=HERE)
    first = course / "autograded/1" / NAME
    while not first.exists() and run.poll() is None:
        time.sleep(0.05)
    while not (course / grade.UNFINISHED / "2" / NAME).exists() and run.poll() is None:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert first.exists()
    assert not (course / "autograded/2").exists()
    before = (first / f"{NAME}.ipynb").stat().st_mtime_ns

    assert nnkit("grade", 1, folder, "--course", course) == 0
    said = capsys.readouterr().out
    assert "1 of 2 are graded already" in said
    assert "2 of 2 graded, 1 tried now" in said
    assert (first / f"{NAME}.ipynb").stat().st_mtime_ns == before
    assert scores(course) == {"1": 3, "2": 0}


def scores(course: Path) -> dict[str, float]:
    with open_course(course).gradebook() as gradebook:
        submissions = gradebook.notebook_submissions(NAME, NAME)
        return {submission.student.id: submission.score for submission in submissions}


def test_what_is_handed_in_anew_is_graded_anew(course: Path, tmp_path: Path) -> None:
    folder = tmp_path / "submissions"
    hand_in(course, folder / "1.ipynb")
    work = open_course(course)
    found = grade.collect(work, NAME, folder)
    assert (found.students, found.new, found.problems) == ({"1": 1}, 1, {})
    grade.grade_one(course, work.directory(NAME).db_url, NAME, "1")
    assert scores(course) == {"1": 0}
    hand_in(course, folder / "1.ipynb", mean=MEAN)
    assert nnkit("grade", 1, folder, "--course", course, "--jobs", 1) == 0
    assert scores(course) == {"1": 3}
    done = course / "autograded/1" / NAME / f"{NAME}.ipynb"
    before = done.stat().st_mtime_ns
    assert nnkit("grade", 1, folder, "--course", course) == 0
    assert done.stat().st_mtime_ns == before
    assert nnkit("grade", 1, "--course", course, "--force") == 0
    assert done.stat().st_mtime_ns > before


@pytest.mark.parametrize("folder", ["absent", "void"])
def test_no_submissions_are_told(course: Path, tmp_path: Path, folder: str, capsys) -> None:
    (tmp_path / "void").mkdir()
    assert nnkit("grade", 1, tmp_path / folder, "--course", course) == 1
    assert "one per student" in (said := capsys.readouterr().err) or "does not exist" in said


def test_what_was_not_released_or_not_graded_is_told(course: Path, tmp_path, capsys) -> None:
    hand_in(course, tmp_path / "submissions/1.ipynb")
    assert nnkit("grade", 2, tmp_path / "submissions", "--course", course) == 1
    assert f"first: nnkit homework release 2 --course {course}" in capsys.readouterr().err
    assert nnkit("feedback", 1, "--course", course) == 1
    assert "nobody has been graded" in capsys.readouterr().err
    assert nnkit("stats", 1, "--course", course) == 1
    assert "nobody has handed in" in capsys.readouterr().err


def test_two_runs_do_not_meet(course: Path, tmp_path: Path, capsys) -> None:
    hand_in(course, tmp_path / "submissions/1.ipynb")
    with open_course(course).only_run():
        assert nnkit("grade", 1, tmp_path / "submissions", "--course", course) == 1
    assert "another run is at work" in capsys.readouterr().err


# Feedback


def test_feedback_says_what_failed_and_shows_no_hidden_test(graded: tuple[Path, str]) -> None:
    course, _ = graded
    url = open_course(course).directory(NAME).db_url
    assert nnkit("feedback", 1, "--course", course, "--jobs", 1) == 0
    feedback.feedback_one(course, url, NAME, "bob")  # in this process
    page = (course / "feedback/bob" / NAME / f"{NAME}.html").read_text("utf-8")
    assert "the direction of a vector is lost" in page  # said by a hidden test
    assert "the mean of 2 and 4 is 3" in page
    assert "HIDDEN" not in page
    assert "-7.0" not in page  # what the hidden test calls it with
    assert "Traceback (most recent call last)" not in page
    assert "96.25" not in page
    pages = {path.parent.parent.name for path in course.glob("feedback/*/*/*.html")}
    assert pages == {"ana", "bob", "eve", ODD}


def test_of_a_long_message_one_line_is_shown() -> None:
    error = nbformat.v4.new_output(
        "error", ename="AssertionError", evalue="\nNot equal\n desired: 7", traceback=["line 3: 7"]
    )
    stream = nbformat.v4.new_output("stream", text="the student printed 7")
    cell = nbformat.v4.new_code_cell("f()", outputs=[error, stream])
    cell.metadata.nbgrader = {"grade": True, "solution": False}
    cell, _ = feedback.HideTests().preprocess_cell(cell, {}, 0)
    assert [(o.evalue, o.traceback) for o in cell.outputs] == [
        ("Not equal", ["AssertionError: Not equal"])
    ]


# Statistics


def test_statistics_of_the_class(graded: tuple[Path, str], capsys) -> None:
    assert nnkit("stats", 1, "--course", graded[0]) == 0
    said = capsys.readouterr().out
    assert f"{NAME}: 4 students, mean 2.5 of 8" in said
    # who has a point there: ana, bob and the one with the odd name; the rest of the marks: 4 1 2 0
    assert re.search(r"^mean_test_1 +1 +0\.75 +0\.68$", said, re.MULTILINE)
    assert re.search(r"^mean_test_2 +2 +0\.50 ", said, re.MULTILINE)
    assert f"  unit: 2 of 4: {ODD}, eve" in said
    assert "  mean: 1 of 4: eve" in said
    assert "no two solutions are much alike" in said


# Gradebooks and settings


def test_settings_of_the_teacher_s_own_win(course: Path) -> None:
    assert open_course(course).directory(NAME).db_url.startswith("sqlite:///")
    settings = course / "nbgrader_config.py"
    settings.write_text(settings.read_text() + "c.CourseDirectory.db_url = 'sqlite://'\n")
    assert open_course(course).directory(NAME).db_url == "sqlite://"
    assert open_course(course, "sqlite:///b.db").directory(NAME).db_url == "sqlite:///b.db"


def test_a_new_course_keeps_its_gradebook(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/marks.db"
    open_course(tmp_path / "new", url)
    assert open_course(tmp_path / "new").directory(NAME).db_url == url
    assert (tmp_path / "new/nbgrader_config.py").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["postgresql+nodriver://host/db", "sqlite:////absent/marks.db"])
def test_a_gradebook_that_is_not_there_is_told(course: Path, url: str, capsys) -> None:
    assert nnkit("stats", 1, "--course", course, "--gradebook", url) == 1
    assert "nnkit homework: no gradebook: " in capsys.readouterr().err


def test_a_gradebook_that_is_no_database_is_told(course: Path, capsys) -> None:
    (course / "gradebook.db").write_text("no database, but long enough to be read as one" * 100)
    assert nnkit("export", course / "marks.csv", "--course", course) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "no gradebook: " in said


@pytest.mark.parametrize("action", ["release", "stats", "feedback"])
def test_settings_that_do_not_run_are_told(course: Path, action: str, capsys) -> None:
    (course / "nbgrader_config.py").write_text("c.Autograde.timeout = minutes(3)")
    assert nnkit(action, 1, "--course", course) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "nbgrader_config.py: NameError: name 'minutes' is not defined" in said


@pytest.mark.parametrize("action", [("release", 1), ("stats", 1), ("feedback", 1), ("export", "a")])
def test_a_course_that_is_no_folder_is_told(tmp_path: Path, action: tuple[object], capsys) -> None:
    (tmp_path / "file").write_text("")
    for place in ("file", "file/course"):
        assert nnkit(*action, "--course", tmp_path / place) == 1
        (said,) = capsys.readouterr().err.splitlines()
        assert said.startswith(f"nnkit homework: {tmp_path / place}")


def test_marks_that_cannot_be_written_are_told(course: Path, tmp_path: Path, capsys) -> None:
    for file in (tmp_path, tmp_path / "absent/marks.csv"):
        assert nnkit("export", file, "--course", course) == 1
        (said,) = capsys.readouterr().err.splitlines()
        assert said in (f"nnkit homework: {file}: {why}" for why in ("Is a directory", NO_FILE))


def test_grading_where_no_sandbox_is_says_so_once(
    course: Path, tmp_path, monkeypatch, capsys
) -> None:
    hand_in(course, tmp_path / "1.ipynb", mean=MEAN)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert nnkit("grade", 1, tmp_path, "--course", course) == 1
    said = capsys.readouterr()
    assert "homework is graded on Linux only" in said.err
    assert said.out == ""
    assert not (course / "submitted").exists()


def test_the_command_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"nnkit {library.__version__}\n"


def test_without_nbgrader_the_command_says_what_to_install(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr("nnkit.course.homework.course_folder.find_spec", lambda name: None)
    assert nnkit("validate", tmp_path / "a.ipynb") == 1
    assert "nnkit-course[homework]" in capsys.readouterr().err


def test_programs_beside_python_are_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    open_course(tmp_path)
    assert os.environ["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_nbgrader_s_reason_is_found_in_its_log() -> None:
    trace = 'Traceback (most recent call last):\n  File "a"\nKeyError: 1\nanother line'
    assert convert._reason(trace) == "KeyError: 1"
    assert convert._reason("said first\nsaid last\n") == "said last"
    assert convert._reason("") == "no reason given"


def test_a_number_is_needed_to_name_a_homework() -> None:
    assert source.name_of("18") == "homework_18"
    with pytest.raises(CourseError, match="no lecture"):
        source.name_of("../18")
    assert Path("build/homework") == commands.FOLDER
    assert marks.lost_marks(nbformat.v4.new_notebook()) == {}
