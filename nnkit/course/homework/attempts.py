"""What was handed in, all of it: every attempt of every student, as it came."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nnkit.course.homework.course_folder import Course

FOLDER = "attempts"
TIME = "%Y-%m-%d %H:%M:%S UTC"  # as nbgrader writes it


@dataclass(frozen=True)
class Attempt:
    """One notebook that was handed in."""

    number: int
    file: str  # where it was in what the platform gave
    label: str  # what the platform put in front of the student's file, for the way back
    sha256: str
    time: str = ""  # as in `TIME`; empty if it is not known

    @property
    def when(self) -> datetime | None:
        """When it was handed in."""
        return datetime.strptime(self.time, TIME).replace(tzinfo=UTC) if self.time else None


def attempts(course: Course, name: str, student: str) -> list[Attempt]:
    """Give a student's attempts, the first one first."""
    found = []
    for path in _folder(course, name, student).glob("*.json"):
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        found.append(Attempt(**fields))
    timed = all(attempt.time for attempt in found)
    return sorted(found, key=lambda attempt: (attempt.time if timed else "", attempt.number))


def notebook(course: Course, name: str, student: str, attempt: Attempt) -> bytes:
    """Give the notebook of an attempt, as it was handed in."""
    return (_folder(course, name, student) / f"{attempt.number}.ipynb").read_bytes()


def students(course: Course, name: str) -> list[str]:
    """Name those who have handed in a homework."""
    folder = course.root / FOLDER / name
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def keep(
    course: Course,
    name: str,
    student: str,
    content: bytes,
    *,
    file: str,
    label: str,
    time: datetime | None,
    anew: bool,
) -> bool:
    """Keep an attempt, unless the same notebook is there.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        student: whose.
        content: the notebook.
        file: where it was.
        label: what the platform put in front of the student's file.
        time: when it was handed in.
        anew: whether the time counts even if the same notebook is there.

    Returns:
        True if it is new.
    """
    there = attempts(course, name, student)
    digest = hashlib.sha256(content).hexdigest()
    stamp = time.astimezone(UTC).strftime(TIME) if time else ""
    same = next((attempt for attempt in there if attempt.sha256 == digest), None)
    number = same.number if same else 1 + max((a.number for a in there), default=0)
    folder = _folder(course, name, student)
    if same is None:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{number}.ipynb", content)
    elif not anew or not stamp:
        stamp = same.time
    text = json.dumps(asdict(Attempt(number, file, label, digest, stamp)), indent=1)
    _write(folder / f"{number}.json", text.encode())
    return same is None


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f".{path.name}")
    new.write_bytes(content)
    os.replace(new, path)


def _folder(course: Course, name: str, student: str) -> Path:
    return course.root / FOLDER / name / student
