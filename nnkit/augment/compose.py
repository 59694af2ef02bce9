"""Transforms of batches, one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Compose:
    """Transforms one after another.

        Compose(Pitch(3, 8000), Stretch(1.2, 8000), InputNoise(0.01))

    Args:
        transforms: callables (x, y) -> (x, y). A checkpoint of `fit` keeps their generators.
    """

    def __init__(self, *transforms: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        self.transforms = list(transforms)

    def __call__(self, x: Any, y: Any) -> tuple[Any, Any]:
        """What comes out at the end."""
        for transform in self.transforms:
            x, y = transform(x, y)
        return x, y

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.transforms))})"
