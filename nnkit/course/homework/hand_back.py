"""``nnkit homework return``: marks and feedback as a platform takes them in."""

import csv
import zipfile
from pathlib import Path

import numpy as np

from nnkit.course.homework.attempts import Attempt, attempts
from nnkit.course.homework.collect import CANVAS, MOODLE
from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.marks import Marks
from nnkit.course.homework.roster import read_roster
from nnkit.course.homework.rules import safe
from nnkit.course.homework.standing import standing
from nnkit.course.lectures import CourseError

PLATFORMS = ("moodle", "canvas")


def hand_back(course: Course, name: str, platform: str, folder: Path) -> int:
    """Write a table of marks and a zip of feedback pages, each to be uploaded as it is.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        platform: one of `PLATFORMS`. It knows its students by what its own export called them.
        folder: where to write ``marks.csv`` and ``feedback.zip``.

    Returns:
        0, or 1 if something is missing for a student, who is named.

    Raises:
        CourseError: if nobody has been graded.
    """
    course.require_released(name)
    with course.gradebook() as gradebook:
        every = sorted(assignment.name for assignment in gradebook.assignments)
        table = standing(course, gradebook, every)[name]
        full = {
            s.id: f"{s.first_name or ''} {s.last_name or ''}".strip() for s in gradebook.students
        }
    if not table.students:
        raise CourseError(f"nobody has been graded; {course.hint('grade', name)}")
    labels, problems = _labels(course, name, table, platform)
    waiting = np.isnan(table.scores).any(axis=1)
    marks = {}
    for student, total, waits in zip(table.students, table.totals(), waiting, strict=True):
        if waits:
            problems[student] = "an answer waits for its mark, so the total is left out"
        elif student in labels:
            marks[student] = float(total)
    folder.mkdir(parents=True, exist_ok=True)
    most = float(table.points.sum() * table.scale)
    rows = (
        _moodle(labels, marks, full)
        if platform == "moodle"
        else _canvas(name, labels, marks, full, most)
    )
    with (folder / "marks.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    pages = _zip(course, name, labels, folder / "feedback.zip")
    print(f"{folder}: marks of {len(marks)} students, feedback for {pages}")
    for student, problem in problems.items():
        print(f"{student}: {problem}")
    return 1 if problems else 0


def _labels(
    course: Course, name: str, table: Marks, platform: str
) -> tuple[dict[str, str], dict[str, str]]:
    """For each student what the platform called them, and who was not handed in through it."""
    pattern, end = (MOODLE, "") if platform == "moodle" else (CANVAS, "x")
    labels, problems = {}, {}
    members = _members(course)
    for student in table.students:
        came: list[Attempt] = [
            a for a in attempts(course, name, student) if pattern.fullmatch(a.label + end)
        ]
        if came:
            labels[student] = came[-1].label
        elif student not in members:
            problems[student] = f"did not hand in through {platform}, which has no name for it"
    return labels, problems


def _members(course: Course) -> set[str]:
    roster = read_roster(course)
    return {p.id for p in roster.people.values() if p.group} if roster else set()


def _moodle(
    labels: dict[str, str], marks: dict[str, float], full: dict[str, str]
) -> list[list[str]]:
    """The grading worksheet; Moodle finds a student by the number of the participant."""
    rows = [["Identifier", "Full name", "Grade"]]
    for student, mark in marks.items():
        found = MOODLE.fullmatch(labels[student])
        assert found is not None
        who = safe(full.get(student) or found["who"])
        rows.append([f"Participant {found['number']}", who, f"{mark:g}"])
    return rows


def _canvas(
    name: str, labels: dict[str, str], marks: dict[str, float], full: dict[str, str], most: float
) -> list[list[str]]:
    """The table that the gradebook imports; Canvas finds a student by the number of the user."""
    rows = [["Student", "ID", "Section", name], ["    Points Possible", "", "", f"{most:g}"]]
    for student, mark in marks.items():
        found = CANVAS.fullmatch(f"{labels[student]}x")
        assert found is not None
        rows.append([safe(full.get(student) or found["who"]), found["number"], "", f"{mark:g}"])
    return rows


def _zip(course: Course, name: str, labels: dict[str, str], file: Path) -> int:
    """Write the pages under the names by which the platform gives them to their students."""
    count = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, label in labels.items():
            page = course.place("feedback", name, student) / f"{name}.html"
            if page.exists():
                inside = (
                    f"{label}/{page.name}" if MOODLE.fullmatch(label) else f"{label}{page.name}"
                )
                archive.write(page, inside)
                count += 1
    return count
