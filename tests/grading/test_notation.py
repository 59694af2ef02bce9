"""What honest students write in notebooks works when it is graded: one submission holds it all."""

import pytest

from nnkit.course.homework.notation import Shell, compiled
from tests.grading.test_sandbox import inside, outputs

HONEST = {
    "a magic": ("%matplotlib inline\ndef a(): return 1", "assert a() == 1"),
    "a magic in a function": ("def b():\n    %time y = 3\n    return 1", "assert b() == 1"),
    "a magic around a cell": ("%%time\ndef c(): return 1", "assert c() == 1"),
    "a question": ("def d(): return 1\nd?", "assert d() == 1"),
    "a command": ("files = !echo one\ndef e(): return files", "assert e() == ['one']"),
    "display": ("display(3)\ndef f(): return 1", "assert f() == 1"),
    "the shell": (
        "get_ipython().run_line_magic('pinfo', '')\ndef g(): return 1",
        "assert g() == 1",
    ),
    "a named tuple as state": (
        "from collections import namedtuple\nState = namedtuple('State', 'n')\n"
        "def h(state=None): return State(1) if state is None else state.n",
        "state = h()\nassert state == (1,)\nassert h(state) == 1",
    ),
    "an exception by its name": (
        "def i(): raise ValueError('no')",
        "try:\n    i()\nexcept ValueError as e:\n    assert 'no' in str(e)\nelse:\n    1 / 0",
    ),
    "16 threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def j():\n    with ThreadPoolExecutor(16) as pool: return sum(pool.map(int, '1' * 64))",
        "assert j() == 64",
    ),
    "two processes": (
        "from multiprocessing import Pool\ndef square(x): return x * x\n"
        "def k():\n    with Pool(2) as pool: return sum(pool.map(square, range(4)))",
        "assert k() == 14",
    ),
    "a loader with workers": (
        "from torch.utils.data import DataLoader\n"
        "def m(): return sum(int(b) for b in DataLoader(torch.arange(9), num_workers=2))",
        "assert m() == 36",
    ),
}


@inside
def test_what_works_in_a_notebook_works_when_it_is_graded() -> None:
    cells = [cell for s, t in HONEST.values() for cell in (("solution", s), ("test", t))]
    _, *shown = outputs("import torch", *cells, timeout=60.0)
    found = dict(zip(HONEST, zip(*[iter(shown)] * 2, strict=True), strict=True))
    assert found == dict.fromkeys(HONEST, ([], []))


@inside
def test_a_test_that_ends_in_a_number_gives_that_part_of_its_point() -> None:
    shown = outputs(
        ("solution", "def f(): return 1.0"),
        ("test", "found = f()\n0.25"),
        ("test", "assert f() == 1\nf()"),  # what the student's function gives is no mark
        ("test", "2"),
        ("test", "float('nan')"),
        ("test", "'fine'"),
        ("test", "True"),
    )
    assert shown[1] == ["0.25"]
    assert shown[2] == shown[5] == shown[6] == []
    assert shown[3] == ["ValueError: the test gives 2 of 1 points"]
    assert shown[4] == ["ValueError: the test gives nan of 1 points"]


def test_a_magic_runs_the_code_that_it_is_about() -> None:
    namespace = {"one": 1}
    shell = Shell(namespace)
    assert shell.run_line_magic("time", "one + 1") == 2
    assert shell.run_line_magic("time", "two = 2") is None
    shell.run_cell_magic("capture", "", "three = 3")
    shell.run_cell_magic("html", "", "<b>")
    assert shell.run_line_magic("config", "x") is shell.enable_gui("qt") is None
    assert namespace["two"] + namespace["three"] == 5
    with pytest.raises(SyntaxError):
        compiled("no python")
