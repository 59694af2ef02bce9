"""The step of nbgrader's autograde that takes the place of ``Execute``."""

from pathlib import Path
from typing import Any

import nbformat
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Float

from nnkit.course.homework.grader import grade_notebook
from nnkit.course.homework.limits import Limits
from nnkit.course.homework.source import master


class TrustedExecute(NbGraderPreprocessor):  # type: ignore[misc]
    """Grade a submission against the course's own source, whatever is left of it in there.

    It stands first in ``c.Autograde.autograde_preprocessors``. What it hands on is the release with
    the student's solutions in it, so that the steps after it find every cell that they look for.
    """

    timeout = Float(30.0, help="Seconds that a cell may take.").tag(config=True)
    memory = Float(4.0, help="GiB for a process, on top of what is imported.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run the tests on a submission.

        Args:
            nb: the submission.
            resources: nbgrader's; they name the assignment and the notebook.

        Returns:
            The notebook that `grade_notebook` gives, and the resources.

        Raises:
            SandboxError: if this system has no sandbox.
        """
        names = resources["nbgrader"]
        course = CourseDirectory(parent=self)
        folder = course.format_path(course.source_directory, ".", names["assignment"])
        source = nbformat.read(Path(folder) / f"{names['notebook']}.ipynb", as_version=4)
        limits = Limits(memory=int(self.memory * 2**30))
        return grade_notebook(master(source), nb, timeout=self.timeout, limits=limits), resources


class KeepMarks(SaveAutoGrades):  # type: ignore[misc]
    """Save marks; one that was given by hand counts on, as long as what it was given for is there.

    nbgrader's own step asks for every such mark to be looked at again whenever anything is graded.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Look up what was graded before, and save."""
        names = resources["nbgrader"]
        course = CourseDirectory(parent=self)
        folder = course.format_path("autograded", names["student"], names["assignment"])
        path = Path(folder) / f"{names['notebook']}.ipynb"
        before = nbformat.read(path, as_version=4).cells if path.exists() else []
        marked = [cell for cell in before if "nbgrader" in cell.metadata]
        self.before = {cell.metadata.nbgrader.grade_id: cell.source for cell in marked}
        return super().preprocess(nb, resources)  # type: ignore[no-any-return]

    def _add_score(self, cell: Any, resources: Any) -> None:
        grade_id = cell.metadata.nbgrader.grade_id
        place = grade_id, self.notebook_id, self.assignment_id, self.student_id
        grade = self.gradebook.find_grade(*place)
        waited, auto = grade.needs_manual_grade, grade.auto_score
        super()._add_score(cell, resources)
        same = self.before.get(grade_id) == cell.source and auto == grade.auto_score
        if grade.manual_score is not None and same:
            grade.needs_manual_grade = waited
            self.gradebook.db.commit()
