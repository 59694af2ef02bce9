"""Bringing the neurons of one net into line with those of another."""

import torch
from torch import Tensor, nn

from nnkit._devices import brought
from nnkit._extras import install
from nnkit.activations import activation
from nnkit.models import MLP
from nnkit.symmetry.moves import affine, checked, duplicate, free_streams, moved


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
        return aligned
    for stream in streams:  # what comes into the first layer of each is in line by then
        aligned = _matched(aligned, stream, *_likeness(aligned, to, stream[:1], outgoing=False))
    improved = True
    while improved:
        improved = False
        for stream in streams:
            better = _matched(aligned, stream, *_likeness(aligned, to, stream, outgoing=True))
            if _distance(better, to) < _distance(aligned, to):
                aligned, improved = better, True
    return aligned


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
