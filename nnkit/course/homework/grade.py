"""``nnkit homework grade``: a class of submissions, in parallel, through nbgrader's gradebook."""

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from nnkit.course.homework.batch import run_batch
from nnkit.course.homework.convert import convert
from nnkit.course.homework.course_folder import Course, open_course, remove
from nnkit.course.homework.sandbox import require_sandbox
from nnkit.course.homework.submissions import collect

LIMIT = 900.0  # seconds for one submission; the tests of one that hangs end long before
UNFINISHED = ".unfinished"  # nbgrader's step "autograded" until it is complete


def grade(course: Course, name: str, folder: Path, *, jobs: int, force: bool = False) -> int:
    """Grade submissions; a student whose submission is graded already is left alone.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        folder: the submissions, see `collect`.
        jobs: how many at a time.
        force: grade all anew, as after a change of the tests.

    Returns:
        0, or 1 if a submission could not be graded; the others are all the same.

    Raises:
        CourseError: if the homework has not been released, another run is at work, or this system
            has no sandbox.
    """
    require_sandbox()
    with course.only_run():
        course.require_released(name)
        students, problems = collect(course, name, folder)
        left = [s for s in students if force or not _graded(course, name, s)]
        if len(left) < len(students):
            print(f"{len(students) - len(left)} of {len(students)} are graded already")
        started = time.perf_counter()
        # each process has one thread, or they would fight for the processor
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        task = partial(grade_one, course.root, course.directory(name).db_url, name)
        problems |= run_batch(
            task, left, jobs=jobs, limit=LIMIT, preload=[__name__, *imported(course, name)]
        )
    seconds = time.perf_counter() - started
    good = len(students) - sum(student in problems for student in students)
    print(f"{good} of {len(students)} graded, {len(left)} tried now, in {seconds:.0f} s")
    for student, problem in problems.items():
        print(f"not graded: {student}: {problem}")
    if any(student in problems for student in students):
        print(f"nbgrader's own words are in {course.root / 'logs' / name}")
    return 1 if problems else 0


def grade_one(root: Path, url: str, name: str, student: str) -> None:
    """Grade one submission through nbgrader's autograde; afterwards all of it is there, or nothing.

    Args:
        root: the course folder.
        url: the gradebook's database.
        name: the homework.
        student: whose.

    Raises:
        CourseError: if nbgrader could not.
    """
    from nbgrader.converters import Autograde

    course = open_course(root, url)
    convert(Autograde, course, name, student=student, autograded_directory=UNFINISHED)
    done = course.place("autograded", name, student)
    remove(done)
    done.parent.mkdir(parents=True, exist_ok=True)
    os.replace(course.place(UNFINISHED, name, student), done)


def _graded(course: Course, name: str, student: str) -> bool:
    return course.place("autograded", name, student).exists()


def imported(course: Course, name: str) -> Sequence[str]:
    """Name the modules that a homework imports, such as sklearn."""
    import ast

    import nbformat

    found = set()
    notebook = nbformat.read(course.place("source", name) / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        for node in ast.walk(ast.parse(cell.source if cell.cell_type == "code" else "")):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    return sorted(found)
