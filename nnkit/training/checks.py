"""What cannot be trained is refused before the first step: what is given, what is allowed."""

from __future__ import annotations

import math


def check_settings(
    epochs: int, batch_size: int, lr: float, clip_norm: float | None, scheduler_step: str
) -> None:
    """Refuse numbers out of range."""
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} is {value!r}, it must be a whole number")
        if value < 1:
            raise ValueError(f"{name} is {value}, it must be at least 1")
    if not (lr > 0 and math.isfinite(lr)):
        raise ValueError(f"lr is {lr}, it must be a positive number. Hint: 0.001 is usual for Adam")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm is {clip_norm}, it must be a positive number or None")
    if scheduler_step not in ("epoch", "batch"):
        raise ValueError(f"scheduler_step is {scheduler_step!r}, allowed are 'epoch' and 'batch'")
