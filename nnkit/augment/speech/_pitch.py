"""Pitch: shifted for all of a sound, along a curve, in one band of it; and measured."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from nnkit._checks import number
from nnkit._devices import has_type
from nnkit.augment.speech._changes import vocode
from nnkit.augment.speech._checks import (
    Strength,
    check_rate,
    check_waves,
    per_row,
    per_sample,
)
from nnkit.augment.speech._spectra import frame_length, frame_places, istft, stft

SEMITONES = (-24.0, 24.0)
REACH = 8  # samples to either side, of which a value between them is made
STEPS = 1024  # places between two samples that are told apart


def pitch_shift(x: Tensor, semitones: Strength, sample_rate: int) -> Tensor:
    """Speak higher or lower, in the same time. All frequencies move, the timbre along with them.

    Args:
        x: waveforms (N, T) or one (T,).
        semitones: twelve make an octave; one number, or one for each waveform (N,).
        sample_rate: samples per second.

    Returns:
        The shape of x.

    Raises:
        TypeError, ValueError: if x is no waveform, or if another argument is out of bounds.

    Source: Flanagan and Golden, 1966.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import pitch, pitch_shift
        >>> x = torch.sin(2 * math.pi * 200 * torch.arange(8000) / 8000)  # 200 Hz
        >>> pitch(pitch_shift(x, 12, 8000), 8000).nanmedian().round()  # an octave higher
        tensor(400.)
    """
    check_waves(x)
    steps = per_row("semitones", semitones, x, *SEMITONES)
    return _bend(x, steps.expand(-1, x.shape[-1]), check_rate(sample_rate))


def bend_pitch(x: Tensor, semitones: Tensor, sample_rate: int) -> Tensor:
    """Shift the pitch differently at every moment: another melody of the same words.

    Args:
        x: waveforms (N, T) or one (T,).
        semitones: the curve, one number for each sample, (T,) or the shape of x.
        sample_rate: samples per second.

    Returns:
        The shape of x.

    Raises:
        TypeError, ValueError: if x is no waveform, or if another argument is out of bounds.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import bend_pitch, pitch
        >>> x = torch.sin(2 * math.pi * 200 * torch.arange(8000) / 8000)  # 200 Hz
        >>> rising = bend_pitch(x, torch.linspace(0, 12, 8000), 8000)
        >>> heard = pitch(rising, 8000)
        >>> bool(heard[20] < heard[50] < heard[80])
        True
    """
    check_waves(x)
    return _bend(x, per_sample("semitones", semitones, x, *SEMITONES), check_rate(sample_rate))


def shift_band(x: Tensor, semitones: Strength, low: float, high: float, sample_rate: int) -> Tensor:
    """Shift what lies between two frequencies and leave the rest where it is.

    Args:
        x: waveforms (N, T) or one (T,).
        semitones: as for :func:`pitch_shift`.
        low: lower edge of the band in Hz.
        high: upper edge, above `low` and at most sample_rate/2.
        sample_rate: samples per second.

    Returns:
        The shape of x.

    Raises:
        TypeError, ValueError: if x is no waveform, or if another argument is out of bounds.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import pitch, shift_band
        >>> x = torch.sin(2 * math.pi * 200 * torch.arange(8000) / 8000)  # 200 Hz
        >>> pitch(shift_band(x, 12, 100, 300, 8000), 8000).nanmedian().round()
        tensor(400.)
        >>> pitch(shift_band(x, 12, 500, 900, 8000), 8000).nanmedian().round()  # another band
        tensor(200.)
    """
    check_waves(x)
    rate = check_rate(sample_rate)
    top = number("high, the upper edge, up to half the rate,", high, at_least=0, at_most=rate / 2)
    bottom = number("low, the lower edge,", low, at_least=0, at_most=top)
    S = stft(x.reshape(-1, x.shape[-1]), rate)
    f = torch.linspace(0, rate / 2, S.shape[1], device=x.device)[:, None]
    band = istft(S * ((bottom <= f) & (f <= top)), rate, x.shape[-1]).view_as(x)
    return x - band + pitch_shift(band, semitones, rate)


def pitch(x: Tensor, sample_rate: int, low: float = 60.0, high: float = 500.0) -> Tensor:
    """Measure the pitch: the lag at which a piece of the sound is most like itself.

    Args:
        x: waveforms (N, T) or one (T,).
        sample_rate: samples per second.
        low: the lowest pitch that is looked for, in Hz.
        high: the highest, at most sample_rate/4.

    Returns:
        Hz at every 10 ms, (N, frames) or (frames,); nan where there is no voice.
        ``pitch(x, sample_rate).nanmedian()`` is one number for all.

    Raises:
        TypeError, ValueError: if x is no waveform, or if another argument is out of bounds.

    Source: Boersma, 1993, "Accurate short-term analysis of the fundamental frequency".

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import pitch
        >>> x = torch.sin(2 * math.pi * 200 * torch.arange(8000) / 8000)  # 200 Hz
        >>> heard = pitch(x, sample_rate=8000)
        >>> heard.shape, heard.nanmedian().round()  # every 10 ms
        (torch.Size([101]), tensor(200.))
    """
    check_waves(x)
    rate = check_rate(sample_rate)
    high = number("high", high, at_least=1, at_most=rate / 4)
    low = number("low", low, at_least=1, at_most=high)
    size, hop = 2 * math.ceil(1.5 * rate / low), rate // 100  # three of the longest periods
    padded = F.pad(x, (size // 2, size // 2))
    frames = padded.unfold(-1, size, hop)  # (..., frames, size)
    window = torch.hann_window(size, dtype=x.dtype, device=x.device)
    frames = (frames - frames.mean(-1, keepdim=True)) * window
    like = _autocorrelation(frames) / _autocorrelation(window).clamp(min=1e-6)
    short, long = math.floor(rate / high), math.ceil(rate / low)
    # of two lags equally good take the shorter: a period is a period of two, too
    lags = torch.arange(short, long + 1, device=x.device)
    value, best = (like[..., short : long + 1] - 0.02 * (lags / short).log2()).max(-1)
    a, b, c = (like.gather(-1, (best + short + k)[..., None])[..., 0] for k in (-1, 0, 1))
    bow = a - 2 * b + c
    peak = best + short + torch.where(bow < 0, 0.5 * (a - c) / bow, 0.0).clamp(-0.5, 0.5)
    power = frames.square().mean(-1)
    voiced = (value > 0.5) & (power > 0.01 * power.amax(-1, keepdim=True))
    return torch.where(voiced, rate / peak, torch.nan)


def _bend(x: Tensor, semitones: Tensor, rate: int) -> Tensor:
    """Shift x (T,) or (N, T) by a curve (N, T).

    Where the pitch is to rise by a factor r, time is stretched by r, then read r times as fast.
    """
    if not has_type(x.device, torch.float64):  # in which time is counted
        return _bend(x.cpu(), semitones.cpu(), rate).to(x.device)
    rows = x.reshape(semitones.shape)
    factor = 2 ** (semitones.double() / 12)  # (N, T)
    place = factor.cumsum(1) - factor  # of each sample in stretched time
    length = math.ceil(float(place.max())) + 1 + REACH
    grid = frame_places(length, rate).to(place)
    at = _when(place, factor, grid.expand(len(rows), -1)) / (frame_length(rate) // 4)
    S = stft(rows, rate)
    times = frame_places(rows.shape[1], rate).clamp(max=rows.shape[1] - 1).to(x.device)
    f = torch.linspace(0, rate / 2, S.shape[1], device=x.device)[:, None]
    S = S * (f * factor[:, None, times] <= rate / 2)  # what would rise above rate/2 folds back
    stretched = istft(vocode(S, at), rate, length)
    return _read(stretched, place).view_as(x)


def _when(place: Tensor, slope: Tensor, value: Tensor) -> Tensor:
    """At what time, (N, K), does a function that rises from `place` with `slope` have a value?"""
    left = torch.searchsorted(place.contiguous(), value.contiguous(), right=True) - 1
    return left + (value - place.gather(1, left)) / slope.gather(1, left)


def _read(x: Tensor, place: Tensor) -> Tensor:
    """Values of x (N, T) at places (N, K) between its samples: a sinc under a Hann window."""
    left = place.long()
    steps = ((place - left) * STEPS).round().long()
    offsets = torch.arange(1 - REACH, REACH + 1, dtype=x.dtype, device=x.device)[:, None]
    d = offsets - torch.linspace(0, 1, STEPS + 1, dtype=x.dtype, device=x.device)
    kernel = torch.sinc(d) * 0.5 * (1 + torch.cos(math.pi * d / REACH))  # (2 REACH, STEPS + 1)
    x = F.pad(x, (REACH - 1, REACH))
    out = x.new_zeros(place.shape)
    for k, weight in enumerate(kernel):
        out += weight[steps] * x.gather(1, left + k)
    return out


def _autocorrelation(frames: Tensor) -> Tensor:
    """Of each frame (..., size) with itself at every lag, 1 at none."""
    size = frames.shape[-1]
    spectrum = torch.fft.rfft(frames, 2 * size).abs().square()
    like: Tensor = torch.fft.irfft(spectrum, 2 * size)[..., :size]
    return like / like[..., :1].clamp(min=1e-12)
