"""What stands for a student's functions where the tests run: calls to the worker, and no more."""

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn

from nnkit.course.homework import sandbox
from nnkit.course.homework.limits import Limits
from nnkit.course.homework.protocol import PLAIN, ProtocolError, Reference, decode, encode
from nnkit.course.homework.sandbox import Sandbox, WorkerLost


class StudentError(Exception):
    """What went wrong in a student's code: an exception of its own, or no answer at all.

    Args:
        kind: the exception's type, by name.
        message: its text; the student may have written anything there.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return str(self.args[0])  # and not as KeyError would have it


@cache
def _class(kind: str) -> type[StudentError]:
    """Give the class of an error that a test may expect by its own name, as ``ValueError``."""
    for known in KNOWN:
        if known.__name__ == kind:
            return type(f"Student{kind}", (StudentError, known), {})
    return StudentError


KNOWN = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, NameError, RuntimeError),
    *(ZeroDivisionError, OverflowError, NotImplementedError),
)


class NoAnswer(StudentError):
    """A call that gave nothing to judge: the worker was lost, or the answer is hollow.

    Args:
        why: in words of this side, none of them the student's.
    """

    def __init__(self, why: str) -> None:
        super().__init__(type(self).__name__, why)


class Remote:
    """A student's function, or another object of theirs: it can be called, and nothing else.

    Comparing it raises, so that no object can pass for the right answer.
    """

    __slots__ = ("_life", "_reference", "_student")

    def __init__(self, student: "Student", reference: Reference, life: int) -> None:
        self._student = student
        self._reference = reference
        self._life = life

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Call it in the worker; see `Student.call`."""
        return self._student.call(self, args, kwargs)

    def __repr__(self) -> str:
        return "<an object of the submission>"

    def _refuse(self, *_: object) -> NoReturn:
        self._student.fault = f"the answer is no plain value: {', '.join(PLAIN)}"
        raise TypeError(self._student.fault)

    __eq__ = __ne__ = __bool__ = __array__ = _refuse
    __hash__ = object.__hash__


def _is_hollow(value: Any) -> bool:
    """Tell whether there is an array without elements in it, all of which equal anything."""
    match value:
        case list() | tuple():
            return any(map(_is_hollow, value))
        case dict():
            return any(map(_is_hollow, value.values()))
    return hasattr(value, "shape") and 0 in value.shape


class Student:
    """A student's cells and the worker that runs them; a worker that is lost is replaced.

    Args:
        timeout: seconds that one cell may take, in all its calls; what a test does between them is
            not counted.
        limits: what a worker may use up; None runs it without a sandbox.
        modules: what it has imported before it sees a cell.
    """

    def __init__(
        self, timeout: float, limits: Limits | None, modules: tuple[str, ...] = ()
    ) -> None:
        self.timeout = timeout
        self._kind = limits, modules
        self.fault = ""  # why the cell has failed even if it caught the exception that said so
        self._cells: list[str] = []
        self._sandbox: Sandbox | None = None
        self._life = 0  # which worker this is; handles are of no use to another
        self.waited = 0.0  # seconds for answers, in all
        self._left = 0.0

    def begin(self) -> None:
        """Begin a cell: its time counts from here, and there is a worker that knows all before it.

        Raises:
            SandboxError: if no worker starts.
        """
        if self._sandbox and not self._sandbox.is_quiet():
            self.close()  # something was written that nobody asked for
        if self._sandbox is None:
            self._replay()
        self.fault = ""
        self._left = self.timeout
        assert self._sandbox is not None
        self._sandbox.start_clock()

    def run(self, source: str) -> None:
        """Execute a cell in the worker.

        Raises:
            StudentError: if the cell raises, or loses the worker and is not run again.
        """
        try:
            self._ask(["run", source])
        finally:
            if self._sandbox:
                self._cells.append(source)

    def get(self, names: Sequence[str]) -> dict[str, Any]:
        """Give what names stand for in the worker.

        Args:
            names: what the tests may use.

        Returns:
            Those of the names that are defined: plain values, and a `Remote` for what is not.

        Raises:
            StudentError: if there is no answer.
        """
        values = self._ask(["get", list(names)])
        if not isinstance(values, dict):
            self._lose("the answer is none")
        return {name: values[name] for name in names if name in values}

    def call(self, remote: Remote, args: Sequence[object], kwargs: dict[str, object]) -> Any:
        """Call a function in the worker.

        Args:
            remote: the function.
            args: plain values, or other objects of the submission.
            kwargs: the same, by name.

        Returns:
            What it returns: plain values, and a `Remote` for whatever is not.

        Raises:
            StudentError: if it raises or gives no answer in time.
            TypeError: if an argument is no plain value; that is the test's fault.
        """
        return self._ask(["call", self._refer(remote), list(args), kwargs])

    def close(self) -> None:
        """End the worker."""
        if self._sandbox:
            self._sandbox.close()
        self._sandbox = None

    def _ask(self, request: list[object]) -> Any:
        if self._sandbox is None:
            raise NoAnswer(self.fault)
        try:
            message = encode(request, self._refer)
        except ProtocolError as error:
            raise TypeError(f"an argument does not cross into the sandbox: {error}") from None
        begun = time.monotonic()
        try:
            reply = decode(self._sandbox.ask(message, self._left), self._resolve)
        except (WorkerLost, ProtocolError) as error:
            self._lose(str(error))
        finally:
            passed = time.monotonic() - begun
            self.waited += passed
            self._left -= passed
        match reply:
            case ["value", value]:
                if _is_hollow(value):
                    self._fail("an array without elements is no answer")
                return value
            case ["error", str(kind), str(text)]:
                raise _class(kind)(kind[:100], text[:1000])
        self._lose("the answer is none")

    def _lose(self, why: str) -> NoReturn:
        self.close()
        self._fail(why)

    def _fail(self, why: str) -> NoReturn:
        self.fault = why
        raise NoAnswer(why)

    def _refer(self, value: object) -> Reference:
        if not isinstance(value, Remote) or value._student is not self:
            raise ProtocolError(f"{type(value).__name__} is no plain value")
        if isinstance(value._reference, int) and value._life != self._life:
            raise NoAnswer("an object of a worker that was lost")
        return value._reference

    def _resolve(self, reference: Reference) -> Remote:
        return Remote(self, reference, self._life)

    def _replay(self) -> None:
        """Start a worker and run all cells in it, but none that loses it again."""
        cells = self._cells
        while self._sandbox is None:
            self._sandbox = sandbox.fresh(*self._kind)
            self._life += 1
            self._left = self.timeout
            self._cells = []
            for index, source in enumerate(cells):
                with suppress(StudentError):
                    self.run(source)
                if self._sandbox is None:
                    cells = cells[:index] + cells[index + 1 :]
                    break
