"""Many models of one form as one: every parameter and buffer stacked along a new first axis."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.utils import prune

from nnkit._modes import modes_kept
from nnkit.models import MLP

Tensors = dict[str, Tensor]


class Stack:
    """M models as one function of M batches of inputs.

    Args:
        models: modules that differ in the values of their parameters and buffers alone.
        way: "batched" for an `MLP`, whose layers become batched products, or "vmap".

    Attributes:
        params: the stacked parameters (M, …) by name, trainable where the models' are.
        buffers: the stacked buffers.

    Raises:
        ValueError: they carry masks of pruning.
    """

    def __init__(self, models: Sequence[nn.Module], way: str) -> None:
        self.models, self.way, self.first = models, way, models[0]
        if prune.is_pruned(self.first):
            raise ValueError("a model with masks of pruning computes its weights in a hook")
        self.params = {
            name: _stacked([dict(m.named_parameters())[name] for m in models])
            for name, _ in self.first.named_parameters()
        }
        self.buffers = {
            name: _stacked([dict(m.named_buffers())[name] for m in models])
            for name, _ in self.first.named_buffers()
        }

    def __len__(self) -> int:
        return len(self.models)

    def __call__(self, x: Tensor, training: bool = True) -> Tensor:
        """The outputs (M, N, …) for the inputs x (M, N, …)."""
        if self.way == "batched":
            assert isinstance(self.first, MLP)
            return batched_mlp(self.first, self.params, x)
        with modes_kept(self.first):
            self.first.train(training)
            return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        def one(params: Tensors, buffers: Tensors, x: Tensor) -> Tensor:
            output: Tensor = functional_call(self.first, (params, buffers), (x,))
            return output

        outputs: Tensor = vmap(one, randomness="different")(self.params, self.buffers, x)
        return outputs

    def state(self) -> list[Tensor]:
        """Copies of all stacked tensors, to be taken back by `unstack`."""
        return [t.detach().clone() for t in (*self.params.values(), *self.buffers.values())]

    @torch.no_grad()
    def unstack(self, number: int, state: Sequence[Tensor] | None = None) -> None:
        """Give the model of this number its parameters and buffers, those of now by default."""
        stacks = [*self.params.values(), *self.buffers.values()] if state is None else state
        model = self.models[number]
        own = [*dict(model.named_parameters()).values(), *dict(model.named_buffers()).values()]
        for tensor, stacked in zip(own, stacks, strict=True):
            tensor.copy_(stacked[number])


def batched_mlp(template: MLP, params: Tensors, x: Tensor) -> Tensor:
    """The outputs (M, N, out) of M MLPs, each layer one batched product.

    Args:
        template: one of them, without normalisation and dropout.
        params: their parameters, stacked.
        x: inputs (M, N, in).
    """
    layers = zip(template.after, template.skips, strict=True)
    for number, (after, skip) in enumerate(layers):
        weight = params[f"layers.{number}.weight"].mT  # (M, in, out)
        bias = params[f"layers.{number}.bias"].unsqueeze(1)  # (M, 1, out)
        a = after(torch.baddbmm(bias, x, weight))
        x = x + a if skip else a
    return x


def is_plain_mlp(model: nn.Module) -> bool:
    """Whether its layers can be batched products: an MLP with nothing else that it learns."""
    if type(model) is not MLP:
        return False
    inner = list(model.after.modules())
    has_own = any(list(m.parameters(False)) or list(m.buffers(False)) for m in inner)
    return not has_own and not any(isinstance(m, nn.Dropout) for m in inner)


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    stack = torch.stack([t.detach() for t in tensors])
    return stack.requires_grad_(tensors[0].requires_grad)
