"""Where a model is, its inputs brought there, and what a device can hold."""

from typing import Any

import torch
from torch import Tensor, nn


def devices_of(model: nn.Module) -> list[torch.device]:
    """The devices that its parameters are on, each once."""
    return list(dict.fromkeys(p.device for p in model.parameters()))


def brought(x: Any, model: nn.Module) -> Any:
    """A tensor, or a tuple of them, on the model's device; as it is if that is not a single one."""
    devices = devices_of(model)
    if len(devices) != 1:
        return x
    if isinstance(x, tuple):
        return tuple(brought(part, model) for part in x)
    return x.to(devices[0]) if isinstance(x, Tensor) else x


def has_type(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a device has numbers of a type: MPS has no float64."""
    try:
        torch.empty(0, dtype=dtype, device=device)
    except (TypeError, RuntimeError):
        return False
    return True
