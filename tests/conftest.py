"""What every test starts from: one thread, no screen, the same random numbers."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; contended threads cost up to 50 x
os.environ["MPLBACKEND"] = "Agg"

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
import torch

from tests import systems


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
