"""A net as a chain of layers whose neurons, or channels, can be cut out."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import prune

from nnkit.models import MLP

MIXING = (nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.Softmax, nn.LogSoftmax, nn.GLU)


@dataclass(frozen=True)
class Link:
    """A layer whose neurons (or channels) can go, what normalises them, and what takes them in."""

    name: str
    layer: nn.Module
    between: list[nn.Module]
    following: nn.Module

    @property
    def width(self) -> int:
        """How many neurons or channels there are."""
        return self.layer.get_parameter("weight").shape[0]


def links(model: nn.Module) -> list[Link]:
    """Return the hidden layers of a chain, in order.

    Raises:
        TypeError, ValueError: the net is no such chain.
    """
    if isinstance(model, MLP) and model.residual:
        raise ValueError("skip connections tie the neurons of layers together: residual=True")
    if prune.is_pruned(model):
        raise ValueError("net carries pruning masks: make them final by finalize first")
    parts = list(_parts(model))
    places = [k for k, (_, part) in enumerate(parts) if isinstance(part, nn.Linear | _ConvNd)]
    if len({parts[k][1] for k in places}) < len(places):
        raise ValueError("a layer that is used twice cannot be shrunk")
    found = []
    for here, there in pairwise(places):
        between = [part for _, part in parts[here + 1 : there]]
        link = Link(parts[here][0], parts[here][1], between, parts[there][1])
        _check(link)
        found.append(link)
    if not found:
        raise TypeError(f"{type(model).__name__} has no hidden layer, so there is nothing to prune")
    return found


def _parts(model: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The parts of a chain in the order in which they run."""
    if isinstance(model, MLP):
        for k, (linear, after) in enumerate(zip(model.layers, model.after, strict=True)):
            yield f"layers.{k}", linear
            yield from _parts(after, f"after.{k}")
    elif isinstance(model, nn.Sequential):
        for key, part in model._modules.items():
            assert part is not None
            yield from _parts(part, f"{name}.{key}" if name else key)
    elif name and not list(model.children()):
        yield name, model
    else:
        raise TypeError(
            f"{name or 'the net'} is a {type(model).__name__}; neurons can be cut out of an MLP "
            "or an nn.Sequential of plain layers"
        )


def _check(link: Link) -> None:
    inputs = link.following.get_parameter("weight").shape[1]
    for module in (link.layer, link.following):
        if getattr(module, "groups", 1) != 1 or getattr(module, "transposed", False):
            raise ValueError(f"channels of {module} are tied to others: it cannot be shrunk")
    if inputs % link.width:
        raise ValueError(f"{link.name} has {link.width} outputs, but {link.following} follows")
    for module in link.between:
        sizes = {p.shape for p in (*module.parameters(), *module.buffers()) if p.dim() > 0}
        per_channel = sizes <= {(link.width,), (inputs,), (1,)}
        if isinstance(module, MIXING) or not per_channel:
            raise ValueError(f"{module} mixes the neurons of {link.name}: they cannot be cut out")
