"""Recordings stored beside this file: a sentence read aloud, number words, an aircraft."""

import numpy as np
import torch
from torch import Tensor

from nnkit.data.files import stored

Sound = tuple[Tensor, int]

#: What is said in ``reading()``.
SENTENCE = "he was not an ill disposed young man"

#: The Italian number words of ``number_words()``: its classes are their places here.
NUMBER_WORDS = (
    *("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"),
    *("dieci", "undici", "dodici", "tredici", "quattordici", "quindici", "sedici"),
    *("diciassette", "diciotto", "diciannove", "venti"),
    *("trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta"),
)


def reading() -> Sound:
    """Return a sentence of Jane Austen's, read aloud: a waveform (47840,) and its rate, 16000.

    ``nnkit.data.recordings.SENTENCE`` is what is said.

    Source: a volunteer of LibriVox (public domain), as carried by pocketsphinx.

    Example:
        >>> from nnkit.data import reading
        >>> x, rate = reading()
        >>> len(x) / rate  # seconds
        2.99
    """
    return _sounds("reading")["waveform"], 16000


def aircraft() -> Sound:
    """Return four seconds of an aircraft that flies past: a waveform (64000,) and its rate, 16000.

    Source: beerbelly38 (CC BY 4.0), as carried by acoustic-toolbox.

    Example:
        >>> from nnkit.data import aircraft
        >>> x, rate = aircraft()
        >>> len(x) / rate  # seconds
        4.0
    """
    return _sounds("aircraft")["waveform"], 16000


def number_words() -> tuple[Tensor, Tensor, Tensor]:
    """Return 28 Italian number words, each said once by two speakers, at 8000 samples per second.

    Returns:
        X (56, 8379), waveforms, silent after their ends; y (56,), places in ``NUMBER_WORDS``;
        speaker (56,), 0 for Carlo Flora and 1 for Paola Dal Zot.

    Source: Carlo Flora (CC BY 3.0); Marco Menardi and Paola Dal Zot, http://www.voip.ammdomus.it
    (CC BY-SA 3.0 Italy, which asks for this line wherever the recordings are passed on).

    Example:
        >>> from nnkit.data import NUMBER_WORDS, number_words
        >>> X, y, speaker = number_words()
        >>> NUMBER_WORDS[y[3]], NUMBER_WORDS[y[28 + 3]]  # the same word by either speaker
        ('tre', 'tre')
        >>> speaker.bincount()
        tensor([28, 28])
    """
    speakers = [_sounds(f"numbers_{name}") for name in ("carlo", "menardi")]
    sounds = [sound for said in speakers for _, sound in sorted(said.items())]
    X = torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True)
    words = torch.arange(len(NUMBER_WORDS))
    return X, words.repeat(2), torch.arange(2).repeat_interleave(len(words))


def _sounds(name: str) -> dict[str, Tensor]:
    """The waveforms in a file of 16-bit samples, as floats in [-1, 1)."""
    with stored(name, f"{name}.npz").open("rb") as file, np.load(file) as sounds:
        return {key: torch.from_numpy(sounds[key]).float() / 32768 for key in sounds}
