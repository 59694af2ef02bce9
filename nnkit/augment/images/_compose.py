"""Image transforms one after another, also for images that come as rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nnkit.augment import _compose
from nnkit.augment.images._transforms import ImageTransform


class Compose(_compose.Compose):
    """Transforms of images, one after another.

    Args:
        transforms: callables (x, y) -> (x, y); noise (`InputNoise`) may be among them.
        shape: (H, W) or (C, H, W) of the images if they come as rows (N, C·H·W), and leave so.
        mask: given to every part that has none of its own.
        generator: likewise; a checkpoint of `fit` keeps its state.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Compose, RotateZoom, Shift
        >>> augment = Compose(Shift(0.1), RotateZoom(15, 1.2), shape=(28, 28))
        >>> x, y = augment(torch.rand(4, 784), torch.arange(4))  # flat digits
        >>> x.shape
        torch.Size([4, 784])
    """

    def __init__(
        self,
        *transforms: Callable[[Any, Any], tuple[Any, Any]],
        shape: tuple[int, ...] | None = None,
        mask: bool | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if shape is not None and len(shape) not in (2, 3):
            raise ValueError(f"shape must be (H, W) or (C, H, W), got {shape!r}")
        self.shape, self.generator = shape, generator
        super().__init__(*(_completed(part, mask, generator) for part in transforms))

    def __call__(self, x: Tensor, y: Any) -> tuple[Tensor, Any]:
        """Apply all of them, in order."""
        rows = x.shape
        if self.shape is not None:
            x = _as_images(x, self.shape)
        x, y = super().__call__(x, y)
        return (x if self.shape is None else x.reshape(rows)), y


def _as_images(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Rows (N, C·H·W) as images (N, C, H, W)."""
    if x.ndim != 2 or x.shape[1] != math.prod(shape):
        raise ValueError(f"rows of {math.prod(shape)} pixels make {shape}, got {tuple(x.shape)}")
    return x.reshape(len(x), *(1,) * (3 - len(shape)), *shape)


def _completed(part: Any, mask: bool | None, generator: torch.Generator | None) -> Any:
    if not isinstance(part, ImageTransform):
        return part
    return replace(
        part,
        mask=mask if part.mask is None else part.mask,
        generator=generator if part.generator is None else part.generator,
    )
