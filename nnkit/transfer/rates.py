"""A rate of its own for each layer."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from nnkit._checks import number
from nnkit.transfer.naming import chosen, layers


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
        if number(f"{what} of the layers", value) <= 0:
            raise ValueError(f"{what} of the layers must be above 0, got {value!r}")
    rate = {
        module: lr / factor**depth
        for depth, modules in enumerate(reversed(named.values()))
        for module in modules
    }
    for which, own in (rates or {}).items():
        rate |= {module: own for modules in chosen(model, which).values() for module in modules}
    seen: set[nn.Parameter] = set()  # a tied weight belongs to the first layer that has it
    groups: dict[tuple[str, float], list[nn.Parameter]] = {}
    for name, modules in named.items():
        for module in modules:
            ready = [p for p in module.parameters(recurse=False) if p.requires_grad]
            groups.setdefault((name, rate[module]), []).extend(p for p in ready if p not in seen)
            seen.update(ready)
    found = [{"params": p, "lr": lr, "name": name} for (name, lr), p in groups.items() if p]
    if not found:
        raise ValueError("every layer is frozen, so that nothing can be trained: unfreeze some")
    return found
