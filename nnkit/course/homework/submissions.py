"""Submissions as teachers get them, laid out as nbgrader wants them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from nnkit.course.homework.course_folder import Course, remove
from nnkit.course.lectures import CourseError

LARGEST = 32 * 2**20  # bytes


def collect(course: Course, name: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Copy submissions into the course folder; what was handed in anew will be graded anew.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        folder: a file per student (``ana.ipynb``), or a folder per student with the notebook in it
            or one level deeper (``ana/homework_18/homework_18.ipynb``, as nbgrader has it).

    Returns:
        The students, and for each who handed in nothing that can be graded, why.

    Raises:
        CourseError: if the folder does not exist or is empty.
    """
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder; it should hold a notebook for each student")
    students: list[str] = []
    problems: dict[str, str] = {}
    handed_in = list(_students(folder))
    names = [student for student, _ in handed_in]
    for student, place in handed_in:
        try:
            if names.count(student) > 1:
                raise CourseError("is there twice, as a file and as a folder")
            _take(course, name, student, place)
            students.append(student)
        except (CourseError, OSError) as error:  # a file may not be readable
            problems[student] = str(error)
    if not students and not problems:
        raise CourseError(f"{folder} holds no notebook; one per student is wanted, as ana.ipynb")
    return students, problems


def _students(folder: Path) -> Iterator[tuple[str, Path]]:
    for place in sorted(folder.iterdir()):
        if place.name.startswith("."):
            continue
        if place.suffix == ".ipynb":
            yield place.stem, place
        elif place.is_dir():
            yield place.name, place


def _take(course: Course, name: str, student: str, place: Path) -> None:
    if student != student.strip():
        raise CourseError(f"{student!r} begins or ends with a blank")
    notebook = _notebook(place, name)
    if any(path.is_symlink() for path in (notebook, notebook.parent)):
        raise CourseError("is a link, which is not followed")
    if notebook.stat().st_size > LARGEST:
        raise CourseError(f"larger than {LARGEST >> 20} MB; without outputs it would be small")
    target = course.place("submitted", name, student) / f"{name}.ipynb"
    stamp = notebook.with_name("timestamp.txt")  # nbgrader's, for penalties
    if not target.exists() or target.read_bytes() != notebook.read_bytes():
        remove(course.place("autograded", name, student))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copyfile(notebook, target)
        if place.is_dir() and stamp.is_file() and stamp.parent != target.parent:
            shutil.copyfile(stamp, target.with_name(stamp.name))


def _notebook(place: Path, name: str) -> Path:
    """Find the one notebook that was handed in: the homework by name, else the only one."""
    if place.suffix == ".ipynb" and not place.is_dir():
        return place
    inside = place / name if (place / name).is_dir() else place
    found = [path for path in sorted(inside.glob("*.ipynb")) if path.is_file()]
    named = [path for path in found if path.stem == name]
    if len(named or found) != 1:
        raise CourseError(f"{len(found)} notebooks, none of them {name}.ipynb")
    return (named or found)[0]
