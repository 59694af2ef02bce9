"""Trains as one process of several, or alone; called by test_training_distributed.py.

torchrun --nproc-per-node 2 tests/distributed.py FOLDER [--accelerate]
"""

import gc
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from nnkit.regularizers import L1, L2, GradientPenalty
from nnkit.training import Checkpoint, EarlyStopping, fit

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(41, 3, generator=GENERATOR)  # 41 = 5 · 8 + 1: the last batch leaves one with none
Y = X[:, :1].sin() + X[:, 1:2]
DATA, HELD_OUT = (X, Y), (X[:17] + 0.1, Y[:17])


def net() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


def runs(folder: Path) -> dict[str, dict[str, Any]]:
    """Arguments of `fit` by name."""
    common: dict[str, Any] = {"loss": F.mse_loss, "batch_size": 8, "seed": 1, "lr": 0.01}
    resumed = Checkpoint(folder / "resumed.pt")
    return {
        "plain": common | {"epochs": 3, "validation": HELD_OUT},
        "penalties": common
        | {
            "epochs": 3,
            "regularizer": L1(1e-3) + L2(1e-2) + GradientPenalty(1e-2),
            "clip_norm": 0.5,
            "optimizer": torch.optim.SGD,
        },
        "stopped": common
        | {
            "epochs": 30,
            "validation": HELD_OUT,
            "callbacks": [
                EarlyStopping(patience=2, min_delta=0.2),
                Checkpoint(folder / "stopped.pt"),
            ],
        },
        "begun": common | {"epochs": 2, "callbacks": [resumed]},
        "resumed": common | {"epochs": 4, "callbacks": [resumed], "resume": folder / "resumed.pt"},
    }


def train(folder: Path, wrap: Any = lambda model: model) -> dict[str, Any]:
    """What is left of each run: the weights, the history, why it ended."""
    found = {}
    for name, options in runs(folder).items():
        model = wrap(net())
        history = fit(model, DATA, **options)
        inner = model.module if isinstance(model, DistributedDataParallel) else model
        found[name] = {
            "weights": {k: w.clone() for k, w in inner.state_dict().items()},
            "rows": [dict(row) for row in history],
            "stop_reason": history.stop_reason,
        }
        del model, inner
    return found


def refusals() -> list[str]:
    """What cannot be done in several processes."""
    dataset = TensorDataset(X, Y)
    cases: list[tuple[Any, dict[str, Any]]] = [
        (DataLoader([(x, y) for x, y in dataset], 8), {}),
        (DATA, {"accumulate": 2}),
        (DATA, {"optimizer": torch.optim.LBFGS}),
    ]
    said = []
    for data, options in cases:
        try:
            fit(DistributedDataParallel(net()), data, loss=F.mse_loss, epochs=1, **options)
        except ValueError as error:
            said.append(str(error))
    return said


def with_sampler() -> list[dict[str, float]]:
    """A loader that gives each process rows of its own."""
    dataset = TensorDataset(X[:40], Y[:40])
    loader = DataLoader(dataset, 4, sampler=DistributedSampler(dataset, shuffle=False))
    return list(fit(DistributedDataParallel(net()), loader, loss=F.mse_loss, lr=0.01, epochs=2))


def main() -> None:
    folder = Path(sys.argv[1])
    if "--accelerate" in sys.argv:
        from accelerate import Accelerator

        accelerator = Accelerator(cpu=True)
        found: dict[str, Any] = train(folder, accelerator.prepare)
    else:
        dist.init_process_group("gloo")
        found = train(folder, DistributedDataParallel)
        found |= {"refusals": refusals(), "with_sampler": with_sampler()}
    torch.save(found, folder / f"process-{os.environ['RANK']}.pt")
    gc.collect()  # a group that ends before its models hangs
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
