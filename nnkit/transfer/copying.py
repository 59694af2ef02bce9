"""Copying layers from net to net."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nnkit.transfer.naming import Which, chosen, own


def copy_layers(
    source: nn.Module, target: nn.Module, which: Which | Mapping[int | str, int | str] = None
) -> list[str]:
    """Copy weights, biases and statistics of layers from one net to another of the same shapes.

    Args:
        source: the net to copy from.
        target: the net whose layers are overwritten.
        which: the layers, the same in both; {target: source} where they differ; None for all.

    Returns:
        the names of the layers in the target.

    Raises:
        ValueError: no such layer, or layers that do not fit each other; nothing was copied.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.transfer import copy_layers
        >>> old, new = MLP([64, 32, 32, 10]), MLP([64, 32, 32, 5])
        >>> copy_layers(old, new, slice(-1))  # all but the last
        ['layers.0', 'layers.1']
        >>> torch.equal(new.layers[0].weight, old.layers[0].weight)
        True
    """
    if isinstance(which, Mapping):
        ours, theirs = chosen(target, [*which]), chosen(source, [*which.values()])
    else:
        ours, theirs = chosen(target, which), chosen(source, which)
    if len(ours) != len(theirs):
        raise ValueError(
            f"the nets have {len(theirs)} and {len(ours)} layers: choose those to copy. "
            f"Hint: source {', '.join(theirs)}; target {', '.join(ours)}"
        )
    pairs: list[tuple[Tensor, Tensor]] = []
    for (name, mine), (other, its) in zip(ours.items(), theirs.items(), strict=True):
        pairs += _pairs(f"layer {name!r}", mine, f"{other!r} of the source", its)
    copies = [(value, new.detach().clone()) for value, new in pairs]  # the nets may be one
    with torch.no_grad():
        for value, new in copies:
            value.copy_(new)
    return list(ours)


def _pairs(
    name: str, mine: list[nn.Module], other: str, its: list[nn.Module]
) -> list[tuple[Tensor, Tensor]]:
    """The tensors of a layer, each with the one to copy into it."""
    if len(mine) != len(its):
        raise ValueError(f"{name} does not fit {other}: {_told(mine)} here, {_told(its)} there")
    pairs = []
    for a, b in zip(mine, its, strict=True):
        here, there = own(a), own(b)
        if here.keys() != there.keys():
            kept = " + ".join(here), " + ".join(there)
            raise ValueError(f"{name} does not fit {other}: {kept[0]} here, {kept[1]} there")
        forms = [{k: (v.shape, v.is_complex()) for k, v in own.items()} for own in (here, there)]
        if forms[0] != forms[1]:
            raise ValueError(f"{name} does not fit {other}: {a} here, {b} there")
        pairs += [(here[key], there[key]) for key in here]
    return pairs


def _told(modules: list[nn.Module]) -> str:
    return " + ".join(type(module).__name__ for module in modules)
