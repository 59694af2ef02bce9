"""The weights that a layer computes with, where its parameters are something else.

Under masks of ``torch.nn.utils.prune`` a layer has ``weight_orig`` and ``weight_mask``; its
``weight`` is their product as of the last forward pass, and old after every step of an optimiser.
"""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from nnkit.layers import MaskedLinear, NonNegativeLinear


def plain_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dictionary as if masks of pruning were zeros among the weights."""
    plain = {}
    for name, tensor in state.items():
        if name.endswith("_orig") and (base := name.removesuffix("_orig")) + "_mask" in state:
            plain[base] = tensor * state[base + "_mask"]
        elif not (name.endswith("_mask") and name.removesuffix("_mask") + "_orig" in state):
            plain[name] = tensor
    return plain


def plain_name(module: nn.Module, name: str) -> str:
    """Return the name of a parameter as it was before a mask was put on it."""
    base = name.removesuffix("_orig")
    return base if base + "_mask" in module._buffers else name


def mask_of(module: nn.Module, name: str) -> Tensor | None:
    """Return which of its weights of this plain name a module uses, or None for all."""
    mask = module._buffers.get(f"{name}_mask")
    if mask is None and isinstance(module, MaskedLinear) and name == "weight":
        mask = module.mask
    return mask


def parametrisations(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return what makes the tensors of a module of others, by the name of the tensor."""
    if not parametrize.is_parametrized(module):
        return []
    return [*module.get_submodule("parametrizations").named_children()]


def sources(module: nn.Module) -> dict[str, list[Tensor]]:
    """Return the parameters behind each tensor that a module makes of others, by its name."""
    made = parametrisations(module)
    found: dict[str, list[Tensor]] = {name: [*part.parameters()] for name, part in made}
    for hook in module._forward_pre_hooks.values():  # the older way
        if isinstance(hook, WeightNorm | SpectralNorm):
            kinds = ("g", "v") if isinstance(hook, WeightNorm) else ("orig",)
            found[hook.name] = [module.get_parameter(f"{hook.name}_{kind}") for kind in kinds]
    if isinstance(module, NonNegativeLinear):
        found["weight"] = [module.raw]
    return found


def used_weight(module: nn.Module) -> Tensor:
    """Return the weight that a layer computes with now, in evaluation mode."""
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm):
            made: Tensor = hook.compute_weight(module)
            return made
        if isinstance(hook, SpectralNorm):
            return hook.compute_weight(module, do_power_iteration=False)
    mask = mask_of(module, "weight")
    own = "weight_orig" if "weight_orig" in module._parameters else "weight"
    weight: Tensor = getattr(module, own)
    return weight if mask is None else weight * mask
