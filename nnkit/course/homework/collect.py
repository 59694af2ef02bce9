"""``nnkit homework collect``: from what a platform exports to attempts of students."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nnkit.course.homework.attempts import keep
from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.groups import authors
from nnkit.course.homework.roster import Roster, read_roster, unfit
from nnkit.course.homework.sources import Entry, entries
from nnkit.course.homework.transplant import is_solution, names
from nnkit.course.lectures import CourseError

NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json))?$", re.IGNORECASE)  # browsers append such endings
# "Ada Lovelace_123456_assignsubmission_file_/homework_18.ipynb", or all of it in the file's name
MOODLE = re.compile(r"(?P<who>.+)_(?P<number>\d+)_assignsubmission_file(?:_(?P<file>.*))?")
# "lovelaceada_LATE_1234_56789_homework_18-1.ipynb"
CANVAS = re.compile(r"(?P<who>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<file>.+)")
COPY = re.compile(r"[-_ ]\(?(\d+)\)?$")  # of a file's name: the platform's or browser's second one
STAMP = "timestamp.txt"


@dataclass(frozen=True)
class Author:
    """Whose a file is, as its place says."""

    names: tuple[str, ...]  # for the roster, most telling first
    id: str  # without a roster
    label: str  # what the platform put in front of the file's name


def author(parts: tuple[str, ...]) -> Author:
    """Read off a file's place whose it is.

    Args:
        parts: as in ``("ana", "homework_18.ipynb")``, or as Moodle or Canvas names files.
    """
    if found := MOODLE.fullmatch(parts[0]):
        label = parts[0].removesuffix(found["file"] or "")
        return Author((found["who"],), found["who"].strip(), label)
    if len(parts) == 1 and (found := CANVAS.fullmatch(parts[0])):
        label = parts[0].removesuffix(found["file"])
        return Author((found["number"], found["who"]), f"{found['who']}_{found['number']}", label)
    who = parts[0] if len(parts) > 1 else NOTEBOOK.sub("", parts[0])
    return Author((who,), who, "")


@dataclass
class Collected:
    """What a collection has found."""

    students: dict[str, int]  # how many notebooks of each
    new: int
    problems: dict[str, str]  # of a file or a student, why it is not taken


def collect(course: Course, name: str, source: Path, at: datetime | None = None) -> Collected:
    """Keep what is handed in as attempts; what cannot be taken is listed, and stops nobody.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        source: see `entries`.
        at: when it was handed in, if what the files say is not to be believed.

    Raises:
        CourseError: if the source is none, or holds nothing of this homework.
    """
    course.require_released(name)
    roster, marks = read_roster(course), _marks(course, name)
    result = Collected({}, 0, {})
    of = authors(course, name)
    exchange = source.resolve() == (course.root / "submitted").resolve()
    for by, entry, label in _handed_in(source, roster, result.problems):
        student = of.get(by, by)
        path = "/".join(entry.parts)
        try:
            content = entry.read()
            if not any(mark in content for mark in marks):
                raise CourseError(f"holds nothing of {name}; is it another notebook?")
            time = at or (_stamp(source, entry) if exchange else entry.time)
            anew = exchange or at is not None
            result.new += keep(
                course, name, student, content, file=path, label=label, time=time, anew=anew
            )
            result.students[student] = 1 + result.students.get(student, 0)
        except (CourseError, OSError) as error:  # a file may not be readable
            result.problems[shown(path)] = str(error)
    if not result.students and not result.problems:
        raise CourseError(f"{source} holds no notebook; one per student is wanted, as ana.ipynb")
    return result


def shown(name: str) -> str:
    """Give a name as it can be printed, whatever bytes a file system has for it."""
    return name.encode("utf-8", "backslashreplace").decode()


def _marks(course: Course, name: str) -> list[bytes]:
    """Give what a notebook of this homework holds: an id of its cells, or a name to define."""
    import nbformat

    notebook = nbformat.read(course.place("source", name) / f"{name}.ipynb", as_version=4)
    found: list[bytes] = []
    for cell in notebook.cells:
        if grade_id := cell.metadata.get("nbgrader", {}).get("grade_id"):
            found.append(f'"{grade_id}"'.encode())
        if cell.cell_type == "code" and is_solution(cell):
            found += [f"def {defined}(".encode() for defined in names(cell.source)]
    return found


def _handed_in(
    source: Path, roster: Roster | None, problems: dict[str, str]
) -> list[tuple[str, Entry, str]]:
    """Give notebooks with their students, in the order in which they came; list what is none."""
    found: list[tuple[str, Entry, str]] = []
    numbers: dict[str, set[str]] = defaultdict(set)
    for entry in entries(source):
        try:
            if entry.problem:
                raise CourseError(entry.problem)
            if entry.parts[-1] == STAMP:
                continue
            if not NOTEBOOK.search(entry.parts[-1]):
                raise CourseError("is no notebook (.ipynb); it is left out")
            who = author(entry.parts)
            student = roster.find(*who.names) if roster else who.id
            if why := unfit(student):
                raise CourseError(f"the student's name {shown(student)!r} {why}")
        except CourseError as error:
            problems[shown("/".join(entry.parts))] = str(error)
            continue
        found.append((student, entry, who.label))
        numbers[student].update(re.findall(r"_(\d+)_", who.label)[:1])
    for student in [s for s, of in numbers.items() if len(of) > 1]:
        problems[student] = (
            f"is the name of {len(numbers[student])} people there; tell them apart by a roster "
            "with their numbers"
        )
    alone = (one for one in found if len(numbers[one[0]]) < 2)
    return sorted(alone, key=lambda one: (one[0], *order(one[1])))


def order(entry: Entry) -> tuple[float, int]:
    """Sort by time, then by the number that a platform appends to a second file of one name."""
    copy = COPY.search(NOTEBOOK.sub("", entry.parts[-1]))
    return entry.time.timestamp() if entry.time else 0.0, int(copy[1]) if copy else 0


def _stamp(folder: Path, entry: Entry) -> datetime | None:
    """Read the time that nbgrader's exchange wrote beside a notebook."""
    from nbgrader.utils import parse_utc

    stamp = folder.joinpath(*entry.parts).with_name(STAMP)
    if not stamp.is_file() or stamp.is_symlink():
        return None
    text = stamp.read_text("utf-8", "replace")[:100].strip()
    try:
        if not re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d", text):
            raise ValueError(text)
        time: datetime = parse_utc(text).replace(tzinfo=UTC)
        return time
    except (ValueError, AttributeError, OverflowError, TypeError):
        raise CourseError(f"its {STAMP} holds no time: {text!r}") from None
