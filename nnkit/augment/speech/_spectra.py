"""Spectra of waveforms: the Fourier transform, what one looks at or learns from, masks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nnkit._checks import number, whole
from nnkit._devices import check_generator, uniform
from nnkit.augment.speech._checks import check_rate, check_waves

#: Power below which is silence: -80 dB of a full-scale window.
FLOOR = 1e-8


def frame_length(rate: int) -> int:
    """Samples in a window: the power of two nearest to 50 ms, several periods of any voice."""
    return int(2 ** round(math.log2(0.05 * rate)))


def frame_places(length: int, rate: int) -> Tensor:
    """The samples on which frames are centred: a quarter frame apart, until all heard it end."""
    hop = frame_length(rate) // 4
    return hop * torch.arange(math.ceil(length / hop) + 3)


def stft(x: Tensor, rate: int) -> Tensor:
    """The short-time Fourier transform of x (N, T), complex (N, bins, frames), outside silence."""
    n = frame_length(rate)
    x = F.pad(x, (0, int(frame_places(x.shape[-1], rate)[-1]) - x.shape[-1]))
    window = torch.hann_window(n, dtype=x.dtype, device=x.device)
    return torch.stft(x, n, n // 4, window=window, pad_mode="constant", return_complex=True)


def istft(S: Tensor, rate: int, length: int) -> Tensor:
    """The waveforms (N, length) that S (N, bins, frames) came from."""
    n = frame_length(rate)
    window = torch.hann_window(n, dtype=S.real.dtype, device=S.device)
    return torch.istft(S, n, n // 4, window=window, length=length)


def log_spectrogram(x: Tensor, sample_rate: int, frame: float = 0.025, hop: float = 0.01) -> Tensor:
    """Power at each frequency and time, in decibels below that of the loudest possible tone.

    Args:
        x: waveforms (N, T) or one (T,).
        sample_rate: samples per second.
        frame: length of the Hann window in seconds.
        hop: seconds from one window to the next.

    Returns:
        (N, bins, frames) or (bins, frames): bins at equal steps from 0 to sample_rate/2,
        frame m centred at m hop; not below -80.

    Raises:
        TypeError, ValueError: if x is no waveform, or if a number is out of bounds.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import log_spectrogram
        >>> x = torch.sin(2 * math.pi * 1000 * torch.arange(8000) / 8000)  # 1000 Hz
        >>> S = log_spectrogram(x, sample_rate=8000)
        >>> S.shape, S[:, 50].argmax() * 4000 / 128  # bins from 0 to 4000 Hz
        (torch.Size([129, 101]), tensor(1000.))
    """
    return 10 * _power(x, sample_rate, frame, hop).clamp(min=FLOOR).log10()


def log_mel(
    x: Tensor, sample_rate: int, mels: int = 40, frame: float = 0.025, hop: float = 0.01
) -> Tensor:
    """Power in bands as wide as the ear's, in decibels: what most recognisers of speech hear.

    Args:
        x: waveforms (N, T) or one (T,).
        sample_rate: samples per second.
        mels: the number of bands, triangles whose corners are equally far on the mel scale.
        frame: length of the Hann window in seconds.
        hop: seconds from one window to the next.

    Returns:
        (N, mels, frames) or (mels, frames), not below -80.

    Raises:
        TypeError, ValueError: if x is no waveform, or if a number is out of bounds.

    Source: Davis and Mermelstein, 1980; mel = 2595 log10(1 + f/700), O'Shaughnessy, 1987.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import log_mel
        >>> log_mel(torch.randn(4, 8000), 8000, mels=40).shape  # 40 bands, a frame every 10 ms
        torch.Size([4, 40, 101])
    """
    power = _power(x, sample_rate, frame, hop)
    triangles = mel_filters(whole("mels", mels, at_least=1), power.shape[-2], sample_rate)
    return 10 * (triangles.to(power) @ power).clamp(min=FLOOR).log10()


def mel_filters(mels: int, bins: int, rate: int) -> Tensor:
    """Triangles (mels, bins) of height 1, each from the middle of the last to that of the next."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (torch.linspace(0, top, mels + 2) / 2595) - 1)  # Hz
    left, middle, right = (corners[k : k + mels, None] for k in range(3))
    f = torch.linspace(0, rate / 2, bins)
    up, down = (f - left) / (middle - left), (right - f) / (right - middle)
    return torch.minimum(up, down).clamp(min=0)


def resample(x: Tensor, sample_rate: int, to: int) -> Tensor:
    """The same sound with another number of samples per second, by cutting or padding its spectrum.

    Args:
        x: waveforms (N, T) or one (T,).
        sample_rate: samples per second.
        to: samples per second of what is returned; frequencies above to/2 are lost.

    Raises:
        TypeError, ValueError: if x is no waveform, or a rate is none.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import resample
        >>> t = torch.arange(8000) / 8000
        >>> x = resample(torch.sin(2 * math.pi * 200 * t), 8000, 4000)
        >>> torch.allclose(x, torch.sin(2 * math.pi * 200 * t[::2]), atol=1e-3)
        True
    """
    check_waves(x)
    rate, to = check_rate(sample_rate), check_rate(to)
    T, length = x.shape[-1], max(1, round(x.shape[-1] * to / rate))
    spectrum = torch.fft.rfft(x)[..., : length // 2 + 1]
    resampled: Tensor = torch.fft.irfft(spectrum, length) * (length / T)
    return resampled


def _power(x: Tensor, sample_rate: int, frame: float, hop: float) -> Tensor:
    """(N, bins, frames), 1 where a tone of amplitude 1 is."""
    check_waves(x)
    rate = check_rate(sample_rate)
    seconds = number("frame", frame, at_least=0.001), number("hop", hop, at_least=0.0001)
    n, step = (max(1, round(rate * value)) for value in seconds)
    size = 2 ** math.ceil(math.log2(n))
    window = torch.hann_window(n, dtype=x.dtype, device=x.device)
    S = torch.stft(
        x, size, step, n, window=window, pad_mode="constant", return_complex=True
    )  # torch puts the window into the middle of the larger frame
    power: Tensor = (2 * S.abs() / window.sum()) ** 2
    return power


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
