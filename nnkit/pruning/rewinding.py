"""Rewind weights to the start and keep the masks of the end: the lottery ticket."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


@torch.no_grad()
def rewind(model: nn.Module, start: Mapping[str, Tensor]) -> None:
    """Give a pruned net the values of an earlier moment; its masks stay (Frankle and Carbin, 2019).

        start = copy.deepcopy(net.state_dict())
        fit(net, ...); prune_weights(net, 0.8); rewind(net, start); fit(net, ...)

    As a control take the state of a net of another seed: the same masks, other weights.

    Args:
        model: a net with masks, changed in place; biases and normalisation are rewound, too.
        start: a state dictionary of the net before it was pruned, or of another of its build.

    Raises:
        ValueError: the state is not of such a net, or is no copy; nothing has been changed.

    Example:
        >>> import copy
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import prune_weights, rewind, sparsity
        >>> net = MLP([64, 10])
        >>> start = copy.deepcopy(net.state_dict())
        >>> prune_weights(net, 0.8)  # after training
        >>> rewind(net, start)
        >>> sparsity(net)  # the old weights under the new mask
        0.8
    """
    own = {name: t for name, t in model.state_dict().items() if not name.endswith("weight_mask")}
    earlier = {name: start.get(name.removesuffix("_orig"), start.get(name)) for name in own}
    for name, value in own.items():
        old = earlier[name]
        if old is None or old.shape != value.shape:
            got = "nothing" if old is None else tuple(old.shape)
            raise ValueError(f"start must have {name} of shape {tuple(value.shape)}, has {got}")
        if old.data_ptr() == value.data_ptr() and value.numel():
            raise ValueError(
                f"start holds {name} of the net itself, which training has changed. "
                "Hint: start = copy.deepcopy(net.state_dict())"
            )
    for name, value in own.items():
        value.copy_(earlier[name])
