"""How important is a weight? A score for each; the lowest are pruned."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from nnkit._devices import brought
from nnkit._modes import modes_kept
from nnkit._used import sources
from nnkit.layers.windows import Windows

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
