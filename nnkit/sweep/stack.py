"""Many models of one form as one: every parameter and buffer stacked along a new first axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.utils import prune

from nnkit._modes import modes_kept
from nnkit.models import MLP
from nnkit.sweep.alike import alike

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
        ValueError: they carry masks of pruning, or differ in more than that.
    """

    def __init__(self, models: Sequence[nn.Module], way: str) -> None:
        self.models, self.way, self.first = models, way, models[0]
        if prune.is_pruned(self.first):
            raise ValueError("a model with masks of pruning computes its weights in a hook")
        check_one_form(models)
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


def check_one_form(models: Sequence[nn.Module]) -> None:
    """Refuse models that differ in more than the values of their parameters and buffers.

    Raises:
        ValueError: with the module that differs.
    """
    for model in models[1:]:
        pairs = zip_longest(models[0].named_modules(), model.named_modules())
        for (name, one), (other_name, other) in pairs:
            if name != other_name or not _same_settings(one, other):
                raise ValueError(f"the models differ in more than their weights: in {name!r}")


def _same_settings(one: nn.Module, other: nn.Module) -> bool:
    """Whether two modules are of one kind, with equal options and tensors of equal shapes."""
    held = ("_parameters", "_buffers", "_modules")
    if type(one) is not type(other):
        return False
    for name in held[:2]:
        ours, theirs = vars(one)[name], vars(other)[name]
        forms = [{k: _form(t) for k, t in tensors.items()} for tensors in (ours, theirs)]
        if forms[0] != forms[1]:
            return False
    options = [{k: v for k, v in vars(m).items() if k not in held} for m in (one, other)]
    return alike(*options)


def _form(tensor: Tensor | None) -> Any:
    return None if tensor is None else (tensor.shape, tensor.dtype, tensor.requires_grad)


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
