"""``nnkit lab`` and ``nnkit decks`` on Windows: processes, paths, encodings, loops."""

import ast
import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest
from jupyter_server.serverapp import ServerApp
from traitlets.config.loader import KVArgParseConfigLoader

from nnkit.course import cli, decks, execute, lab
from nnkit.course.lectures import Part
from tests.test_course_damage import unrun

NNKIT = Path(lab.__file__).parents[1]
SOURCES = [
    path
    for folder in ("course", "interact")
    for path in (NNKIT / folder).rglob("*.py")
    if "homework" not in path.parts  # which grades on Linux only
]
PART = """\
---
jupyter:
  kernelspec: {display_name: P, language: python, name: python3}
---

<!-- #region slideshow={"slide_type": "slide"} -->
# Good
<!-- #endregion -->

```python
1 + 1
```
"""


class Program:
    """A program that Ctrl-C in the console reaches twice, as it reaches who waits for it."""

    def __init__(self, command: list[str], *, env: dict[str, str]) -> None:
        self.asked = command, env
        self.ends = iter([KeyboardInterrupt, KeyboardInterrupt, 5])

    def wait(self) -> int:
        end = next(self.ends)
        if isinstance(end, int):
            return end
        raise end


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has an execve, which ends this process and leaves the other one to itself."""

    def leave(*_: object) -> None:
        raise AssertionError("the prompt would be back, and JupyterLab without a console")

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "execve", leave)


@pytest.mark.usefixtures("windows")
def test_jupyterlab_is_waited_for_until_it_has_said_goodbye(monkeypatch, tmp_path: Path) -> None:
    started: list[Program] = []
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda *told, **more: started.append(Program(*told, **more)) or started[0],
    )
    (tmp_path / "lectures").mkdir()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab", "--no-browser"]) == 5
    command, environment = started[0].asked
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert str(tmp_path / "build") in environment["JUPYTERLAB_SETTINGS_DIR"]


@pytest.mark.usefixtures("windows")
def test_what_jupyterlab_ends_with_is_what_the_command_ends_with() -> None:
    program = [sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['STATUS']))"]
    assert lab.become(program, os.environ | {"STATUS": "3"}) == 3


@pytest.mark.parametrize("home", [r"C:\new\table\users", r"C:\People\O'Neil & {co}", r"\\host\x y"])
def test_a_path_with_backslashes_reaches_jupyterlab_as_it_is(home: str) -> None:
    course = PureWindowsPath(home) / "course"
    arguments = lab.command(course / "lectures", course / "build", [])[3:]
    told = KVArgParseConfigLoader().load_config(arguments).ServerApp
    server = ServerApp.class_traits()
    assert server["root_dir"].from_string(told.root_dir) == str(course / "lectures")
    settings = server["tornado_settings"].from_string(told.tornado_settings)
    assert settings == {"static_custom_path": [str(course / "build" / "custom")]}


def test_kernels_are_spoken_to_in_a_loop_that_zeromq_can_use(tmp_path: Path, monkeypatch) -> None:
    """Windows' default loop has no `add_reader`, so the default must not be relied on."""

    def proactor() -> asyncio.AbstractEventLoop:
        raise NotImplementedError("add_reader")

    path = tmp_path / "1_tiny/1_good.md"
    path.parent.mkdir()
    path.write_text(PART, encoding="utf-8")
    monkeypatch.setattr(asyncio.events, "new_event_loop", proactor)
    notebook = execute.execute(Part(path))
    assert notebook.cells[1].outputs[0].data["text/plain"] == "2"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(NNKIT).as_posix())
def test_texts_are_read_and_written_in_utf_8(source: Path) -> None:
    """Windows would take the code page of the country."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in ("open", "read_text", "write_text"):
                told = ast.unparse(node)
                assert "utf-8" in told or "b'" in told, f"{source}:{node.lineno}: {told}"


def test_a_name_that_the_console_cannot_show_stops_nothing(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "lectures/1_лекция/1_часть.md"
    path.parent.mkdir(parents=True)
    path.write_text(PART.replace("Good", "Нейрон"), encoding="utf-8")
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setattr(decks, "executed", unrun)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["decks"]) == 0
    console.flush()
    assert b"1 of 1 decks written" in console.buffer.getvalue()
    assert "Нейрон" in (tmp_path / "build/decks/index.html").read_text("utf-8")
