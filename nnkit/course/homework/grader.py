"""The tests of a homework, run in this process; the student's code, run in a worker."""

import ast
import builtins
import io
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from numbers import Real
from types import FrameType
from typing import Any

from nbformat import NotebookNode

from nnkit.course.homework.limits import Limits
from nnkit.course.homework.proxies import NoAnswer, Remote, Student, StudentError
from nnkit.course.homework.sandbox import SLACK
from nnkit.course.homework.seeds import seed
from nnkit.course.homework.transplant import is_solution, is_test, names, transplant

PATIENCE = 10  # a whole notebook may take as long as this many cells that use up their time
GRACE = 2.0  # seconds on top for a test to come to its end by itself
HIDDEN = "raised by your code"  # instead of a message that may tell what it was called with
LONGEST = 500  # characters of a message: what a test prints of an answer, students read
TEST = "<test>"  # what a traceback calls the cell
BEGIN_HIDDEN, END_HIDDEN = "BEGIN HIDDEN TESTS", "END HIDDEN TESTS"


LIMITS = Limits()


class OutOfTime(BaseException):
    """A cell takes too long; no ``except Exception`` of a test swallows it."""


def grade_notebook(
    release: Any, submission: Any, *, timeout: float = 30.0, limits: Limits | None = LIMITS
) -> Any:
    """Run the tests of a homework on a submission.

    Args:
        release: the notebook that was handed out, with stubs for solutions and with hidden tests.
        submission: what came back.
        timeout: seconds that a cell may take.
        limits: what the worker may use up; None for code that can be trusted, without a sandbox.

    Returns:
        The release with the student's solutions and essays in it. A test cell that failed holds an
        error; one that passed none.

    Raises:
        SandboxError: if this system has no sandbox. Nothing in a submission raises.
    """
    graded = transplant(release, submission)
    for cell in filter(is_test, graded.cells):
        cell.outputs = [_error("NotRun", "this test was not run")]  # until it has passed
    student = Student(timeout, limits, _modules(release))
    namespace: dict[str, Any] = {"__name__": "__tests__"}
    secret = False  # has the worker been called by hidden tests?
    try:
        for original, cell in zip(release.cells, graded.cells, strict=True):
            if cell.cell_type != "code":
                continue
            if student.waited > PATIENCE * timeout:
                cell.outputs = [_error("OutOfTime", "the notebook has used up its time")]
            elif is_solution(cell):
                cell.outputs = _run_solution(
                    student, cell, names(original.source), namespace, secret
                )
            elif is_test(cell):
                cell.outputs = _run_trusted(student, cell, namespace, secret)
                secret = secret or BEGIN_HIDDEN in cell.source
            else:
                _run_solution(student, cell, [], {}, secret)
                cell.outputs = _run_trusted(student, cell, namespace, secret)
    finally:
        student.close()
    return graded


def _modules(release: Any) -> tuple[str, ...]:
    """Name what the release imports, so that workers can do so ahead of time."""
    found: set[str] = set()
    for cell in release.cells:
        if cell.cell_type == "code" and not is_test(cell):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module)
    # the first tensor that a test sends would import it under the limits of the student's code
    if any("torch" in cell.source for cell in filter(is_test, release.cells)):
        found.add("torch")
    return tuple(sorted(found))


def _run_solution(
    student: Student, cell: Any, wanted: list[str], namespace: dict[str, Any], secret: bool
) -> list[Any]:
    """Run a cell in the worker and put what it defines into the tests' namespace."""
    outputs = []
    student.begin()
    try:
        student.run(cell.source)
    except StudentError as error:
        outputs = [_told(error, secret)]
    for name in wanted:
        namespace.pop(name, None)
    with suppress(StudentError):  # then the tests find nothing under these names
        namespace |= student.get(wanted)
    return outputs


def _run_trusted(student: Student, cell: Any, namespace: dict[str, Any], secret: bool) -> list[Any]:
    """Run a cell of the release in this process; give its outputs as nbgrader reads them."""
    student.begin()
    said = io.StringIO()
    outputs = []
    with redirect_stdout(said), redirect_stderr(said), warnings.catch_warnings(action="ignore"):
        seed()
        try:
            with _alarm(SLACK * student.timeout + GRACE):
                value = _execute(cell.source, namespace)
            if student.fault:  # which the test took for an exception that it had expected
                raise NoAnswer(student.fault)
            outputs = _partial(cell, value)
        except (Exception, SystemExit, OutOfTime) as error:
            outputs = [_failure(error, cell.source, secret)]
    if said.getvalue():
        outputs.append(NotebookNode(output_type="stream", name="stdout", text=said.getvalue()))
    return outputs


def _execute(source: str, namespace: dict[str, Any]) -> Any:
    """Execute a cell and give the value of its last line, None if that has none."""
    tree = ast.parse(source, TEST)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, TEST, "exec"), namespace)
    if not isinstance(last, ast.Expr):
        return None
    value = eval(compile(ast.Expression(last.value), TEST, "eval"), namespace)
    call = last.value.func if isinstance(last.value, ast.Call) else None
    asks = isinstance(call, ast.Name) and isinstance(namespace.get(call.id), Remote)
    return None if asks else value  # what a student's function returns is no mark


def _partial(cell: Any, value: Any) -> list[Any]:
    """Give the output that is a partial mark for nbgrader, if the test ends in a number."""
    if not is_test(cell) or isinstance(value, bool) or not isinstance(value, Real):
        return []
    given, points = float(value), float(cell.metadata.nbgrader.points)
    if not 0 <= given <= points:
        raise ValueError(f"the test gives {given:g} of {points:g} points")
    text = {"text/plain": repr(given)}
    return [
        NotebookNode(output_type="execute_result", data=text, metadata={}, execution_count=None)
    ]


def _failure(error: BaseException, source: str, secret: bool) -> Any:
    """Tell what failed; of a hidden test neither a line nor what it gave to the student's code."""
    lines = [f.lineno or 0 for f in traceback.extract_tb(error.__traceback__) if f.filename == TEST]
    above = source.splitlines()[: lines[-1] if lines else 0]
    hidden = _last(above, BEGIN_HIDDEN) > _last(above, END_HIDDEN)
    if isinstance(error, StudentError):
        return _told(error, secret or _last(above, BEGIN_HIDDEN) >= 0)
    message = str(error)
    if not message:
        message = "a hidden check failed" if hidden else f"line {lines[-1] if lines else 1}"
    return _error(type(error).__name__, message)


def _told(error: StudentError, secret: bool) -> Any:
    """Tell what the student's code raised; after a hidden test it may say what that called."""
    if isinstance(error, NoAnswer) or not secret:
        return _error(error.kind, error.message)
    known = isinstance(getattr(builtins, error.kind, None), type)
    return _error(error.kind if known else "StudentError", HIDDEN)


def _last(lines: list[str], mark: str) -> int:
    return max((index for index, line in enumerate(lines) if mark in line), default=-1)


def _error(kind: str, message: str) -> Any:
    short = message if len(message) <= LONGEST else message[:LONGEST] + " …"
    text = short.encode(errors="replace").decode()
    return NotebookNode(output_type="error", ename=kind, evalue=text, traceback=[f"{kind}: {text}"])


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise OutOfTime after some seconds; only a process's main thread can be woken so.

    It waits for a line of the test itself: elsewhere, it might leave a lock locked. What does not
    come back to the test for another while is interrupted wherever it is.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or not hasattr(signal, "setitimer"):  # on Windows
        yield
        return
    last = time.monotonic() + 3 * seconds

    def ring(number: int, frame: FrameType | None) -> None:
        if (frame and frame.f_code.co_filename == TEST) or time.monotonic() > last:
            raise OutOfTime(f"no end within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.01)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
