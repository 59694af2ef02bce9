"""What `fit` makes of its arguments: device, optimiser, schedule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit._devices import devices_of, has_type
from nnkit.training.adam import FusedAdam
from nnkit.training.nested import move
from nnkit.training.stack import tensors_of

DEVICES = "None (where the model is), 'auto', 'cpu' or one that torch finds, 'cuda' or 'mps'"


def choose_device(device: str | torch.device | None, model: nn.Module) -> torch.device:
    """The device asked for; None stands for where the model is.

    "auto" is the accelerator for a model on the CPU, if there is one, and else where the model is.

    Raises:
        ValueError: if there is no such device, or if the model has no single one to follow.
    """
    if device is None or device == "auto":
        here = _device_of(model)
        if device is None or here.type != "cpu" or not torch.accelerator.is_available():
            return here
        device = torch.accelerator.current_accelerator() or here
    try:
        place = torch.empty(0, device=device).device  # with its number: "cuda" is cuda:0
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device must be {DEVICES}, got {device!r}: {reason}") from error
    if place.type == "meta":
        raise ValueError(f"device must be {DEVICES}, got {device!r}, which holds no numbers")
    return place


def _device_of(model: nn.Module) -> torch.device:
    devices = devices_of(model)
    if len(devices) > 1:
        names = ", ".join(map(str, devices))
        raise ValueError(
            f"the model is on several devices, {names}, and its batches can follow only one. "
            f"Hint: device={str(devices[-1])!r} moves all of it there"
        )
    return devices[0]


def check_devices(place: torch.device, optimizer: Any, held: Mapping[str, Any]) -> None:
    """Refuse what could not be trained on a device, before anything is moved there.

    Args:
        place: the device.
        optimizer: an Optimizer, whose parameters must be there already, or what makes one.
        held: what is to be there, by name: modules, partials, tensors, or tuples of them.

    Raises:
        ValueError: if the optimiser belongs elsewhere.
        TypeError: if the device has no numbers of such a type: MPS has no float64.
    """
    if isinstance(optimizer, Optimizer):
        elsewhere = {t.device for t in _tensors_in(optimizer)} - {place}
        if elsewhere:
            raise ValueError(
                f"the optimizer holds tensors on {elsewhere.pop()}, but training is on {place}. "
                f"Hint: make it once all it trains is there, model.to({str(place)!r}), or give "
                "a factory such as optimizer=torch.optim.SGD"
            )
    for name, item in held.items():
        for dtype in {t.dtype for t in _tensors_of(item)}:
            if not has_type(place, dtype):
                hint = ".float() on the CPU before"
                raise TypeError(f"{name}: the device {place} has no {dtype}. Hint: {hint}")


def _tensors_of(item: Any) -> list[Tensor]:
    """Those of a module, of a partial, or of a tuple."""
    if isinstance(item, partial):
        item = (item.func, *item.args, *item.keywords.values())
    if isinstance(item, (tuple, list)):
        return [tensor for part in item for tensor in _tensors_of(part)]
    return [item] if isinstance(item, Tensor) else tensors_of(item)


def _tensors_in(optimizer: Optimizer) -> Iterator[Tensor]:
    """The parameters of an optimiser, and what it keeps of the same shape for each."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            yield p
            kept = optimizer.state.get(p, {}).values()
            yield from (t for t in kept if isinstance(t, Tensor) and t.shape == p.shape and t.ndim)


def moved(item: Any, device: torch.device) -> Any:
    """What can be moved: a module, in place; of a partial the function, and its tensors anew."""
    if isinstance(item, nn.Module):
        return item.to(device)
    if isinstance(item, partial):
        args, keywords = move(item.args, device), move(item.keywords, device)
        return partial(moved(item.func, device), *args, **keywords)
    return item


def make_optimizer(
    optimizer: Any, model: nn.Module, lr: float, regularizers: Iterable[Any] = ()
) -> Any:
    """The optimiser given, or made by its factory; Adam by default.

    A factory is called with the parameters, those of regularisers included, and lr, unless it is
    a partial that has its own.
    """
    if isinstance(optimizer, Optimizer) or not (optimizer is None or callable(optimizer)):
        return optimizer
    own = [p for regularizer in regularizers for p in parameters_of(regularizer)]
    params = list(dict.fromkeys([*model.parameters(), *own]))
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
