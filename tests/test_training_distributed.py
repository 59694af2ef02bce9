"""`fit` in two processes gives the numbers of one: one history, one checkpoint, one bar."""

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from nnkit.training import fit
from tests import distributed, systems

pytestmark = systems.posix
SCRIPT = Path(distributed.__file__)
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def in_two(folder: Path, *options: str) -> list[dict[str, Any]]:
    """What both processes found."""
    command = [*TORCHRUN, str(SCRIPT), str(folder), *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return [torch.load(folder / f"process-{rank}.pt", weights_only=False) for rank in range(2)]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return folder, in_two(folder)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return distributed.train(tmp_path_factory.mktemp("alone"))


def assert_same(two: dict[str, Any], one: dict[str, Any]) -> None:
    assert two["stop_reason"] == one["stop_reason"]
    for name, w in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], w, rtol=1e-5, atol=1e-6)
    assert len(two["rows"]) == len(one["rows"])
    for ours, theirs in zip(two["rows"], one["rows"], strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours.keys() - {"seconds"}:
            assert ours[name] == pytest.approx(theirs[name], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("run", ["plain", "penalties", "stopped", "resumed"])
def test_two_processes_give_the_numbers_of_one(run, found, alone):
    _, both = found
    for of_process in both:
        assert_same(of_process[run], alone[run])
    assert alone["stopped"]["stop_reason"] == "early stopping"


@pytest.mark.parametrize("run", ["plain", "penalties", "stopped", "resumed"])
def test_they_have_one_history_and_one_model(run, found):
    _, (first, second) = found
    assert first[run]["rows"] == second[run]["rows"]  # the seconds, too
    for name, w in first[run]["weights"].items():
        assert torch.equal(w, second[run]["weights"][name])


def test_one_of_them_writes_a_checkpoint_that_a_single_process_reads(found, alone):
    folder, _ = found
    names = sorted(path.name for path in folder.glob("*.pt*") if "process" not in path.name)
    assert names == ["resumed.pt", "resumed.pt.previous", "stopped.pt", "stopped.pt.previous"]
    options = distributed.runs(folder)["resumed"] | {"epochs": 5}
    model = distributed.net()
    history = fit(model, distributed.DATA, **options)
    assert len(history) == 5
    assert history["loss"][:4] == [row["loss"] for row in found[1][0]["resumed"]["rows"]]


def test_a_loader_with_a_sampler_for_each_is_taken_as_it_is(found):
    x, y = distributed.X[:40], distributed.Y[:40]
    loader = DataLoader([(a, b) for a, b in zip(x, y, strict=True)], 8)  # both batches together
    one = fit(distributed.net(), loader, loss=F.mse_loss, lr=0.01, epochs=2)
    for both in found[1]:
        losses = [row["loss"] for row in both["with_sampler"]]
        assert losses == pytest.approx(one["loss"], rel=1e-5)


def test_what_would_differ_is_refused(found):
    for both in found[1]:
        rows, batches, search = both["refusals"]
        assert "gives every process all rows. Hint: DataLoader(…, sampler=" in rows
        assert "accumulate=2 is not for several processes" in batches
        assert "LBFGS, which searches, cannot be trained in several processes" in search


def test_through_accelerate_it_is_the_same(tmp_path, alone):
    for both in in_two(tmp_path, "--accelerate"):
        assert_same(both["plain"], alone["plain"])


BAR = """
import time, torch, torch.distributed as dist
from nnkit.training import Callback, fit
dist.init_process_group("gloo")
class Slow(Callback):
    def on_batch_end(self, run):
        time.sleep(0.4)
X = torch.randn(40, 2)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1))
fit(model, (X, X[:, :1]), loss=torch.nn.functional.mse_loss, batch_size=10, epochs=2,
    callbacks=[Slow()])
del model
import gc; gc.collect(); dist.barrier(); dist.destroy_process_group()
"""


def test_one_of_them_shows_a_bar(tmp_path):
    script = tmp_path / "bar.py"
    script.write_text(BAR)
    import pty  # these two are not on Windows
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    environment = {k: v for k, v in os.environ.items() if k != "TQDM_DISABLE"} | {"TERM": "xterm"}
    command = [*TORCHRUN, str(script)]
    child = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 120)[0]:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the terminal's other end was closed
            break
        seen += part
    assert child.wait() == 0, seen.decode()
    os.close(ours)
    shown = [line for line in seen.decode().split("\r") if line.startswith("epoch")]
    batches = [line for line in shown if "%" in line]
    assert 1 <= len(batches) <= 8  # one a batch; of two processes it would be twice as many
    assert len(batches) == len(set(batches))
