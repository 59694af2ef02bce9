"""SpecAugment: whole stretches of time and of frequency hidden in a spectrogram."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nnkit._checks import whole
from nnkit._draws import check_generator, uniform


class SpecAugment:
    """(S, y) → (S masked, y): hide bands of frequency and stretches of time, drawn per sample.

    Each mask is from 0 to its largest width wide, all widths and places being equally likely,
    and filled with the mean of the spectrogram. For spectrograms (..., bins, frames), so it stands
    where the model is given those, not waveforms.

    Args:
        bins: the largest width of a mask of frequencies.
        frames: the largest width of a mask of times.
        masks: how many of each.
        generator: what draws; None for torch's own state, which the `seed` of `fit` sets.

    Source: Park et al., 2019, "SpecAugment: a simple data augmentation method for automatic
    speech recognition".

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import SpecAugment
        >>> S, y = torch.randn(4, 40, 100), torch.zeros(4)  # as of log_mel
        >>> masked, y = SpecAugment(bins=8, frames=0)(S, y)
        >>> hidden = (masked != S).any(2).sum(1)  # bins of each
        >>> bool((hidden <= 8).all())
        True
    """

    def __init__(
        self, bins: int, frames: int, masks: int = 1, generator: torch.Generator | None = None
    ) -> None:
        self.bins, self.frames = (
            whole("bins", bins, at_least=0),
            whole("frames", frames, at_least=0),
        )
        self.masks, self.generator = whole("masks", masks, at_least=0), generator
        check_generator(generator)

    def __call__(self, S: Tensor, y: Any) -> tuple[Tensor, Any]:
        """The spectrograms with masks, the shape of S (N, ..., bins, frames)."""
        if not isinstance(S, Tensor) or not S.is_floating_point() or S.ndim < 3:
            given = (S.dtype, tuple(S.shape)) if isinstance(S, Tensor) else type(S).__name__
            raise TypeError(
                f"SpecAugment needs spectrograms (N, bins, frames), got {given}. "
                "Hint: log_mel(x, sample_rate) makes them"
            )
        if not S.isfinite().all():
            raise ValueError("spectrograms must be finite: masks are filled with their mean")
        for axis, width in ((-2, self.bins), (-1, self.frames)):
            if width > S.shape[axis]:
                raise ValueError(f"a mask of up to {width} is wider than the {S.shape[axis]} there")
        mean = S.mean(tuple(range(1, S.ndim)), keepdim=True)
        for _ in range(self.masks):
            hidden_bins = self._mask(S, S.shape[-2], self.bins)[..., None]  # (N, ..., bins, 1)
            hidden_frames = self._mask(S, S.shape[-1], self.frames)[..., None, :]
            S = torch.where(hidden_bins | hidden_frames, mean, S)
        return S, y

    def _mask(self, S: Tensor, size: int, most: int) -> Tensor:
        """True where a stretch of random width at a random place is, (N, 1, ..., size)."""
        wide, far = uniform((2, len(S)), self.generator, S.device)
        width = (wide * (most + 1)).long()
        first = (far * (size - width + 1)).long()
        k = torch.arange(size, device=S.device)
        mask = (first[:, None] <= k) & (k < (first + width)[:, None])
        each: Tensor = mask.view(len(S), *(1,) * (S.ndim - 3), size)
        return each

    def __repr__(self) -> str:
        return f"SpecAugment(bins={self.bins}, frames={self.frames}, masks={self.masks})"
