"""Augmentation of speech: waveforms (N, T) or (T,), floats in [-1, 1], with a sample rate in Hz.

Plain functions take a strength, most of them one for all or one for each waveform:

>>> import torch
>>> from nnkit.augment.speech import Compose, Noise, PitchShift, TimeStretch
>>> from nnkit.augment.speech import pitch_shift, time_stretch
>>> x, rate = torch.randn(16000) / 10, 16000
>>> higher = pitch_shift(x, 4, rate)  # semitones
>>> faster = time_stretch(x, 1.25, rate)

Transforms draw the strengths, ``(x, y) -> (x, y)``, for ``fit(..., transform=...)``:

>>> augment = Compose(PitchShift(3, rate), TimeStretch(1.2, rate), Noise(5, 30, rate))
>>> X, y = augment(x[None], torch.tensor([0]))

``SpecAugment`` does so for spectrograms. All rests on ``torch.stft``; nothing is clipped.
"""

from nnkit.augment._compose import Compose
from nnkit.augment.speech._changes import add_noise, crop, snr, time_stretch
from nnkit.augment.speech._pitch import bend_pitch, pitch, pitch_shift, shift_band
from nnkit.augment.speech._spectra import SpecAugment, log_mel, log_spectrogram, resample
from nnkit.augment.speech._transforms import (
    Crop,
    Noise,
    PitchShift,
    SpeechTransform,
    TimeStretch,
)

__all__ = [
    "Compose", "Crop", "Noise", "PitchShift", "SpecAugment", "SpeechTransform", "TimeStretch",
    "add_noise", "bend_pitch", "crop", "log_mel", "log_spectrogram", "pitch", "pitch_shift",
    "resample", "shift_band", "snr", "time_stretch",
]  # fmt: skip
