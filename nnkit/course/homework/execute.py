"""The step of nbgrader's autograde that takes the place of ``Execute``."""

from pathlib import Path
from typing import Any

import nbformat
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
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
