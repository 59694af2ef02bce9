"""The sandbox: what is in it, what it limits, when it refuses; and the tests' side of it."""

import copy
import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbformat import NotebookNode
from traitlets.config import Config

from nnkit.course.homework import grader, source
from nnkit.course.homework import sandbox as module
from nnkit.course.homework.execute import TrustedExecute
from nnkit.course.homework.grader import grade_notebook
from nnkit.course.homework.limits import Limits
from nnkit.course.homework.protocol import decode, encode
from nnkit.course.homework.proxies import NoAnswer, Remote, Student, StudentError
from nnkit.course.homework.sandbox import Sandbox, SandboxError, WorkerLost, fresh
from nnkit.course.homework.transplant import is_test
from nnkit.course.homework.worker import Worker
from tests import systems
from tests.grading.attacks import CHANNEL
from tests.grading.test_hostile import LIMITS, MARKS, REFERENCE, RELEASE, marks, solve

pytestmark = systems.sandboxed
inside = pytest.mark.usefixtures("sandbox")


@pytest.fixture
def student(sandbox: None) -> Iterator[Student]:
    student = Student(30.0, LIMITS)
    student.begin()
    yield student
    student.close()


@pytest.fixture
def tensors(sandbox: None) -> Iterator[Student]:
    """One whose worker has imported torch, which maps more than LIMITS allow if it is for CUDA."""
    student = Student(30.0, LIMITS, ("torch",))
    student.begin()
    yield student
    student.close()


def run(student: Student, code: str, *names: str) -> Any:
    """Execute a cell; give what the names stand for, one alone as it is."""
    student.begin()
    student.run(code)
    values = [student.get(names)[name] for name in names]
    return values[0] if len(values) == 1 else values


# Refusals


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="Linux only"):
        Sandbox(Limits())


def test_other_processors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(SandboxError, match="x86_64, aarch64 only; this is riscv64"):
        Sandbox(Limits())


@pytest.mark.parametrize(
    ("missing", "package"),
    [("bwrap", "bubblewrap"), ("setpriv", "util-linux"), ("unshare", "util-linux")],
)
def test_a_missing_program_is_named(
    missing: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        module.shutil, "which", lambda name: None if name == missing else f"/{name}"
    )
    with pytest.raises(SandboxError, match=f"'{missing}' is missing.*apt install {package}"):
        grade_notebook(RELEASE, REFERENCE, limits=Limits(cpu=1))


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("bwrap: setting up uid map: Permission denied", "apparmor_restrict_unprivileged_userns=0"),
        ("bwrap: No permissions to create a new namespace", "Ubuntu 24.04"),
        ("bwrap: Unknown option --disable-userns", "0.8 or a later version"),
        ("setpriv: setresuid failed: Operation not permitted", "setresuid failed"),
    ],
)
def test_a_sandbox_that_does_not_start_is_refused(
    said: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("bwrap", "unshare", "setpriv"):
        program(tmp_path, name, f"echo '{said}' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SandboxError) as refusal:
        grade_notebook(RELEASE, REFERENCE, limits=Limits(cpu=2))
    assert advice in str(refusal.value)
    assert said in str(refusal.value)


def test_a_worker_that_never_is_ready_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(module, "START", 0.2)
    for name in ("bwrap", "unshare", "setpriv"):
        program(tmp_path, name, "sleep 100")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SandboxError, match="did not start"):
        fresh(Limits(cpu=3))


def test_a_course_that_students_could_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for folder in (sys.prefix, Path(sys.prefix) / "lib"):
        monkeypatch.chdir(folder)
        with pytest.raises(SandboxError, match="students' code can read"):
            Sandbox(Limits())


def test_only_root_drops_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert module._command(Limits(), 3)[0] == "/usr/bin/bwrap"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    command = module._command(Limits(), 3)
    assert command.index("/usr/bin/setpriv") < command.index("/usr/bin/bwrap")


# What is in it


@inside
def test_what_students_code_finds(student: Student) -> None:
    code = """
import os, resource
root = sorted(os.listdir("/"))
tmp = os.listdir("/tmp")
variables = sorted(os.environ)
network = sorted(os.listdir("/sys/class/net")) if os.path.exists("/sys") else []
with open("/proc/net/dev") as file:
    devices = [line.split(":")[0].strip() for line in file if ":" in line]
ids = [os.getuid(), os.getgid(), *os.getgroups()]
with open("/proc/self/status") as file:
    status = dict(line.split(":\\t") for line in file if ":\\t" in line)
groups = set(status["Groups"].split())
powers = [int(status[name], 16) for name in status if name.startswith("Cap")]
processes = [name for name in os.listdir("/proc") if name.isdigit()]
host = os.uname().nodename
limits = [resource.getrlimit(getattr(resource, "RLIMIT_" + name))
          for name in ("AS", "CPU", "NPROC", "FSIZE", "NOFILE", "CORE")]
course = [path for path in COURSE if os.path.exists(path)]
channels = [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
groups = list(groups)
"""
    here = Path(__file__).parents[2]
    course = [here / "lectures", here / "tests", here / "pyproject.toml", "/etc/passwd", "/home"]
    found = run(
        student,
        code.replace("COURSE", repr(list(map(str, course)))),
        *("tmp", "devices", "course", "network", "powers", "processes", "limits", "variables"),
        *("ids", "root"),
    )
    tmp, devices, course, network, powers, processes, limits, variables, ids, root = found
    assert course == network == []
    assert {*tmp} <= {here.parts[2]}  # where the project itself lies in /tmp
    assert devices == ["lo"]
    assert not any(powers)
    assert len(processes) <= 3
    assert 0 not in ids
    (soft, memory), *others = limits
    assert LIMITS.memory < soft == memory < LIMITS.memory + (1 << 30)
    bounds = [LIMITS.cpu, LIMITS.processes, LIMITS.disk, LIMITS.files, 0]
    assert others == [(bound, bound) for bound in bounds]
    assert set(variables) <= {*module.ENVIRONMENT, "PWD", "LC_CTYPE"}
    assert not {"home", "var", "srv", "opt", "boot", "sys", "run"} & {*root} - {here.parts[1]}


@inside
def test_prints_do_not_get_between_the_messages(student: Student) -> None:
    code = """
import os, subprocess, sys
print("x" * 100_000)
print("y", file=sys.stderr)
os.write(0, b"0"), os.write(1, b"1"), os.write(2, b"2")
subprocess.run(["echo", "z"])
read = sys.stdin.read()
"""
    assert run(student, code, "read") == ""


@inside
def test_a_worker_is_warm_and_used_once() -> None:
    first, second = fresh(LIMITS, ("json.tool",)), fresh(LIMITS, ("json",))
    try:
        assert first.process.pid != second.process.pid
        code = encode(["run", "import sys; warm = 'json.tool' in sys.modules; mine = 1"])
        names = encode(["get", ["warm", "mine"]])
        assert decode(second.ask(names, 30)) == ["value", {}]
        assert decode(first.ask(code, 30)) == ["value", None]
        assert decode(first.ask(names, 30)) == ["value", {"warm": True, "mine": 1}]
        assert decode(second.ask(names, 30)) == ["value", {}]
    finally:
        first.close()
        second.close()


@inside
def test_a_spare_that_has_died_is_replaced() -> None:
    fresh(LIMITS).close()
    spare = module._spare[LIMITS, ()]
    spare.wait()
    os.killpg(spare.process.pid, signal.SIGKILL)
    spare.process.wait()
    worker = fresh(LIMITS)
    assert worker is not spare
    assert decode(worker.ask(encode(["get", []]), 30)) == ["value", {}]
    worker.close()


@inside
def test_closing_ends_it_and_closing_again_is_nothing() -> None:
    worker = fresh(LIMITS)
    assert worker.close() == ""
    assert worker.process.returncode is not None
    assert worker.close() == ""
    with pytest.raises(WorkerLost, match="died"):
        worker.ask(b"", 1)


@inside
@pytest.mark.parametrize("request_", [b"", b"\0", encode("run"), encode(["run", 3]), encode([])])
def test_a_worker_answers_what_it_does_not_understand(request_: bytes) -> None:
    worker = fresh(LIMITS)
    assert decode(worker.ask(request_, 30))[0:2] == ["error", "ProtocolError"]
    worker.close()


@inside
def test_it_ends_with_the_process_that_started_it() -> None:
    code = f"""
import os, signal
from nnkit.course.homework.limits import Limits
from nnkit.course.homework.sandbox import fresh
from nnkit.course.homework.protocol import encode
worker = fresh(Limits(memory={LIMITS.memory}))
request = encode(["run", "import os; os.fork(); os.execv('/bin/sleep', ['sleep', '86398.75'])"])
worker.channel.sendall((16 + len(request)).to_bytes(4, "big") + bytes(16) + request)
while "86398.75" not in os.popen("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\0' ' '").read():
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], timeout=120)
    ends = time.monotonic() + 10
    while any(b"86398.75" in line for line in commands()):
        assert time.monotonic() < ends
        time.sleep(0.01)


def commands() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:  # it has just ended
            continue
        if command.startswith(b"sleep"):
            yield command


@inside
def test_what_the_homework_imports_must_start() -> None:
    with pytest.raises(SandboxError, match=r"(?s)before it had run.*No module named 'no_such'"):
        grade_notebook(notebook("import no_such.thing"), None, limits=LIMITS)


LITTLE = Limits(memory=192 << 20)  # importing torch maps three times as much, for CUDA twenty times
ROOM = """
import os, subprocess, sys
CODE = "bytearray(%d); print('had it')"
def gets(size):
    try:
        return len(bytearray(size)) == size
    except MemoryError:
        return False
def forked(size):
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os._exit(not gets(size))
def started(size):
    child = subprocess.run([sys.executable, "-c", CODE % size], capture_output=True, text=True)
    return child.stdout.strip(), "MemoryError" in child.stderr
"""


@inside
def test_memory_counts_from_what_is_imported() -> None:
    student = Student(30.0, LITTLE, ("torch",))
    gets, forked, started = run(student, ROOM, "gets", "forked", "started")
    assert (gets(64 << 20), gets(256 << 20)) == (True, False)
    assert (forked(64 << 20), forked(256 << 20)) == (True, False)
    assert started(64 << 20) == ("had it", False)
    assert started(64 << 30) == ("", True)  # for a new program what torch maps comes on top
    student.close()


@inside
def test_a_tensor_of_the_tests_alone_is_no_import_of_the_student_s() -> None:
    release = notebook(
        ("solution", "def f(x): return 2 * x"),
        ("test", "import torch\nassert f(torch.tensor(1.5)) == 3"),
    )
    assert not grade_notebook(release, release, limits=LITTLE).cells[1].outputs


# The worker itself, as it is inside


def test_a_worker_answers_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    worker = Worker()

    def ask(*request: object) -> Any:
        return decode(worker.answer(encode(list(request))), lambda reference: ("at", reference))

    code = (
        "%magic\nx = 1\ndef f(y=2): return f if y else 1 / y\nclass E(Exception):\n    __str__ = 0"
    )
    assert ask("run", code) == ["value", None]
    assert ask("get", ["x", "f", "z"]) == ["value", {"x": 1, "f": ("at", "f")}]
    assert ask("call", "f", [], {"y": 3}) == ["value", ("at", 0)]
    assert ask("call", 0, [1], {}) == ["value", ("at", 1)]
    assert ask("call", "f", [0], {}) == ["error", "ZeroDivisionError", "division by zero"]
    assert ask("call", "z", [], {}) == ["error", "NameError", "name 'z' is not defined"]
    assert ask("call", 7, [], {}) == ["error", "IndexError", "list index out of range"]
    assert ask("run", "raise E") == ["error", "E", ""]
    assert ask("else") == ["error", "ProtocolError", "no request"]


# Calls


def test_values_go_there_and_back(tensors: Student) -> None:
    echo = run(tensors, "def echo(*args, **kwargs): return [*args, kwargs]", "echo")
    array = np.arange(6.0).reshape(2, 3)
    result = echo(1, None, array, key=("a", {"b": torch.ones(2)}))
    assert result[:2] == [1, None]
    np.testing.assert_array_equal(result[2], array)
    assert result[3]["key"][0] == "a"
    assert torch.equal(result[3]["key"][1]["b"], torch.ones(2))


def test_an_argument_cannot_be_changed_from_there(student: Student) -> None:
    spoil = run(student, "def spoil(x): x[:] = 0; return x", "spoil")
    array = np.ones(3)
    assert not spoil(array).any()
    assert array.all()


def test_what_a_worker_remembers_it_remembers(student: Student) -> None:
    count, total = run(
        student,
        "total = 0\ndef count():\n    global total; total += 1; return total",
        "count",
        "total",
    )
    assert (count(), count(), total) == (1, 2, 0)


def test_an_exception_arrives_by_name(student: Student) -> None:
    code = """
class Own(Exception):
    def __str__(self): raise Exception
def f(x): raise ValueError(f"not {x}")
def g(): raise Own
def h(): raise KeyboardInterrupt
"""
    f, g, h = run(student, code, "f", "g", "h")
    with pytest.raises(StudentError, match=r"^ValueError: not 3$") as error:
        f(3)
    assert (error.value.kind, error.value.message) == ("ValueError", "not 3")
    with pytest.raises(StudentError, match=r"^Own$"):
        g()
    with pytest.raises(StudentError, match=r"^KeyboardInterrupt$"):
        h()


def test_an_object_can_be_called_and_nothing_else(student: Student) -> None:
    make, use = run(
        student,
        "def make(n): return lambda x: x + n\ndef use(f, x): return [f(x), f]",
        *("make", "use"),
    )
    add = make(2)
    assert isinstance(add, Remote)
    assert add(3) == 5
    assert use(add, 4)[0] == 6
    assert use(make, 1)[0](1) == 2
    assert repr(add) == "<an object of the submission>"
    nonsense: list[Any] = [
        lambda: add == add,
        lambda: add != 3,
        lambda: bool(add),
        lambda: add in [1],
        lambda: np.allclose(add, 1),
        lambda: np.ones(1) == add,
        lambda: torch.ones(1) == add,
        lambda: abs(add - 1) < 1,
        lambda: float(add),
        lambda: add < 1,
        lambda: len(add),
        lambda: iter(add),
        lambda: f"{add:.2f}",
        lambda: sum([add]),
    ]
    for compare in nonsense:
        with pytest.raises(TypeError):
            compare()


def test_an_argument_that_does_not_cross_is_the_test_s_fault(student: Student) -> None:
    f = run(student, "def f(x): return x", "f")
    for argument in (print, {1}, object(), 10**2000):
        with pytest.raises(TypeError, match="does not cross"):
            f(argument)
    assert f(1) == 1


def test_another_student_s_object_does_not_cross(student: Student) -> None:
    other = Student(30.0, LIMITS)
    theirs = run(other, "def f(x): return x", "f")
    f = run(student, "def f(x): return x", "f")
    with pytest.raises(TypeError, match="does not cross"):
        f(theirs)
    other.close()


@pytest.mark.parametrize(
    "hollow", ["np.empty(0)", "[1, np.empty((2, 0))]", "{'a': (np.empty(0),)}", "torch.empty(0)"]
)
def test_an_array_without_elements_is_no_answer(tensors: Student, hollow: str) -> None:
    f = run(tensors, f"import numpy as np, torch\ndef f(): return {hollow}", "f")
    with pytest.raises(NoAnswer, match="without elements"):
        f()


def test_a_lost_worker_costs_the_call_and_what_it_held(student: Student) -> None:
    code = """
import os
def make(): return lambda: 1
def end(): os._exit(1)
raise ValueError("at the end of the cell")
"""
    with pytest.raises(StudentError, match="at the end"):
        run(student, code)
    make, end = student.get(["make", "end"]).values()
    held = make()
    with pytest.raises(NoAnswer, match="died"):
        end()
    with pytest.raises(NoAnswer, match="died"):
        make()
    student.begin()
    assert make()() == 1
    with pytest.raises(NoAnswer, match="a worker that was lost"):
        held()


def test_what_is_written_unasked_costs_no_other_cell(student: Student) -> None:
    code = """
import threading
def f():
    threading.Timer(0.1, channel().sendall, [bytes(50)]).start()
    return 1
def g(): return 2
"""
    f, g = run(student, CHANNEL + code, "f", "g")
    assert f() == 1
    assert student._sandbox is not None
    while student._sandbox.is_quiet():
        time.sleep(0.01)
    student.begin()
    assert g() == 2


def test_a_cell_that_loses_the_worker_is_not_run_again(student: Student) -> None:
    run(student, "def f(): return 1", "f")
    with pytest.raises(NoAnswer):
        run(student, "import os; os._exit(1)")
    with pytest.raises(NoAnswer):
        student.get(["f"])
    assert run(student, "x = f()", "x") == 1


def test_a_cell_that_loses_the_worker_the_second_time_is_dropped_then(student: Student) -> None:
    # the second worker can tell by its own past: the first call is over
    run(
        student,
        "import os, time; late = time.time() > LATE and os._exit(1)".replace(
            "LATE", str(time.time() + 2)
        ),
    )
    end, f = run(student, "def end(): os._exit(1)\ndef f(): return 'late' in globals()", "end", "f")
    time.sleep(2)
    with pytest.raises(NoAnswer):
        end()
    student.begin()
    with pytest.raises(StudentError, match="NameError"):
        end()  # the import of os went with the cell
    assert f() is False


# Notebooks


def notebook(*cells: tuple[str, str] | str) -> Any:
    """A release: sources, those of tests and solutions with their kind in front."""
    made = []
    for number, cell in enumerate(cells):
        kind, text = ("", cell) if isinstance(cell, str) else cell
        marks = {
            "grade_id": f"c{number}",
            "solution": kind == "solution",
            "grade": kind == "test",
            "points": 1.0,
            "locked": kind != "solution",
            "schema_version": 3,
        }
        made.append(NotebookNode(nbformat.v4.new_code_cell(text, metadata={"nbgrader": marks})))
    return nbformat.v4.new_notebook(cells=made)


def outputs(*cells: tuple[str, str] | str, timeout: float = 30.0) -> list[list[str]]:
    """What the cells of a notebook show, each output in a line."""
    submission = notebook(*cells)
    release = copy.deepcopy(submission)
    for cell in release.cells:
        if cell.metadata.nbgrader.solution:
            defined = re.findall(r"^def (\w+)", cell.source, re.MULTILINE)
            cell.source = "\n".join(f"def {name}(): pass" for name in ["f", *defined])
    graded = grade_notebook(release, submission, timeout=timeout, limits=LIMITS)
    return [list(map(shown_as, cell.outputs)) for cell in graded.cells]


def shown_as(output: Any) -> str:
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return str(output.data["text/plain"] if "data" in output else output.text)


@inside
def test_no_line_of_a_test_enters_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    genuine = Sandbox.ask

    def ask(self: Sandbox, request: bytes, timeout: float) -> bytes:
        sent.append(request)
        return genuine(self, request, timeout)

    monkeypatch.setattr(Sandbox, "ask", ask)
    grade_notebook(RELEASE, REFERENCE, limits=LIMITS)
    tests = [cell.source for cell in RELEASE.cells if is_test(cell)]
    lines = {line.strip() for source in tests for line in source.splitlines() if len(line) > 8}
    assert len(lines) > 10
    assert b"def double" in b"".join(sent)
    assert not [line for line in lines if json.dumps(line)[1:-1].encode() in b"".join(sent)]


@inside
def test_warnings_and_prints_cost_nothing() -> None:
    test = "import sys, warnings; warnings.warn('w'); print('a'); print('b', file=sys.stderr); f()"
    solution = "import warnings\ndef f(): warnings.warn('w'); print('c')\n'\\d'"
    assert outputs(("solution", solution), ("test", test)) == [[], ["a\nb\n"]]


@inside
def test_what_stands_above_an_error_is_defined() -> None:
    shown = outputs(("solution", "%matplotlib inline\ndef f(): return 1\n1 / 0"), ("test", "f()"))
    assert shown == [["ZeroDivisionError: division by zero"], []]


@inside
def test_other_cells_run_on_both_sides() -> None:
    shown = outputs(
        "import math\nfactor = 3",
        ("solution", "def f(x): return math.sqrt(x) * factor"),
        "print(f(4))",
        "f('x')",
        ("test", "assert f(4) == 2 * factor"),
    )
    assert shown[2] == ["6.0\n"]
    assert shown[3] == ["TypeError: must be real number, not str"]
    assert shown[4] == []


@inside
def test_only_names_of_the_release_are_looked_up() -> None:
    release = notebook("close = 1", ("solution", "def f(): pass"), ("test", "assert close == 1; g"))
    submission = copy.deepcopy(release)
    submission.cells[1].source = "def f(): return 1\nclose = 2\ndef g(): return 3"
    graded = grade_notebook(release, submission, limits=LIMITS)
    assert graded.cells[2].outputs[0].evalue == "name 'g' is not defined"


@inside
def test_a_name_that_a_solution_no_longer_defines_is_gone() -> None:
    release = notebook(
        ("solution", "def f(): pass"), ("solution", "def f(): pass"), ("test", "f()")
    )
    submission = copy.deepcopy(release)
    submission.cells[1].source = "del f"
    graded = grade_notebook(release, submission, limits=LIMITS)
    assert graded.cells[2].outputs[0].ename == "NameError"


@inside
def test_no_answer_is_no_exception_that_a_test_may_expect() -> None:
    test = "try:\n    f()\nexcept Exception:\n    pass"
    assert outputs(("solution", "def f(): raise ValueError"), ("test", test))[1] == []
    lost = outputs(("solution", "import os\ndef f(): os._exit(1)"), ("test", test))
    assert lost[1] == ["NoAnswer: the process died"]


@inside
@pytest.mark.parametrize("check", ["not np.array_equal(f(), 1)", "not np.array_equal(1, f())"])
def test_an_object_is_not_even_unequal(check: str) -> None:
    shown = outputs(
        ("solution", "def f(): return f"), ("test", f"import numpy as np\nassert {check}")
    )
    assert shown[1][0].startswith("NoAnswer: the answer is no plain value: None, bool, int")


@inside
def test_a_test_that_does_not_end_is_ended() -> None:
    loop = "while True:\n    try:\n        f()\n    except Exception:\n        pass"
    shown = outputs(("solution", "def f(): return 1"), ("test", loop), ("test", "f()"), timeout=0.5)
    assert shown[1][0].startswith("OutOfTime: no end within")
    assert shown[2] == []


@inside
def test_what_never_comes_back_to_the_test_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grader, "GRACE", 0.1)
    shown = outputs(
        "import itertools",
        ("test", "sum(1 for _ in itertools.count())"),
        timeout=0.2,
    )
    assert shown[1][0].startswith("OutOfTime")
    shown = outputs("import threading", ("test", "threading.Event().wait()"), timeout=0.2)
    assert shown[1][0].startswith("OutOfTime")


@inside
def test_a_test_without_a_message_tells_its_line_unless_it_is_hidden() -> None:
    hidden = "### BEGIN HIDDEN TESTS\nassert {0}\n### END HIDDEN TESTS\nassert {1}"
    shown = outputs(
        ("test", hidden.format(False, True)),
        ("test", hidden.format(True, False)),
        ("test", "raise SystemExit"),
        ("test", "no python"),
        ("test", "assert False, 'x' * 10_000 + '\\ud800'"),
    )
    assert shown[0] == ["AssertionError: a hidden check failed"]
    assert shown[1] == ["AssertionError: line 4"]
    assert shown[2] == ["SystemExit: line 1"]
    assert shown[3][0].startswith("SyntaxError: ")
    assert len(shown[4][0]) < 600


@inside
def test_the_time_of_the_whole_notebook_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grader, "PATIENCE", -1)
    shown = outputs(("solution", "def f(): pass"), ("test", "f()"))
    assert shown[1] == ["OutOfTime: the notebook has used up its time"]


@inside
def test_what_is_never_run_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Student) -> None:
        raise SandboxError("gone")

    seen: list[Any] = []
    monkeypatch.setattr(grader, "transplant", lambda *args: seen.append(args[0]) or args[0])
    monkeypatch.setattr(Student, "begin", broken)
    with pytest.raises(SandboxError):
        grade_notebook(copy.deepcopy(RELEASE), REFERENCE, limits=LIMITS)
    assert marks(seen[0]) == dict.fromkeys(MARKS, 0)


@inside
def test_grading_works_in_a_thread_too() -> None:
    graded: list[Any] = []
    thread = threading.Thread(
        target=lambda: graded.append(grade_notebook(RELEASE, REFERENCE, limits=LIMITS))
    )
    thread.start()
    thread.join()
    assert marks(graded[0]) == MARKS


@inside
def test_random_numbers_are_the_same_for_all() -> None:
    cells = (
        "import random, numpy as np",
        ("solution", "def f(): return [random.random(), np.random.rand()]"),
        ("test", "print(f(), random.random(), np.random.rand())"),
    )
    assert outputs(*cells) == outputs(*cells)


@inside
def test_tensors_and_torch_fit_into_the_limits() -> None:
    release = notebook(
        "import torch",
        ("solution", "def f(x): return torch.nn.functional.relu(x).bfloat16()"),
        ("test", "assert torch.equal(f(torch.arange(-2.0, 3)), torch.tensor([0, 0, 0, 1, 2]))"),
    )
    assert not grade_notebook(release, release, limits=LITTLE).cells[2].outputs


# nbgrader


@inside
def test_nbgrader_s_step_grades_against_the_source(tmp_path: Path) -> None:
    (tmp_path / "source" / "tiny").mkdir(parents=True)
    nbformat.write(REFERENCE, tmp_path / "source" / "tiny" / "tiny.ipynb")
    step = TrustedExecute(config=Config(CourseDirectory={"root": str(tmp_path)}))
    submission = solve(double="def double(x): return x")
    submission.cells = [cell for cell in submission.cells if "test" not in str(cell.metadata)]
    resources = {"nbgrader": {"assignment": "tiny", "notebook": "tiny", "student": "ana"}}
    graded, same = step.preprocess(submission, resources)
    assert same is resources
    assert marks(graded) == MARKS | {"double_test_1": 0.0, "double_test_2": 0.0}
    assert source.master(REFERENCE).metadata == graded.metadata
