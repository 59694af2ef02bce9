"""nbgrader's own steps, run on one homework of one student (or of none: the teacher's)."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnkit.course.homework.course_folder import Course
from nnkit.course.lectures import CourseError


def convert(converter: Any, course: Course, name: str, *, student: str = ".", **steps: str) -> None:
    """Take a homework one step further, as nbgrader's command of that name would.

    Args:
        converter: `GenerateAssignment`, `Autograde` or `GenerateFeedback` of nbgrader.
        course: the course folder.
        name: the homework, as in ``homework_18``.
        student: whose.
        steps: other folders than nbgrader's usual ones, as in ``autograded_directory="new"``.

    Raises:
        CourseError: if nbgrader fails; its log says more.
    """
    directory = course.directory(name)
    for step, folder in steps.items():
        setattr(directory, step, folder)
    step = converter(coursedir=directory, config=course.config, force=True)
    # nbgrader would search with names as patterns, and not find a student called "a [b]"
    folder = directory.format_path(step._input_directory, student, name)
    step.init_notebooks = lambda: None
    step.assignments = {folder: [f"{folder}/{name}.ipynb"]}
    with _log(course.root / "logs" / name / f"{converter.__name__} {student}.log"):
        step.start()


@contextmanager
def _log(path: Path) -> Iterator[None]:
    """Keep what nbgrader says in a file; where it fails, raise what it failed at."""
    from nbgrader.converters.base import NbGraderException

    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    logger = logging.getLogger("traitlets")  # where nbgrader's converters write
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings(action="ignore"):  # of nbgrader's, on new packages
            yield
    except (NbGraderException, SystemExit):
        raise CourseError(_reason(path.read_text("utf-8"))) from None
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()


def _reason(log: str) -> str:
    """The error that the last traceback ends in, or the last line."""
    _, traced, text = log.rpartition("Traceback (most recent call last):\n")
    lines = [line for line in text.splitlines() if line and not line.startswith(" ")]
    return (lines or ["no reason given"])[0 if traced else -1]
