"""Sums that neither overflow nor stall in half precision, and equality up to rounding."""

import torch
from torch import Tensor


def widened(x: Tensor) -> Tensor:
    """Return numbers of half precision in 32 bits, all others as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def agree(got: Tensor, wanted: Tensor, terms: float, dtype: torch.dtype) -> bool:
    """Return whether two results are one but for rounding.

    Args:
        got: of any shape.
        wanted: of the same shape.
        terms: how large the numbers are of which they are sums.
        dtype: in which the weights were rounded. Half of its digits must be the same, which is far
            from rounding and from any other function.
    """
    near = torch.finfo(dtype).eps ** 0.5
    sizes = torch.cat([wanted.abs().flatten(), torch.tensor([terms], dtype=wanted.abs().dtype)])
    scale = float(sizes[sizes.isfinite()].max()) if sizes.isfinite().any() else 0.0
    return torch.allclose(got, wanted, rtol=near, atol=near * scale, equal_nan=True)
