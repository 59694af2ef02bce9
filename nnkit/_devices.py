"""Where a model is, its inputs brought there, random numbers there, and what a device can hold."""

from collections.abc import Sequence
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


Generator = torch.Generator | None  # None for torch's own state


def check_generator(generator: object) -> None:
    """Raise a TypeError unless it is a generator or None."""
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator or None, got {generator!r}")


def uniform(size: Sequence[int], generator: Generator, device: torch.device | str) -> Tensor:
    """Numbers in [0, 1), drawn where the generator is and brought to the device."""
    where = device if generator is None else generator.device
    return torch.rand(*size, generator=generator, device=where).to(device)


def normal(size: Sequence[int], generator: Generator, like: Tensor) -> Tensor:
    """Numbers of mean 0 and deviation 1, of the type of `like` and on its device."""
    where = like.device if generator is None else generator.device
    drawn = torch.randn(*size, generator=generator, device=where, dtype=like.dtype)
    return drawn.to(like.device)
