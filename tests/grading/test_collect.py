"""What platforms export becomes attempts; deadlines, dropped questions and scales become marks."""

import csv
import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnkit.course.homework import grade, sources
from nnkit.course.homework.attempts import attempts
from nnkit.course.homework.collect import author, collect
from nnkit.course.homework.course_folder import open_course
from nnkit.course.homework.roster import parse, plain
from nnkit.course.homework.rules import HISTORY, Rules, asked, rules, safe
from nnkit.course.lectures import CourseError

from .course import ESSAY, FIRST, MEAN, NAME, ROSTER, UNIT, hand_in, nnkit, zipped

pytestmark = pytest.mark.usefixtures("sandbox")
MOODLE = "Ada Lovelace_1234_assignsubmission_file_"


# Whose is it?


@pytest.mark.parametrize(
    ("parts", "student", "label"),
    [
        (("ana.ipynb",), "ana", ""),
        (("ana.IPYNB.txt",), "ana", ""),
        (("ana", NAME, f"{NAME}.ipynb"), "ana", ""),
        ((MOODLE, "my copy.ipynb"), "Ada Lovelace", MOODLE),
        ((f"{MOODLE}homework.ipynb",), "Ada Lovelace", MOODLE),
        (("lovelaceada_501_99_homework-1.ipynb",), "lovelaceada_501", "lovelaceada_501_99_"),
        (("perezjose_LATE_502_98_h.ipynb",), "perezjose_502", "perezjose_LATE_502_98_"),
    ],
)
def test_a_place_tells_whose_a_file_is(parts: tuple[str, ...], student: str, label: str) -> None:
    assert (author(parts).id, author(parts).label) == (student, label)


def test_a_roster_knows_names_however_a_platform_writes_them(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(ROSTER, "utf-8")
    roster = parse(tmp_path / "r.csv")
    for name in ("Ada Lovelace", "LOVELACE, Ada", "lovelaceada", "501", "ada"):
        assert roster.find(name) == "ada"
    assert roster.find("nobody", "Perez Jose") == "jose"
    with pytest.raises(CourseError, match="nobody on the roster"):
        roster.find("red")  # a group is no name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nAda\n", "the column 'id'"),
        ("", "the column 'id'"),
        ("id\nada\nada\n", ":3: the id 'ada' comes twice"),
        ("id\n../ada\n", ":2: the id '../ada' begins with"),
        ("id,name\n,Ada\n", "is empty"),
    ],
)
def test_a_roster_that_is_wrong_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.csv").write_text(text, "utf-8")
    with pytest.raises(CourseError) as refusal:
        parse(tmp_path / "r.csv")
    assert message in str(refusal.value)


@given(st.text(min_size=1))
def test_a_plain_name_is_plain_already(name: str) -> None:
    assert plain(plain(name)) == plain(name)


# Sources


def test_moodle_and_canvas_zips_are_taken_with_their_times(with_roster: Path, capsys) -> None:
    course = with_roster
    early, late = (2026, 1, 2, 3, 4, 6), (2026, 1, 3, 3, 4, 6)
    moodle = zipped(
        course / "moodle.zip",
        (f"{MOODLE}/a-1.ipynb", MEAN, early),
        (f"{MOODLE}/a.ipynb", FIRST, early),  # the platform's -1 is the later one
        ("Who Else_77_assignsubmission_file_/a.ipynb", MEAN, early),
        (f"{MOODLE}/essay.pdf", "", early),
        course=course,
    )
    assert nnkit("collect", 1, moodle, "--course", course) == 1
    said = capsys.readouterr().out
    assert "2 notebooks of 1 students, 2 new" in said
    assert "ada: 2 notebooks; all are kept, and the last counts" in said
    assert "Who Else_77_assignsubmission_file_/a.ipynb: is nobody on the roster" in said
    assert "essay.pdf: is no notebook (.ipynb); it is left out" in said
    work = open_course(course)
    first, last = attempts(work, NAME, "ada")
    assert [first.file, last.file] == [f"{MOODLE}/a.ipynb", f"{MOODLE}/a-1.ipynb"]
    assert last.when == datetime(*early).astimezone(UTC)

    canvas = zipped(
        course / "canvas.zip",
        ("lovelaceada_LATE_501_9_a.ipynb", UNIT, late),
        ("perezjose_502_8_a.ipynb", MEAN, early),
        course=course,
    )
    assert nnkit("collect", 1, canvas, "--course", course) == 0
    assert "2 notebooks of 2 students, 2 new" in capsys.readouterr().out
    assert [a.label for a in attempts(work, NAME, "ada")][-1] == "lovelaceada_LATE_501_9_"
    assert nnkit("collect", 1, canvas, "--course", course) == 0
    assert "2 notebooks of 2 students, 0 new" in capsys.readouterr().out


def test_two_people_of_one_name_are_not_taken_for_one(course: Path) -> None:
    time = (2026, 1, 2, 3, 4, 6)
    names = (f"Ada L_{number}_assignsubmission_file_/a.ipynb" for number in (1, 2))
    file = zipped(course / "m.zip", *((name, MEAN, time) for name in names), course=course)
    found = collect(open_course(course), NAME, file)
    assert found.students == {}
    assert "is the name of 2 people there" in found.problems["Ada L"]


def test_what_cannot_be_taken_is_told_one_by_one(course: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sources, "LARGEST", 1 << 20)
    folder = tmp_path / "submissions"
    hand_in(course, tmp_path / "right.ipynb", mean=MEAN)
    right = (tmp_path / "right.ipynb").read_bytes()
    (folder / "4").mkdir(parents=True)
    (folder / "neighbour").mkdir()
    (folder / "neighbour/a.ipynb").write_bytes(right)
    (folder / "1.ipynb").write_bytes(bytes(2 << 20))
    (folder / " 2.ipynb").write_bytes(right)
    (folder / "-rf.ipynb").write_bytes(right)
    (folder / "3.zip").write_bytes(b"PK")
    (folder / "4/b.ipynb").symlink_to(folder / "neighbour/a.ipynb")
    (folder / "5").symlink_to(folder / "neighbour")
    (folder / "6.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))
    os.mkfifo(folder / "7.ipynb")
    (folder / os.fsdecode(b"\xff8.ipynb")).write_bytes(right)
    (folder / "9.IPYNB.txt").write_bytes(right)
    link = tmp_path / "link"
    link.symlink_to(folder)  # where a teacher keeps it is the teacher's business
    found = collect(open_course(course), NAME, link)
    assert found.students == {"9": 1, "neighbour": 1}
    told = dict(sorted(found.problems.items()))
    assert "larger than 1 MB" in told["1.ipynb"]
    assert "begins or ends with a blank" in told[" 2.ipynb"]
    assert "begins with . or -" in told["-rf.ipynb"]
    assert "is no notebook" in told["3.zip"]
    assert told["4/b.ipynb"] == told["5"] == "is a link, which is not followed"
    assert "holds nothing of homework_1" in told["6.ipynb"]
    assert told["7.ipynb"] == "is no ordinary file"
    assert any("udcff8" in place or "\\xff8" in place for place in told)
    for text in (*told, *told.values()):
        text.encode()


def test_a_student_s_own_timestamp_is_not_believed(course: Path, tmp_path: Path) -> None:
    file = tmp_path / "in/ana/a.ipynb"
    hand_in(course, file, mean=MEAN)
    (file.parent / "timestamp.txt").write_text("2000-01-02 03:04:05 UTC")
    os.utime(file, (1_780_000_000, 1_780_000_000))
    work = open_course(course)
    collect(work, NAME, tmp_path / "in")
    assert attempts(work, NAME, "ana")[0].when == datetime.fromtimestamp(1_780_000_000, UTC)
    at = datetime(2026, 5, 6, tzinfo=UTC)
    collect(work, NAME, tmp_path / "in", at)  # the teacher's own word is, also later
    assert [a.when for a in attempts(work, NAME, "ana")] == [at]


def test_stamps_of_nbgrader_s_exchange_are_read_each_time(course: Path) -> None:
    file = course / "submitted/ana" / NAME / f"{NAME}.ipynb"
    hand_in(course, file, mean=MEAN)
    work = open_course(course)
    for day in (2, 3):
        file.with_name("timestamp.txt").write_text(f"2026-01-0{day} 03:04:05 UTC")
        collect(work, NAME, course / "submitted")
        (attempt,) = attempts(work, NAME, "ana")
        assert attempt.time == f"2026-01-0{day} 03:04:05 UTC"
    for odd in ("soon", "1", "9" * 40, "2026-99-99"):
        file.with_name("timestamp.txt").write_text(odd)
        found = collect(work, NAME, course / "submitted")
        assert "timestamp.txt holds no time" in next(iter(found.problems.values()))


def test_git_repositories_are_read_and_nothing_of_them_is_run(course: Path, tmp_path) -> None:
    repository = tmp_path / "hw-ana"
    hand_in(course, repository / "work/a.ipynb", mean=MEAN)
    hook = repository / ".git/hooks/post-checkout"
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    (repository / "link.ipynb").symlink_to("/etc/passwd")
    for command in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "a")):
        subprocess.run(["git", "-C", repository, *command], check=True)
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    listing = tmp_path / "repositories.txt"
    lines = ["# a comment", f"ana {repository}", f"bob {tmp_path}/absent", "eve ext::sh", "x --y"]
    listing.write_text("\n".join(lines))
    work = open_course(course)
    found = collect(work, NAME, listing)
    assert found.students == {"ana": 1}
    assert found.problems["ana/link.ipynb"] == "is a link, which is not followed"
    assert found.problems["bob"].startswith("git: ")
    assert "is no address" in found.problems["eve"]
    assert "is no address" in found.problems["x"]
    assert attempts(work, NAME, "ana")[0].when is None  # a commit's time is the student's own
    assert not (tmp_path / "ran").exists()


# Rules


@pytest.mark.parametrize(
    ("hours", "days"), [(-1, 0), (0, 0), (0.5, 1), (24, 1), (24.5, 2), (240, 10)]
)
def test_a_day_that_has_begun_is_late(hours: float, days: int) -> None:
    rule = Rules(deadline="2026-01-01 12:00:00 UTC", extensions={"b": "2026-01-20 12:00:00 UTC"})
    time = datetime.fromtimestamp(
        datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp() + hours * 3600, UTC
    )
    assert rule.days_late("a", time) == days
    assert rule.days_late("b", time) == rule.days_late("a", None) == 0


def test_a_time_is_read_as_a_teacher_writes_it() -> None:
    assert asked("2026-12-01").astimezone().strftime("%F %T") == "2026-12-01 23:59:59"
    assert asked("2026-12-01T18:00+02:00") == datetime(2026, 12, 1, 16, tzinfo=UTC)
    with pytest.raises(CourseError, match="is no time"):
        asked("tomorrow")


@given(st.text(max_size=3) | st.sampled_from(["=1", "+a", "-a", "@a"]))
def test_no_text_is_a_formula(text: str) -> None:
    assert not safe(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_term_is_played_through(with_roster: Path, tmp_path: Path, capsys) -> None:
    """Two attempts, days late, an extension, a dropped question, a scale, and the way back."""
    course, at = with_roster, ("--course", with_roster)
    work = open_course(course)
    url = work.directory(NAME).db_url
    two, four = (2026, 1, 2, 0, 0, 0), (2026, 1, 4, 0, 0, 0)
    file = zipped(
        course / "canvas.zip",
        ("lovelaceada_501_9_a.ipynb", MEAN, two),
        ("lovelaceada_501_9_a-1.ipynb", FIRST, four),
        ("summia_503_7_a.ipynb", MEAN, four),
        course=course,
    )
    assert nnkit("collect", 1, file, *at) == 0
    for student, which in (("ada", "best"), ("=cmd", "latest")):
        grade.grade_one(course, url, NAME, student, which)
    assert json.loads((course / "autograded/ada" / NAME / grade.RECORD).read_text())["attempt"] == 1

    def totals() -> dict[str, tuple[str, str]]:
        assert nnkit("export", tmp_path / "marks.csv", *at) == 0
        with (tmp_path / "marks.csv").open(encoding="utf-8", newline="") as file:
            _, *rows = csv.reader(file)
        return {row[0]: (row[-2], row[-1]) for row in rows if row[-1]}

    assert totals() == {"ada": ("0", "3"), "'=cmd": ("0", "3")}
    assert nnkit("deadline", 1, "2026-01-02 12:00", "--per-day", 10, *at) == 0
    assert totals() == {"ada": ("0", "3"), "'=cmd": ("1.6", "1.4")}  # two days, 10 % of 8 each
    assert nnkit("deadline", 1, "--free-days", 1, *at) == 0
    assert totals()["'=cmd"] == ("0.8", "2.2")
    assert nnkit("deadline", 1, "2026-01-05", "--student", "=cmd", *at) == 0
    assert totals()["'=cmd"] == ("0", "3")
    assert nnkit("deadline", 1, "--student", "=cmd", *at) == 0  # taken back
    assert nnkit("drop", 1, "unit", "essay_mean", *at) == 0
    assert totals()["'=cmd"] == ("0.3", "2.7")  # of 3 points
    assert nnkit("rescale", 1, 30, *at) == 0
    assert totals() == {"ada": ("0", "30"), "'=cmd": ("0.3", "27")}

    assert nnkit("return", 1, "canvas", tmp_path / "back", *at) == 0
    with (tmp_path / "back/marks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["Student", "ID", "Section", NAME]
    assert rows[1][3] == "30"
    assert sorted(row[1:] for row in rows[2:]) == [["501", "", "30"], ["503", "", "27"]]
    capsys.readouterr()
    assert nnkit("drop", 1, "nonsense", *at) == 1
    assert "it has essay_mean, mean, unit" in capsys.readouterr().err
    with (course / HISTORY).open(encoding="utf-8", newline="") as file:
        kinds = [row["what"].split()[0] for row in csv.DictReader(file)]
    assert kinds == ["deadline"] * 4 + ["drop", "rescale"]


def test_rules_that_were_edited_into_nonsense_are_told(course: Path) -> None:
    work = open_course(course)
    for text in ("{", '{"homework_1": {"deadlin": ""}}', '{"homework_1": {"deadline": "soon"}}'):
        (course / "rules.json").write_text(text)
        with pytest.raises(CourseError, match=r"rules\.json"):
            rules(work, NAME)


def test_a_mark_by_hand_counts_on_until_what_it_was_for_is_changed(course: Path, capsys) -> None:
    work = open_course(course)
    url = work.directory(NAME).db_url
    folder = course / "in"

    def essay() -> str:
        assert nnkit("export", course / "marks.csv", "--course", course) == 0
        with (course / "marks.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))[1][6]

    def handed_in(**answers: str) -> None:
        hand_in(course, folder / "ana.ipynb", **answers)
        collect(work, NAME, folder)
        grade.grade_one(course, url, NAME, "ana")

    handed_in(mean=FIRST, essay_mean=ESSAY)
    assert essay() == ""
    with work.gradebook() as gradebook:
        mark = gradebook.find_grade("essay_mean", NAME, NAME, "ana")
        mark.manual_score, mark.needs_manual_grade = 2.5, False
        gradebook.db.commit()
    assert essay() == "2.5"
    handed_in(mean=MEAN, essay_mean=ESSAY)
    assert essay() == "2.5"
    handed_in(mean=MEAN, essay_mean="Another one.")
    capsys.readouterr()
    assert essay() == ""
    assert "were changed after they had one" in capsys.readouterr().out
