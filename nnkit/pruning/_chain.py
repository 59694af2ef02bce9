"""A net as a chain of layers whose neurons, or channels, can be cut out.

Only what is known to treat every neuron alone may stand between two layers: whether a module mixes
them, or puts them in another order, cannot be seen from outside.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize, prune

from nnkit._modes import stay_in_evaluation
from nnkit.layers import MaskedLinear
from nnkit.layers._local import Windows
from nnkit.models import MLP

Kinds = set[type[nn.Module]]

# Layers whose neurons can be cut out, and how many dimensions follow the channels in their output
SPACE: dict[type[nn.Module], int] = {
    nn.Linear: 0,
    MaskedLinear: 0,
    nn.Conv1d: 1,
    nn.Conv2d: 2,
    nn.Conv3d: 3,
}

ELEMENTWISE = {
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU),
    *(nn.SiLU, nn.Mish, nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink),
    *(nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Threshold),
    *(nn.Dropout, nn.AlphaDropout, nn.FeatureAlphaDropout),
    *(nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
}

# By channel, if the output of the layer has so many dimensions: with fewer, torch takes the
# channels for rows or pixels
CHANNELWISE: dict[int, Kinds] = {
    space: {nn.Upsample} | {getattr(nn, f"{kind}{space}d") for kind in (
        "BatchNorm", "InstanceNorm", "MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool",
        "AdaptiveMaxPool", "ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad",
    )}
    for space in (1, 2, 3)
}  # fmt: skip
FEATUREWISE: Kinds = {nn.BatchNorm1d}  # on rows of features

Parts = list[tuple[str, nn.Module]]


@dataclass(frozen=True)
class Link:
    """A layer whose neurons (or channels) can go, what is done to them, and what takes them in."""

    name: str
    layer: nn.Module
    between: Parts
    following: nn.Module

    @property
    def width(self) -> int:
        """How many neurons or channels there are."""
        return self.layer.get_parameter("weight").shape[0]

    @property
    def inputs(self) -> int:
        """How many numbers, or channels, the following layer takes in."""
        return self.following.get_parameter("weight").shape[1]

    @property
    def flattens(self) -> bool:
        """Whether channels come as features to the following layer."""
        return SPACE[type(self.layer)] > 0 and SPACE[type(self.following)] == 0

    def columns(self, neurons: Tensor) -> Tensor:
        """Which of these inputs come from some neurons: a channel that was flattened is several."""
        block = self.inputs // self.width
        return (neurons[:, None] * block + torch.arange(block)).flatten()


def links(model: nn.Module) -> list[Link]:
    """Return the hidden layers of a chain, in order.

    Raises:
        TypeError, ValueError: the net is no such chain.
    """
    return _links(chain(model))


def chain(model: nn.Module) -> Parts:
    """Return the parts of a net by name from its first layer to its last, as they run.

    Raises:
        TypeError, ValueError: the net is no such chain.
    """
    if prune.is_pruned(model):
        raise ValueError("net carries pruning masks: make them final by nnkit.pruning.finalize")
    parts = list(_parts(model))
    _check_owners(parts)
    places = _places(parts)
    if len(places) < 2:
        raise TypeError(f"{type(model).__name__} has no hidden layer, so there is nothing to prune")
    parts = parts[places[0] : places[-1] + 1]
    for link in _links(parts):
        _check(link)
    return parts


def _links(parts: Parts) -> list[Link]:
    return [
        Link(*parts[here], parts[here + 1 : there], parts[there][1])
        for here, there in pairwise(_places(parts))
    ]


def _places(parts: Parts) -> list[int]:
    return [k for k, (_, p) in enumerate(parts) if isinstance(p, nn.Linear | _ConvNd | Windows)]


def _parts(model: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The parts of a chain in the order in which they run."""
    _check_plain(model, name or "the net")
    within = f"{name}." if name else ""
    if type(model) is MLP:
        if model.residual:
            raise ValueError("skip connections tie the neurons of layers together: residual=True")
        for k, (linear, after) in enumerate(zip(model.layers, model.after, strict=True)):
            yield from _parts(linear, f"{within}layers.{k}")
            yield from _parts(after, f"{within}after.{k}")
    elif getattr(type(model), "forward", None) is nn.Sequential.forward:
        for key, part in model._modules.items():
            assert part is not None
            yield from _parts(part, within + key)
    elif name and not list(model.children()):
        yield name, model
    else:
        raise TypeError(
            f"{name or 'the net'} is a {type(model).__name__}; neurons can be cut out of an MLP "
            "or an nn.Sequential of plain layers"
        )


def _check_plain(module: nn.Module, name: str) -> None:
    """Refuse what computes something else than its class says."""
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    if any(hook is not stay_in_evaluation for hook in hooks) or "forward" in vars(module):
        raise ValueError(
            f"{name} has a hook or a forward of its own, which may do anything to its neurons: "
            "remove it first, as remove_weight_norm does"
        )
    if parametrize.is_parametrized(module):
        raise ValueError(
            f"{name} is parametrised: make its weights plain by "
            "torch.nn.utils.parametrize.remove_parametrizations first"
        )


def _check_owners(parts: Parts) -> None:
    """Refuse parts that share a tensor."""
    owner: dict[int, str] = {}
    for name, part in parts:
        own = [id(tensor) for tensor in (*part.parameters(), *part.buffers())]
        for tensor in own:
            if tensor in owner:
                raise ValueError(
                    f"{owner[tensor]} and {name} are one module used twice, or share a tensor: "
                    "what is cut out of one would be missing in the other"
                )
        owner |= dict.fromkeys(own, name)


def _check(link: Link) -> None:
    for module in (link.layer, link.following):
        if type(module) not in SPACE or getattr(module, "groups", 1) != 1:
            known = ", ".join(kind.__name__ for kind in SPACE)
            raise ValueError(
                f"neurons of {module} may be tied to others: it cannot be shrunk. "
                f"Known are {known} without groups"
            )
    space, size = SPACE[type(link.layer)], link.width
    for name, module in link.between:
        if type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
            space, size = 0, link.inputs if space else size  # each channel as a block of features
        elif not _treats_alone(module, CHANNELWISE.get(space, FEATUREWISE), size):
            raise ValueError(
                f"{name}, {module} mixes the neurons of {link.name} or their order, or may do so: "
                "they cannot be cut out. Hint: it may stand after the last layer; prune_weights "
                "puts masks on single weights of any net"
            )
    fits = link.inputs % link.width == 0 if link.flattens else link.inputs == link.width
    if not fits or SPACE[type(link.following)] != space:
        raise ValueError(
            f"{link.name} has {link.width} outputs, but {link.following} follows: which of its "
            "inputs are which neuron's is not known"
        )


def _treats_alone(module: nn.Module, kinds: Kinds, size: int) -> bool:
    """Whether a module is known to treat each of `size` features or channels alone."""
    if type(module) is nn.PReLU:
        return module.num_parameters in (1, size)
    if type(module) in ELEMENTWISE:
        return True
    return type(module) in kinds and getattr(module, "num_features", size) == size
