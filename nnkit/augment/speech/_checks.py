"""What every change of a sound asks of its arguments: a waveform, a sample rate, a strength."""

import math
from typing import Any

import torch
from torch import Tensor

from nnkit._checks import number

Strength = float | Tensor


def check_waves(x: Any) -> None:
    """Refuse what is neither one waveform (T,) nor a batch of them (N, T), finite floats.

    Raises:
        TypeError: if x is no tensor of floats of 32 or 64 bits.
        ValueError: if it has another shape, nothing in it, or a value that is not finite.
    """
    if not isinstance(x, Tensor) or x.dtype not in (torch.float32, torch.float64):
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        hint = "x / 32768" if given == torch.int16 else "torch.as_tensor(x).float()"
        raise TypeError(
            f"a waveform must be floats in [-1, 1], of 32 or 64 bits, got {given}. Hint: {hint}"
        )
    if x.ndim not in (1, 2) or x.numel() == 0:
        raise ValueError(
            f"waveforms must be (T,) or (N, T) and not empty, got {tuple(x.shape)}. "
            "Hint: average the channels of stereo"
        )
    if not x.isfinite().all():
        *row, sample = (~x.isfinite()).nonzero()[0].tolist()
        which = f"waveform {row[0]}" if row else "the waveform"
        value = x[(*row, sample)].item()
        raise ValueError(f"{which} is {value} at sample {sample}: leave it out, or x.nan_to_num()")


def check_recording(noise: Any) -> Tensor:
    """Return a recording of noise (L,) that is not silent.

    Raises:
        TypeError, ValueError: as for waveforms, or if it is several or silent.
    """
    check_waves(noise)
    recording: Tensor = noise
    if recording.ndim != 1 or not recording.any():
        shape = tuple(recording.shape)
        raise ValueError(f"noise must be one recording (L,) that is not silent, got {shape}")
    return recording


def check_rate(sample_rate: Any) -> int:
    """Return how many samples a second has, a whole number.

    Raises:
        TypeError: if it is not a whole number.
        ValueError: if it is below 1,000.
    """
    if number("sample_rate", sample_rate, at_least=0.0) != int(sample_rate):
        raise TypeError(
            f"sample_rate must be a whole number of samples per second, got {sample_rate!r}"
        )
    if sample_rate < 1000:
        raise ValueError(
            f"sample_rate is samples per second, at least 1000, got {sample_rate!r}. "
            "Hint: 16 kHz is sample_rate=16000"
        )
    return int(sample_rate)


def per_row(what: str, value: Strength, x: Tensor, low: float, high: float) -> Tensor:
    """One strength for each waveform as a column (N, 1), (1, 1) if x is a single one.

    Raises:
        ValueError: if it is neither one number nor one for each, or out of bounds.
    """
    rows = len(x) if x.ndim == 2 else 1
    strength = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    if strength.shape not in ((), (rows,)):
        raise ValueError(
            f"{what} must be one number or one for each of {rows} waveforms, "
            f"got shape {tuple(strength.shape)}"
        )
    _check_bounds(what, strength, low, high)
    return strength.expand(rows)[:, None]


def per_sample(what: str, value: Tensor, x: Tensor, low: float, high: float) -> Tensor:
    """One strength for each moment, (T,) for all waveforms or (N, T), as (N, T).

    Raises:
        ValueError: if it has another shape or is out of bounds.
    """
    strength = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    if strength.shape not in (x.shape, x.shape[-1:]):
        raise ValueError(
            f"{what} must be a number for each sample of the waveform, {tuple(x.shape)} or "
            f"{tuple(x.shape[-1:])}, got shape {tuple(strength.shape)}"
        )
    _check_bounds(what, strength, low, high)
    return strength.expand(x.shape).reshape(-1, x.shape[-1])


def _check_bounds(what: str, strength: Tensor, low: float, high: float) -> None:
    if not bool(((low <= strength) & (strength <= high)).all()):  # nan fails as well
        bounds = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{what} must be {bounds}, got {strength.min():g} to {strength.max():g}")
