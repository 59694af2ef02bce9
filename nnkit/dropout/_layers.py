"""The layers of a net that drop something, hooks on layers, and a net without one of its units."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from nnkit._checks import one_of, whole
from nnkit.layers import DropConnect

Head = Callable[[Tensor], Tensor]


def random_layers(model: nn.Module) -> list[nn.Module]:
    """The layers that are random in train mode and nothing else."""
    found: list[nn.Module] = [
        module
        for module in model.modules()
        if isinstance(module, _DropoutNd | DropConnect)
        or (isinstance(module, nn.MultiheadAttention | nn.RNNBase) and module.dropout > 0)
    ]
    if not found:
        raise ValueError(
            "the model has no dropout layer, so that every mask would give the same output. "
            "Hint: MLP(..., dropout=0.5), or nn.Dropout modules"
        )
    return found


@contextmanager
def hooked(modules: Iterable[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """Within the block a hook sees and may replace the output of each of the modules."""
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def ablate(
    model: nn.Module, layer: nn.Module | str, unit: int, value: float = 0.0
) -> Iterator[None]:
    """Within the block one unit of a layer gives a constant, as if it were dead.

        with ablate(net, net.after[0], 3):
            damage = loss(net(X), y) - before

    Args:
        model: the net.
        layer: the module whose output has the unit, ``net.after[0]`` for the first hidden layer
            of an `MLP`, or its name, "after.0".
        unit: the feature of an output (N, features), or the channel of (N, channels, ...).
        value: what it gives; its mean on the data instead of 0 takes away only what varies.

    Raises:
        TypeError, ValueError: no such layer or unit.

    Example:
        >>> import torch
        >>> from nnkit.dropout import ablate
        >>> from nnkit.models import MLP
        >>> net, x = MLP([2, 8, 1], seed=0), torch.ones(1, 2)
        >>> with ablate(net, "after.0", 3):
        ...     net.hidden(x)[0][:, 3].item()
        0.0
    """
    names = {name: module for name, module in model.named_modules() if name}
    module = names[one_of("layer", layer, names)] if isinstance(layer, str) else layer
    if module not in names.values():
        raise ValueError(f"layer must be a module of the model or its name, got {layer!r}")
    whole("unit", unit, at_least=0)

    def silence(_module: nn.Module, _input: Any, output: Tensor) -> Tensor:
        if unit >= output.shape[1]:
            raise ValueError(f"unit must be one of 0 to {output.shape[1] - 1}, got {unit}")
        output = output.clone()
        output[:, unit] = value
        return output

    with hooked([module], silence):
        yield
