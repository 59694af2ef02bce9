"""Augmentation of speech: waveforms (N, T) or one (T,), floats in [-1, 1], and a rate in Hz.

Plain functions do what they are told, most with one strength for all or one for each waveform:

>>> import torch
>>> from nnkit.augment.speech import Compose, Noise, Pitch, Stretch, shift_pitch, stretch
>>> x, rate = torch.randn(16000) / 10, 16000
>>> higher = shift_pitch(x, 4, rate)  # semitones
>>> faster = stretch(x, 1.25, rate)

Transforms draw the strengths, ``(x, y) -> (x, y)``, for ``fit(..., transform=...)``:

>>> augment = Compose(Pitch(3, rate), Stretch(1.2, rate), Noise(5, 30, rate))
>>> X, y = augment(x[None], torch.tensor([0]))

``SpecAugment`` does so for spectrograms. All rests on ``torch.stft``; nothing is clipped.
"""

from nnkit.augment.compose import Compose
from nnkit.augment.speech.changes import add_noise, crop, snr
from nnkit.augment.speech.masks import SpecAugment
from nnkit.augment.speech.pitch import bend_pitch, pitch, shift_band, shift_pitch
from nnkit.augment.speech.spectra import log_mel, log_spectrogram, resample
from nnkit.augment.speech.transforms import (
    BandPitch,
    Crop,
    Noise,
    Pitch,
    PitchCurve,
    SpeechTransform,
    Stretch,
)
from nnkit.augment.speech.vocoder import stretch

__all__ = [
    "BandPitch",
    "Compose",
    "Crop",
    "Noise",
    "Pitch",
    "PitchCurve",
    "SpecAugment",
    "SpeechTransform",
    "Stretch",
    "add_noise",
    "bend_pitch",
    "crop",
    "log_mel",
    "log_spectrogram",
    "pitch",
    "resample",
    "shift_band",
    "shift_pitch",
    "snr",
    "stretch",
]
