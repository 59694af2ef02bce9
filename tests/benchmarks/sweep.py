"""How much faster is a sweep than training its models one after the other by `fit`?

    python -m tests.benchmarks.sweep [--repeats 5] [--quick]

A grid of strengths of L2, Adam, batches of 32, validation after each epoch, one thread: MLPs with
one hidden layer on points in the plane, and on the digits; a conv net. Each row trains all models
as `sweep` chooses, and, as a measure, some of them one by one. The two take turns; measured is
what the processor worked, a ratio is the median of those of the rounds. The numbers must agree to
1e-5. Prints a table and one line of JSON; fails below what is wanted.
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
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnkit.models import MLP
from nnkit.regularizers import L2
from nnkit.sweep import Sweep, sweep

MEASURE = 10  # models at most that are trained one by one, as a measure for all
NEVER_BELOW = 0.9
Pair = tuple[Tensor, Tensor]


def plane() -> tuple[Pair, Pair]:
    """Points in the plane."""
    x = torch.randn(640, 2, generator=torch.Generator().manual_seed(0))
    y = torch.sin(2 * x[:, :1]) * x[:, 1:]
    return (x[:480], y[:480]), (x[480:], y[480:])


def digits() -> tuple[Pair, Pair]:
    """The digits of scikit-learn."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = torch.as_tensor(x / 16, dtype=torch.float32), torch.as_tensor(y)
    return (x[:1437], y[:1437]), (x[1437:], y[1437:])


def conv(seed: int) -> nn.Module:
    """A small conv net on the digits."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


def images() -> tuple[Pair, Pair]:
    """The digits, four times as high and as wide."""
    return tuple((F.interpolate(x.view(-1, 1, 8, 8), scale_factor=4)[:480], y[:480])
                 for x, y in digits())  # type: ignore[return-value]  # fmt: skip


def larger_conv(seed: int) -> nn.Module:
    """A conv net with few weights and much to compute."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(4),
        nn.Flatten(), nn.Linear(784, 10),
    )  # fmt: skip


def mlp(*sizes: int, norm: str | None = None) -> Callable[[int], nn.Module]:
    """An MLP of that form."""
    return lambda seed: MLP(sizes, norm=norm, seed=seed)


# name: model, data, loss, number of models, epochs, wanted
CASES: dict[str, tuple[Any, ...]] = {
    "plane, width 16, 13": (mlp(2, 16, 1), plane, F.mse_loss, 13, 6, 4.0),
    "plane, width 16, 100": (mlp(2, 16, 1), plane, F.mse_loss, 100, 6, 15.0),
    "plane, width 16, 2": (mlp(2, 16, 1), plane, F.mse_loss, 2, 6, None),
    "plane, layer norm, 13": (mlp(2, 16, 1, norm="layer"), plane, F.mse_loss, 13, 4, None),
    "plane, batch norm, 13": (mlp(2, 16, 1, norm="batch"), plane, F.mse_loss, 13, 4, None),
    "digits, width 16, 13": (mlp(64, 16, 10), digits, F.cross_entropy, 13, 2, None),
    "digits, width 16, 100": (mlp(64, 16, 10), digits, F.cross_entropy, 100, 2, None),
    "digits, width 64, 13": (mlp(64, 64, 10), digits, F.cross_entropy, 13, 2, None),
    "digits, width 128, 13": (mlp(64, 128, 10), digits, F.cross_entropy, 13, 2, None),
    "digits, width 128, 100": (mlp(64, 128, 10), digits, F.cross_entropy, 100, 1, None),
    "digits, width 128, 128, 13": (mlp(64, 128, 128, 10), digits, F.cross_entropy, 13, 1, None),
    "digits, width 256, 256, 13": (mlp(64, 256, 256, 10), digits, F.cross_entropy, 13, 1, None),
    "digits, conv net, 13": (conv, digits, F.cross_entropy, 13, 1, None),
    "images, larger conv net, 6": (larger_conv, images, F.cross_entropy, 6, 1, None),
}  # fmt: skip


def timed(count: int, method: str, case: tuple[Any, ...]) -> tuple[float, Sweep]:
    """Seconds per model, and the result."""
    model, data, loss, _, epochs, _ = case
    train, validation = data()
    grid = {"lam": np.logspace(-6, -1, count)}
    start = time.process_time()
    result = sweep(model, train, loss=loss, validation=validation, regularizer=L2, grid=grid,
                   epochs=epochs, method=method)  # fmt: skip
    return (time.process_time() - start) / count, result


def speedup(case: tuple[Any, ...], method: str, repeats: int) -> tuple[float, str, float]:
    """The ratio of the times, how the sweep was trained, and how far the numbers differ."""
    count, ratios = case[3], []
    for _ in range(repeats):
        here, result = timed(count, method, case)
        few = min(count, MEASURE)
        alone, reference = timed(few, "sequential", case)
        ratios.append(alone / here)
    if few < count:
        result, reference = timed(few, method, case)[1], reference
    differ = float(np.abs(result.values() - reference.values()).max())
    return round(statistics.median(ratios), 2), result.method, differ


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=5, help="rounds that count")
    parser.add_argument("--method", default="auto", help='"stacked" to see where that stops to pay')
    parser.add_argument("--quick", action="store_true", help="the two cases with a goal")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = {k: c for k, c in CASES.items() if c[5] is not None or not options.quick}
    timed(2, "stacked", CASES["plane, layer norm, 13"])  # imports what vmap needs
    results, failed = {}, []
    print(f"{'':36}{'speedup':>8}{'wanted':>8}   trained      differ by")
    for name, case in cases.items():
        ratio, method, differ = speedup(case, options.method, options.repeats)
        results[name] = ratio
        wanted = NEVER_BELOW if case[5] is None else case[5]
        print(f"{name:36}{ratio:8.1f}{wanted:8.1f}   {method:12} {differ:.0e}", flush=True)
        if ratio < wanted or differ > 1e-5:
            failed.append(name)
    print(f"missed: {', '.join(failed) or 'none'}")
    print(json.dumps({"torch": torch.__version__, "python": platform.python_version(),
                      "speedup": results}))  # fmt: skip
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
