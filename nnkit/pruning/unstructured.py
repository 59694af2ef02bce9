"""Prune single weights, by masks of ``torch.nn.utils.prune``."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from nnkit._checks import number, one_of
from nnkit._used import plain_name
from nnkit.pruning.scores import leaf, magnitude, mask_of, prunable


def prune_weights(
    model: nn.Module,
    amount: float,
    *,
    scores: Mapping[str, Tensor] | None = None,
    scope: str = "global",
    skip: Sequence[str] = (),
) -> None:
    """Mask a share of a model's weights; biases stay.

    What is masked stays masked: called again with more, the masks grow.

    Args:
        model: changed in place; its parameters stay those that an optimiser holds.
        amount: the share of the weights to be out, in [0, 1], of those there were at first.
        scores: by name of the layer, such as :func:`snip` gives; the lowest go. None for |w|.
        scope: "global" to rank the weights of all layers together, "layer" for the same share of
            each.
        skip: names of layers to leave alone, such as the last.

    Raises:
        TypeError, ValueError: no layers to prune, a share out of range, names or scores that do
            not fit, a weight that another module has, too; nothing has been changed.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import prune_weights, sparsity
        >>> net = MLP([64, 100, 10], seed=0)
        >>> prune_weights(net, 0.9)
        >>> round(sparsity(net), 3)
        0.9
    """
    share = checked_share("amount", amount)
    one_of("scope", scope, ("global", "layer"))
    modules = prunable(model)
    for name in skip:
        one_of("layer", name, modules)
    modules = {name: module for name, module in modules.items() if name not in skip}
    _refuse_tied(model, modules)
    values = _checked_scores(magnitude(model) if scores is None else scores, modules)
    groups = [modules] if scope == "global" else [{name: modules[name]} for name in modules]
    for group in groups:
        ranked = [values[name].flatten() for name in group]
        # what is out already comes last, so that it is counted
        ranked = [
            torch.where(mask_of(module).flatten() == 0, -torch.inf, score)
            for score, module in zip(ranked, group.values(), strict=True)
        ]
        kept = _highest(torch.cat(ranked), 1 - share)
        parts = torch.split(kept, [len(score) for score in ranked])
        for module, part in zip(group.values(), parts, strict=True):
            _put(module, part.view_as(leaf(module)) * mask_of(module))


def masks(model: nn.Module) -> dict[str, Tensor]:
    """Return the mask of each layer by its name, 1 where a weight is there.

    Example:
        >>> import torch
        >>> from nnkit.pruning import masks, prune_weights
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 1))
        >>> model[0].weight.data = torch.tensor([[0.1, -3.0, 2.0, -0.2]])
        >>> prune_weights(model, 0.5)
        >>> masks(model)  # by name of the layer
        {'0': tensor([[0., 1., 1., 0.]])}
    """
    return {name: mask_of(module).clone() for name, module in prunable(model).items()}


def finalize(model: nn.Module) -> None:
    """Turn masks into zeros among plain weights, in place. More training would fill them again.

    Parameters come in the order they had before the masks: the weight, then the bias.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import finalize, prune_weights, sparsity
        >>> net = MLP([64, 10])
        >>> prune_weights(net, 0.9)
        >>> finalize(net)
        >>> sparsity(net), list(net.buffers())  # zeros among plain weights, no mask
        (0.9, [])
    """
    for module in model.modules():
        for name, _ in [*module.named_parameters(recurse=False)]:
            if (plain := plain_name(module, name)) != name:
                prune.remove(module, plain)  # type: ignore[no-untyped-call]
                _first_again(module, plain)


def sparsity(model: nn.Module) -> float:
    """Return the share of weights of linear and convolutional layers that are 0 or masked.

    Example:
        >>> import torch
        >>> from nnkit.pruning import sparsity
        >>> model = torch.nn.Linear(4, 1)
        >>> model.weight.data = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
        >>> sparsity(model)
        0.75
    """
    weights = [leaf(module) * mask_of(module) for module in prunable(model).values()]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return zeros / sum(weight.numel() for weight in weights)


def checked_share(what: str, value: float) -> float:
    """Return the value if it is a share, in [0, 1]."""
    if not 0 <= number(what, value) <= 1:
        raise ValueError(f"{what} is a share, in [0, 1], got {value!r}")
    return float(value)


def _refuse_tied(model: nn.Module, modules: Mapping[str, nn.Module]) -> None:
    """Refuse a weight that other modules use, too: they would not see its mask."""
    owners: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            owners.setdefault(id(parameter), []).append(name or "the model itself")
    for name, module in modules.items():
        if len(tied := owners[id(leaf(module))]) > 1:
            raise ValueError(
                f"{' and '.join(tied)} have one weight, and a mask on it in one of them is none in "
                f"the other. Hint: use one module in both places, or skip=[{name!r}]"
            )


def _highest(scores: Tensor, share: float) -> Tensor:
    """Return 1 for this share of the scores (n,), the highest, else 0."""
    kept = torch.zeros_like(scores)
    kept[scores.topk(round(share * len(scores)), sorted=False).indices] = 1
    return kept


def _put(module: nn.Module, mask: Tensor) -> None:
    if hasattr(module, "weight_mask"):
        module.get_buffer("weight_mask").copy_(mask)
        module.weight = leaf(module) * mask  # as before each forward pass
    else:
        prune.custom_from_mask(module, "weight", mask)  # type: ignore[no-untyped-call]


def _first_again(module: nn.Module, name: str) -> None:
    """Put a weight before the other parameters of its layer: torch leaves it behind them."""
    others = [*module.named_parameters(recurse=False)] if name == "weight" else []
    for other, parameter in others:
        if other != name:
            delattr(module, other)
            module.register_parameter(other, parameter)


def _checked_scores(
    scores: Mapping[str, Tensor], modules: Mapping[str, nn.Module]
) -> dict[str, Tensor]:
    for name, module in modules.items():
        shape = leaf(module).shape
        if name not in scores:
            raise ValueError(f"scores lack layer {name!r}: there are {', '.join(scores)}")
        if scores[name].shape != shape:
            wanted, got = tuple(shape), tuple(scores[name].shape)
            raise ValueError(f"scores of layer {name!r} must be {wanted}, got {got}")
        if scores[name].isnan().any():
            raise ValueError(f"scores of layer {name!r} hold nan")
    return {name: scores[name].to(leaf(module).device) for name, module in modules.items()}
