"""Many tasks, some at a time, in processes that are replaced when they die or get stuck."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from nnkit.course.lectures import CourseError

MEMORY = 4 << 30  # bytes that a process may take on top of what was imported

Task = Callable[[str], None]  # a function of a module, or a partial of one: it is pickled
Report = Callable[[str, str], None]


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

    Raises:
        CourseError: if jobs is not positive.
    """
    from tqdm import tqdm

    if jobs < 1:
        raise CourseError(f"{jobs} jobs at a time; at least one is needed")
    if "forkserver" in multiprocessing.get_all_start_methods():
        context: Any = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, *preload])
    else:  # on Windows
        context = multiprocessing.get_context("spawn")
    todo, problems = deque(items), {}
    with tqdm(total=len(items), unit="student") as bar, ThreadPoolExecutor(jobs) as pool:

        def report(item: str, problem: str) -> None:
            if problem:
                problems[item] = problem
            bar.update()

        work = [pool.submit(_supervise, context, task, todo, limit, report) for _ in range(jobs)]
        try:
            for supervisor in work:
                supervisor.result()
        finally:
            todo.clear()  # after Ctrl-C nothing more is begun
    return {item: problems[item] for item in items if item in problems}


def _supervise(context: Any, task: Task, todo: deque[str], limit: float, report: Report) -> None:
    """Give items to a process, one after the other, and to a new one if it is lost."""
    process = None
    while todo:
        try:
            item = todo.popleft()
        except IndexError:  # another supervisor was faster
            break
        if process is None:
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there, task))
            process.start()
            there.close()
        try:
            here.send(item)
            if not here.poll(limit):
                raise TimeoutError
            report(item, here.recv())
        except (EOFError, OSError) as error:
            slow = isinstance(error, TimeoutError)
            report(item, f"stopped after {limit:.0f} s" if slow else "the process died")
            _end(process, here)
            process = None
    if process is not None:
        _end(process, here)


def _end(process: Any, connection: Connection) -> None:
    process.kill()
    process.join()
    connection.close()


def _work(items: Connection, task: Task) -> None:
    """Do what comes, and answer what went wrong with it, or nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: what has begun is brought to its end
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _bind()
    while True:
        try:
            task(items.recv())
        except CourseError as error:
            items.send(str(error))
        except Exception as error:
            items.send(f"{type(error).__name__}: {error}")
        else:
            items.send("")


def _bind() -> None:
    """Bound this process's own memory: a submission may be made to take a lot when it is read."""
    if not sys.platform.startswith("linux"):  # where nothing is graded
        return
    import resource

    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    # a soft limit: workers set their own
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, hard))


def _end_with_parent() -> None:
    """End when the command is killed: nobody waits for the result, and the next run begins anew."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
