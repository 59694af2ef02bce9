"""Data sets that need no network, and ``split``, which divides one without leaks.

Every data set is a function that returns (X, y): X float32 with an object in each row, y class
numbers (int64) or, for a regression, a float32 column. ``imagenet_filters`` returns weights,
``ResNetStem`` is a module that was trained on photographs,
``sentences`` texts with their ratings, ``photograph`` and ``coins`` return images, ``reading`` and
``aircraft`` sounds; ``sunspots`` is a series, which ``lagged`` turns into (X, y).
What others made and is stored here lies in ``stored``, each with its source and licence beside it.
"""

from nnkit.data._pretrained import SURFACES, ResNetStem, surfaces
from nnkit.data._splits import Splits, split
from nnkit.data._stored import (
    NUMBER_WORDS,
    aircraft,
    coins,
    digits,
    imagenet_filters,
    lagged,
    mnist,
    number_words,
    photograph,
    reading,
    sentences,
    sunspots,
)
from nnkit.data._synthetic import CURVES, circles, curve, two_moons, xor

__all__ = [
    "CURVES", "NUMBER_WORDS", "SURFACES", "ResNetStem", "Splits", "aircraft", "circles", "coins",
    "curve", "digits", "imagenet_filters", "lagged", "mnist", "number_words", "photograph",
    "reading", "sentences", "split", "sunspots", "surfaces", "two_moons", "xor",
]  # fmt: skip
