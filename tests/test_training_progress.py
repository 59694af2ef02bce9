"""The bar is seen in a terminal and in a notebook, and nowhere else."""

import os
import re
import subprocess
import sys
import types

import nbformat
import pytest
import torch
import torch.nn.functional as F
from nbclient import NotebookClient
from torch import nn

from nnkit.training import _progress as progress
from nnkit.training import fit
from nnkit.training._callbacks import Run
from nnkit.training._progress import Progress
from tests import systems

SCRIPT = """
import os, time, torch
from nnkit.training import fit, Callback

class Slow(Callback):
    def on_batch_end(self, run):
        time.sleep(0.15)

X = torch.randn(40, 2)
def run(epochs):
    fit(torch.nn.Linear(2, 1), (X, X[:, :1]), loss=torch.nn.functional.mse_loss, epochs=epochs,
        batch_size=10, callbacks=[Slow()], validation=(X, X[:, :1]))

run(epochs=1)
print("short", flush=True)
run(epochs=4)
print("long", flush=True)
os.environ["TQDM_DISABLE"] = "1"
run(epochs=4)
print("told", flush=True)
"""


def in_terminal() -> str:
    """What the script sends to a terminal of 80 columns."""
    import pty  # these three are not there on Windows
    import select
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("TQDM_DISABLE", None)
    command = [sys.executable, "-c", SCRIPT]
    child = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the terminal's other end was closed
            break
        if not part:
            break
        seen += part
    assert child.wait() == 0
    os.close(ours)
    return seen.decode()


def screen(text: str) -> list[str]:
    """The lines that are left after carriage returns have been obeyed."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown).strip())
    return lines


@systems.posix
def test_a_terminal_shows_a_bar_that_moves_if_the_run_is_long_and_leaves_nothing_behind():
    seen = in_terminal()
    short, long, told = seen.split("short\r\n")[0], *seen.split("short\r\n")[1].split("long\r\n")
    assert short == ""  # under a second
    assert told == "told\r\n"  # TQDM_DISABLE=1
    assert re.search(r"epoch 3/4: +\d+%\|.*\| .*loss .* val_loss", long)
    assert 3 <= long.count("\r") <= 30
    assert max(map(len, long.split("\r"))) <= 80
    assert screen(seen) == ["short", "long", "told", ""]


def test_a_log_shows_none():
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert result.stdout == "short\nlong\ntold\n"
    assert result.stderr == ""


CELL = """
import time, torch
from nnkit.training import fit, Callback

class Slow(Callback):
    def on_batch_end(self, run):
        time.sleep(0.15)

X = torch.randn(40, 2)
history = fit(torch.nn.Linear(2, 1), (X, X[:, :1]), loss=torch.nn.functional.mse_loss, epochs=3,
              batch_size=10, callbacks=[Slow()])
"""


class Recorder(NotebookClient):
    """Runs a notebook and keeps what its kernel displayed, also what it took back."""

    def process_message(self, message, cell, cell_index):
        if message["msg_type"] == "display_data":
            self.displayed.append(message["content"]["data"])
        return super().process_message(message, cell, cell_index)


@pytest.mark.filterwarnings("default")  # those of the kernel's client are not ours
def test_a_notebook_shows_a_widget_and_nothing_of_it_is_left(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    client = Recorder(notebook, kernel_name="python3", timeout=120)
    client.displayed = []
    client.execute()
    (shown,) = client.displayed
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "epoch" in shown["text/plain"]
    (left,) = notebook.cells[0].outputs
    assert left["data"] == {"text/plain": ""}


class Bar:
    """What tqdm's bars have of methods; all that was done with the last one."""

    def __init__(self, **options):
        self.options, self.n, self.closed, self.texts = options, options["initial"], False, []
        Bar.last = self

    def update(self, n):
        self.n += n

    def set_description_str(self, text, refresh):
        self.texts.append(text)

    def set_postfix_str(self, text, refresh):
        self.texts.append(text)

    def close(self):
        self.closed = True


@pytest.fixture
def notebook(monkeypatch):
    """As in a notebook: a bar that is a widget, at once."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    return monkeypatch


def test_a_notebook_shows_its_own_bar_and_it_is_closed(notebook):
    x = torch.randn(40, 2)
    fit(nn.Linear(2, 1), (x, x[:, :1]), loss=F.mse_loss, epochs=3, batch_size=10)
    assert Bar.last.options["total"] == 12
    assert Bar.last.options["leave"] is False
    assert Bar.last.n == 12
    assert Bar.last.closed
    assert Bar.last.texts[0] == "epoch 1/3"
    assert re.fullmatch(r"loss \S+", Bar.last.texts[-1])


def test_its_place_in_the_notebook_is_emptied(notebook):
    places = []

    class Place:
        def __init__(self, widget, display_id):
            assert (widget, display_id) == ("widget", True)
            places.append(self)

        def update(self, data, raw):
            assert raw
            self.data = data

    notebook.setattr(Bar, "container", "widget", raising=False)
    notebook.setattr("IPython.display.display", Place)
    bar = Progress(5)
    bar.update(Run(nn.Linear(1, 1), None))
    bar.update(Run(nn.Linear(1, 1), None))
    bar.close()
    assert Bar.last.displayed  # so that tqdm does not show it once more
    (place,) = places
    assert place.data == {"text/plain": ""}


def test_it_is_closed_after_an_error(notebook):
    x = torch.randn(40, 2)
    with pytest.raises(FloatingPointError):
        fit(nn.Linear(2, 1), (x, x[:, :1]), loss=F.mse_loss, optimizer=torch.optim.SGD, lr=1e9)
    assert Bar.last.closed


def test_without_tqdm_there_is_none(notebook):
    notebook.setitem(sys.modules, "tqdm.auto", None)
    bar = Progress(5)
    bar.update(Run(nn.Linear(1, 1), None))
    bar.close()
    assert not bar.show


def test_the_environment_may_forbid_it(notebook):
    notebook.setenv("TQDM_DISABLE", "1")
    assert not Progress(5).show


def test_the_clock_ticks_without_a_bar():
    bar = Progress(None, show=False)
    before = bar.next_tick
    bar.update(Run(nn.Linear(1, 1), None))
    assert bar.next_tick >= before
    bar.close()
