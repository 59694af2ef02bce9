"""Synthetic data: points in the plane and about a curve, the same for the same seed."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nnkit._checks import number, one_of, whole
from nnkit._devices import normal, uniform

Pair = tuple[Tensor, Tensor]

CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "line": lambda x: 2 * x + 1,
    "sine": lambda x: torch.sin(math.pi * x),
    "step": torch.sign,
    "bump": lambda x: torch.exp(-16 * x**2),
}


def two_moons(n: int = 500, noise: float = 0.1, seed: int = 0) -> Pair:
    """Return two interleaved half circles: X (n, 2), y (n,) in {0, 1}, classes in turn.

    Args:
        n: number of points.
        noise: standard deviation of the normal noise on each coordinate; the radius is 1.
        seed: draws the same points every time.

    Example:
        >>> from nnkit.data import two_moons
        >>> X, y = two_moons(200, noise=0.1)
        >>> X.shape, y.bincount().tolist()
        (torch.Size([200, 2]), [100, 100])
    """
    y, generator = _labels(n, noise, seed, classes=2)
    angle = math.pi * _uniform((n,), generator)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.tensor([1.0, 0.5]) - upper
    return _noisy(torch.where(y[:, None] == 0, upper, lower), noise, generator), y


def circles(n: int = 500, noise: float = 0.1, seed: int = 0) -> Pair:
    """Return a circle of radius 1 in one of radius 2: X (n, 2), y (n,), 0 inside and 1 outside.

    Args:
        n: number of points.
        noise: standard deviation of the normal noise on each coordinate.
        seed: draws the same points every time.

    Example:
        >>> from nnkit.data import circles
        >>> X, y = circles(200, noise=0.0)
        >>> X.norm(dim=1)[y == 1].round(decimals=3).unique()  # the outer circle
        tensor([2.])
    """
    y, generator = _labels(n, noise, seed, classes=2)
    angle = 2 * math.pi * _uniform((n,), generator)
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    return _noisy((1 + y[:, None]) * circle, noise, generator), y


def xor(n: int = 400, noise: float = 0.3, seed: int = 0) -> Pair:
    """Return four clouds around (±1, ±1): X (n, 2), y (n,), 1 where the signs differ.

    Args:
        n: number of points.
        noise: standard deviation of a cloud; at 0 and n = 4 it is the XOR table itself.
        seed: draws the same points every time.

    Example:
        >>> from nnkit.data import xor
        >>> X, y = xor(4, noise=0.0)
        >>> X.tolist()
        [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
        >>> y.tolist()  # 1 where the signs differ: no line separates these
        [0, 1, 1, 0]
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

    Example:
        >>> import torch
        >>> from nnkit.data import curve
        >>> X, y = curve(50, noise=0.0, kind="sine")
        >>> torch.allclose(y, torch.sin(torch.pi * X), atol=1e-6)
        True
    """
    f = CURVES[one_of("curve", kind, CURVES)]
    _, generator = _labels(n, noise, seed, classes=1)
    X = 2 * _uniform((n, 1), generator) - 1
    return X, _noisy(f(X), noise, generator)


def _labels(n: int, noise: float, seed: int, classes: int) -> tuple[Tensor, torch.Generator]:
    """Check the arguments of a synthetic data set; return its labels in turn and its generator."""
    number("noise", noise, at_least=0.0)
    # of the CPU, so that a seed means the same points on every device
    generator = torch.Generator().manual_seed(whole("seed", seed, at_least=0))
    return torch.arange(whole("n, the number of points,", n, at_least=1)) % classes, generator


def _noisy(values: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    return values + noise * normal(values.shape, generator, like=values)


def _uniform(size: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return uniform(size, generator, torch.get_default_device())
