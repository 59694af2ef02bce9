"""Many tasks in processes: what one of them does to its process is nobody else's business."""

import os
import time

import pytest

from nnkit.course.homework.batch import run_batch
from nnkit.course.lectures import CourseError

ITEMS = ["fine", "told", "raises", "dies", "hangs", "exits", "good", "better"]


def task(item: str) -> None:
    if item == "told":
        raise CourseError("what the user can mend")
    if item == "raises":
        raise ValueError("oh")
    if item == "dies":
        os.abort()
    if item == "hangs":
        time.sleep(600)
    if item == "exits":
        os._exit(0)


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_failure_is_told_and_harms_no_other(jobs: int) -> None:
    assert run_batch(task, ITEMS, jobs=jobs, limit=10) == {
        "told": "what the user can mend",
        "raises": "ValueError: oh",
        "dies": "the process died",
        "hangs": "stopped after 10 s",
        "exits": "the process died",
    }


def test_nothing_to_do_is_done_at_once() -> None:
    assert run_batch(task, [], jobs=2, limit=10) == {}


def test_no_jobs_are_refused() -> None:
    with pytest.raises(CourseError, match="0 jobs at a time; at least one"):
        run_batch(task, ITEMS, jobs=0, limit=10)
