"""What `fit` makes of its arguments: device, optimiser, schedule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit.training.adam import FusedAdam


def choose_device(device: str | torch.device, model: nn.Module) -> torch.device:
    """The device asked for; for "auto" where the model is, unless that is the CPU.

    Raises:
        ValueError: if there is no such device.
    """
    if device != "auto":
        try:
            return torch.empty(0, device=device).device
        except (RuntimeError, AssertionError) as error:
            allowed = "'auto', 'cpu' or a device that torch finds, such as 'cuda' or 'mps'"
            raise ValueError(f"device must be {allowed}, got {device!r}: {error}") from error
    here = next(model.parameters()).device
    if here.type == "cpu" and torch.accelerator.is_available():
        return torch.accelerator.current_accelerator() or here
    return here


def move_all(items: Iterable[Any], device: torch.device) -> None:
    """Move what can be moved in place: the model, a loss with weights, metrics with sums."""
    for item in items:
        if isinstance(item, nn.Module):
            item.to(device)


def make_optimizer(optimizer: Any, model: nn.Module, lr: float, regularizer: Any = None) -> Any:
    """The optimiser given, or made by its factory; Adam by default.

    A factory is called with the parameters, those of the regulariser included, and lr, unless it
    is a partial that has its own.
    """
    if isinstance(optimizer, Optimizer) or not (optimizer is None or callable(optimizer)):
        return optimizer
    params = list(dict.fromkeys([*model.parameters(), *parameters_of(regularizer)]))
    if optimizer is None:
        return default_adam(model, lr, params)
    if isinstance(optimizer, partial) and "lr" in optimizer.keywords:
        return optimizer(params)
    return optimizer(params, lr=lr)


def parameters_of(regularizer: Any) -> list[nn.Parameter]:
    """The parameters of its own that a regulariser learns; a plain function has none."""
    return list(regularizer.parameters()) if isinstance(regularizer, nn.Module) else []


def default_adam(model: nn.Module, lr: float, params: Sequence[Tensor] | None = None) -> Optimizer:
    """Adam over `params`, by default the model's: our own on the CPU, elsewhere torch's."""
    params = list(model.parameters() if params is None else params)
    if not all(p.dtype in (torch.float32, torch.float64) for p in params):
        return torch.optim.Adam(params, lr=lr)
    if any(getattr(module, "sparse", False) for module in model.modules()):
        return torch.optim.Adam(params, lr=lr)  # says that sparse gradients want SparseAdam
    if all(p.device.type == "cpu" for p in params):
        return FusedAdam(params, lr=lr)
    return torch.optim.Adam(params, lr=lr, fused=all(p.device.type == "cuda" for p in params))


def make_scheduler(scheduler: Any, optimizer: Any) -> Any:
    """The schedule given, or made by its factory."""
    is_factory = isinstance(scheduler, type) or not hasattr(scheduler, "step")
    return scheduler(optimizer) if scheduler is not None and is_factory else scheduler
