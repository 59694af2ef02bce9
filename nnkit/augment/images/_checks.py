"""What every image transform asks of its arguments: a batch, and a strength for each sample."""

import math
from typing import Any

import torch
from torch import Tensor

Strength = float | Tensor


def check_images(
    x: Any, *, channels: int | None = None, unit: bool = False, labels: bool = False
) -> None:
    """Refuse what is no batch of images.

    Args:
        x: what should be (N, C, H, W), floats.
        channels: how many are needed, if any will not do.
        unit: values must lie in [0, 1], up to rounding.
        labels: x are label maps, of any type.

    Raises:
        TypeError: if x is no tensor of floats.
        ValueError: if its shape or its values are not as they should be.
    """
    if not isinstance(x, Tensor) or not (labels or x.is_floating_point()):
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        hint = "divide by 255" if given == torch.uint8 else "x.float()"
        raise TypeError(f"images must be a tensor of floats in [0, 1], got {given}. Hint: {hint}")
    if x.ndim != 4:
        hints = {
            2: "Compose(..., shape=(28, 28)) takes flat images",
            3: "x[None] is a batch of one",
        }
        raise ValueError(
            f"images must be (N, C, H, W), got {tuple(x.shape)}. "
            f"Hint: {hints.get(x.ndim, 'reshape them')}"
        )
    if channels is not None and x.shape[1] != channels:
        raise ValueError(f"{channels} channels (red, green, blue) are needed, got {x.shape[1]}")
    if unit and x.numel():
        low, high = (float(edge) for edge in x.aminmax())
        if not (low >= -1e-4 and high <= 1 + 1e-4):  # nan fails as well
            raise ValueError(
                f"values must lie in [0, 1], got {low:.3g} to {high:.3g}. "
                "Hint: change colours first, standardise afterwards"
            )


def per_sample(what: str, value: Strength, x: Tensor, *, above: float = -math.inf) -> Tensor:
    """The strength of each sample as a column (N, 1, 1, 1), of the device and type of x.

    Raises:
        ValueError: if it is neither one number nor one for each, or not above ``above``.
    """
    strength = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    if strength.shape not in ((), (1,), (len(x),)):
        raise ValueError(
            f"{what} must be one number or one for each of {len(x)} images, "
            f"got shape {tuple(strength.shape)}"
        )
    if not bool(((strength > above) & strength.isfinite()).all()):
        bound = "" if above == -math.inf else f" and above {above:g}"
        raise ValueError(f"{what} must be finite{bound}, got {value}")
    return strength.expand(len(x)).view(-1, 1, 1, 1)
