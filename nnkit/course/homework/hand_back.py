"""``nnkit homework return``: marks and feedback as a platform takes them in."""

import csv
import zipfile
from pathlib import Path

import numpy as np

from nnkit.course.homework.attempts import Attempt, attempts
from nnkit.course.homework.collect import CANVAS, MOODLE, author
from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.groups import authors
from nnkit.course.homework.marks import Marks
from nnkit.course.homework.roster import Roster, read_roster
from nnkit.course.homework.rules import safe
from nnkit.course.homework.standing import standing
from nnkit.course.lectures import CourseError

# What each puts in front of a student's files, and what must follow for the pattern to match.
PLATFORMS = {"moodle": (MOODLE, ""), "canvas": (CANVAS, "x")}


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
    labels = _labels(course, name, table, platform)
    numbers = _numbers(course, labels, platform)
    waiting = np.isnan(table.scores).any(axis=1)
    marks, problems = {}, {}
    for student, total, waits in zip(table.students, table.totals(), waiting, strict=True):
        if waits:
            problems[student] = "an answer waits for its mark, so the total is left out"
        elif student in numbers:
            marks[student] = float(total)
        else:
            problems[student] = (
                f"{platform} has no number for them that is known here, as they did not hand in "
                f"through it: enter {total:g} by hand"
            )
        if student in numbers and student not in labels:
            problems.setdefault(student, f"no page: {platform} takes it by a file handed in")
    folder.mkdir(parents=True, exist_ok=True)
    most = float(table.points.sum() * table.scale)
    rows = (
        _moodle(numbers, marks, full)
        if platform == "moodle"
        else _canvas(name, numbers, marks, full, most)
    )
    with (folder / "marks.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    pages = _zip(course, name, labels, folder / "feedback.zip")
    print(f"{folder}: marks of {len(marks)} students, feedback for {pages}")
    for student, problem in problems.items():
        print(f"{student}: {problem}")
    return 1 if problems else 0


def _labels(course: Course, name: str, table: Marks, platform: str) -> dict[str, str]:
    """For each student who handed in through a platform what it put in front of their files."""
    pattern, end = PLATFORMS[platform]
    roster, of = read_roster(course), authors(course, name)
    labels = {}
    for student in table.students:
        for attempt in attempts(course, name, of.get(student, student)):
            if pattern.fullmatch(attempt.label + end) and _is_by(attempt, student, roster, of):
                labels[student] = attempt.label
    return labels


def _is_by(attempt: Attempt, student: str, roster: Roster | None, of: dict[str, str]) -> bool:
    """Tell whether of a group it was this student who handed in."""
    if student not in of or roster is None:
        return True
    try:
        return roster.find(*author((attempt.label + "x",)).names) == student
    except CourseError:  # who has left the class
        return False


def _numbers(course: Course, labels: dict[str, str], platform: str) -> dict[str, str]:
    """For each student the number by which a platform knows them, as far as it is known here.

    Moodle's numbers are another one in each assignment; those of Canvas may be on the roster.
    """
    pattern, end = PLATFORMS[platform]
    roster = read_roster(course)
    people = roster.people.values() if roster and platform == "canvas" else ()
    numbers = {person.id: person.canvas for person in people if person.canvas}
    for student, label in labels.items():
        found = pattern.fullmatch(label + end)
        assert found is not None
        numbers[student] = found["number"]
    return numbers


def _moodle(
    numbers: dict[str, str], marks: dict[str, float], full: dict[str, str]
) -> list[list[str]]:
    """The grading worksheet; Moodle finds a student by the number of the participant."""
    rows = [["Identifier", "Full name", "Grade"]]
    for student, mark in marks.items():
        who = safe(full.get(student) or student)
        rows.append([f"Participant {numbers[student]}", who, f"{mark:g}"])
    return rows


def _canvas(
    name: str, numbers: dict[str, str], marks: dict[str, float], full: dict[str, str], most: float
) -> list[list[str]]:
    """The table that the gradebook imports; Canvas finds a student by the number of the user."""
    rows = [["Student", "ID", "Section", name], ["    Points Possible", "", "", f"{most:g}"]]
    for student, mark in marks.items():
        rows.append([safe(full.get(student) or student), numbers[student], "", f"{mark:g}"])
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
