"""Many tasks at a time, each in a process of its own, so that none can harm another."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.connection import Connection
from typing import Any

from nnkit.course.lectures import CourseError

Task = Callable[[str], None]  # a function of a module, or a partial of one: it is pickled


def run_batch(
    task: Task, items: Sequence[str], *, jobs: int, limit: float, preload: Sequence[str] = ()
) -> dict[str, str]:
    """Run a task on each item, show a progress bar, and collect what went wrong.

    Args:
        task: what to do with an item; it fails by raising.
        items: what to do it with.
        jobs: how many at a time.
        limit: seconds that one item may take; then its process is killed.
        preload: modules that are imported once and not in every process.

    Returns:
        For each item that failed, why.
    """
    from tqdm import tqdm

    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *preload])
    problems = {}
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(items), unit="student") as bar:
        done = {pool.submit(_supervise, context, task, item, limit): item for item in items}
        try:
            for future in as_completed(done):
                if problem := future.result():
                    problems[done[future]] = problem
                bar.update()
        except BaseException:  # Ctrl-C: begin nothing more
            pool.shutdown(cancel_futures=True)
            raise
    return {item: problems[item] for item in items if item in problems}


def _supervise(context: Any, task: Task, item: str, limit: float) -> str:
    """Run one task in a process; return what went wrong, or nothing."""
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, task, item))
    process.start()
    there.close()
    try:
        return str(here.recv()) if here.poll(limit) else f"stopped after {limit:.0f} s"
    except EOFError:
        process.join()
        return f"its process died (exit status {process.exitcode})"
    finally:
        process.kill()
        process.join()
        here.close()


def _work(answer: Connection, task: Task, item: str) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        task(item)
    except CourseError as error:
        answer.send(str(error))
    except Exception as error:
        answer.send(f"{type(error).__name__}: {error}")
    else:
        answer.send("")


def _end_with_parent() -> None:
    """End when the command is killed: nobody waits for the result, and the next run begins anew."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
