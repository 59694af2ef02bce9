"""``nnkit homework grade``: a class of submissions, in parallel, through nbgrader's gradebook."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from nnkit.course.homework.attempts import Attempt, attempts, notebook, students
from nnkit.course.homework.batch import run_batch
from nnkit.course.homework.collect import Collected, collect
from nnkit.course.homework.convert import convert
from nnkit.course.homework.course_folder import Course, open_course, remove
from nnkit.course.homework.groups import authors
from nnkit.course.homework.sandbox import require_sandbox
from nnkit.course.lectures import CourseError

LIMIT = 900.0  # seconds for one submission; the tests of one that hangs end long before
UNFINISHED = ".unfinished"  # nbgrader's step "autograded" until it is complete
TAKEN = ".taken"  # nbgrader's step "submitted": of the attempt that counts only the answers
RECORD = "graded.json"  # beside a graded notebook: which attempt it is, and what it was graded by


def gather(course: Course, name: str, source: Path, at: datetime | None = None) -> int:
    """Collect what was handed in, and say what came.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        source: see `collect`.
        at: when it was handed in, if what the files say is not to be believed.

    Returns:
        0, or 1 if something was not taken.
    """
    with course.only_run():
        found = collect(course, name, source, at)
    return _say(found)


def _say(found: Collected) -> int:
    count = sum(found.students.values())
    print(f"{count} notebooks of {len(found.students)} students, {found.new} new")
    for student, several in found.students.items():
        if several > 1:
            print(f"{student}: {several} notebooks; all are kept, and the last counts")
    for place, problem in found.problems.items():
        print(f"not taken: {place}: {problem}")
    return 1 if found.problems else 0


def grade(
    course: Course,
    name: str,
    source: Path | None = None,
    *,
    jobs: int,
    force: bool = False,
    only: Sequence[str] = (),
    attempt: str = "latest",
) -> int:
    """Grade what was handed in; what is graded already by the same tests is left alone.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        source: what is to be collected first, see `collect`.
        jobs: how many at a time.
        force: grade all anew.
        only: students; all if empty.
        attempt: which one counts: ``latest``, ``best``, or a number.

    Returns:
        0, or 1 if something could not be taken or graded; the others are all the same.

    Raises:
        CourseError: if the homework has not been released, nobody has handed in, another run is at
            work, or this system has no sandbox.
    """
    require_sandbox()
    with course.only_run():
        course.require_released(name)
        status = _say(collect(course, name, source)) if source else 0
        there = _asked(course, name, only)
        left = [s for s in there if force or not _is_graded(course, name, s, attempt)]
        if len(left) < len(there):
            print(f"{len(there) - len(left)} of {len(there)} are graded already")
        started = time.perf_counter()
        # each process has one thread, or they would fight for the processor
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        task = partial(grade_one, course.root, course.directory(name).db_url, name, which=attempt)
        problems = run_batch(
            task, left, jobs=jobs, limit=LIMIT, preload=[__name__, *imported(course, name)]
        )
    seconds = time.perf_counter() - started
    print(
        f"{len(there) - len(problems)} of {len(there)} graded, {len(left)} tried now, "
        f"in {seconds:.0f} s"
    )
    for student, problem in problems.items():
        print(f"not graded: {student}: {problem}")
    if problems:
        print(f"nbgrader's own words are in {course.root / 'logs' / name}")
    return 1 if problems else status


def _asked(course: Course, name: str, only: Sequence[str]) -> list[str]:
    there, of = students(course, name), authors(course, name)
    only = list(dict.fromkeys(of.get(student, student) for student in only))
    if unknown := sorted({*only} - {*there}):
        raise CourseError(f"{', '.join(unknown)}: nothing of {name} was handed in")
    if not there:
        raise CourseError(f"nobody has handed in {name}; {course.hint('collect', name, 'FOLDER')}")
    return only or there


def grade_one(root: Path, url: str, name: str, student: str, which: str = "latest") -> None:
    """Grade one submission through nbgrader's autograde; afterwards all of it is there, or nothing.

    Args:
        root: the course folder.
        url: the gradebook's database.
        name: the homework.
        student: whose.
        which: the attempt that counts.

    Raises:
        CourseError: if nbgrader could not.
    """
    import nbformat
    from nbgrader.converters import Autograde

    course = open_course(root, url)
    chosen, graft = _chosen(course, name, student, which)
    taken = course.place(TAKEN, name, student)
    remove(taken)
    taken.mkdir(parents=True)
    nbformat.write(graft, taken / f"{name}.ipynb")
    if chosen.time:
        (taken / "timestamp.txt").write_text(chosen.time)
    steps = {"submitted_directory": TAKEN, "autograded_directory": UNFINISHED}
    convert(Autograde, course, name, student=student, **steps)
    remove(taken)
    unfinished = course.place(UNFINISHED, name, student)
    record = {"key": _key(course, name, student, which), "attempt": chosen.number}
    (unfinished / RECORD).write_text(json.dumps(record))
    done = course.place("autograded", name, student)
    remove(done)
    done.parent.mkdir(parents=True, exist_ok=True)
    os.replace(unfinished, done)


def _chosen(course: Course, name: str, student: str, which: str) -> tuple[Attempt, Any]:
    """Give the attempt that counts, and the answers in it."""
    from nnkit.course.homework.transplant import transplant

    release = _master(course, name)
    there = attempts(course, name, student)
    if which.isdecimal():
        if not (of := [a for a in there if a.number == int(which)]):
            raise CourseError(f"has no attempt {which}, but {len(there)} in all")
        there = of
    if which != "best" or len(there) == 1:
        return there[-1], transplant(release, _parsed(course, name, student, there[-1]))
    from nnkit.course.homework.grader import grade_notebook
    from nnkit.course.homework.marks import score

    best: tuple[float, Attempt, Any] | None = None
    for attempt in there:
        graft = transplant(release, _parsed(course, name, student, attempt))
        points = score(grade_notebook(release, graft))
        if best is None or points >= best[0]:  # of equals the last
            best = points, attempt, graft
    assert best is not None
    return best[1], best[2]


def _parsed(course: Course, name: str, student: str, attempt: Attempt) -> Any:
    try:
        return json.loads(notebook(course, name, student, attempt).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise CourseError(f"attempt {attempt.number} is no notebook: {why}") from None
    except MemoryError:
        raise CourseError(f"attempt {attempt.number} is too large to be read") from None


def _master(course: Course, name: str) -> Any:
    import nbformat

    from nnkit.course.homework.source import master

    return master(nbformat.read(course.place("source", name) / f"{name}.ipynb", as_version=4))


def _key(course: Course, name: str, student: str, which: str) -> str:
    """Sum up what a mark depends on: what was handed in, which of it counts, and the tests."""
    source = (course.place("source", name) / f"{name}.ipynb").read_bytes()
    parts = [which, hashlib.sha256(source).hexdigest()]
    parts += [f"{a.number} {a.sha256} {a.time}" for a in attempts(course, name, student)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _is_graded(course: Course, name: str, student: str, which: str) -> bool:
    with suppress(OSError, ValueError):
        return bool(_record(course, name, student)["key"] == _key(course, name, student, which))
    return False


def _record(course: Course, name: str, student: str) -> Any:
    return json.loads((course.place("autograded", name, student) / RECORD).read_text("utf-8"))


def handed_in(course: Course, name: str, student: str) -> datetime | None:
    """Give when the attempt that counts was handed in, None if nobody knows."""
    with suppress(OSError, ValueError, KeyError):
        number = _record(course, name, student)["attempt"]
        return next(a.when for a in attempts(course, name, student) if a.number == number)
    return None


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
