"""What cannot be trained is refused before the first step: what is given, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import LBFGS, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset, IterableDataset

from nnkit._checks import number, one_of, whole
from nnkit.training._callbacks import Callback, Run
from nnkit.training._checkpoint import Checkpoint
from nnkit.training._pytree import all_finite


def check_grad_mode() -> None:
    """Refuse to train where no gradient is recorded."""
    if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
        where = "inference_mode" if torch.is_inference_mode_enabled() else "no_grad"
        raise ValueError(f"fit needs gradients, but is called within torch.{where}()")


def check_settings(order: Any) -> None:
    """Refuse numbers out of range in the arguments of `fit`."""
    for name in ("epochs", "batch_size", "accumulate"):
        whole(name, getattr(order, name), at_least=1)
    for lr in order.each("lr"):
        check_positive("lr", lr)
    if order.clip_norm is not None:
        check_positive("clip_norm", order.clip_norm)
    one_of("scheduler_step", order.scheduler_step, ("epoch", "batch"))
    for seed in order.each("seed"):
        if seed is not None:
            whole("seed", seed, at_least=0)
    if order.autocast not in (None, torch.bfloat16):
        raise ValueError(
            f"autocast must be torch.bfloat16 or None, got {order.autocast!r}. Hint: float16 would "
            "need its loss scaled, bfloat16 does not"
        )


def check_positive(name: str, value: Any) -> None:
    """Refuse a number that is not greater than 0."""
    if number(name, value) <= 0:
        raise ValueError(f"{name} must be greater than 0, got {value!r}")


def check_functions(loss: Any, metrics: Any, callbacks: Any, validation: Any) -> None:
    """Refuse a loss, metrics or callbacks of the wrong kind."""
    if isinstance(loss, type) or not callable(loss):
        hint = f". Hint: {loss.__name__}(), an object of it" if isinstance(loss, type) else ""
        raise TypeError(f"loss must be a function of (output, target), got {loss!r}{hint}")
    if not isinstance(metrics, Mapping):
        raise TypeError(f"metrics must be a dict of names and functions, got {metrics!r}")
    if metrics and validation is None:
        raise ValueError("metrics are computed on validation data: give validation=(X, y), too")
    for name, metric in metrics.items():
        if name == "loss":
            raise ValueError("a metric cannot be named 'loss', the history has val_loss already")
        if isinstance(metric, type) or not (callable(metric) or hasattr(metric, "update")):
            raise TypeError(f"metric {name!r} must be a function or metric object, got {metric!r}")
    if not isinstance(callbacks, Sequence):
        raise TypeError(f"callbacks must be a list of them, got {callbacks!r}")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"a callback must be an object of a Callback class, got {callback!r}")


def check_model(model: Any) -> None:
    """Refuse what is no module, has nothing to train, or holds nan already."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {model!r}")
    if any(map(is_lazy, [*model.parameters(), *model.buffers()])):
        raise ValueError("the model has lazy layers without shapes. Hint: call model(x) once first")
    if any(p.is_meta for p in model.parameters()):
        hint = 'model.to_empty(device="cpu"), then initialise it'
        raise ValueError(f"the model is on the device meta, which holds no numbers. Hint: {hint}")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("the model has no parameter that can be trained (requires_grad)")
    for name, p in model.named_parameters():
        if not all_finite(p):
            raise ValueError(f"the model's parameter {name} holds nan or inf before training")


def check_data(name: str, data: Any) -> None:
    """Refuse data that are no tensors, data set or loader, or that are empty or uneven."""
    if isinstance(data, DataLoader):
        _check_loader(name, data)
    elif isinstance(data, Dataset):
        if not isinstance(data, IterableDataset) and len(data) == 0:  # type: ignore[arg-type]
            raise ValueError(f"{name} is empty, it must have at least one row")
    elif isinstance(data, (tuple, list)) and len(data) == 2:
        x, y = data
        _check_tensors(name, [*x, y] if isinstance(x, (tuple, list)) else [x, y])
    else:
        length = f" of length {len(data)}" if isinstance(data, (tuple, list)) else ""
        raise TypeError(
            f"{name} must be a pair (X, y) of tensors, a Dataset or a DataLoader, "
            f"got a {type(data).__name__}{length}"
        )


def _check_loader(name: str, loader: DataLoader[Any]) -> None:
    if not isinstance(loader.dataset, IterableDataset) and _length(loader) == 0:
        hint = ". Hint: drop_last leaves out its only, smaller batch" if loader.drop_last else ""
        raise ValueError(f"{name} is empty, it must give at least one batch{hint}")


def _length(loader: DataLoader[Any]) -> int | None:
    """The number of batches, or None if the loader's batch sampler does not tell."""
    try:
        return len(loader)
    except TypeError:
        return None


def _check_tensors(name: str, tensors: Sequence[Any]) -> None:
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            hint = "torch.as_tensor(array) makes a tensor of a NumPy array"
            raise TypeError(
                f"{name} must hold tensors, got a {type(tensor).__name__}. Hint: {hint}"
            )
        if tensor.ndim == 0 or len(tensor) == 0:
            shape = tuple(tensor.shape)
            raise ValueError(f"{name} is empty: a tensor of shape {shape} has no rows")
    if len({len(tensor) for tensor in tensors}) > 1:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise ValueError(f"{name}: X and y must have as many rows as each other, got {shapes}")


def check_resumable(data: Any, callbacks: Sequence[Callback], resume: Any) -> None:
    """Refuse to keep or resume a run of which a part lies in other processes."""
    kept = resume is not None or any(isinstance(callback, Checkpoint) for callback in callbacks)
    if kept and isinstance(data, DataLoader) and data.persistent_workers:
        raise ValueError(
            "a checkpoint cannot keep what persistent workers draw from, so a resumed run would "
            "differ. Hint: DataLoader(…, persistent_workers=False)"
        )


def check_dense(model: nn.Module, clip_norm: float | None) -> None:
    """Refuse to clip gradients that are sparse."""
    for name, module in model.named_modules():
        if clip_norm is not None and getattr(module, "sparse", False):
            raise ValueError(
                f"clip_norm={clip_norm} cannot clip the sparse gradient of {name}, {module}. "
                "Hint: sparse=False"
            )


def check_run(
    run: Run,
    scheduler_step: str,
    steps: int | None,
    columns: Sequence[str],
    model: nn.Module | None = None,
) -> None:
    """Refuse an optimiser or schedule of something else, and a monitor without its column.

    Args:
        run: the run.
        scheduler_step: "epoch" or "batch".
        steps: how many steps the schedule will make, or None if that is not known.
        columns: of the history to come.
        model: what the optimiser trains, by default the run's model; a stack of it and others.
    """
    _check_optimizer(run, run.model if model is None else model)
    if run.scheduler is not None:
        _check_schedule(run, scheduler_step, steps, columns)
    for callback in run.callbacks:
        monitor = getattr(callback, "monitor", None)
        if monitor is not None and monitor not in columns:
            raise ValueError(
                f"{type(callback).__name__} watches {monitor!r}, but this run has "
                f"{', '.join(columns)}. Hint: val_loss and metrics need validation=(X, y)"
            )


def _check_optimizer(run: Run, model: nn.Module) -> None:
    optimizer = run.optimizer
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a torch Optimizer or make one, got {optimizer!r}")
    held = {id(p): p for group in optimizer.param_groups for p in group["params"]}
    if not any(id(p) in held for p in model.parameters() if p.requires_grad):
        raise ValueError(
            "the optimizer holds none of the model's trainable parameters. "
            "Hint: make it with model.parameters() of this very model"
        )
    if isinstance(run.regularizer, nn.Module) and not held.keys() >= {
        id(p) for p in run.regularizer.parameters() if p.requires_grad
    }:
        raise ValueError(
            f"the optimizer lacks the parameters that {run.regularizer!r} learns. "
            "Hint: give it [*model.parameters(), *regularizer.parameters()]"
        )
    frozen = any(not p.requires_grad for p in held.values())
    if isinstance(optimizer, LBFGS) and optimizer.state and frozen:
        raise ValueError(
            "LBFGS moves frozen parameters by what it remembers of them. Hint: make it anew after "
            "freezing, with the parameters that are left"
        )


def _check_schedule(run: Run, each: str, steps: int | None, columns: Sequence[str]) -> None:
    if getattr(run.scheduler, "optimizer", None) is not run.optimizer:
        raise ValueError("the scheduler must belong to the optimizer that is used here")
    total = getattr(run.scheduler, "total_steps", None)
    if total is not None and steps is not None and total < steps:
        raise ValueError(
            f"the scheduler ends after {total} steps, but this run makes {steps} of them, "
            f"one per {each}. Hint: total_steps={steps}"
        )
    if isinstance(run.scheduler, ReduceLROnPlateau):
        if each != "epoch":
            raise ValueError("ReduceLROnPlateau needs scheduler_step='epoch', got 'batch'")
        if "val_loss" not in columns:
            raise ValueError("ReduceLROnPlateau watches val_loss: give validation=(X, y), too")
