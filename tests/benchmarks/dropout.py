"""How much faster is `mc_predict` than a loop of forward passes in train mode?

    python -m tests.benchmarks.dropout [--repeats 20]

20 masks, the 1,797 digits, p = 0.5, one thread. The ways take turns, so that a busy moment hits
both; medians of the ratios of CPU time. Prints a table and one line of JSON; fails below 3 times
the loop with one hidden layer of 128. With two, the second product is not saved.
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

from nnkit.data import digits
from nnkit.dropout import mc_predict
from nnkit.models import MLP

MASKS = 20
WANTED = 3.0
SIZES = {"128": [64, 128, 10], "128, 128": [64, 128, 128, 10], "1024": [64, 1024, 10]}


@torch.no_grad()
def loop(net: MLP, x: Tensor) -> Tensor:
    """The passes alone, without mean and spread."""
    net.train()
    return torch.stack([net(x) for _ in range(MASKS)])


def seconds(way: Callable[[], object]) -> float:
    """The CPU time that it takes once."""
    start = time.process_time()
    way()
    return time.process_time() - start


def speedup(net: MLP, x: Tensor, repeats: int) -> float:
    """The time of the loop as a multiple of that of `mc_predict`."""
    ratios = [
        seconds(lambda: loop(net, x)) / seconds(lambda: mc_predict(net, x, MASKS))
        for _ in range(repeats + 2)
    ]
    return round(statistics.median(ratios[2:]), 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=20, help="rounds that count")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    x, _ = digits()
    results = {
        name: speedup(MLP(sizes, dropout=0.5, seed=0), x, repeats) for name, sizes in SIZES.items()
    }
    for name, ratio in results.items():
        print(f"hidden {name:10}{ratio:6.1f} times the loop")
    least = results["128"]
    print(f"at width 128: {least:.1f}, wanted: {WANTED:.0f}")
    print(json.dumps({"torch": torch.__version__, "python": platform.python_version(),
                      "least": least, "speedup": results}))  # fmt: skip
    sys.exit(least < WANTED)


if __name__ == "__main__":
    main()
