"""What grading needs here."""

import os

import pytest

from nnkit.course.homework.limits import Limits
from nnkit.course.homework.sandbox import SandboxError, fresh


@pytest.fixture(scope="session")
def sandbox() -> None:
    """Skip a test where there is no sandbox; CI installs one, so there it fails."""
    try:
        fresh(Limits()).close()
    except SandboxError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
