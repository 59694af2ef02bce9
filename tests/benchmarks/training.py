"""How fast is `fit`? Ratios to loops written by hand and to other libraries, in one run.

    python -m tests.benchmarks.training [--repeats 15] [--quick]

An MLP 64-128-64-10 on scikit-learn's digits, batches of 64, Adam, validation after each epoch, one
thread. The rows take turns and a ratio is the median of those of the rounds, so that a busy moment
hits both sides of it. `time` is what passed, `cpu` what the processor worked, which other programs
disturb less. Peak memory is taken in processes of their own. Prints a table and one line of JSON.
"""

import argparse
import contextlib
import io
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nnkit.training import Callback, EarlyStopping, fit
from nnkit.training import _progress as progress
from tests.benchmarks import compiled, peers

BATCH = 64
Pair = tuple[Tensor, Tensor]
Optimizer = Callable[..., torch.optim.Optimizer]


def net() -> nn.Module:
    """The model, the same at each call."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def digits() -> tuple[Pair, Pair]:
    """Training and validation data."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = torch.as_tensor(x / 16, dtype=torch.float32), torch.as_tensor(y)
    return (x[:1437], y[:1437]), (x[1437:], y[1437:])


class Pairs(Dataset[Pair]):
    """A data set of one's own, of which `fit` knows nothing but its rows."""

    def __init__(self, data: Pair) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data[0])

    def __getitem__(self, i: int) -> Pair:
        return self.data[0][i], self.data[1][i]


def by_index(data: Pair) -> Iterable[Pair]:
    """The batches of an epoch, by indexing a permutation per batch."""
    x, y = data
    order = torch.randperm(len(x))
    for start in range(0, len(x), BATCH):
        index = order[start : start + BATCH]
        yield x[index], y[index]


def by_hand(
    batches: Callable[[], Iterable[Pair]], optimizer: Optimizer, validation: Pair, epochs: int
) -> None:
    """The loop that everybody writes."""
    model = net()
    adam = optimizer(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        model.train()
        total = 0.0
        for x, y in batches():
            adam.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            adam.step()
            total += loss.item() * len(x)
        model.eval()
        with torch.no_grad():
            F.cross_entropy(model(validation[0]), validation[1]).item()


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class Count(Callback):
    """A callback that does something after each batch and each epoch."""

    batches = epochs = 0

    def on_batch_end(self, run) -> None:  # type: ignore[no-untyped-def]
        """Count."""
        self.batches += 1

    def on_epoch_end(self, run) -> None:  # type: ignore[no-untyped-def]
        """Count."""
        self.epochs += 1


def with_fit(data, validation: Pair, epochs: int, optimizer=None, model=None) -> None:  # type: ignore[no-untyped-def]
    """`fit` without bar and callbacks."""
    model = net() if model is None else model
    made = None if optimizer is None else optimizer(model.parameters(), lr=1e-3)
    options = {"validation": validation, "epochs": epochs, "batch_size": BATCH, "optimizer": made}
    fit(model, data, loss=F.cross_entropy, progress=False, **options)


def with_everything(data, validation: Pair, epochs: int) -> None:  # type: ignore[no-untyped-def]
    """`fit` with two callbacks and a bar, seen at once and drawn more often than by default."""
    usual = progress.PATIENCE, progress.INTERVAL
    progress.PATIENCE, progress.INTERVAL = 0.0, 0.02
    callbacks = [EarlyStopping(patience=10**6), Count()]
    options = {"validation": validation, "epochs": epochs, "batch_size": BATCH}
    terminal = Terminal()
    with contextlib.redirect_stderr(terminal):
        fit(net(), data, loss=F.cross_entropy, callbacks=callbacks, **options)
    progress.PATIENCE, progress.INTERVAL = usual
    assert "epoch" in terminal.getvalue()


@dataclass
class Row:
    """A way of training, and what its time is compared with.

    Args:
        name: as printed.
        train: trains once.
        reference: the row that its time is divided by.
        at_most: the largest ratio wanted, or None.
        at_least: the least ratio to `fit` with everything on, of a peer.
    """

    name: str
    train: Callable[[], None]
    reference: str = "loop"
    at_most: float | None = None
    at_least: float | None = None
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def rows(epochs: int, quick: bool) -> list[Row]:
    """All that is compared."""
    data, validation = digits()
    adam = torch.optim.Adam
    plain = DataLoader(TensorDataset(*data), BATCH, shuffle=True)
    own = DataLoader(Pairs(data), BATCH, shuffle=True)
    hand = partial(by_hand, validation=validation, epochs=epochs)
    ours = partial(with_fit, validation=validation, epochs=epochs)
    index = partial(by_index, data)
    fused = partial(adam, fused=True)
    everything, loop, rowwise = (
        "fit, bar and two callbacks",
        "loop, DataLoader",
        "loop, own Dataset",
    )
    result = [
        Row("loop", partial(hand, index, adam)),
        Row("loop, fused Adam", partial(hand, index, fused)),
        Row(everything, lambda: with_everything(data, validation, epochs), at_most=0.8),
        Row("fit", partial(ours, data)),
        Row("fit, the user's Adam", partial(ours, data, optimizer=adam), at_most=1.0),
        Row(loop, partial(hand, lambda: plain, adam)),
        Row("fit, DataLoader, same Adam", partial(ours, plain, optimizer=adam), loop, 1.0),
        Row(rowwise, partial(hand, lambda: own, adam)),
        Row("fit, own Dataset, same Adam", partial(ours, own, optimizer=adam), rowwise, 1.0),
        Row("fit, own Dataset", partial(ours, own), rowwise, 1.0),
    ]
    if quick:
        return result
    for name, factor in (("skorch", 2.2), ("lightning", 3), ("fastai", 3.5), ("keras", 6)):
        train = peers.prepare(name, net, BATCH)
        if train is not None:
            peer = partial(train, data, validation, epochs)
            result.append(Row(name, peer, everything, at_least=factor))
    model = torch.compile(net())
    start = time.perf_counter()
    with_fit(data, validation, 1, model=model)
    print(f"torch.compile(model): {time.perf_counter() - start:.1f} s to compile")
    result.append(Row("fit, torch.compile(model)", partial(ours, data, model=model)))
    train, seconds = compiled.one_graph(net, BATCH)
    print(f"one graph of the whole step: {seconds:.1f} s to compile")
    result.append(Row("loop, one compiled step", partial(train, data, validation, epochs)))
    return result


def measure(table: list[Row], repeats: int) -> None:
    """Time all rows in turn, after a round that does not count."""
    for number in range(repeats + 1):
        for row in table:
            wall, cpu = time.perf_counter(), time.process_time()
            row.train()
            if number > 0:
                row.wall.append(time.perf_counter() - wall)
                row.cpu.append(time.process_time() - cpu)


MEMORY = r"""
import pathlib, re, resource, sys, torch
import torch.nn.functional as F
from torch import nn
from nnkit.training import fit
torch.set_num_threads(1)
rows, sizes = int(sys.argv[2]), [int(s) for s in sys.argv[3].split("-")]
x, y = torch.rand(rows, sizes[0]), torch.arange(rows) % sizes[-1]
model = nn.Sequential(*[nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])
if sys.argv[1] == "fit":
    fit(model, (x, y), loss=F.cross_entropy, epochs=2, batch_size=256)
else:
    adam = torch.optim.Adam(model.parameters())
    for _ in range(2):
        order = torch.randperm(rows)
        for start in range(0, rows, 256):
            index = order[start : start + 256]
            adam.zero_grad()
            loss = F.cross_entropy(model(x[index]), y[index])
            loss.backward()
            adam.step()
status = pathlib.Path("/proc/self/status")
if status.exists():  # Linux: the other figure is at least that of the parent process
    print(int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def peak_memory(rows: int, sizes: str) -> dict[str, float]:
    """Peak memory in MB of the loop by hand and of `fit`, in processes of their own."""
    peaks = {}
    for way in ("hand", "fit"):
        command = [sys.executable, "-c", MEMORY, way, str(rows), sizes]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[way] = float(result.stdout)
    return peaks


def report(table: list[Row]) -> dict[str, dict[str, float]]:
    """Print the ratios and return them."""
    by_name = {row.name: row for row in table}
    results = {}
    print(f"\n{'':30}{'ms':>7}{'time':>8}{'cpu':>8}   compared with")
    for row in table:
        base = by_name[row.reference]
        ratios = {}
        for kind in ("wall", "cpu"):
            rounds = zip(getattr(row, kind), getattr(base, kind), strict=True)
            ratios[kind] = statistics.median(mine / theirs for mine, theirs in rounds)
        wanted = f", at most {row.at_most}" if row.at_most else ""
        wanted += f", at least {row.at_least}" if row.at_least else ""
        milliseconds = 1000 * statistics.median(row.wall)
        print(
            f"{row.name:30}{milliseconds:7.0f}{ratios['wall']:8.2f}{ratios['cpu']:8.2f}"
            f"   {row.reference}{wanted}"
        )
        results[row.name] = {kind: round(value, 3) for kind, value in ratios.items()}
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=15, help="rounds that count")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of each training")
    parser.add_argument("--quick", action="store_true", help="no peers, no compiling, no memory")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = rows(arguments.epochs, arguments.quick)
    measure(table, arguments.repeats)
    result: dict[str, object] = {"torch": torch.__version__, "python": platform.python_version()}
    result["ratios"] = report(table)
    if not arguments.quick:
        memory = {}
        for name, count, sizes in (
            ("200,000 rows of 256", 200_000, "256-128-10"),
            ("7 million weights", 2_000, "64-2600-2600-10"),
        ):
            peaks = peak_memory(count, sizes)
            ratio = peaks["fit"] / peaks["hand"]
            megabytes = f"loop {peaks['hand']:.0f} MB, fit {peaks['fit']:.0f} MB"
            print(f"peak memory, {name}: {megabytes}, ratio {ratio:.3f}")
            memory[name] = round(ratio, 3)
        result["memory"] = memory
    print(json.dumps(result))


if __name__ == "__main__":
    main()
