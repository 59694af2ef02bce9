"""``nnkit homework watch``: a folder in which what arrives is graded, within a minute.

Students are told what `validate` would tell them, from the sandbox: hidden tests say nothing. What
is done is in files, so that a run that was killed goes on where it was.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

import nbformat

from nnkit.course.homework.attempts import Attempt, attempts, students
from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.grade import gather, grade, parsed
from nnkit.course.homework.grader import LIMITS
from nnkit.course.homework.rules import decide, rules
from nnkit.course.homework.sandbox import require_sandbox
from nnkit.course.homework.validate import told
from nnkit.course.lectures import CourseError

EVERY = 10.0  # seconds between two looks


def watch(
    course: Course, name: str, folder: Path, pages: Path, *, most: int = 0, once: bool = False
) -> int:
    """Collect and grade what arrives in a folder, and tell students of their visible tests.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        folder: where students hand in; see `collect`.
        pages: where they read, as in ``ana/attempt_1.txt``.
        most: attempts that count, the first ones; 0 for all.
        once: look once, not until Ctrl-C.

    Returns:
        0.

    Raises:
        CourseError: if the homework has not been released, the number is below 0, the pages would
            be handed in, or this system has no sandbox.
    """
    if most < 0:
        raise CourseError(f"{most} attempts; 0 for all, or from 1 on")
    if pages.resolve().is_relative_to(folder.resolve()):
        raise CourseError(f"{pages} lies in {folder}, so pages would be taken for submissions")
    require_sandbox()
    course.require_released(name)
    if most != rules(course, name).attempts:
        decide(course, name, replace(rules(course, name), attempts=most), ("attempts", str(most)))
    while True:
        if any(path.is_file() for path in folder.rglob("*")):
            gather(course, name, folder)
            if tell(course, name, pages):
                grade(course, name, jobs=1)
        if once:
            return 0
        time.sleep(EVERY)


def tell(course: Course, name: str, pages: Path) -> int:
    """Write a page for each attempt that has none.

    Args:
        course: the course folder.
        name: the homework.
        pages: the folder of the pages.

    Returns:
        How many were written.
    """
    most, count = rules(course, name).attempts, 0
    for student in students(course, name):
        for position, attempt in enumerate(attempts(course, name, student), 1):
            page = pages / student / f"attempt_{attempt.number}.txt"
            if page.exists():
                continue
            if most and position > most:
                lines = [f"not graded: {most} attempts count, and this is one more"]
            else:
                lines = _judged(course, name, student, attempt)
            page.parent.mkdir(parents=True, exist_ok=True)
            draft = page.with_suffix(".new")
            draft.write_text("\n".join(lines) + "\n", "utf-8")
            os.replace(draft, page)
            count += 1
    return count


def _judged(course: Course, name: str, student: str, attempt: Attempt) -> list[str]:
    release = nbformat.read(course.place("release", name) / f"{name}.ipynb", as_version=4)
    try:
        return told(release, parsed(course, name, student, attempt), LIMITS)[0]
    except CourseError as error:
        return [str(error)]
