"""Memory that is used again at each step of a training run."""

import torch
from torch import Tensor


class Scratch:
    """Room for one tensor at a time: to get large memory anew costs more than what is computed."""

    def __init__(self) -> None:
        self._kept = torch.empty(0)

    def like(self, w: Tensor) -> Tensor:
        """A tensor of the shape of w with anything in it; the next call gives the same memory."""
        kept = self._kept
        if kept.numel() < w.numel() or kept.dtype != w.dtype or kept.device != w.device:
            kept = self._kept = torch.empty(w.numel(), dtype=w.dtype, device=w.device)
        return kept[: w.numel()].view(w.shape)
