"""``nnkit homework feedback``: a page per student that tells what failed, never a hidden test."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_grade, is_solution

from nnkit.course.homework.batch import run_batch
from nnkit.course.homework.convert import convert
from nnkit.course.homework.course_folder import Course, open_course
from nnkit.course.homework.groups import members
from nnkit.course.lectures import CourseError

LIMIT = 120.0  # seconds for one page


class HideTests(ClearHiddenTests):  # type: ignore[misc]
    """Take hidden tests out of a graded notebook, and leave of what they show one line."""

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        """Leave of a failed test the first line of its message, which says what is wrong.

        What follows may be a traceback with the test in it, or the values that it compared.
        """
        if is_grade(cell) and not is_solution(cell):  # a student may have written such marks, too
            cell, resources = super().preprocess_cell(cell, resources, index)
        if is_grade(cell) and cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.output_type == "error"]
            for error in cell.outputs:
                error.evalue = error.evalue.strip().partition("\n")[0]
                error.traceback = [": ".join(filter(None, (error.ename, error.evalue)))]
        return cell, resources


def feedback(course: Course, name: str, *, jobs: int) -> int:
    """Write a page for each student who has been graded, by nbgrader's generate_feedback.

    Args:
        course: the course folder.
        name: the homework, as in ``homework_18``.
        jobs: how many at a time.

    Returns:
        0, or 1 if a page could not be written; the others are all the same.

    Raises:
        CourseError: if nobody has been graded.
    """
    with course.only_run():
        course.require_released(name)
        graded = sorted(path.parent.name for path in course.root.glob(f"autograded/*/{name}"))
        if not graded:
            raise CourseError(f"nobody has been graded; {course.hint('grade', name)}")
        task = partial(feedback_one, course.root, course.directory(name).db_url, name)
        problems = run_batch(task, graded, jobs=jobs, limit=LIMIT, preload=[__name__])
        for author in graded:
            _share(course, name, author)
    print(f"{len(graded) - len(problems)} of {len(graded)} pages in {course.root / 'feedback'}")
    for student, problem in problems.items():
        print(f"no feedback: {student}: {problem}")
    return 1 if problems else 0


def _share(course: Course, name: str, author: str) -> None:
    """Give the page to all who have made what it is about."""
    page = course.place("feedback", name, author)
    for student in members(course, name, author):
        if student != author and page.is_dir():
            shutil.copytree(page, course.place("feedback", name, student), dirs_exist_ok=True)


def feedback_one(root: Path, url: str, name: str, student: str) -> None:
    """Write one student's page."""
    from nbgrader.converters import GenerateFeedback

    convert(GenerateFeedback, open_course(root, url), name, student=student)
