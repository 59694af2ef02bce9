"""One update: the gradient on a batch, a step of the optimiser, what penalties do after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit.training.nested import rows_of
from nnkit.training.penalties import PartOfOne, gather
from nnkit.training.stack import Stack
from nnkit.training.steps import StepSizes

Parts = tuple[Tensor, Tensor | None]  # loss, penalty through autograd


class Update:
    """Called with a batch, it changes the weights; gives the losses from before the change.

    Args:
        model: the module in training; of a `Stack` every number below is one for each model.
        predict: inputs -> output of the model.
        optimizer: what updates its parameters; one that wants a closure (LBFGS) gets it.
        loss: (output, target) -> scalar tensor, or (M,).
        penalties: the parts of the regulariser, bound to the model.
        clip_norm: the largest norm of the gradient, or None; proximal steps are not part of it.
        ratios: the share of the optimiser's step that each model goes (M,), or None for all of it.
        accumulate: batches whose gradients make one step; `finish` takes that of what is left.
    """

    def __init__(
        self,
        model: nn.Module,
        predict: Callable[[Any], Any],
        optimizer: Optimizer,
        loss: Callable[[Any, Any], Tensor],
        penalties: Sequence[Any] = (),
        clip_norm: float | None = None,
        ratios: Tensor | None = None,
        accumulate: int = 1,
    ) -> None:
        self.model, self.predict, self.optimizer, self.loss = model, predict, optimizer, loss
        self.clip_norm, self.ratios, self.stacked = clip_norm, ratios, isinstance(model, Stack)
        self.trained = [p for group in optimizer.param_groups for p in group["params"]]
        self.params = list(dict.fromkeys([*model.parameters(), *self.trained]))
        self.penalties = penalties
        self.by_autograd = [part for part in penalties if not part.closed]
        self.in_place = [part for part in penalties if part.closed and not part.rank]
        self.after = sorted((part for part in penalties if part.rank), key=attrgetter("rank"))
        self.values: list[Tensor] = []  # of those by autograd, at the last batch
        self.of_one = [part for part in penalties if isinstance(part, PartOfOne)]
        decays = any(group.get("weight_decay") for group in optimizer.param_groups)
        self.partly = (
            decays
            and isinstance(model, Stack)
            and any(len(part.numbers) < len(model) for part in penalties)
        )
        self.steps = StepSizes(optimizer)
        for part in self.after:
            if part.needs_steps:
                self.steps.check(part.name)
        self.wants_closure = _wants_closure(optimizer)
        self.accumulate, self.gathered, self.rows = accumulate, 0, 0
        if accumulate > 1 and (self.wants_closure or self.stacked):
            what = "a stack" if self.stacked else f"{type(optimizer).__name__}, which searches,"
            raise ValueError(f"accumulate={accumulate} is not for {what}: give larger batches")

    def __call__(self, x: Any, y: Any) -> Parts:
        """Update on the batch (x, y); its losses and penalties through autograd, without graph."""
        if self.accumulate > 1:
            return self._gather(x, y)
        if self.wants_closure:
            parts = self._search(x, y)
        else:
            parts = self.backward(x, y)
            self._step()
        for part in self.after:
            part.after_step(self.steps)
        return parts

    def _gather(self, x: Any, y: Any) -> Parts:
        """Add the gradient of all rows of the batch to what has gathered; step if it is enough."""
        if not self.gathered:
            self.clear()
        rows, loss = rows_of(x, y), self.loss(self.predict(x), y)
        (loss * rows).backward()  # type: ignore[no-untyped-call]
        self.gathered, self.rows, self.inputs = self.gathered + 1, self.rows + rows, x
        if self.gathered == self.accumulate:
            self.finish()
        return loss.detach(), None

    def finish(self) -> bool:
        """Step by the mean gradient of the rows that have gathered; whether there were any."""
        if not self.gathered:
            return False
        for p in self.trained:
            if p.grad is not None:
                p.grad.div_(self.rows)
        self.gathered, self.rows = 0, 0
        self._add_penalties(self.inputs)
        self._step()
        for part in self.after:
            part.after_step(self.steps)
        return True

    def _add_penalties(self, x: Any) -> None:
        """Add the gradients of all penalties, and clip."""
        self.values = [part.value(x) for part in self.by_autograd]
        if self.values:
            torch.stack(self.values).sum().backward()  # type: ignore[no-untyped-call]
        for part in self.in_place:
            part.add_gradient(x)
        if self.clip_norm is not None:
            self._clip(self.clip_norm)

    def backward(self, x: Any, y: Any) -> Parts:
        """Set the gradients on the batch; its losses and penalties, without graph."""
        self.clear()
        losses = self.loss(self.predict(x), y)
        total = losses.sum() if self.stacked else losses
        penalty = None
        if self.by_autograd:
            self.values = [part.value(x) for part in self.by_autograd]
            penalty = torch.stack(self.values).sum()
            total = total + penalty
        total.backward()  # type: ignore[no-untyped-call]
        idle = [p for p in self.trained if p.grad is None] if self.partly else []
        for part in self.in_place:
            part.add_gradient(x)
        gather(self.of_one)
        if any(p.grad is not None for p in idle):
            raise ValueError(
                "weight_decay would reach parameters that take no part in the loss, where they are "
                "penalised in some models, in the others, too"
            )
        if self.clip_norm is not None:
            self._clip(self.clip_norm)
        return losses.detach(), None if penalty is None else penalty.detach()

    def amounts(self, count: int) -> list[float | None]:
        """The penalty of each model as it is now, through autograd as it was at the last batch.

        Args:
            count: of the models; one without a penalty gets None.
        """
        known = list(zip(self.by_autograd, self.values, strict=False))
        known += [(part, part.value(None)) for part in self.penalties if part.closed]
        totals: list[float | None] = [None] * count
        for part, value in known:
            numbers = getattr(part, "numbers", [0])
            for number, one in zip(numbers, value.detach().reshape(-1).tolist(), strict=True):
                totals[number] = (totals[number] or 0.0) + one
        return totals

    def _step(self) -> None:
        """A step of the optimiser, or each model's share of it."""
        if self.ratios is None:
            self.optimizer.step()
            return
        params = list(self.model.parameters())
        before = [p.detach().clone() for p in params]
        self.optimizer.step()
        with torch.no_grad():
            for p, old in zip(params, before, strict=True):
                p.copy_(old.lerp(p, self.ratios.to(p).view(-1, *[1] * (p.ndim - 1))))

    def _search(self, x: Any, y: Any) -> Parts:
        """The step of an optimiser that evaluates the loss as often as it likes."""
        evaluations: list[Parts] = []
        lone = [part for part in self.penalties if part.closed]

        def closure() -> float:
            value, penalty = self.backward(x, y)
            evaluations.append((value, penalty))
            known = [value, *(part.value(x) for part in lone)]
            return float(sum(known[1:], start=known[0]) + (0 if penalty is None else penalty))

        self.optimizer.step(closure)
        return evaluations[0]  # the later ones are those of the optimiser's own search

    @torch.no_grad()
    def _clip(self, limit: float) -> None:
        """Scale the gradient down to a norm of `limit`; of a stack each model's by itself."""
        if not self.stacked:
            nn.utils.clip_grad_norm_(self.trained, limit)
            return
        grads = [p.grad for p in self.trained if p.grad is not None]
        squares = [grad.flatten(1).square().sum(1) for grad in grads]
        norms = torch.stack(squares).sum(0).sqrt()  # (M,)
        factors = (limit / (norms + 1e-6)).clamp(max=1.0)  # as torch's own
        for grad in grads:
            grad.mul_(factors.view(-1, *[1] * (grad.ndim - 1)))

    def clear(self) -> None:
        """Forget the gradients: by hand, for `Optimizer.zero_grad` costs more than the loop."""
        for p in self.params:
            p.grad = None
        for part in self.of_one:
            part.clear()


def _wants_closure(optimizer: Optimizer) -> bool:
    """Whether `step` cannot be called without a closure."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty
