"""The loss along the straight line between two nets."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from nnkit._checks import number, whole
from nnkit.symmetry.moves import Net, duplicate


class Barrier(NamedTuple):
    """The loss along the straight line between two nets.

    Attributes:
        t: the points (points,), from 0 at the first net to 1 at the second.
        loss: the loss there, (points,).
        height: how far it rises above the straight line from its one end to the other, at least 0
            (Entezari et al., 2022). Between points of a convex loss it is 0.

    Example:
        >>> from torch import nn
        >>> from nnkit.symmetry import barrier
        >>> a, b = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> line = barrier(a, b, lambda net: net.weight.square().sum(), points=5)
        >>> line.t.tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
        >>> line.height  # a convex loss has no barrier
        0.0
    """

    t: Tensor
    loss: Tensor
    height: float


def barrier(a: Net, b: Net, loss: Callable[[Net], Tensor | float], points: int = 25) -> Barrier:
    """Return the loss along the straight line between the weights of two nets.

    Args:
        a: a net, any module; copies are evaluated, in evaluation mode.
        b: a net of the same build.
        loss: takes a net and returns a number.
        points: how many points of the line, both ends included.

    Raises:
        TypeError, ValueError: nets of different builds, or fewer than 3 points.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.symmetry import barrier, permute
        >>> net, x = MLP([2, 8, 1], "tanh", seed=0), torch.randn(100, 2)
        >>> twin = permute(net, 0, range(7, -1, -1))
        >>> line = barrier(net, twin, lambda between: (between(x) - net(x)).square().mean())
        >>> line.height > 0.01  # two equal functions, and none between them
        True
    """
    t = torch.linspace(0, 1, whole("points", points, at_least=3), dtype=torch.float64, device="cpu")
    with torch.no_grad():
        losses = [float(loss(interpolate(a, b, float(s)).eval())) for s in t]
    values = torch.tensor(losses, dtype=torch.float64, device="cpu")
    chord = torch.lerp(values[0], values[-1], t)
    return Barrier(t, values, float((values - chord).max()))


def interpolate(a: Net, b: Net, t: float) -> Net:
    """Return a net with the weights (1 - t) a + t b: a itself at t = 0, b at t = 1.

    The running statistics of batch normalisation are averaged too, which understates the
    variance between two nets (Jordan et al., 2023).

    Raises:
        TypeError, ValueError: t is no number, or the nets have other parameters or buffers.

    Example:
        >>> import torch
        >>> from nnkit.symmetry import interpolate
        >>> a, b = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
        >>> middle = interpolate(a, b, 0.5)
        >>> torch.allclose(middle.weight, (a.weight + b.weight) / 2)
        True
    """
    weight = number("t", t)
    net, other = duplicate(a), b.state_dict()
    own = net.state_dict()  # shares its memory with the net
    forms = [{k: (v.shape, v.dtype) for k, v in state.items()} for state in (own, other)]
    if forms[0] != forms[1]:
        raise ValueError(f"no line leads from one build to another, got {a} and {b}")
    for name, value in own.items():
        if value.is_floating_point() or value.is_complex():  # a counter of batches stays that of a
            value.lerp_(other[name], weight)
    return net
