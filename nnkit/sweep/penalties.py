"""The penalties of many models at once, each with its own strength."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from nnkit.regularizers import L1, L2, Penalty, Sum, WeightPenalty
from nnkit.regularizers.constraints import Constraint
from nnkit.regularizers.weights import Term
from nnkit.sweep.alike import alike
from nnkit.sweep.stack import Stack
from nnkit.training.steps import StepSizes

STRENGTHS = ("lam", "new")  # what may differ from trial to trial
ELEMENTWISE = (L1, L2)  # their formulas hold for a stack as they stand


class StackedPenalty:
    """One penalty per model of a stack: a sum of the same kinds, whose strengths may differ.

    Args:
        penalties: one for each model.
        stack: the models.

    Raises:
        ValueError: if one of them cannot be applied to a stack; with the reason.
    """

    def __init__(self, penalties: Sequence[Any], stack: Stack) -> None:
        rows = [_parts(penalty) for penalty in penalties]
        if len({len(row) for row in rows}) > 1:
            raise ValueError("the trials have different numbers of penalties")
        columns = zip(*rows, strict=True)
        self.stack = stack
        self.columns = [_Column(list(column), stack) for column in columns]
        self.after = sorted((c for c in self.columns if c.rank), key=lambda c: c.rank)

    @torch.no_grad()
    def add_gradients(self) -> None:
        """Add the gradients of all penalties that take no step of their own."""
        for column in self.columns:
            for name, stack, lams in column.terms:
                if not column.rank and stack.requires_grad:
                    if stack.grad is None:  # it takes no part in the loss, but is penalised
                        stack.grad = torch.zeros_like(stack)
                    stack.grad.add_(_along(lams, stack) * column.gradient(name, stack))

    @torch.no_grad()
    def values(self) -> Tensor:
        """The penalties (M,)."""
        total: Any = 0.0
        for column in self.columns:
            for name, stack, lams in column.terms:
                total = total + lams * column.value(name, stack)
        return total  # type: ignore[no-any-return]

    @torch.no_grad()
    def after_step(self, steps: StepSizes, ratios: Tensor) -> None:
        """Proximal steps and projections; model m has stepped by `ratios[m]` of the step size."""
        for column in self.after:
            for name, stack, lams in column.terms:
                if stack.grad is not None:
                    lr, scale = steps(stack) if column.first.needs_steps else (0.0, None)
                    column.after_step(name, stack, lams * ratios * lr, scale)


class _Column:
    """The same part of every model's penalty."""

    def __init__(self, parts: list[Any], stack: Stack) -> None:
        self.parts, self.first = parts, parts[0]
        _check(parts)
        self.rank = self.first.rank
        self.elementwise = isinstance(self.first, ELEMENTWISE)
        rows: list[list[Term]] = [
            part.terms(model) for part, model in zip(parts, stack.models, strict=True)
        ]
        self.terms = [
            (column[0].name, stack.params[column[0].name], _numbers(column))
            for column in zip(*rows, strict=True)
        ]

    def gradient(self, name: str, stack: Tensor) -> Tensor:
        """The gradients at all weights (M, …), for strength 1."""
        own = partial(self.first.gradient, name)
        gradients: Tensor = own(stack) if self.elementwise else vmap(own)(stack)
        return gradients

    def value(self, name: str, stack: Tensor) -> Tensor:
        """The penalties (M,), for strength 1."""
        if isinstance(self.first, L2):
            return stack.square().flatten(1).sum(1)
        if isinstance(self.first, L1):
            return stack.abs().flatten(1).sum(1)
        values: Tensor = vmap(partial(self.first.value, name))(stack)
        return values

    def after_step(self, name: str, stack: Tensor, by: Tensor, scale: Tensor | None) -> None:
        """Change the weights in place, after the optimiser."""
        if self.elementwise:
            self.first.after_step(name, stack, _along(by, stack), scale)
            return
        for number, part in enumerate(self.parts):
            own = None if scale is None else scale[number]
            part.after_step(name, stack[number], float(by[number]), own)


def _parts(penalty: Any) -> list[Any]:
    return list(penalty.parts) if isinstance(penalty, Sum) else [penalty]


def _numbers(column: Sequence[Term]) -> Tensor:
    """The strengths of one tensor's penalty (M,)."""
    weight = column[0].weight
    return torch.tensor([float(t.lam) for t in column], dtype=weight.dtype, device=weight.device)


def _along(values: Tensor, stack: Tensor) -> Tensor:
    """One number per model (M,), shaped to meet the stack (M, …)."""
    return values.view(-1, *[1] * (stack.ndim - 1))


def _check(parts: Sequence[Any]) -> None:
    """Refuse parts whose formulas cannot be applied to all models at once."""
    first = parts[0]
    kind = type(first).__name__
    if not isinstance(first, WeightPenalty):
        what = kind if isinstance(first, Penalty) else "a function of the model"
        raise ValueError(f"the gradient of {what} comes from autograd, model by model")
    if list(first.parameters()):
        raise ValueError(f"{kind} learns parameters of its own")
    for part in parts[1:]:
        same = isinstance(first, Constraint) or alike(vars(part), vars(first), STRENGTHS)
        if type(part) is not type(first) or not same:  # constraints act model by model
            raise ValueError(f"the {kind} of the trials differ in more than their strength")
