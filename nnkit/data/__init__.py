"""Data sets that need no network, and ``split``, which divides one without leaks.

Every data set is a function that returns (X, y): X float32 with an object in each row, y class
numbers (int64) or, for a regression, a float32 column. ``imagenet_filters`` returns weights,
``sentences`` texts with their ratings, ``photograph`` and ``coins`` return images, ``reading`` and
``aircraft`` sounds; ``sunspots`` is a series, which ``lagged`` turns into (X, y).
What others made and is stored here lies in ``stored``, each with its source and licence beside it.
"""

from nnkit.data.benchmarks import digits, imagenet_filters, mnist
from nnkit.data.photographs import coins, photograph
from nnkit.data.recordings import NUMBER_WORDS, aircraft, number_words, reading
from nnkit.data.sentences import sentences
from nnkit.data.splits import Splits, split
from nnkit.data.sunspots import lagged, sunspots
from nnkit.data.synthetic import CURVES, circles, curve, two_moons, xor

__all__ = [
    "CURVES",
    "NUMBER_WORDS",
    "Splits",
    "aircraft",
    "circles",
    "coins",
    "curve",
    "digits",
    "imagenet_filters",
    "lagged",
    "mnist",
    "number_words",
    "photograph",
    "reading",
    "sentences",
    "split",
    "sunspots",
    "two_moons",
    "xor",
]
