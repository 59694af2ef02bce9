"""How much faster and smaller does pruning make a net?

    python -m tests.benchmarks.pruning [--repeats 40]

An MLP of 784-1024-1024-10; forward passes on one thread, in evaluation mode, at batches of 1, 64
and 1,024. Masks; zeros in dense tensors; ``torch.sparse_csr``; a shrunk net with 9 % of the
weights; 8 bits. The ways take turns, so that a busy moment hits all; medians of the ratios of
CPU time. Then the sizes of the files. Prints tables and one line of JSON; fails if the shrunk
net is less than 7 times faster at batch 64, or the sparse file of 90 % zeros less than 7 times
smaller.
"""

import argparse
import copy
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from nnkit.models import MLP
from nnkit.pruning import finalize, prune_neurons, prune_weights, quantize, save_sparse

SIZES = [784, 1024, 1024, 10]
BATCHES = {1: 64, 64: 8, 1024: 1}  # and how many passes to a measurement
WANTED = 7.0


class Csr(nn.Module):
    """The net with weights in the sparse format of torch."""

    def __init__(self, net: MLP) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is in beta
            self.layers = [(x.weight.detach().to_sparse_csr(), x.bias.detach()) for x in net.layers]

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in) to (N, out)."""
        for k, (weight, bias) in enumerate(self.layers):
            x = (weight @ x.T).T + bias
            x = torch.relu(x) if k < len(self.layers) - 1 else x
        return x


def nets() -> dict[str, nn.Module]:
    """The dense net and what pruning makes of it."""
    dense = MLP(SIZES, seed=0)
    masked = copy.deepcopy(dense)
    prune_weights(masked, 0.9)
    zeros = copy.deepcopy(dense)
    prune_weights(zeros, 0.9)
    finalize(zeros)
    found: dict[str, nn.Module] = {"dense": dense, "masked 90 %": masked, "zeros 90 %": zeros}
    found |= {"csr 90 %": Csr(zeros), "int8": quantize(dense)}
    found |= {"17 % of units": prune_neurons(dense, 0.83, multiple_of=8)}
    return {name: net.eval() for name, net in found.items()}


@torch.no_grad()
def seconds(net: Callable[[Tensor], Tensor], x: Tensor, passes: int) -> float:
    """The CPU time of some passes."""
    start = time.process_time()
    for _ in range(passes):
        net(x)
    return time.process_time() - start


def speedups(table: dict[str, nn.Module], batch: int, repeats: int) -> dict[str, float]:
    """How many times faster than the dense net each is."""
    x, passes = torch.randn(batch, SIZES[0]), BATCHES[batch]
    ratios: dict[str, list[float]] = {name: [] for name in table if name != "dense"}
    for _ in range(repeats + 2):
        times = {name: seconds(net, x, passes) for name, net in table.items()}
        for name, values in ratios.items():
            values.append(times["dense"] / times[name])
    return {name: round(statistics.median(values[2:]), 2) for name, values in ratios.items()}


def sizes(table: dict[str, nn.Module]) -> dict[str, int]:
    """The bytes of a file of each."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net"
        for name in ("dense", "masked 90 %", "17 % of units", "int8"):
            torch.save(table[name].state_dict(), path)
            found[name] = path.stat().st_size
        found["sparse 90 %"] = save_sparse(table["zeros 90 %"], path)
        half = copy.deepcopy(table["zeros 90 %"]).half()
        found["sparse 90 %, float16"] = save_sparse(half, path)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=40, help="rounds that count")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    table = nets()
    results = {batch: speedups(table, batch, repeats) for batch in BATCHES}
    print(f"{'times faster at batch':24}" + "".join(f"{batch:>8}" for batch in BATCHES))
    for name in results[1]:
        print(f"{name:24}" + "".join(f"{results[batch][name]:8.2f}" for batch in BATCHES))
    files = sizes(table)
    for name, size in files.items():
        print(f"{name:24}{size / 1e6:8.2f} MB{files['dense'] / size:8.2f} times smaller")
    faster, smaller = results[64]["17 % of units"], files["dense"] / files["sparse 90 %"]
    print(f"faster {faster:.1f}, smaller {smaller:.1f}, wanted: {WANTED:.0f}")
    print(json.dumps({"torch": torch.__version__, "python": platform.python_version(),
                      "speedup": results, "bytes": files}))  # fmt: skip
    sys.exit(min(faster, smaller) < WANTED)


if __name__ == "__main__":
    main()
