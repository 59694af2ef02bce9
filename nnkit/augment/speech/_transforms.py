"""Random changes of waveforms, (x, y) -> (x, y): each draws strengths and calls a function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nnkit._checks import number
from nnkit._devices import check_generator, uniform
from nnkit.augment.speech._changes import SPEEDS, add_noise, cut, play
from nnkit.augment.speech._checks import check_rate, check_recording, check_waves
from nnkit.augment.speech._pitch import SEMITONES, pitch_shift


class SpeechTransform:
    """A random change of waveforms (N, T), drawn anew for every one of them; T stays.

    Args:
        sample_rate: samples per second.
        generator: what draws; None for torch's own state, which the `seed` of `fit` sets.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import SpeechTransform
        >>> class Gain(SpeechTransform):
        ...     def change(self, x): return x * self.between(0.5, 2.0, len(x), x)[:, None]
        >>> x, y = Gain(sample_rate=8000)(torch.ones(4, 8000), torch.arange(4))
        >>> len(x.unique(dim=0))  # a draw for each
        4
    """

    def __init__(self, sample_rate: int, generator: torch.Generator | None = None) -> None:
        self.sample_rate, self.generator = check_rate(sample_rate), generator
        check_generator(generator)

    def change(self, x: Tensor) -> Tensor:
        """The waveforms (N, T), each changed by a draw of its own."""
        raise NotImplementedError

    def __call__(self, x: Tensor, y: Any) -> tuple[Tensor, Any]:
        """The waveforms (N, T) changed, and the targets as they are."""
        check_waves(x)
        if x.ndim != 2:
            raise ValueError(
                f"{type(self).__name__} takes a batch (N, T), got {tuple(x.shape)}. "
                "Hint: x[None] is a batch of one"
            )
        return self.change(x), y

    def between(self, low: float, high: float, n: int, x: Tensor) -> Tensor:
        """As many numbers, uniform in [low, high), of the type of x and on its device."""
        return low + (high - low) * uniform((n,), self.generator, x.device).to(x)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={value:g}"
            for name, value in vars(self).items()
            if isinstance(value, int | float)
        )
        return f"{type(self).__name__}({shown})"


class Crop(SpeechTransform):
    """Cut up to `seconds` out of each waveform, anywhere; silence fills up its end.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import Crop
        >>> x, y = Crop(0.5, sample_rate=8000)(torch.ones(4, 8000), torch.arange(4))
        >>> x.shape, bool((x[:, -1] == 0).all())  # as long as before, silence at the end
        (torch.Size([4, 8000]), True)
    """

    def __init__(
        self, seconds: float, sample_rate: int, generator: torch.Generator | None = None
    ) -> None:
        self.seconds = number("seconds", seconds, at_least=0.0)
        super().__init__(sample_rate, generator)

    def change(self, x: Tensor) -> Tensor:
        """A length and a place for each."""
        most = min(round(self.seconds * self.sample_rate), x.shape[1] - 1)
        lost = (self.between(0, most + 1, len(x), x)).long().tolist()
        places = self.between(0, 1, len(x), x)[:, None, None]
        rows = [
            F.pad(cut(row[None], n, place, self.sample_rate), (0, n))
            for row, n, place in zip(x, lost, places, strict=True)
        ]
        return torch.cat(rows)


class TimeStretch(SpeechTransform):
    """Up to `speed` times as fast or as slow. T stays: silence at the end, or the end is lost.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import TimeStretch
        >>> x, y = TimeStretch(1.2, sample_rate=8000)(torch.randn(4, 8000), torch.arange(4))
        >>> x.shape  # as long as before, so that it makes a batch
        torch.Size([4, 8000])
    """

    def __init__(
        self, speed: float, sample_rate: int, generator: torch.Generator | None = None
    ) -> None:
        self.speed = number("speed", speed, at_least=1, at_most=SPEEDS[1])
        super().__init__(sample_rate, generator)

    def change(self, x: Tensor) -> Tensor:
        """A speed for each; faster and slower are equally likely."""
        speed = self.speed ** self.between(-1, 1, len(x), x)
        return play(x, speed[:, None], self.sample_rate, x.shape[1])


class PitchShift(SpeechTransform):
    """Up to `semitones` higher or lower.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import PitchShift, pitch
        >>> x = torch.sin(2 * math.pi * 200 * torch.arange(8000) / 8000).expand(4, -1)  # 200 Hz
        >>> x, y = PitchShift(3, sample_rate=8000)(x, torch.arange(4))
        >>> heard = pitch(x, 8000).nanmedian(1).values
        >>> bool(((168 < heard) & (heard < 238)).all())  # 3 semitones are a factor of 1.19
        True
    """

    def __init__(
        self, semitones: float, sample_rate: int, generator: torch.Generator | None = None
    ) -> None:
        self.semitones = number("semitones", semitones, at_least=0, at_most=SEMITONES[1])
        super().__init__(sample_rate, generator)

    def change(self, x: Tensor) -> Tensor:
        """A shift for each."""
        shift = self.between(-self.semitones, self.semitones, len(x), x)
        return pitch_shift(x, shift, self.sample_rate)


class Noise(SpeechTransform):
    """Noise at a signal-to-noise ratio from `min_snr` to `max_snr` dB, white or of a recording.

    Args:
        min_snr: where the noise is loudest, in dB.
        max_snr: where it is faintest.
        sample_rate: samples per second.
        noise: a recording (L,) at this rate, as for :func:`add_noise`.
        generator: as above.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import Noise, snr
        >>> x, y = torch.randn(100, 8000), torch.zeros(100)
        >>> noisy, y = Noise(5, 30, sample_rate=8000)(x, y)
        >>> ratio = snr(x, noisy)
        >>> bool(((ratio > 4.9) & (ratio < 30.1)).all())
        True
    """

    def __init__(
        self,
        min_snr: float,
        max_snr: float,
        sample_rate: int,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        self.min_snr = number("min_snr", min_snr, at_least=-100, at_most=200)
        self.max_snr = number("max_snr", max_snr, at_least=self.min_snr, at_most=200)
        self.noise = None if noise is None else check_recording(noise)
        super().__init__(sample_rate, generator)

    def change(self, x: Tensor) -> Tensor:
        """A ratio for each."""
        ratio = self.between(self.min_snr, self.max_snr, len(x), x)
        return add_noise(x, ratio, self.noise, self.generator)
