"""Keeping layers as they are."""

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from nnkit.transfer.naming import Which, chosen


def freeze(model: nn.Module, which: Which = None) -> list[str]:
    """Keep layers as they are: no gradient, and no new statistics in a batch normalisation.

    A frozen batch normalisation is put in evaluation mode each time before it runs, whatever mode
    the model is in: it normalises by its running statistics and does not change them. Dropout
    drops on. Gradients of before are deleted, so that an optimiser's momentum does nothing.

    Args:
        model: the net, changed in place.
        which: the layers; None for all.

    Returns:
        the names of the layers.

    Raises:
        ValueError: no such layer.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.transfer import freeze
        >>> net = MLP([64, 32, 32, 5])
        >>> freeze(net, slice(-1))  # all but the last
        ['layers.0', 'layers.1']
        >>> [name for name, p in net.named_parameters() if p.requires_grad]
        ['layers.2.weight', 'layers.2.bias']
    """
    found = chosen(model, which)
    for module in (module for modules in found.values() for module in modules):
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(False)
            parameter.grad = None
        _thaw(module)
        if isinstance(module, _NormBase):
            module.register_forward_pre_hook(_stay_in_evaluation)
    return list(found)


def unfreeze(model: nn.Module, which: Which = None) -> list[str]:
    """Let layers learn again; the arguments are those of :func:`freeze`.

    A batch normalisation has the mode of the model again from the next ``train()`` on.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.transfer import freeze, unfreeze
        >>> net = MLP([64, 32, 32, 5])
        >>> frozen = freeze(net)
        >>> unfreeze(net, -1)  # from the output down, one layer after another
        ['layers.2']
    """
    found = chosen(model, which)
    for module in (module for modules in found.values() for module in modules):
        module.requires_grad_(True)
        _thaw(module)
    return list(found)


def _stay_in_evaluation(module: nn.Module, _: Any) -> None:
    module.eval()


def _thaw(module: nn.Module) -> None:
    """Remove the hook by which a frozen batch normalisation stays in evaluation mode."""
    for key, hook in list(module._forward_pre_hooks.items()):
        if hook is _stay_in_evaluation:
            del module._forward_pre_hooks[key]
