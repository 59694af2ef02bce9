"""Hostile submissions earn what their honest parts earn, and leave everything as it was."""

import copy
import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.utils import determine_grade, is_grade

from nnkit.course.homework import source
from nnkit.course.homework.grader import grade_notebook
from nnkit.course.homework.limits import Limits
from tests.grading.attacks import ATTACKS, ESCAPES

pytestmark = pytest.mark.usefixtures("sandbox")

REFERENCE = source.read(Path(__file__).parent / "tiny.md")
RELEASE = source.master(REFERENCE)
LIMITS = Limits(memory=1 << 30, together=2 << 30, cpu=20, processes=16, disk=8 << 20)
MARKS = {  # of the reference solution
    **{"double_test_1": 1.0, "double_test_2": 2.0, "mean_square_test_1": 3.0},
    **{"root_test_1": 1.0, "root_test_2": 3.0},
}
NONE = dict.fromkeys(MARKS, 0.0)


def grade(submission: Any, timeout: float = 4.0) -> Any:
    return grade_notebook(RELEASE, submission, timeout=timeout, limits=LIMITS)


def marks(graded: Any) -> dict[str, float]:
    """The marks of the tests, as nbgrader gives them."""
    tests = [cell for cell in graded.cells if is_grade(cell) and cell.cell_type == "code"]
    return {cell.metadata.nbgrader.grade_id: determine_grade(cell)[0] for cell in tests}


def solve(**answers: str) -> Any:
    """The reference as a submission, with some of its solutions replaced."""
    submission = copy.deepcopy(REFERENCE)
    for cell in submission.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    return submission


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a teacher has it: a gradebook, a neighbour's submission, a secret."""
    folder = tmp_path_factory.mktemp("course")
    folder.chmod(0o777)  # the sandbox must not depend on the rights of files
    for name in ("secret", "gradebook.db", "submitted/neighbour/homework.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} of the teacher's")
        (folder / name).chmod(0o666)
    return folder


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A server of the teacher's, which nobody may reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def digest(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_reference_earns_all() -> None:
    graded = grade(REFERENCE)
    assert marks(graded) == MARKS
    assert not [cell.outputs for cell in graded.cells if cell.get("outputs")]


def test_the_release_earns_nothing() -> None:
    assert marks(grade(RELEASE)) == NONE


@pytest.mark.parametrize("name", ATTACKS | ESCAPES)
def test_an_attack_loses_its_exercise_alone(
    name: str, outside: Path, listener: socket.socket
) -> None:
    port = str(listener.getsockname()[1])
    attack = (ATTACKS | ESCAPES)[name].replace("OUTSIDE", str(outside)).replace("PORT", port)
    before = digest(outside)
    graded = grade(solve(mean_square=attack))
    assert marks(graded) == MARKS | {"mean_square_test_1": 0.0}
    assert name not in ESCAPES or kind(graded, "mean_square_test_1") == "OSError"  # locked in
    assert digest(outside) == before
    with pytest.raises(BlockingIOError):
        listener.accept()
    wait_until(lambda: not sleepers())


def cell_of_id(graded: Any, grade_id: str) -> Any:
    (cell,) = (
        c for c in graded.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )
    return cell


def told(graded: Any, grade_id: str) -> str:
    return str(cell_of_id(graded, grade_id).outputs[0].evalue)


def kind(graded: Any, grade_id: str) -> str:
    return str(cell_of_id(graded, grade_id).outputs[0].ename)


def wait_until(happens: Callable[[], bool]) -> None:
    """The system takes a moment to end processes."""
    ends = time.monotonic() + 10
    while not happens():
        assert time.monotonic() < ends
        time.sleep(0.01)


def sleepers() -> list[str]:
    """What the attack "a daemon" would leave running."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has just ended
            continue
    return [command for command in commands if "86399.25" in command]


# Notebooks tampered with; the reference's solutions in them earn all, stubs nothing.

Tamper = Callable[[Any], object]


def each_test(change: Callable[[Any], object]) -> Tamper:
    return lambda cells: [change(cell) for cell in cells if is_grade(cell)]


TAMPERING: dict[str, Tamper] = {
    "tests emptied": each_test(lambda cell: cell.update(source="pass")),
    "tests made to set marks": each_test(lambda cell: cell.update(source="100.0")),
    "tests unlocked": each_test(lambda cell: cell.metadata.nbgrader.update(locked=False)),
    "tests made solutions": each_test(lambda cell: cell.metadata.nbgrader.update(solution=True)),
    "points raised": each_test(lambda cell: cell.metadata.nbgrader.update(points=100)),
    "checksums forged": each_test(lambda cell: cell.metadata.nbgrader.update(checksum="0")),
    "tests with outputs": each_test(lambda cell: cell.update(outputs=[{"output_type": "x"}])),
    "tests deleted": lambda cells: cells.__setitem__(
        slice(None), [cell for cell in cells if not is_grade(cell)]
    ),
    "all cells twice": lambda cells: cells.extend(copy.deepcopy(cells)),
    "cells in reverse": lambda cells: cells.reverse(),
    "metadata stripped": lambda cells: [cell.update(metadata={}) for cell in cells],
    "metadata of the wrong types": lambda cells: [
        cell.update(metadata={"nbgrader": ["grade_id"], "tags": 3}) for cell in cells
    ],
    "ids exchanged for tests'": lambda cells: [
        cell.metadata.nbgrader.update(grade_id="root_test_1", locked=True, grade=True)
        for cell in cells
        if "nbgrader" in cell.metadata and cell.cell_type == "code"
    ],
    "a cell that ends the grading": lambda cells: cells.insert(
        0, cell_of("import os; os._exit(1)")
    ),
    "a test of the student's own": lambda cells: cells.append(
        cell_of("raise SystemExit", grade=True, grade_id="mine", points=50, solution=False)
    ),
    "cells that are no cells": lambda cells: cells.extend([None, 3, [], {}, {"source": 3}]),
}


def cell_of(source: str, **marks: object) -> Any:
    return NotebookNode(cell_type="code", source=source, metadata={"nbgrader": marks}, outputs=[])


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_gains_nothing_and_costs_nothing(name: str) -> None:
    for original, earned in ((REFERENCE, MARKS), (RELEASE, NONE)):
        submission = copy.deepcopy(original)
        TAMPERING[name](submission.cells)
        graded = grade(submission)
        assert marks(graded) == earned
        points = [cell.metadata.nbgrader.points for cell in graded.cells if is_grade(cell)]
        assert points == [1, 2, 3, 1, 3, 2]
        nbformat.validate(graded)


@pytest.mark.parametrize("submission", [None, [], 3, {}, {"cells": 3}, {"cells": {"source": "x"}}])
def test_what_is_no_notebook_earns_nothing(submission: Any) -> None:
    assert marks(grade(submission)) == NONE


def test_an_answer_that_answers_nothing_earns_nothing() -> None:
    hollow = ("None", "True", "[]", "{}", "''", "np.empty(0)", "np.nan", "np.inf", "()", "object()")
    for value in hollow:
        answers = {
            name: f"def {name}(*x): return {value}" for name in ("double", "mean_square", "root")
        }
        assert marks(grade(solve(**answers))) == NONE, value


def test_a_name_of_the_tests_cannot_be_taken() -> None:
    thief = (
        "def double(x): return x\ndef close(a, b): return True\nassert_equal = isinstance = close"
    )
    earned = marks(grade(solve(double=thief)))
    assert earned == MARKS | {"double_test_1": 0.0, "double_test_2": 0.0}


def test_a_hang_in_every_test_ends_in_time() -> None:
    hang = "def {0}(x):\n    while True: pass"
    answers = {name: hang.format(name) for name in ("double", "mean_square", "root")}
    started = time.monotonic()
    assert marks(grade(solve(**answers), timeout=0.5)) == NONE
    assert time.monotonic() - started < 60


def test_hidden_tests_are_not_told() -> None:
    spy = """
seen = []
def double(x):
    seen.append(x)
    if isinstance(x, int):
        raise type(f"Got{x}", (Exception,), {})(f"called with {x}")
    return 2 * x
def mean_square(x):
    raise LookupError(f"called with {x}")
"""
    tell = 'raise LookupError(f"called with {seen}")'
    graded = grade(solve(double=spy, root=tell))
    assert told(graded, "double_test_1") == "raised by your code"
    assert kind(graded, "root") == "LookupError"
    assert told(graded, "root") == "raised by your code"
    texts = str([cell.get("outputs") for cell in graded.cells])
    assert "Got3" not in texts
    assert "called with 3" not in texts
