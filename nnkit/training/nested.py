"""Tensors, and tuples, lists and dicts of them: what a batch may be made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Batch = tuple[Any, Any]  # (inputs, target); inputs a tensor, or a tuple for a model of several


def first_not_finite(tensor: Tensor) -> int:
    """The first row that holds nan or inf; 0 if there is none."""
    if all_finite(tensor):
        return 0
    rows = tensor.flatten(1) if tensor.ndim > 1 else tensor.unsqueeze(1)
    return int((~rows.isfinite()).any(1).nonzero()[0])


def all_finite(item: Any) -> bool:
    """Whether a tensor, and every one in a tuple, list or dict, holds neither nan nor inf."""
    if isinstance(item, dict):
        return all(map(all_finite, item.values()))
    if isinstance(item, (tuple, list)):
        return all(map(all_finite, item))
    if not isinstance(item, Tensor) or not item.is_floating_point() or item.numel() == 0:
        return True
    least, greatest = item.detach().aminmax()  # one pass, no copy; nan spreads to both
    return math.isfinite(least) and math.isfinite(greatest)


def unpack(batch: Any) -> Batch:
    """(x, y) of a loader's batch; of more than two parts the last is the target."""
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise TypeError(
            f"a batch is {_kind(batch)}, it must be a pair (x, y) or (x1, x2, …, y). "
            "Hint: for an autoencoder give the inputs as target, too"
        )
    if len(batch) == 2:
        x, y = batch
        return (tuple(x) if isinstance(x, list) else x), y
    return tuple(batch[:-1]), batch[-1]


def _kind(batch: Any) -> str:
    if isinstance(batch, (tuple, list)):
        return f"a {type(batch).__name__} of length {len(batch)}"
    return f"a {type(batch).__name__}"


def move(item: Any, device: torch.device) -> Any:
    """Tensors, and tuples, lists and dicts of them, on `device`."""
    if isinstance(item, Tensor):
        # towards the CPU a copy that is not waited for may be read before it is there
        return item.to(device, non_blocking=device.type == "cuda")
    if isinstance(item, (tuple, list)):
        return type(item)(move(part, device) for part in item)
    if isinstance(item, dict):
        return {key: move(part, device) for key, part in item.items()}
    return item


def forward(model: Callable[..., Any], x: Any) -> Any:
    """The model's output: a tuple is several arguments, a dict several named ones."""
    if isinstance(x, Tensor):
        return model(x)
    if isinstance(x, tuple):
        return model(*x)
    if isinstance(x, dict):
        return model(**x)
    return model(x)


def size_of(target: Any) -> int:
    """How many rows a batch has, seen at its target."""
    if isinstance(target, Tensor):
        return len(target) if target.ndim else 1
    if isinstance(target, (tuple, list)) and target:
        return size_of(target[0])
    if isinstance(target, dict) and target:
        return size_of(next(iter(target.values())))
    return 1
