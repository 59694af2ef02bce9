"""Cut a piece out of a sound, lay noise of a given strength under it, play it faster or slower."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from nnkit._checks import number, one_of
from nnkit._devices import normal, uniform
from nnkit.augment.speech._checks import (
    Strength,
    check_rate,
    check_recording,
    check_waves,
    per_row,
)
from nnkit.augment.speech._spectra import frame_length, frame_places, istft, stft

PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}


def crop(x: Tensor, seconds: float, sample_rate: int, at: str = "start") -> Tensor:
    """Cut a piece out of a sound: its first, its middle or its last seconds.

    Args:
        x: waveforms (N, T) or one (T,).
        seconds: how much is lost, at least 0 and less than all.
        sample_rate: samples per second.
        at: "start", "middle" or "end". The edges of a cut in the middle fade into each other.

    Returns:
        (N, T - seconds · sample_rate) or (T - seconds · sample_rate,).

    Raises:
        TypeError, ValueError: if x is no waveform, or if another argument is out of bounds.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import crop
        >>> crop(torch.randn(4, 8000), 0.25, sample_rate=8000, at="end").shape
        torch.Size([4, 6000])
    """
    check_waves(x)
    rate, T = check_rate(sample_rate), x.shape[-1]
    lost = round(rate * number("seconds", seconds, at_least=0, at_most=(T - 1) / rate))
    place = PLACES[one_of("place", at, PLACES)]
    rows = x.reshape(-1, T)
    return cut(rows, lost, x.new_full((len(rows), 1), place), rate).view(*x.shape[:-1], -1)


def cut(x: Tensor, lost: int, place: Tensor, rate: int) -> Tensor:
    """Cut `lost` samples out of x (N, T) at a place (N, 1), 0 for the start and 1 for the end."""
    rest = x.shape[1] - lost
    fade = max(1, rate // 200)  # 5 ms: a hard edge would click
    first = place * (rest + fade) - fade  # the first sample of the fade
    share = ((torch.arange(rest, device=x.device) - first) / fade).clamp(0, 1)
    return torch.lerp(x[:, :rest], x[:, lost:], share)  # what is before the cut, what is after


def add_noise(
    x: Tensor,
    snr: Strength,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Lay noise under a sound, as loud as a signal-to-noise ratio says.

    Args:
        x: waveforms (N, T) or one (T,).
        snr: power of the sound over that of the noise, in dB, each the mean over all samples: at
            0 equally loud, at 20 a hundredth; math.inf for none. One number, or one for each
            waveform (N,).
        noise: a recording (L,) at the rate of x, of which each waveform gets a piece from a
            random place, repeated if it is too short; None for white noise.
        generator: what draws; None for torch's own state.

    Returns:
        The shape of x. Values may leave [-1, 1].

    Raises:
        TypeError, ValueError: if x or noise is no waveform, or snr out of bounds.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import add_noise, snr
        >>> x = torch.randn(2, 8000)
        >>> noisy = add_noise(x, torch.tensor([10.0, 20.0]))  # a tenth of the power, a hundredth
        >>> snr(x, noisy).round()
        tensor([10., 20.])
    """
    check_waves(x)
    ratio = per_row("snr", snr, x, -100, math.inf)
    rows = x.reshape(-1, x.shape[-1])
    under = _white(rows, generator) if noise is None else _pieces(noise, rows, generator)
    power = [wave.square().mean(1, keepdim=True) for wave in (rows, under)]
    tiny = torch.finfo(x.dtype).tiny  # a piece may be silent
    scale = (power[0] / power[1].clamp(min=tiny)).sqrt() * 10 ** (-ratio / 20)
    return (rows + scale * under).view_as(x)


def snr(clean: Tensor, noisy: Tensor) -> Tensor:
    """Measure the signal-to-noise ratio in dB, () or (N,), of what was added to a clean sound.

    Example:
        >>> import torch
        >>> from nnkit.augment.speech import snr
        >>> x = torch.ones(100)
        >>> snr(x, x + 0.1).round()  # a hundredth of the power
        tensor(20.)
    """
    check_waves(clean)
    check_waves(noisy)
    if clean.shape != noisy.shape:
        shapes = tuple(clean.shape), tuple(noisy.shape)
        raise ValueError(f"clean and noisy must have one shape, got {shapes[0]} and {shapes[1]}")
    added = noisy - clean
    return 10 * (clean.square().sum(-1) / added.square().sum(-1)).log10()


def _white(x: Tensor, generator: torch.Generator | None) -> Tensor:
    return normal(x.shape, generator, like=x)


def _pieces(noise: Tensor, x: Tensor, generator: torch.Generator | None) -> Tensor:
    """A piece of a recording for each waveform of x (N, T)."""
    check_recording(noise)
    first = uniform((len(x), 1), generator, x.device)
    spare = max(len(noise) - x.shape[1], 0)
    first = (first * (spare + 1 if spare else len(noise))).long()
    return noise.to(x)[(first + torch.arange(x.shape[1], device=x.device)) % len(noise)]


SPEEDS = (0.1, 10.0)


def time_stretch(x: Tensor, speed: float, sample_rate: int) -> Tensor:
    """Speak faster or more slowly at the same pitch.

    Args:
        x: waveforms (N, T) or one (T,).
        speed: 1.25 takes 1/1.25 of the time; from 0.1 to 10.
        sample_rate: samples per second.

    Returns:
        (N, T/speed) or (T/speed,).

    Raises:
        TypeError, ValueError: if x is no waveform, or if another argument is out of bounds.

    Source: Flanagan and Golden, 1966.

    Example:
        >>> import math, torch
        >>> from nnkit.augment.speech import pitch, time_stretch
        >>> x = torch.sin(2 * math.pi * 200 * torch.arange(8000) / 8000)  # 200 Hz
        >>> fast = time_stretch(x, 2.0, 8000)
        >>> fast.shape, pitch(fast, 8000).nanmedian().round()  # half as long, at the same pitch
        (torch.Size([4000]), tensor(200.))
    """
    check_waves(x)
    rate = check_rate(sample_rate)
    speed = number("speed", speed, at_least=SPEEDS[0], at_most=SPEEDS[1])
    rows = x.reshape(-1, x.shape[-1])
    length = max(1, round(x.shape[-1] / speed))
    return play(rows, x.new_full((len(rows), 1), speed), rate, length).view(*x.shape[:-1], -1)


def play(x: Tensor, speed: Tensor, rate: int, length: int) -> Tensor:
    """The first `length` samples of x (N, T), each at its speed (N, 1); silence after its end."""
    places = frame_places(length, rate).to(x.device)
    hop = frame_length(rate) // 4
    return istft(vocode(stft(x, rate), places / hop * speed), rate, length)


def vocode(S: Tensor, at: Tensor) -> Tensor:
    """Read a spectrogram S (N, bins, frames) at the places `at` (N, K), which need not be whole.

    Magnitudes are interpolated. Phases cannot be: a phase advances in each step of the result as
    it does in S around that place, so that the frequency stays. Bins around a peak belong to one
    tone and keep their distance from its phase. Beyond the last frame is silence.

    Returns:
        (N, bins, K).

    Source: Laroche and Dolson, 1999, "Improved phase vocoder time-scale modification of audio".
    """
    frames = S.shape[-1]
    at = at.clamp(max=frames)
    left = at.long()
    polar = S.abs(), S.angle()
    (r0, a0), (r1, a1) = (
        [_frames(F.pad(part, (0, 2)), place) for part in polar] for place in (left, left + 1)
    )
    magnitude = torch.lerp(r0, r1, (at - left).to(r0)[:, None])
    turn = a1 - a0  # in one hop
    lead = a0[..., :1] + turn.cumsum(2) - turn - a0
    return torch.polar(magnitude, a0 + lead.gather(1, _nearest_peak(magnitude)))


def _frames(part: Tensor, number: Tensor) -> Tensor:
    """Frames (N, bins, K) of (N, bins, frames) by their numbers (N, K)."""
    return part.gather(2, number[:, None].expand(-1, part.shape[1], -1))


def _nearest_peak(magnitude: Tensor) -> Tensor:
    """For each bin of (N, bins, K) the nearest that is the largest of the five around it."""
    bins = magnitude.shape[1]
    k = torch.arange(bins, device=magnitude.device)[:, None].expand_as(magnitude)
    padded = F.pad(magnitude, (0, 0, 2, 2))
    peak = torch.ones_like(magnitude, dtype=torch.bool)
    for shift in range(5):
        peak &= magnitude >= padded[:, shift : shift + bins]
    below = torch.where(peak, k, -2 * bins).cummax(1).values
    above = torch.where(peak, k, 2 * bins).flip(1).cummin(1).values.flip(1)
    return torch.where(k - below <= above - k, below, above)
