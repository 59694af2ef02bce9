"""Two nets: the neurons of one brought into line with the other's, and the line between them."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nnkit._checks import number, whole
from nnkit._devices import brought
from nnkit._extras import install
from nnkit.activations import activation
from nnkit.models import MLP
from nnkit.symmetry._moves import Net, affine, checked, duplicate, free_streams, moved, the_same


@torch.no_grad()
def align(net: MLP, to: MLP, inputs: Tensor | None = None) -> MLP:
    """Return the net with its neurons permuted, and flipped if odd, to match those of another.

    Neurons are matched by their weights, layer by layer from the input and then in turns while the
    weights of the two nets still come nearer (Ainsworth, Hayase and Srinivasa, 2023), or by what
    they do on given inputs (Li et al., 2016). A permuted and flipped twin comes back as it was.

    Args:
        net: the net to bring into line; what it computes stays the same.
        to: a net of the same build.
        inputs: (N, in), to match neurons by their activations there; brought to where each net
            is. None matches by weights.

    Raises:
        TypeError, ValueError: no `MLP`s, or of different builds.
        ImportError: scipy, which solves the assignment, is missing.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.symmetry import align, flip, permute
        >>> net = MLP([2, 4, 1], "tanh", seed=0)
        >>> twin = flip(permute(net, 0, [3, 1, 0, 2]), 0, [2])
        >>> torch.equal(align(twin, to=net).layers[0].weight, net.layers[0].weight)
        True
    """
    _check_same_build(net, to)
    streams = free_streams(net)
    aligned = duplicate(net)
    if inputs is not None:
        ours, theirs = _activations(net, inputs), _activations(to, inputs)
        for stream in streams:
            alike = sum((theirs[k].T @ ours[k] for k in stream), torch.zeros(()))
            aligned = _matched(aligned, stream, torch.zeros(()), alike)
        return the_same(net, aligned)
    for stream in streams:  # what comes into the first layer of each is in line by then
        aligned = _matched(aligned, stream, *_likeness(aligned, to, stream[:1], outgoing=False))
    improved = True
    while improved:
        improved = False
        for stream in streams:
            better = _matched(aligned, stream, *_likeness(aligned, to, stream, outgoing=True))
            if _distance(better, to) < _distance(aligned, to):
                aligned, improved = better, True
    return the_same(net, aligned)


def _matched(net: MLP, stream: list[int], plain: Tensor, signed: Tensor) -> MLP:
    """Move each neuron to the place that it is most like; [i, j] is for place i and neuron j.

    The squared distance of two rows of weights is least where their product is largest, or, if a
    flip may turn its sign, the product's magnitude; `plain` is the part that no flip turns.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError(f"align() solves with scipy: {install('data')}") from error
    odd = activation(net.activation).odd
    score = plain + (signed.abs() if odd else signed)
    places, order = linear_sum_assignment(score.numpy(), maximize=True)
    turned = odd * (signed[places, order] < 0)
    return moved(net, stream, torch.from_numpy(order), 1.0 - 2.0 * turned)


def _likeness(net: MLP, to: MLP, stream: list[int], *, outgoing: bool) -> tuple[Tensor, Tensor]:
    """Products of the neurons' weights: those that a flip leaves and those whose sign it turns."""
    plain = signed = torch.zeros((), dtype=torch.float64, device="cpu")
    for k in stream:
        *before, last = [
            _rows(theirs) @ _rows(ours).T
            for theirs, ours in zip(affine(to, k), affine(net, k), strict=True)
        ]
        plain = sum(before, plain)
        signed = signed + last
        if outgoing:
            theirs, ours = (_exact(n.layers[k + 1].get_parameter("weight")) for n in (to, net))
            signed = signed + theirs.T @ ours
    return plain, signed


def _rows(module: nn.Module) -> Tensor:
    """What a layer holds for each of its neurons: (width, values)."""
    values = [_exact(p).reshape(len(p), -1) for p in module.parameters()]
    return torch.cat(values, dim=1)


def _activations(net: MLP, inputs: Tensor) -> list[Tensor]:
    return [_exact(a) for a in duplicate(net).eval().hidden(brought(inputs, net))]


def _distance(a: MLP, b: MLP) -> float:
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return sum(float((_exact(p) - _exact(q)).square().sum()) for p, q in pairs)


def _exact(values: Tensor) -> Tensor:
    """In float64, on the CPU: not every device has it."""
    return values.cpu().double()


def _check_same_build(net: MLP, to: MLP) -> None:
    a, b = [(checked(n).sizes, n.activation, n.skips, [*n.state_dict()]) for n in (net, to)]
    if a != b:
        raise ValueError(f"nets must be of the same build to be aligned, got {net} and {to}")


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
