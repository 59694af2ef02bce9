"""The layers of a model, and which of them a number, name, list or slice stands for."""

from collections.abc import Sequence

from torch import Tensor, nn

from nnkit._checks import one_of, whole
from nnkit.models import MLP

Which = int | str | slice | Sequence[int | str] | None
Layers = dict[str, list[nn.Module]]


def layers(model: nn.Module) -> Layers:
    """Return the layers of a model in order: the name of each and its modules with parameters.

    A layer is a module with weights, and the normalisation or learned activation that follows it.
    Of an `MLP` these are its linear layers; of other models what they hold in the order in which
    it was put there, which may differ from the order in which it is used: then choose by name.

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
            f"layers.{k}": [linear, *filter(own, after.modules())]
            for k, (linear, after) in enumerate(zip(model.layers, model.after, strict=True))
        }
    found: Layers = {}
    for name, module in model.named_modules():
        tensors = own(module)
        if found and tensors and all(value.dim() < 2 for value in tensors.values()):
            found[next(reversed(found))].append(module)
        elif tensors:
            found[name or "itself"] = [module]
    return found


def chosen(model: nn.Module, which: Which) -> Layers:
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


def own(module: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers of a module itself, not of those in it."""
    return {
        **dict(module.named_parameters(recurse=False)),
        **dict(module.named_buffers(recurse=False)),
    }


def _inside(model: nn.Module, name: str, names: list[str]) -> list[nn.Module]:
    """The modules with parameters in the one of this name."""
    modules = dict(model.named_modules())
    if name not in modules:
        one_of("layer", name, names)
    found = [module for module in modules[name].modules() if own(module)]
    if not found:
        raise ValueError(f"{name!r} has no parameters; layers are {', '.join(names)}")
    return found
