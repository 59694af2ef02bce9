"""Moves in weight space that change no output: permute, flip, rescale; and how many there are.

In a residual net the layers that skip connections add up carry the same neurons: they form one
stream, which is moved as a whole.
"""

import copy
import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from nnkit._checks import indices, whole
from nnkit._precision import agree
from nnkit._used import sources
from nnkit.activations import ACTIVATIONS, activation
from nnkit.models import MLP

HOMOGENEOUS = ("identity", "relu", "leaky_relu", "prelu")  # h(cu) = c h(u) for every c > 0

RUNS = (MLP.forward, MLP._values)

Net = TypeVar("Net", bound=nn.Module)


def permute(net: MLP, layer: int, order: Sequence[int] | Tensor) -> MLP:
    """Return the net with the neurons of a hidden layer in another order: the same function.

    Args:
        net: the net, of any activation and normalisation.
        layer: the hidden layer, from 0.
        order: neuron i of the new layer is neuron order[i] of the old one.

    Raises:
        TypeError, ValueError: no `MLP`, no such layer, or not an order of its neurons.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.symmetry import permute
        >>> net, x = MLP([2, 3, 1], seed=0), torch.ones(1, 2)
        >>> twin = permute(net, 0, [2, 0, 1])
        >>> old, new = net.layers[0].weight, twin.layers[0].weight
        >>> torch.equal(new, old), torch.allclose(twin(x), net(x))
        (False, True)
    """
    stream = _stream(net, layer)
    width = net.sizes[layer + 1]
    rule = f"order must name each neuron of 0 to {width - 1} once"
    places = indices(rule, order, width)
    if sorted(places) != list(range(width)):
        raise ValueError(f"{rule}, got {places}")
    return the_same(net, moved(net, stream, torch.tensor(places), torch.ones(width)))


def flip(net: MLP, layer: int, neurons: Sequence[int] | Tensor) -> MLP:
    """Return the net with the signs of some neurons turned round: the same function.

    All that comes into such a neuron, its bias included, and all that leaves it change sign.

    Args:
        net: a net whose activation is odd, h(-u) = -h(u).
        layer: the hidden layer, from 0.
        neurons: the neurons to flip, each named once.

    Raises:
        TypeError, ValueError: as for `permute`, or an activation that is not odd.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.symmetry import flip
        >>> net, x = MLP([2, 3, 1], "tanh", seed=0), torch.ones(1, 2)
        >>> twin = flip(net, 0, [1])
        >>> old, new = net.layers[0].weight, twin.layers[0].weight
        >>> torch.equal(new, old), torch.allclose(twin(x), net(x))
        (False, True)
    """
    stream = _stream(net, layer)
    if not activation(net.activation).odd:
        odd = ", ".join(name for name, entry in ACTIVATIONS.items() if entry.odd)
        raise ValueError(
            f"signs can be flipped only if h(-u) = -h(u), which does not hold for "
            f"{net.activation}; odd are {odd}"
        )
    width = net.sizes[layer + 1]
    rule = f"neurons must be different ones of 0 to {width - 1}"
    chosen = indices(rule, neurons, width)
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"{rule}, got {chosen}")
    signs = torch.tensor([-1.0 if i in chosen else 1.0 for i in range(width)])
    return the_same(net, moved(net, stream, torch.arange(width), signs))


def rescale(net: MLP, layer: int, factors: float | Sequence[float] | Tensor) -> MLP:
    """Return the net with what enters a neuron times c and what leaves it through c: the same.

    Args:
        net: a net of the ReLU family, where h(cu) = c h(u) for c > 0.
        layer: the hidden layer, from 0.
        factors: c, one number or one per neuron.

    Raises:
        TypeError, ValueError: as for `permute`, another activation, or a factor not above 0.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.symmetry import rescale
        >>> net, x = MLP([2, 3, 1], "relu", seed=0), torch.ones(1, 2)
        >>> twin = rescale(net, 0, 10.0)
        >>> old, new = net.layers[0].weight, twin.layers[0].weight
        >>> torch.equal(new, old), torch.allclose(twin(x), net(x))
        (False, True)
    """
    stream = _stream(net, layer)
    if net.activation not in HOMOGENEOUS:
        raise ValueError(
            f"a layer can be rescaled only if h(cu) = c h(u), which does not hold for "
            f"{net.activation}; it does for {', '.join(HOMOGENEOUS)}"
        )
    width = net.sizes[layer + 1]
    given = factors.detach().cpu() if isinstance(factors, Tensor) else factors
    values = torch.as_tensor(given, dtype=torch.float64, device="cpu")
    if values.shape not in ((), (width,)):
        raise ValueError(f"factors must be one number or {width}, got shape {tuple(values.shape)}")
    if not (values.isfinite() & (values > 0)).all():
        raise ValueError(f"factors must be finite and above 0, got {factors}")
    return the_same(net, moved(net, stream, torch.arange(width), values.expand(width)))


def count(net: MLP) -> int:
    """Return how many weight settings `permute` and `flip` make of a net, itself included.

    Π M_k! over the hidden layers of M_k neurons, times 2^ΣM_k if the activation is odd (Chen, Lu
    and Hecht-Nielsen, 1993), provided that no two neurons of a layer are equal. The continuum that
    `rescale` reaches is not in it.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.symmetry import count
        >>> count(MLP([2, 3, 1], "relu"))  # 3! orders
        6
        >>> count(MLP([2, 3, 1], "tanh"))  # times 2³ signs
        48
    """
    signs = 2 if activation(checked(net).activation).odd else 1
    widths = [net.sizes[stream[0] + 1] for stream in free_streams(net)]
    return math.prod(math.factorial(width) * signs**width for width in widths)


def moved(net: MLP, stream: list[int], order: Tensor, factors: Tensor) -> MLP:
    """Return the net with neuron order[i] in place i, what enters it times factors[i].

    What leaves it is divided by the factor.

    Args:
        net: the net, which stays as it is.
        stream: the hidden layers that carry the neurons.
        order: indices (width,).
        factors: (width,).
    """
    net = duplicate(net)
    with torch.no_grad():
        for k in stream:
            outgoing = net.layers[k + 1].get_parameter("weight")  # (next width, width)
            f = factors.to(outgoing)
            for module in affine(net, k):
                for values in module.state_dict().values():  # shares its memory with the net
                    if values.dim() > 0:  # a counter of batches belongs to no neuron
                        values.copy_(values[order])
            for values in affine(net, k)[-1].parameters():
                values.copy_((values.T * f).T if values.dim() > 1 else values * f)
            outgoing.copy_(outgoing[:, order] / f)
    return net


@torch.no_grad()
def the_same(net: MLP, twin: MLP) -> MLP:
    """Return the twin if it computes what the net does, tried on random inputs on the CPU.

    Raises:
        ValueError: it does not: neurons are tied by a shared or parametrised weight, by a hook or
            a module put in, or weights overflow.
    """
    dtype = net.layers[-1].get_parameter("weight").dtype
    net, copied = (duplicate(n).cpu().double().eval() for n in (net, twin))
    last = net.layers[-1].get_parameter("weight")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, net.sizes[0], generator=generator, dtype=last.dtype)
    hidden = net.hidden(x)[-1]
    wanted, got = net.layers[-1](hidden), copied.layers[-1](copied.hidden(x)[-1])
    if not agree(got, wanted, float(hidden.abs().max() * last.abs().max()), dtype):
        raise ValueError(
            f"the net would become another, off by {(got - wanted).abs().max():.2g} on random "
            "inputs: its neurons are tied to each other, or a weight leaves the range of "
            f"{dtype}. Hint: weights of its own for each layer, plain modules and no hooks"
        )
    return twin


def affine(net: MLP, layer: int) -> list[nn.Module]:
    """Return what comes before h in a hidden layer: the linear map and, if any, a normalisation.

    A factor belongs to the last of them: a normalisation undoes what was multiplied before it.
    """
    after = net.after[layer].modules()
    return [net.layers[layer], *(m for m in after if isinstance(m, nn.BatchNorm1d | nn.LayerNorm))]


def free_streams(net: MLP) -> list[list[int]]:
    """Return the streams of hidden layers but for one that skips tie to the inputs, in order."""
    return [stream for stream in _streams(net) if not _tied(net, stream)]


def checked(net: MLP) -> MLP:
    """Return the net if it is an `MLP` with weights of its own for each layer.

    Raises:
        TypeError: another module, or one with a forward of its own.
        ValueError: a weight is made of others (parametrised).
    """
    if not isinstance(net, MLP) or (type(net).forward, type(net)._values) != RUNS:
        raise TypeError(f"net must be an nnkit.models.MLP, got {type(net).__name__}")
    for name, module in net.named_modules():
        if sources(module):
            raise ValueError(
                f"{name} is parametrised: make its weights plain by "
                "torch.nn.utils.parametrize.remove_parametrizations first"
            )
    return net


def duplicate(net: Net) -> Net:
    """Return a deep copy, which torch cannot make of a net with pruning masks."""
    if prune.is_pruned(net):
        raise ValueError("net carries pruning masks: make them final by nnkit.pruning.finalize")
    return copy.deepcopy(net)


def _streams(net: MLP) -> list[list[int]]:
    streams: list[list[int]] = []
    for layer, skip in enumerate(net.skips[:-1]):
        if skip and layer > 0:
            streams[-1].append(layer)
        else:
            streams.append([layer])
    return streams


def _tied(net: MLP, stream: list[int]) -> bool:
    return stream[0] == 0 and net.skips[0]


def _stream(net: MLP, layer: int) -> list[int]:
    hidden = len(checked(net).sizes) - 2
    if whole("layer", layer, at_least=0) >= hidden:
        raise ValueError(f"layer must be one of the {hidden} hidden ones, from 0, got {layer}")
    (stream,) = (stream for stream in _streams(net) if layer in stream)
    if _tied(net, stream):
        raise ValueError(
            f"a skip connection adds the inputs to the neurons of layer {layer}, which ties their "
            "order, signs and scale to the inputs'; a first layer of another width has none"
        )
    return stream
