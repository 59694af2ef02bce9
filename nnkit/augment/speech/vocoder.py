"""The phase vocoder: time that runs at another speed while every frequency stays."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nnkit.augment.speech.checks import check_rate, check_waves, within
from nnkit.augment.speech.spectra import frame_length, frame_places, istft, stft

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
    rate, speed = check_rate(sample_rate), within("speed", speed, *SPEEDS, "2 is twice as fast")
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
