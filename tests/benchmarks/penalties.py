"""What does a penalty cost? The step of `fit` with it as a multiple of the bare step.

    python -m tests.benchmarks.penalties [--batch 128] [--models 9] [--rounds 10]

An MLP 784-1000-216-10 (one million parameters), one thread. Each penalty acts through the update
of `fit`: gradient in place, or the proximal step, its value at one batch in sixteen; beside it, for
comparison, the same penalty as a plain function of the model, which goes through autograd. What a
penalty takes does not depend on the batch, so with fewer rows it is more of the step.

The updates take turns. Measured is what the processor worked, and the least of the rounds counts:
other programs take the memory's time, of which a penalty needs more than the layers. Where its
memory lies makes a model up to 5 % slower or faster than its twin, so there are several, and
their median is taken. Prints a table and one line of JSON; fails above what is wanted.
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

import torch
import torch.nn.functional as F

from nnkit.models import MLP
from nnkit.regularizers import L1, L2, L2SP, GroupLasso, MaxNorm, Penalty, SoftSharing
from nnkit.training._optimizers import FusedAdam
from nnkit.training._penalties import bound
from nnkit.training._update import Update

SIZES = [784, 1000, 216, 10]
Step = Callable[[], object]
STEPS = 16  # timed in one go
# name: the penalty, and at most how many bare steps a step with it may cost
PENALTIES: dict[str, tuple[Penalty, float | None]] = {
    "L2": (L2(1e-6), 1.1),
    "SoftSharing": (SoftSharing(1e-9), 1.1),
    "L1, subgradient": (L1(1e-6, proximal=False), 1.2),
    "L1, proximal": (L1(1e-6), 1.2),
    "L2SP": (L2SP(1e-6, MLP(SIZES, seed=1)), 1.2),
    "L2 + L1, proximal": (L2(1e-6) + L1(1e-6), None),
    "GroupLasso, proximal": (GroupLasso(1e-6), None),
    "MaxNorm": (MaxNorm(3.0), None),
}
OPTIMIZERS: dict[str, Any] = {
    "Adam": FusedAdam, "SGD": lambda params, lr: torch.optim.SGD(params, lr, foreach=True)
}  # fmt: skip


def update(make: Any, penalty: Any, batch: int) -> Step:
    """An update on a model and data of its own."""
    model = MLP(SIZES, seed=0)
    optimizer = make(model.parameters(), lr=1e-3)
    x, y = torch.randn(batch, SIZES[0]), torch.randint(SIZES[-1], (batch,))
    act = Update(model, model, optimizer, F.cross_entropy, bound(penalty, model))
    return lambda: act(x, y)


def seconds(step: Step) -> float:
    """How long the processor works on some steps; the first brings the weights into its cache."""
    step()
    start = time.process_time()
    for _ in range(STEPS):
        step()
    return time.process_time() - start


def ratios(make: Any, penalty: Penalty, batch: int, models: int, rounds: int) -> dict[str, float]:
    """The step in place, and through autograd, over the bare one."""
    ways = {"bare": None, "here": penalty, "autograd": lambda model: penalty(model)}
    least: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(models):
        steps = {name: update(make, way, batch) for name, way in ways.items()}
        times = [{name: seconds(step) for name, step in steps.items()} for _ in range(rounds)]
        for name in ways:
            least[name].append(min(row[name] for row in times))
    bare = statistics.median(least["bare"])
    return {name: round(statistics.median(least[name]) / bare, 2) for name in ("here", "autograd")}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--batch", type=int, default=128, help="rows")
    parser.add_argument("--models", type=int, default=9, help="of each kind")
    parser.add_argument("--rounds", type=int, default=10, help="per model")
    options = vars(parser.parse_args())
    torch.set_num_threads(1)
    results, failed = {}, []
    print(f"{'':30}{'in place':>10}{'autograd':>10}{'wanted':>10}    (bare step = 1)")
    for optimizer, make in OPTIMIZERS.items():
        for name, (penalty, wanted) in PENALTIES.items():
            row = results[f"{optimizer}, {name}"] = ratios(make, penalty, **options)
            limit = "" if wanted is None else f"{wanted:.1f}"
            print(
                f"{optimizer + ', ' + name:30}{row['here']:10.2f}{row['autograd']:10.2f}{limit:>10}"
            )
            if wanted is not None and row["here"] > wanted:
                failed.append(f"{optimizer}, {name}")
    print(f"above what is wanted: {', '.join(failed) or 'none'}")
    print(json.dumps({"torch": torch.__version__, "python": platform.python_version(),
                      **options, "ratios": results}))  # fmt: skip
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
