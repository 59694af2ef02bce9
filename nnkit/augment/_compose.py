"""Transforms of batches, one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Compose:
    """Transforms one after another.

    Args:
        transforms: callables (x, y) -> (x, y). A checkpoint of `fit` keeps their generators.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import Compose, Noise, PitchShift
        >>> augment = Compose(PitchShift(3, 8000), Noise(5, 30, 8000))
        >>> x, y = augment(torch.randn(4, 8000), torch.arange(4))
        >>> x.shape, y.tolist()  # other sounds, the same labels
        (torch.Size([4, 8000]), [0, 1, 2, 3])
    """

    def __init__(self, *transforms: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        self.transforms = list(transforms)

    def __call__(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Apply all of them, in order."""
        for transform in self.transforms:
            x, y = transform(x, y)
        return x, y

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.transforms))})"
