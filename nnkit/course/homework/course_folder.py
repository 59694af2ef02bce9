"""A course folder of nbgrader: its settings, its gradebook, its steps."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nnkit._extras import install
from nnkit.course.homework.source import STUB
from nnkit.course.lectures import CourseError

FOLDER = Path("build/homework")
# nbgrader's own steps of a release, but those for headers and generated tests
RELEASE = (
    *("LockCells", "ClearSolutions", "ClearOutput", "CheckCellMetadata", "ComputeChecksums"),
    *("SaveCells", "ClearHiddenTests", "ClearMarkScheme", "ComputeChecksums", "CheckCellMetadata"),
)
SETTINGS = '''\
"""nbgrader's settings for this course. Write your own below; they win over the course's."""

from nnkit.course.homework.course_folder import configure

c = get_config()
configure(c, __file__)
'''


def configure(config: Any, file: str) -> None:
    """Tell nbgrader how this course grades; its commands and JupyterLab read it from the folder.

    Args:
        config: nbgrader's configuration, filled here.
        file: ``nbgrader_config.py`` in the course folder.
    """
    root = Path(file).resolve().parent
    config.CourseDirectory.root = str(root)
    # half of nbgrader opens the gradebook by this name, and PostgreSQL insists on one for all
    config.CourseDirectory.course_id = "default_course"
    # processes that grade at the same time wait for one another's turn at the file
    config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}?timeout=60"
    config.ClearSolutions.code_stub = {"python": STUB}
    config.GenerateAssignment.preprocessors = [
        *(f"nbgrader.preprocessors.{step}" for step in RELEASE),
        "nnkit.course.homework.enclose.Enclose",
    ]
    config.Autograde.sanitize_preprocessors = ["nbgrader.preprocessors.ClearOutput"]
    config.Autograde.autograde_preprocessors = [
        "nnkit.course.homework.execute.TrustedExecute",
        "nbgrader.preprocessors.LimitOutput",
        "nnkit.course.homework.execute.KeepMarks",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        "nnkit.course.homework.feedback.HideTests",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]


@dataclass(frozen=True)
class Course:
    """A folder with nbgrader's steps (source, release, submitted, …) and its settings."""

    root: Path
    config: Any

    def place(self, step: str, name: str, student: str = ".") -> Path:
        """Where a homework is at a step of nbgrader's, as in ``submitted/ana/homework_18``."""
        return self.root / step / student / name

    def directory(self, name: str) -> Any:
        """Return nbgrader's own view of the folder, for one homework."""
        from nbgrader.coursedir import CourseDirectory

        return CourseDirectory(config=self.config, assignment_id=name)

    @contextmanager
    def only_run(self) -> Iterator[None]:
        """Keep other runs away from the folder; the system lets go when the process ends.

        Raises:
            CourseError: if another run is at work.
        """
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.root / ".lock", blocking=False):
                yield
        except Timeout:
            raise CourseError(f"another run is at work in {self.root}") from None

    def require_released(self, name: str) -> None:
        """Refuse to go on with a homework that the gradebook does not know.

        Raises:
            CourseError: if it has not been released.
        """
        from nbgrader.api import MissingEntry

        with self.gradebook() as gradebook:
            try:
                gradebook.find_assignment(name)
            except MissingEntry:
                raise CourseError(
                    f"{name} is not in the gradebook; {self.hint('release', name)}"
                ) from None

    def hint(self, action: str, name: str, *more: str) -> str:
        """Tell a command that has to come first, as it is typed."""
        words = ["nnkit", "homework", action, name.removeprefix("homework_"), *more]
        if self.root != FOLDER.resolve():
            words += ["--course", str(self.root)]
        return f"first: {shlex.join(words)}"

    @contextmanager
    def gradebook(self) -> Iterator[Any]:
        """Open nbgrader's gradebook.

        Raises:
            CourseError: if the database is not to be had.
        """
        from nbgrader.api import Gradebook
        from sqlalchemy import create_engine, inspect
        from sqlalchemy.exc import SQLAlchemyError

        directory = self.directory("")
        try:
            engine = create_engine(directory.db_url)  # nbgrader leaves open what it cannot read
            try:
                inspect(engine).get_table_names()
            finally:
                engine.dispose()
            gradebook = Gradebook(directory.db_url, directory.course_id)
        except ImportError as error:
            hint = "for PostgreSQL: pip install 'psycopg[binary]'"
            raise CourseError(f"no gradebook: {error}; {hint}") from None
        except SQLAlchemyError as error:
            raise CourseError(f"no gradebook: {str(error).splitlines()[0]}") from None
        with gradebook:
            yield gradebook


def require_nbgrader() -> None:
    """Refuse to go on without nbgrader.

    Raises:
        CourseError: if it is not installed.
    """
    if find_spec("nbgrader") is None:
        raise CourseError(f"nbgrader is not installed; try: {install('homework')}")


def open_course(root: Path, url: str | None = None) -> Course:
    """Open a course folder; make it if it is not there.

    Args:
        root: the folder.
        url: the database of the gradebook, as in ``postgresql+psycopg://user@host/course``; what
            ``nbgrader_config.py`` says if None. A new folder's settings keep it.

    Returns:
        The course, with the settings of its ``nbgrader_config.py``.

    Raises:
        CourseError: if nbgrader is not installed, or the settings are no Python that runs.
    """
    require_nbgrader()
    # nbgrader starts the program alembic, which lies beside this Python even if no PATH says so
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, os.environ["PATH"]])
    from traitlets.config.loader import PyFileConfigLoader

    settings = root / "nbgrader_config.py"
    if not settings.exists():
        root.mkdir(parents=True, exist_ok=True)
        keep = f"c.CourseDirectory.db_url = {url!r}\n" if url else ""
        settings.write_text(SETTINGS + keep, encoding="utf-8")
        settings.chmod(0o600)  # the address of a database may hold its password
    try:
        config = PyFileConfigLoader(settings.name, path=str(root)).load_config()
    except Exception as error:  # the teacher's own lines may raise anything
        raise CourseError(f"{settings}: {type(error).__name__}: {error}") from None
    if url:
        config.CourseDirectory.db_url = url
    return Course(root.resolve(), config)


def remove(folder: Path) -> None:
    """Remove a folder of nbgrader's, which it writes read-only."""
    if folder.exists():
        shutil.rmtree(folder)
