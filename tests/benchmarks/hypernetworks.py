"""How much faster is a hypernetwork with all objects at once than with one after the other?

    python -m tests.benchmarks.hypernetworks [--repeats 30]

64 objects, each with weights of its own; one thread; forward pass, and forward and backward. Three
loops: over the whole hypernetwork, as one would write it first; over the target alone, with the
weights of all objects made at once; both against the batched product (an `MLP` target) and vmap
(any target). The ways take turns, so that a busy moment hits all of them; medians of the ratios.
Prints a table and one line of JSON; fails below 6 times the loop over the objects.
"""

import argparse
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import functional_call

from nnkit.hypernetworks import Hypernetwork
from nnkit.models import MLP

OBJECTS, CONTEXT = 64, 8
WANTED = 6.0
Way = Callable[[], Tensor]


def ways(sizes: list[int], norm: str | None, head: dict[str, int]) -> dict[str, Way]:
    """The loop, the loop over the target, and all at once, on the same objects."""
    target = MLP(sizes, norm=norm, seed=0)
    hyper = Hypernetwork(target, CONTEXT, seed=0, **head)
    x, c = torch.randn(OBJECTS, sizes[0]), torch.randn(OBJECTS, CONTEXT)

    def loop() -> Tensor:
        return torch.cat([hyper(x[n : n + 1], c[n : n + 1]) for n in range(OBJECTS)])

    def loop_over_target() -> Tensor:
        theta = hyper.weights(c)
        sets = ({name: value[n] for name, value in theta.items()} for n in range(OBJECTS))
        return torch.cat([functional_call(target, s, (x[n : n + 1],)) for n, s in enumerate(sets)])

    torch.testing.assert_close(hyper(x, c), loop(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(loop_over_target(), loop(), rtol=1e-4, atol=1e-4)
    return {"loop": loop, "loop over target": loop_over_target, "at once": lambda: hyper(x, c)}


def seconds(way: Way, backward: bool) -> float:
    """How long it takes once."""
    start = time.perf_counter()
    y = way()
    if backward:
        y.square().sum().backward()
    return time.perf_counter() - start


def speedups(table: dict[str, Way], backward: bool, repeats: int) -> dict[str, float]:
    """The time of each loop as a multiple of that of all at once."""
    ratios: dict[str, list[float]] = {name: [] for name in table if name != "at once"}
    for _ in range(repeats + 2):
        times = {name: seconds(way, backward) for name, way in table.items()}
        for name, values in ratios.items():
            values.append(times[name] / times["at once"])
    return {name: round(statistics.median(values[2:]), 2) for name, values in ratios.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=30, help="rounds that count")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    torch.manual_seed(0)
    results = {}
    print(f"{'':46}{'loop':>8}{'loop over target':>18}    (times all at once)")
    for sizes in ([2, 16, 1], [16, 32, 32, 4], [64, 64, 10]):
        for norm, form in ((None, "baddbmm"), ("layer", "vmap")):
            for head in ({}, {"chunks": 16}):
                table = ways(sizes, norm, head)
                for backward in (False, True):
                    name = f"{'-'.join(map(str, sizes))} {form}{' chunked' if head else ''}"
                    name += " and backward" if backward else ""
                    results[name] = speedups(table, backward, repeats)
                    loop, target = results[name].values()
                    print(f"{name:46}{loop:8.1f}{target:18.1f}")
    least = min(result["loop"] for result in results.values())
    print(f"least: {least:.1f}, wanted: {WANTED:.0f}")
    print(json.dumps({"torch": torch.__version__, "python": platform.python_version(),
                      "least": least, "speedup": results}))  # fmt: skip
    sys.exit(least < WANTED)


if __name__ == "__main__":
    main()
