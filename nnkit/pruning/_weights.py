"""Prune single weights, the least important ones, by masks of ``torch.nn.utils.prune``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import prune

from nnkit._checks import number, one_of
from nnkit._devices import brought
from nnkit._modes import modes_kept
from nnkit._used import plain_name, sources
from nnkit.layers._local import Windows

Scores = dict[str, Tensor]


def prunable(model: nn.Module) -> dict[str, nn.Module]:
    """Return the linear, convolutional and windowed layers of a model by name."""
    found: dict[str, nn.Module] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | _ConvNd | Windows)
    }
    if not found:
        raise TypeError(f"{type(model).__name__} has no linear or convolutional layer to prune")
    for name, module in found.items():
        if "weight" in sources(module):
            raise TypeError(
                f"the weight of {name or 'the layer'} is made of other parameters, which no mask "
                "reaches: make it plain by torch.nn.utils.parametrize.remove_parametrizations first"
            )
    return found


def leaf(module: nn.Module) -> nn.Parameter:
    """Return the weights that are trained, masked ones included."""
    weight = getattr(module, "weight_orig", None)
    return weight if isinstance(weight, nn.Parameter) else module.get_parameter("weight")


def mask_of(module: nn.Module) -> Tensor:
    """Return the mask of a layer: all ones if there is none."""
    mask = getattr(module, "weight_mask", None)
    return mask if isinstance(mask, Tensor) else torch.ones_like(leaf(module))


def magnitude(model: nn.Module) -> Scores:
    """Return |w| for the weights of each layer, by its name.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import magnitude
        >>> net = MLP([64, 32, 10])
        >>> scores = magnitude(net)
        >>> torch.equal(scores["layers.1"], net.layers[1].weight.abs())
        True
    """
    return {name: leaf(module).detach().abs() for name, module in prunable(model).items()}


def snip(model: nn.Module, x: Any, y: Any, loss: Callable[[Any, Any], Tensor]) -> Scores:
    """Return |w ∂L/∂w| on a batch: how much the loss feels a weight (SNIP; Lee et al., 2019).

    Meant for a net before training, to be pruned at once by :func:`prune_weights`.

    Args:
        model: the net, left as it is; the pass is in train mode.
        x: inputs of the batch, brought to where the model is.
        y: its targets, likewise.
        loss: (output, target) -> scalar tensor.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import snip
        >>> net, x, y = MLP([3, 1]), torch.randn(8, 3), torch.randn(8, 1)
        >>> x[:, 1] = 0.0  # an input that says nothing
        >>> snip(net, x, y, torch.nn.functional.mse_loss)["layers.0"] > 0
        tensor([[ True, False,  True]])
    """
    x, y = brought(x, model), brought(y, model)
    weights = {name: leaf(module) for name, module in prunable(model).items()}
    if frozen := [name for name, weight in weights.items() if not weight.requires_grad]:
        raise ValueError(f"frozen weights have no gradient: unfreeze {', '.join(frozen)} for snip")
    before = [buffer.clone() for buffer in model.buffers()]
    try:
        with modes_kept(model), torch.enable_grad():
            gradients = torch.autograd.grad(loss(model.train()(x), y), [*weights.values()])
    finally:
        for buffer, value in zip(model.buffers(), before, strict=True):
            buffer.copy_(value)
    pairs = zip(weights.items(), gradients, strict=True)
    return {name: (weight.detach() * gradient).abs() for (name, weight), gradient in pairs}


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
    share = number("amount", amount, at_least=0, at_most=1)
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
