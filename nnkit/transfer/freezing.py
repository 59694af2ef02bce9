"""Keeping layers as they are."""

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.spectral_norm import SpectralNorm

from nnkit.transfer.naming import Which, chosen, parameters, parametrisations


def freeze(model: nn.Module, which: Which = None) -> list[str]:
    """Keep layers as they are: no gradient, and no new statistics in a normalisation.

    A weight that is made of others (by weight, spectral or orthogonal normalisation, or under a
    mask) is frozen with all that it is made of; one that is tied is frozen wherever it is used. A
    frozen batch or spectral normalisation is put in evaluation mode each time before it runs,
    whatever mode the model is in: it goes by its running statistics and does not change them.
    Dropout drops on. Gradients of before are deleted, so that an optimiser's momentum does
    nothing; but one that has a memory of all weights together, as LBFGS, must be made anew.

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
        for parameter in parameters(module):
            parameter.requires_grad_(False)
            parameter.grad = None
        _thaw(module)
        for part in _with_statistics(module):
            # first of all hooks: the older spectral normalisation is one
            part.register_forward_pre_hook(stay_in_evaluation, prepend=True)
    return list(found)


def unfreeze(model: nn.Module, which: Which = None) -> list[str]:
    """Let layers learn again; the arguments are those of :func:`freeze`.

    A normalisation has the mode of the model again from the next ``train()`` on.

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
        for parameter in parameters(module):
            parameter.requires_grad_(True)
        _thaw(module)
    return list(found)


def stay_in_evaluation(module: nn.Module, _: Any) -> None:
    """The hook on a frozen normalisation, whatever mode the model is in."""
    module.eval()


def _with_statistics(module: nn.Module) -> list[nn.Module]:
    """What of a module learns without a gradient, in train mode."""
    hooks = module._forward_pre_hooks.values()
    itself = isinstance(module, _NormBase) or any(isinstance(h, SpectralNorm) for h in hooks)
    return [part for _, part in parametrisations(module)] + [module] * itself


def _thaw(module: nn.Module) -> None:
    """Remove the hooks by which a frozen normalisation stays in evaluation mode."""
    for part in _with_statistics(module):
        for key, hook in list(part._forward_pre_hooks.items()):
            if hook is stay_in_evaluation:
                del part._forward_pre_hooks[key]
