"""Transfer: copy layers from net to net, freeze some, train each at a rate of its own.

Layers are chosen by number, counted as in :func:`layers` and from the end if negative, by the name
of any module, or several at once by a list, range or slice.

>>> from nnkit.models import MLP
>>> from nnkit.transfer import copy_layers, freeze, parameter_groups
>>> old, new = MLP([64, 32, 32, 10], seed=0), MLP([64, 32, 32, 5], seed=1)
>>> copy_layers(old, new, slice(-1))  # all but the last
['layers.0', 'layers.1']
>>> freeze(new, 0)
['layers.0']
>>> [group["lr"] for group in parameter_groups(new, lr=0.01, factor=10)]
[0.001, 0.01]
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.spectral_norm import SpectralNorm

from nnkit._checks import number, one_of, whole
from nnkit._modes import stay_in_evaluation
from nnkit._used import parametrisations
from nnkit.models import MLP

__all__ = ["copy_layers", "freeze", "layers", "parameter_groups", "unfreeze"]

Which = int | str | slice | Sequence[int | str] | None
Layers = dict[str, list[nn.Module]]


def layers(model: nn.Module) -> Layers:
    """Return the layers of a model in order: the name of each and its modules with parameters.

    A layer is a module with weights, and the normalisation or learned activation that follows it.
    Of an `MLP` these are its linear layers; of other models what they hold in the order in which
    it was put there, which may differ from the order in which it is used: then choose by name.
    What a weight is made of (``torch.nn.utils.parametrize``) belongs to its module.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.transfer import layers
        >>> for name, modules in layers(MLP([64, 32, 5], norm="batch")).items():
        ...     print(name, *(type(module).__name__ for module in modules))
        layers.0 Linear BatchNorm1d
        layers.1 Linear
    """
    if isinstance(model, MLP):
        return {
            f"layers.{k}": [linear, *filter(_tensors, dict(_modules(after)).values())]
            for k, (linear, after) in enumerate(zip(model.layers, model.after, strict=True))
        }
    found: Layers = {}
    for name, module in _modules(model):
        tensors = _tensors(module)
        if found and tensors and all(value.dim() < 2 for value in tensors.values()):
            found[next(reversed(found))].append(module)
        elif tensors:
            found[name or "itself"] = [module]
    return found


def _chosen(model: nn.Module, which: Which) -> Layers:
    """Return the layers of a model that a number, name, list or slice of them stands for."""
    named = layers(model)
    names = list(named)
    if which is None:
        return named
    if isinstance(which, slice):
        return {name: named[name] for name in names[which]}
    items = which if isinstance(which, Sequence) and not isinstance(which, str) else [which]
    picked: Layers = {}
    for item in items:
        if isinstance(item, str):
            picked[item] = named[item] if item in named else _inside(model, item, names)
        else:
            index = whole("number of a layer", item, at_least=-len(names))
            if index >= len(names):
                numbered = ", ".join(f"{k} {name!r}" for k, name in enumerate(names))
                raise ValueError(f"there is no layer {index}; layers are {numbered}")
            picked[names[index]] = named[names[index]]
    return picked


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers of a module and its parametrisations, not of modules in it."""
    found = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
    for name, part in parametrisations(module):
        prefix = f"parametrizations.{name}"
        found |= dict(part.named_parameters(prefix)) | dict(part.named_buffers(prefix))
    return found


def _parameters(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters among what is a module's own."""
    return [tensor for tensor in _tensors(module).values() if isinstance(tensor, nn.Parameter)]


def _modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in model.named_modules():
        if "parametrizations" not in name.split("."):
            yield name, module


def _inside(model: nn.Module, name: str, names: list[str]) -> list[nn.Module]:
    """The modules with parameters in the one of this name."""
    modules = dict(_modules(model))
    if name not in modules:
        one_of("layer", name, names)
    found = [module for _, module in _modules(modules[name]) if _tensors(module)]
    if not found:
        raise ValueError(f"{name!r} has no parameters; layers are {', '.join(names)}")
    return found


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
        ours, theirs = _chosen(target, [*which]), _chosen(source, [*which.values()])
    else:
        ours, theirs = _chosen(target, which), _chosen(source, which)
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
        here, there = _tensors(a), _tensors(b)
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
    found = _chosen(model, which)
    for module in (module for modules in found.values() for module in modules):
        for parameter in _parameters(module):
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
    found = _chosen(model, which)
    for module in (module for modules in found.values() for module in modules):
        for parameter in _parameters(module):
            parameter.requires_grad_(True)
        _thaw(module)
    return list(found)


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


def parameter_groups(
    model: nn.Module,
    lr: float,
    *,
    factor: float = 2.6,
    rates: Mapping[int | str, float] | None = None,
) -> list[dict[str, Any]]:
    """Return groups for an optimiser, a layer in each, that learn slower towards the input.

        fit(net, data, optimizer=torch.optim.Adam(parameter_groups(net, 1e-3)), ...)

    Layer l of L learns at lr / factor^(L - 1 - l), "discriminative fine-tuning" with the factor
    2.6 of Howard and Ruder (2018).

    Args:
        model: the net; what is frozen is left out.
        lr: the rate of the last layer.
        factor: by how much slower each layer learns than the one after it; 1 for all the same.
        rates: the rates of some layers instead.

    Raises:
        ValueError: no such layer, a rate or factor not above 0, or nothing that can be trained.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.transfer import parameter_groups
        >>> optimizer = torch.optim.Adam(parameter_groups(MLP([64, 32, 32, 5]), lr=0.1, factor=10))
        >>> [round(group["lr"], 3) for group in optimizer.param_groups]  # slower towards the input
        [0.001, 0.01, 0.1]
    """
    named = layers(model)
    for what, value in (("lr", lr), ("factor", factor), *(rates or {}).items()):
        number(f"{what} of the layers", value, above=0)
    rate = {
        module: lr / factor**depth
        for depth, modules in enumerate(reversed(named.values()))
        for module in modules
    }
    for which, own in (rates or {}).items():
        rate |= {module: own for modules in _chosen(model, which).values() for module in modules}
    seen: set[nn.Parameter] = set()  # a tied weight belongs to the first layer that has it
    groups: dict[tuple[str, float], list[nn.Parameter]] = {}
    for name, modules in named.items():
        for module in modules:
            ready = [p for p in _parameters(module) if p.requires_grad]
            groups.setdefault((name, rate[module]), []).extend(p for p in ready if p not in seen)
            seen.update(ready)
    found = [{"params": p, "lr": lr, "name": name} for (name, lr), p in groups.items() if p]
    if not found:
        raise ValueError("every layer is frozen, so that nothing can be trained: unfreeze some")
    return found
