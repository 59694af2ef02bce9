"""What grading needs here."""

import os

import pytest

from nnkit.course.homework.limits import Limits
from nnkit.course.homework.sandbox import SandboxError, fresh
from tests import systems


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
