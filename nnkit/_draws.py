"""Random numbers for tensors on any device, from a generator that may live on another."""

from collections.abc import Sequence

import torch
from torch import Tensor

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
