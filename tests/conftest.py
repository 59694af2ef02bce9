"""What every test starts from: one thread, no screen, the same random numbers."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; contended threads cost up to 50 x
os.environ["MPLBACKEND"] = "Agg"

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
import torch

from tests import systems

# Files of few tests that take long. They are begun first, so that no processor waits for another
# at the end; without this, those of many tests would be.
LONG = (
    "test_homework",
    "test_present",
    "test_commands",
    "test_windows",
    "test_training_distributed",
    "test_training_progress",
    "test_sweep",
    "test_course_damage",
    "test_collect",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes long."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


def pytest_report_header() -> list[str]:
    """Say what this system leaves out."""
    left_out = {systems.NO_SANDBOX, systems.NOT_MEASURED} if not systems.LINUX else set()
    left_out |= {systems.NO_POSIX} if systems.WINDOWS else set()
    return [f"left out here, run on Linux: {reason}" for reason in sorted(left_out)]


@pytest.fixture(autouse=True)
def seed() -> int:
    """Seed the global generator before each test; the number is there for generators of its own."""
    torch.manual_seed(0)
    return 0


@pytest.fixture(autouse=True)
def no_figure_left_open() -> Iterator[None]:
    """Close what a test has drawn, so that no figure of one is the current figure of the next."""
    yield
    plt.close("all")
