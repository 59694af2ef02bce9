"""Random changes of waveforms, (x, y) -> (x, y): each draws strengths and calls a function."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nnkit._checks import number
from nnkit._draws import check_generator, uniform
from nnkit.augment.speech.changes import add_noise, cut
from nnkit.augment.speech.checks import check_rate, check_waves, within
from nnkit.augment.speech.pitch import SEMITONES, bend_pitch, shift_band, shift_pitch
from nnkit.augment.speech.vocoder import SPEEDS, play


class SpeechTransform:
    """A random change of waveforms (N, T), drawn anew for every one of them; T stays.

    Args:
        rate: samples per second.
        generator: what draws; None for torch's own state, which the `seed` of `fit` sets.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import SpeechTransform
        >>> class Gain(SpeechTransform):
        ...     def change(self, x): return x * self.between(0.5, 2.0, len(x), x)[:, None]
        >>> x, y = Gain(rate=8000)(torch.ones(4, 8000), torch.arange(4))
        >>> len(x.unique(dim=0))  # a draw for each
        4
    """

    def __init__(self, rate: int, generator: torch.Generator | None = None) -> None:
        self.rate, self.generator = check_rate(rate), generator
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
        told = ", ".join(
            f"{name}={value:g}"
            for name, value in vars(self).items()
            if isinstance(value, int | float)
        )
        return f"{type(self).__name__}({told})"


class Crop(SpeechTransform):
    """Cut up to `seconds` out of each waveform, anywhere; silence fills up its end.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import Crop
        >>> x, y = Crop(0.5, rate=8000)(torch.ones(4, 8000), torch.arange(4))
        >>> x.shape, bool((x[:, -1] == 0).all())  # as long as before, silence at the end
        (torch.Size([4, 8000]), True)
    """

    def __init__(self, seconds: float, rate: int, generator: torch.Generator | None = None) -> None:
        self.seconds = number("seconds", seconds, at_least=0.0)
        super().__init__(rate, generator)

    def change(self, x: Tensor) -> Tensor:
        """A length and a place for each."""
        most = min(round(self.seconds * self.rate), x.shape[1] - 1)
        lost = (self.between(0, most + 1, len(x), x)).long().tolist()
        places = self.between(0, 1, len(x), x)[:, None, None]
        rows = [
            F.pad(cut(row[None], n, place, self.rate), (0, n))
            for row, n, place in zip(x, lost, places, strict=True)
        ]
        return torch.cat(rows)


class Stretch(SpeechTransform):
    """Up to `speed` times as fast or as slow. T stays: silence at the end, or the end is lost.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import Stretch
        >>> x, y = Stretch(1.2, rate=8000)(torch.randn(4, 8000), torch.arange(4))
        >>> x.shape  # as long as before, so that it makes a batch
        torch.Size([4, 8000])
    """

    def __init__(self, speed: float, rate: int, generator: torch.Generator | None = None) -> None:
        self.speed = within("speed", speed, 1, SPEEDS[1], "1.2 is from 1/1.2 to 1.2")
        super().__init__(rate, generator)

    def change(self, x: Tensor) -> Tensor:
        """A speed for each; faster and slower are equally likely."""
        speed = self.speed ** self.between(-1, 1, len(x), x)
        return play(x, speed[:, None], self.rate, x.shape[1])


class Pitch(SpeechTransform):
    """Up to `semitones` higher or lower.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import Pitch, pitch
        >>> x = torch.sin(2 * math.pi * 200 * torch.arange(8000) / 8000).expand(4, -1)  # 200 Hz
        >>> x, y = Pitch(3, rate=8000)(x, torch.arange(4))
        >>> heard = pitch(x, 8000).nanmedian(1).values
        >>> bool(((168 < heard) & (heard < 238)).all())  # 3 semitones are a factor of 1.19
        True
    """

    def __init__(
        self, semitones: float, rate: int, generator: torch.Generator | None = None
    ) -> None:
        self.semitones = within("semitones", semitones, 0, SEMITONES[1])
        super().__init__(rate, generator)

    def change(self, x: Tensor) -> Tensor:
        """A shift for each."""
        return shift_pitch(x, self._draw(len(x), x), self.rate)

    def _draw(self, n: int, x: Tensor) -> Tensor:
        return self.between(-self.semitones, self.semitones, n, x)


class PitchCurve(Pitch):
    """A melody of up to `semitones` up or down: a new number every half second, joined up.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import PitchCurve, pitch
        >>> x = torch.sin(2 * math.pi * 200 * torch.arange(8000) / 8000)[None]  # 200 Hz
        >>> x, y = PitchCurve(3, rate=8000)(x, torch.zeros(1))
        >>> bool(pitch(x, 8000)[0, 10:90].std() > 1)  # monotone no more
        True
    """

    def change(self, x: Tensor) -> Tensor:
        """A curve for each."""
        corners = 2 + 2 * x.shape[1] // self.rate
        drawn = self._draw(len(x) * corners, x).view(len(x), 1, corners)
        curve = F.interpolate(drawn, x.shape[1], mode="linear", align_corners=True)
        return bend_pitch(x, curve[:, 0], self.rate)


class BandPitch(Pitch):
    """Up to `semitones` higher or lower in one band, an octave wide, the same for a batch.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import BandPitch
        >>> x, y = torch.randn(4, 8000), torch.arange(4)
        >>> new, y = BandPitch(3, rate=8000)(x, y)
        >>> new.shape, torch.equal(new, x)
        (torch.Size([4, 8000]), False)
    """

    def change(self, x: Tensor) -> Tensor:
        """A band for all, a shift for each."""
        octaves = math.log2(self.rate / 4 / 100)  # it begins between 100 Hz and rate/4
        low = 100 * 2 ** float(octaves * self.between(0, 1, 1, x))
        return shift_band(x, self._draw(len(x), x), low, 2 * low, self.rate)


class Noise(SpeechTransform):
    """Noise at a signal-to-noise ratio between `least` and `most` dB, white or of a recording.

    Args:
        least: the loudest noise, in dB.
        most: the faintest.
        rate: samples per second.
        noise: a recording (L,) at this rate, as for :func:`add_noise`.
        generator: as above.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import Noise, snr
        >>> x, y = torch.randn(100, 8000), torch.zeros(100)
        >>> noisy, y = Noise(5, 30, rate=8000)(x, y)
        >>> ratio = snr(x, noisy)
        >>> bool(((ratio > 4.9) & (ratio < 30.1)).all())
        True
    """

    def __init__(
        self,
        least: float,
        most: float,
        rate: int,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        self.least = within("least", least, -100, 200)
        self.most = within("most", most, self.least, 200)
        self.noise = noise
        super().__init__(rate, generator)

    def change(self, x: Tensor) -> Tensor:
        """A ratio for each."""
        ratio = self.between(self.least, self.most, len(x), x)
        return add_noise(x, ratio, self.noise, self.generator)
