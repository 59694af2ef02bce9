"""What a teacher decides about marks after they are given: kept apart from them, in one file.

Marks are computed from the facts, the tests' results, and marks by hand, when they are asked for.
So an extension, a dropped question or another scale holds for all students at once and can be taken
back.
"""

import csv
import getpass
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from math import ceil

from nnkit.course.homework.attempts import TIME
from nnkit.course.homework.course_folder import Course
from nnkit.course.lectures import CourseError

FILE = "rules.json"
HISTORY = "history.csv"
DAY = timedelta(days=1)


@dataclass
class Rules:
    """What holds for a homework."""

    deadline: str = ""  # as in `TIME`
    per_day: float = 0.0  # per cent of all points that a day too late costs
    extensions: dict[str, str] = field(default_factory=dict)  # deadlines of single students
    dropped: list[str] = field(default_factory=list)  # questions that do not count
    out_of: float = 0.0  # points of the whole, if not their sum
    groups: dict[str, str] = field(default_factory=dict)  # under whom a member's is kept

    def days_late(self, student: str, time: datetime | None) -> int:
        """Count the days that have begun after a student's deadline."""
        last = self.extensions.get(student, self.deadline)
        if not last or time is None:
            return 0
        return max(0, ceil((time - parsed(last)) / DAY))


def parsed(time: str) -> datetime:
    """Read a time as it is kept."""
    return datetime.strptime(time, TIME).replace(tzinfo=UTC)


def asked(time: str) -> datetime:
    """Read a time as a teacher writes it, in this machine's time zone unless it names one.

    Args:
        time: as in ``2026-12-01``, which is the end of that day, or ``2026-12-01 18:00``.

    Raises:
        CourseError: if it is none.
    """
    try:
        read = datetime.fromisoformat(time)
    except ValueError:
        raise CourseError(
            f"{time!r} is no time; write it as in 2026-12-01, or '2026-12-01 18:00'"
        ) from None
    if len(time) <= 10:
        read = read.replace(hour=23, minute=59, second=59)
    return read.astimezone(UTC)


def rules(course: Course, name: str) -> Rules:
    """Give what holds for a homework.

    Raises:
        CourseError: if the file was edited into something else.
    """
    return _read(course).get(name, Rules())


def late_days(course: Course) -> int:
    """Give how many days late each student has free in the whole course."""
    path = course.root / FILE
    return int(json.loads(path.read_text("utf-8")).get("late_days", 0)) if path.exists() else 0


def _read(course: Course) -> dict[str, Rules]:
    path = course.root / FILE
    if not path.exists():
        return {}
    try:
        found = {k: v for k, v in json.loads(path.read_text("utf-8")).items() if k != "late_days"}
        known = {f.name for f in fields(Rules)}
        for name, of in found.items():
            if unknown := set(of) - known:
                raise ValueError(f"{name}: {', '.join(sorted(unknown))}: unknown; {sorted(known)}")
            for time in filter(None, [of.get("deadline"), *of.get("extensions", {}).values()]):
                parsed(time)
        return {name: Rules(**of) for name, of in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise CourseError(f"{path}: {error}") from None


def decide(
    course: Course, name: str, new: Rules, what: Sequence[str], free: int | None = None
) -> None:
    """Keep what now holds for a homework, and who decided it when.

    Args:
        course: the course folder.
        name: the homework.
        new: what holds.
        what: the words of the history.
        free: the days late that each student has free in the whole course; None keeps them.
    """
    known = {key: asdict(value) for key, value in _read(course).items()} | {name: asdict(new)}
    path = course.root / FILE
    text = json.dumps({"late_days": late_days(course) if free is None else free, **known}, indent=1)
    draft = path.with_suffix(".new")
    draft.write_text(text, "utf-8")
    os.replace(draft, path)
    note(course, *what)


def note(course: Course, *what: str) -> None:
    """Append a line to the course's history: when, who, what."""
    path = course.root / HISTORY
    fresh = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["time", "who", "what"])
        writer.writerow([datetime.now(UTC).strftime(TIME), _who(), safe(" ".join(what))])


def _who() -> str:
    try:
        return safe(getpass.getuser())
    except (OSError, KeyError):  # a user without a name
        return ""


def safe(text: str) -> str:
    """Give a text that a spreadsheet takes for no formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
