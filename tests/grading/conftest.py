"""What grading needs here."""

import os
import shutil
from pathlib import Path

import pytest

from nnkit.course.homework.limits import Limits
from nnkit.course.homework.sandbox import SandboxError, fresh
from tests import systems
from tests.grading.course import ROSTER, nnkit


@pytest.fixture(scope="session")
def sandbox() -> None:
    """Skip a test where there is no sandbox; CI installs one on Linux, so there it fails."""
    if not systems.LINUX:
        pytest.skip(systems.NO_SANDBOX)
    try:
        fresh(Limits()).close()
    except SandboxError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder with the homework released, and nobody graded."""
    course = tmp_path_factory.mktemp("empty")
    assert nnkit("release", 1, "--course", course) == 0
    return course


@pytest.fixture
def course(empty: Path, tmp_path: Path) -> Path:
    """Such a folder for one test alone."""
    return Path(shutil.copytree(empty, tmp_path / "course"))


@pytest.fixture
def with_roster(course: Path) -> Path:
    (course / "in.csv").write_text(ROSTER, "utf-8")
    assert nnkit("roster", course / "in.csv", "--course", course) == 0
    return course
