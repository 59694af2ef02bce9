"""Penalties bound to what is trained: one model, or every model of a stack."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap

from nnkit._precision import widened
from nnkit.regularizers._norms import L1, L2
from nnkit.regularizers._penalty import Part
from nnkit.regularizers._weights import WeightPart
from nnkit.training._optimizers import StepSizes, StepSizesOfOne
from nnkit.training._stack import Stack, grouped

ELEMENTWISE = (L1, L2)  # their formulas hold for a stack as they stand


def bound(regularizer: Any, model: nn.Module) -> list[Any]:
    """The parts of a regulariser, bound to a model; none for None."""
    if regularizer is None:
        return []
    bind = getattr(regularizer, "bind", None)
    if bind is None:
        return [Part(lambda model, x: regularizer(model), model)]
    return list(bind(model))


def bound_to_stack(
    regularizers: Sequence[Any], stack: Stack, ratios: Tensor, own: bool
) -> list[Any]:
    """The parts of the models' regularisers; those that one formula serves are taken together.

    Args:
        regularizers: one for each model, or None.
        stack: the models.
        ratios: each model's lr over the optimiser's (M,).
        own: whether each model has inputs of its own.
    """
    alone: list[Any] = []
    together: list[tuple[int, int, WeightPart]] = []  # model, place in its sum, part
    for number, (regularizer, model) in enumerate(zip(regularizers, stack.models, strict=True)):
        for place, part in enumerate(bound(regularizer, model)):
            if _is_elementwise(part):
                together.append((number, place, part))
            else:
                alone.append(PartOfOne(part, stack, number, float(ratios[number]), own))
    groups = grouped([_kind(place, part) for _, place, part in together])
    return alone + [
        StackedPart([together[i][2] for i in group], [together[i][0] for i in group], stack, ratios)
        for group in groups
    ]


def _is_elementwise(part: Any) -> bool:
    """Whether a part's formula holds for stacked weights as it stands; masks are each model's."""
    known = isinstance(part, WeightPart) and type(part.weights) in ELEMENTWISE
    return known and all(term.mask is None for term in part.terms)


def _kind(place: int, part: WeightPart) -> Any:
    """What has to be equal for one formula to serve several models' parts."""
    options = {k: v for k, v in vars(part.weights).items() if k != "lam"}
    return (place, type(part.weights).__name__, options, [term.name for term in part.terms])


class StackedPart:
    """The same elementwise penalty of several models of a stack, each with its own strength.

    Args:
        parts: one a model.
        numbers: of these models.
        stack: all models.
        ratios: each model's lr over the optimiser's (M,).
    """

    closed = True

    def __init__(
        self, parts: Sequence[WeightPart], numbers: list[int], stack: Stack, ratios: Tensor
    ) -> None:
        first = parts[0]
        self.penalty, self.name = first.weights, first.name
        self.rank, self.needs_steps = first.rank, first.needs_steps
        self.numbers = numbers
        self.rows = None if len(numbers) == len(stack) else torch.tensor(numbers, device="cpu")
        self.ratios = ratios[numbers]
        of = dict(stack.net.named_parameters())
        columns = zip(*(part.terms for part in parts), strict=True)
        self.terms = [(c[0].name, of[c[0].name], _strengths(c)) for c in columns]

    @torch.no_grad()
    def value(self, x: Any = None) -> Tensor:
        """The penalties of these models, in their order."""
        total: Any = 0.0
        for name, w, lams in self.terms:
            total = total + lams * vmap(partial(self.penalty.value, name))(widened(self._own(w)))
        return total  # type: ignore[no-any-return]

    @torch.no_grad()
    def add_gradient(self, x: Any = None) -> None:
        """Add λ f'(w) to the gradients of these models."""
        for name, w, lams in self.terms:
            if not w.requires_grad:
                continue
            if w.grad is None:
                w.grad = torch.zeros_like(w)
            own = self._own(w)
            added = self.penalty.gradient(name, own).mul_(_along(lams, own))
            if self.rows is None:
                w.grad.add_(added)
            else:
                w.grad.index_add_(0, self.rows.to(w.device), added)

    @torch.no_grad()
    def after_step(self, steps: StepSizes) -> None:
        """The proximal step of these models."""
        for name, w, lams in self.terms:
            if w.grad is None or w not in steps:
                continue
            lr, scale = steps(w)
            by = _along(lams * self.ratios.to(lams) * lr, w)
            if self.rows is None:
                self.penalty.after_step(name, w, by, scale)
                continue
            own = w[self.rows]
            self.penalty.after_step(name, own, by, None if scale is None else scale[self.rows])
            w[self.rows] = own

    def _own(self, w: Tensor) -> Tensor:
        return w if self.rows is None else w[self.rows]


class PartOfOne:
    """A part of the penalty of one model in a stack."""

    def __init__(self, part: Any, stack: Stack, number: int, ratio: float, own: bool) -> None:
        self.part, self.number, self.ratio, self.own = part, number, ratio, own
        self.numbers = [number]
        self.closed, self.rank = part.closed, part.rank
        self.needs_steps = part.needs_steps
        self.name = getattr(part, "name", "")
        model = stack.models[number]
        self.pairs = list(zip(model.parameters(), stack.net.parameters(), strict=True))
        self.of = {id(w): stacked for w, stacked in self.pairs}

    def value(self, x: Any = None) -> Tensor:
        """The penalty, with its graph unless it is `closed`."""
        return self.part.value(self._inputs(x))  # type: ignore[no-any-return]

    def add_gradient(self, x: Any = None) -> None:
        """Add the gradient to that of the model's own parameters; `gather` brings it on."""
        self.part.add_gradient(self._inputs(x))

    def after_step(self, steps: StepSizes) -> None:
        """Change the model's weights after a step of the optimiser."""
        self.part.after_step(StepSizesOfOne(steps, self.number, self.of, self.ratio))

    @torch.no_grad()
    def gather(self) -> None:
        """Add the model's own gradients to the stack's, of which they are views from then on."""
        for w, stacked in self.pairs:
            if w.grad is not None and (stacked.grad is None or not _is_view(w.grad, stacked.grad)):
                if stacked.grad is None:
                    stacked.grad = torch.zeros_like(stacked)
                stacked.grad[self.number].add_(w.grad)
            w.grad = None if stacked.grad is None else stacked.grad[self.number]

    def clear(self) -> None:
        """Forget the model's own gradients."""
        for w, _ in self.pairs:
            w.grad = None

    def _inputs(self, x: Any) -> Any:
        return x[self.number] if self.own and isinstance(x, Tensor) else x


def _is_view(grad: Tensor, stacked: Tensor) -> bool:
    return grad.untyped_storage().data_ptr() == stacked.untyped_storage().data_ptr()


def _strengths(column: Sequence[Any]) -> Tensor:
    """The strengths of one tensor's penalty, one a model."""
    weight = column[0].weight
    return torch.tensor([float(t.lam) for t in column], dtype=weight.dtype, device=weight.device)


def _along(values: Tensor, w: Tensor) -> Tensor:
    """One number per model, shaped to meet their weights (M, …)."""
    return values.view(-1, *[1] * (w.ndim - 1))
