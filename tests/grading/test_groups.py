"""One submission of a group, marks and pages for all its members, and each in every export once."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnkit.course.homework import feedback, grade
from nnkit.course.homework.attempts import attempts
from nnkit.course.homework.course_folder import open_course
from nnkit.course.homework.groups import authors, for_members
from nnkit.course.homework.marks import Marks

from .course import FIRST, MEAN, NAME, ROSTER, UNIT, nnkit, zipped

pytestmark = pytest.mark.usefixtures("sandbox")
EARLY, LATER = (2026, 1, 2, 0, 0, 0), (2026, 1, 3, 12, 0, 0)


def table(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as read:
        return list(csv.reader(read))


def exported(course: Path, file: Path) -> dict[str, list[str]]:
    assert nnkit("export", file, "--course", course) == 0
    _, *rows = table(file)
    assert max(Counter(row[0] for row in rows).values()) == 1
    return {row[0].lstrip("'"): row[4:] for row in rows}


@pytest.fixture
def together(with_roster: Path) -> Path:
    """Groups hand in together: ada and jose, =cmd and ada2."""
    assert nnkit("groups", 1, "--course", with_roster) == 0
    return with_roster


def test_what_one_hands_in_is_marked_for_all(together: Path, tmp_path: Path, capsys) -> None:
    course, at = together, ("--course", together)
    work = open_course(course)
    file = zipped(
        course / "canvas.zip",
        ("perezjose_502_9_a.ipynb", FIRST, EARLY),
        ("lovelaceada_501_8_a.ipynb", MEAN, LATER),  # the other one, later: it counts
        ("byronada_504_7_a.ipynb", FIRST, EARLY),
        course=course,
    )
    assert nnkit("collect", 1, file, *at) == 0
    assert [len(attempts(work, NAME, s)) for s in ("ada", "jose", "=cmd", "ada2")] == [2, 0, 1, 0]
    for author in ("ada", "=cmd"):
        grade.grade_one(course, work.directory(NAME).db_url, NAME, author)
        feedback.feedback_one(course, work.directory(NAME).db_url, NAME, author)
        feedback._share(work, NAME, author)
    assert (course / "feedback/jose" / NAME / f"{NAME}.html").exists()

    rows = exported(course, tmp_path / "marks.csv")
    assert rows["ada"] == rows["jose"]
    assert rows["ada"][-1] == "3"
    assert rows["=cmd"] == rows["ada2"]
    assert rows["ada2"][-1] == "1"

    assert nnkit("drop", 1, "unit", "essay_mean", *at) == 0  # whose essay waits for a mark
    capsys.readouterr()
    assert nnkit("return", 1, "canvas", tmp_path / "back", *at) == 1
    marks = table(tmp_path / "back/marks.csv")[2:]
    assert sorted((row[1], row[3]) for row in marks) == [
        *(("501", "3"), ("502", "3"), ("503", "1"), ("504", "1"))
    ]
    assert "=cmd: no page: canvas takes it by a file handed in" in capsys.readouterr().out


def test_each_member_has_their_own_deadline(together: Path, tmp_path: Path) -> None:
    course, at = together, ("--course", together)
    work = open_course(course)
    file = zipped(course / "c.zip", ("perezjose_502_9_a.ipynb", MEAN, LATER), course=course)
    assert nnkit("collect", 1, file, *at) == 0
    grade.grade_one(course, work.directory(NAME).db_url, NAME, "ada")
    assert nnkit("deadline", 1, "2026-01-02", "--per-day", 10, *at) == 0
    assert nnkit("deadline", 1, "2026-01-05", "--student", "jose", *at) == 0
    rows = exported(course, tmp_path / "marks.csv")
    assert (rows["ada"][-2:], rows["jose"][-2:]) == (["0.8", "2.2"], ["0", "3"])


def test_members_who_have_handed_in_alone_are_not_merged(with_roster: Path, capsys) -> None:
    course, at = with_roster, ("--course", with_roster)
    file = zipped(course / "c.zip", ("perezjose_502_9_a.ipynb", MEAN, EARLY), course=course)
    assert nnkit("collect", 1, file, *at) == 0
    assert authors(open_course(course), NAME) == {}
    assert nnkit("groups", 1, *at) == 1
    assert "jose handed in before this was said" in capsys.readouterr().err


def test_without_groups_on_the_roster_it_is_refused(course: Path, capsys) -> None:
    assert nnkit("groups", 1, "--course", course) == 1
    assert "no group in" in capsys.readouterr().err


def test_who_did_not_hand_in_through_the_platform_is_told(
    with_roster: Path, tmp_path, capsys
) -> None:
    """A group on the roster is no reason to pass over somebody without a word."""
    course, at = with_roster, ("--course", with_roster)
    work = open_course(course)
    file = zipped(
        course / "m.zip",
        ("Ada Lovelace_1234_assignsubmission_file_/a.ipynb", MEAN, EARLY),
        course=course,
    )
    other = zipped(course / "c.zip", ("perezjose_502_9_a.ipynb", UNIT, EARLY), course=course)
    for source in (file, other):
        assert nnkit("collect", 1, source, *at) == 0
    for student in ("ada", "jose"):
        grade.grade_one(course, work.directory(NAME).db_url, NAME, student)
    assert nnkit("drop", 1, "essay_mean", *at) == 0
    capsys.readouterr()
    assert nnkit("return", 1, "moodle", tmp_path / "back", *at) == 1
    assert [row[0] for row in table(tmp_path / "back/marks.csv")[1:]] == ["Participant 1234"]
    assert "jose: moodle has no number for them" in capsys.readouterr().out


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("xyz")),
    st.sets(st.sampled_from("abcdefgh")),
)
def test_each_student_has_one_row_and_it_is_the_group_s(
    groups: dict[str, str], alone: set[str]
) -> None:
    first = {g: min(s for s in groups if groups[s] == g) for g in groups.values()}
    of = {student: first[group] for student, group in groups.items()}
    there = sorted({of.get(student, student) for student in alone})
    scores = np.arange(2.0 * len(there)).reshape(-1, 2)
    given = for_members(
        Marks(there, ["p", "q"], np.ones(2), scores, np.arange(float(len(there)))), of
    )
    assert given.students == sorted(
        {s for s in of if of[s] in there} | {s for s in there if s not in of}
    )
    for student, row, penalty in zip(given.students, given.scores, given.penalties, strict=True):
        k = there.index(of.get(student, student))
        assert (row == scores[k]).all()
        assert penalty == k


@pytest.mark.parametrize("change", ["resort", "leaves", "moves"])
def test_a_new_roster_takes_no_mark_away(with_roster: Path, tmp_path: Path, change: str) -> None:
    course, at = with_roster, ("--course", with_roster)
    assert nnkit("groups", 1, *at) == 0
    work = open_course(course)
    file = zipped(
        course / "c.zip",
        ("perezjose_502_9_a.ipynb", FIRST, EARLY),
        ("byronada_504_7_a.ipynb", MEAN, EARLY),
        course=course,
    )
    assert nnkit("collect", 1, file, *at) == 0
    for a in ("ada", "=cmd"):
        grade.grade_one(course, work.directory(NAME).db_url, NAME, a)
    before = exported(course, tmp_path / "a.csv")
    head, *rows = ROSTER.splitlines()
    rows[1] = rows[1].replace("red", "blue") if change == "moves" else rows[1]
    rows = {"resort": rows[::-1], "leaves": rows[1:], "moves": rows}[change]
    (course / "new.csv").write_text("\n".join([head, *rows]) + "\n")
    assert nnkit("roster", course / "new.csv", *at) == 0
    after = exported(course, tmp_path / "b.csv")
    assert after == before
