"""Who is in the class, and whom a platform's name means."""

import csv
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from nnkit.course.homework.course_folder import Course
from nnkit.course.lectures import CourseError

FILE = "roster.csv"
NOT_A_NAME = ("group", "section")  # all other columns may be what a platform calls a student


@dataclass(frozen=True)
class Person:
    """A student as the roster has them."""

    id: str
    name: str = ""
    group: str = ""
    section: str = ""
    canvas: str = ""  # the number that Canvas has for them


@dataclass(frozen=True)
class Roster:
    """A class: the students by id, and the ids that a name may mean."""

    people: dict[str, Person]
    known: dict[str, set[str]]

    def find(self, *names: str) -> str:
        """Give the id of the student who is called by one of these names.

        Args:
            names: what a platform says, most telling first.

        Raises:
            CourseError: if nobody is, or more than one.
        """
        for name in names:
            found = self.known.get(plain(name), set())
            if len(found) == 1:
                return next(iter(found))
            if found:
                raise CourseError(f"is one of {', '.join(sorted(found))}; their names are the same")
        raise CourseError("is nobody on the roster")


def plain(name: str) -> str:
    """Give a name without case, accents, blanks and signs: José Pérez is joseperez."""
    # a sign may stand for a capital letter, and a small letter for one with an accent
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in letters.casefold() if c.isalnum()) or name


def read_roster(course: Course) -> Roster | None:
    """Read the course's roster; None if it has none."""
    path = course.root / FILE
    return parse(path) if path.exists() else None


def parse(path: Path) -> Roster:
    """Read a roster.

    Args:
        path: CSV with a header: id, and if wanted name, group, section, email, and a column for
            each platform that calls students by numbers of its own.

    Raises:
        CourseError: if there is no id, or one comes twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, restval="", restkey="more"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} is no CSV in UTF-8: {error}") from None
    if not rows or "id" not in rows[0]:
        raise CourseError(f"{path}: a header with the column 'id' is needed, as in id,name,group")
    people: dict[str, Person] = {}
    known: dict[str, set[str]] = defaultdict(set)
    for line, row in enumerate(rows, 2):
        student = row["id"].strip()
        if why := unfit(student):
            raise CourseError(f"{path}:{line}: the id {student!r} {why}")
        if student in people:
            raise CourseError(f"{path}:{line}: the id {student!r} comes twice")
        fields = {key: row.get(key, "").strip() for key in ("name", "canvas", *NOT_A_NAME)}
        people[student] = Person(student, **fields)
        values = [v.strip() for k, v in row.items() if k not in NOT_A_NAME and isinstance(v, str)]
        for value in filter(None, values):
            for form in {value, *_turned(value)}:
                known[plain(form)].add(student)
    return Roster(people, dict(known))


def _turned(name: str) -> list[str]:
    """Give a name with its last words in front, as in Lovelace, Ada."""
    words = re.split(r"[\s,]+", name)
    return ["".join(words[i:] + words[:i]) for i in range(1, len(words))]


def unfit(student: str) -> str:
    """Say why an id cannot name a folder; nothing if it can."""
    if not student or student != student.strip():
        return "is empty, or begins or ends with a blank"
    if student.startswith((".", "-")) or re.search(r"[/\\\0-\x1f\x7f\ud800-\udfff]", student):
        return "begins with . or -, or holds a sign that no file's name should hold"
    return "" if len(student.encode()) <= 100 else "is too long"


def enter(course: Course, path: Path) -> int:
    """Make a CSV file the course's roster, and enter its students in the gradebook.

    Args:
        course: the course folder.
        path: the file, see `parse`.

    Returns:
        0.
    """
    roster = parse(path)
    (course.root / FILE).write_bytes(path.read_bytes())
    with course.gradebook() as gradebook:
        for person in roster.people.values():
            first, _, last = person.name.rpartition(" ")
            gradebook.update_or_create_student(person.id, first_name=first, last_name=last)
    groups = {person.group for person in roster.people.values()} - {""}
    print(f"{len(roster.people)} students, {len(groups)} groups")
    return 0
