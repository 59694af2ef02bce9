"""One update: the gradient on a batch, a step of the optimiser, what penalties do after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit.training._optimizers import StepSizes
from nnkit.training._penalties import PartOfOne
from nnkit.training._pytree import rows_of
from nnkit.training._stack import Stack


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
        weigh: (x, y) -> how much a batch counts, beside the others that make the step.

    Attributes:
        penalty: the sum of the penalties through autograd at the last batch, or None.
        gathered: the batches whose gradients wait for a step.
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
        weigh: Callable[[Any, Any], float] | None = None,
    ) -> None:
        self.model, self.predict, self.optimizer, self.loss = model, predict, optimizer, loss
        self.clip_norm, self.ratios, self.stacked = clip_norm, ratios, isinstance(model, Stack)
        self.trained = [p for group in optimizer.param_groups for p in group["params"]]
        self.params = list(dict.fromkeys([*model.parameters(), *self.trained]))
        self.penalties = penalties
        self.by_autograd = [part for part in penalties if not part.closed]
        self.in_place = [part for part in penalties if part.closed and not part.rank]
        self.after = sorted((part for part in penalties if part.rank), key=attrgetter("rank"))
        self.of_one = [part for part in penalties if isinstance(part, PartOfOne)]
        self.values: list[Tensor] = []  # of those by autograd, at the last batch
        self.penalty: Tensor | None = None
        self.steps = StepSizes(optimizer)
        for part in self.after:
            if part.needs_steps:
                self.steps.check(part.name)
        closure = inspect.signature(optimizer.step).parameters.get("closure")
        self.searches = closure is not None and closure.default is inspect.Parameter.empty
        self.accumulate, self.weigh, self.gathered, self.weight = accumulate, weigh, 0, 0.0
        if accumulate > 1:
            self.weigh = rows_of if weigh is None else weigh
            if self.searches or self.stacked:
                what = "a stack" if self.stacked else f"{type(optimizer).__name__}, which searches,"
                raise ValueError(f"accumulate={accumulate} is not for {what}: give larger batches")

    def __call__(self, x: Any, y: Any) -> Tensor:
        """Update on the batch (x, y), or wait for more; its losses, without graph."""
        if self.searches:
            losses = self._search(x, y)
            self._act_after()
            return losses
        losses = self.add_gradient(x, y)
        if self.gathered == self.accumulate:
            self.finish()
        return losses

    def add_gradient(self, x: Any, y: Any) -> Tensor:
        """Add the gradient of losses and penalties on a batch to what has gathered; the losses."""
        if not self.gathered:
            self.clear()
        self.gathered, self.inputs = self.gathered + 1, x
        losses = self.loss(self.predict(x), y)
        total = losses.sum() if self.stacked else losses
        if self.by_autograd:
            self.values = [part.value(x) for part in self.by_autograd]
            penalty = torch.stack(self.values).sum()
            total, self.penalty = total + penalty, penalty.detach()
        if self.weigh is not None:
            weight = self.weigh(x, y)
            total, self.weight = total * weight, self.weight + weight
        total.backward()  # type: ignore[no-untyped-call]
        return losses.detach()

    def finish(self) -> bool:
        """Step by the mean of the gradients that have gathered; whether there were any."""
        if not self.gathered:
            return False
        self.complete_gradient()
        if self.ratios is None:
            self.optimizer.step()
        else:
            self._step_by_shares(self.ratios)
        if self.after:
            self._act_after()
        return True

    def complete_gradient(self) -> None:
        """Make the mean of what has gathered, add the penalties known in closed form, and clip."""
        if self.accumulate > 1:
            for p in self.trained:
                if p.grad is not None:
                    p.grad.div_(self.weight)
        self.gathered, self.weight = 0, 0.0
        idle = [p for p in self.trained if p.grad is None] if self.stacked else []
        for part in self.in_place:
            part.add_gradient(self.inputs)
        for part in self.of_one:
            part.gather()
        if idle and any(p.grad is not None for p in idle):
            self._check_idle()
        if self.clip_norm is not None:
            self._clip(self.clip_norm)

    def _check_idle(self) -> None:
        """Refuse to decay, in all models, parameters that only some models' penalties reach."""
        some = any(len(part.numbers) < len(self.model.models) for part in self.penalties)  # type: ignore[arg-type]
        if some and any(group.get("weight_decay") for group in self.optimizer.param_groups):
            raise ValueError(
                "weight_decay would reach parameters that take no part in the loss, where they are "
                "penalised in some models, in the others, too"
            )

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

    @torch.no_grad()
    def _step_by_shares(self, ratios: Tensor) -> None:
        """A step of the optimiser of which each model goes its share."""
        params = list(self.model.parameters())
        before = [p.clone() for p in params]
        self.optimizer.step()
        for p, old in zip(params, before, strict=True):
            p.copy_(old.lerp(p, ratios.to(p).view(-1, *[1] * (p.ndim - 1))))

    def _act_after(self) -> None:
        for part in self.after:
            part.after_step(self.steps)

    def _search(self, x: Any, y: Any) -> Tensor:
        """The step of an optimiser that evaluates the loss as often as it likes."""
        evaluations: list[Tensor] = []

        def closure() -> float:
            evaluations.append(self.add_gradient(x, y))
            self.complete_gradient()
            closed = [part.value(x) for part in self.penalties if part.closed]
            return float(sum(closed, evaluations[-1]) + (self.penalty or 0.0))

        self.optimizer.step(closure)
        return evaluations[0]  # the later ones are those of the optimiser's own search

    @torch.no_grad()
    def _clip(self, limit: float) -> None:
        """Scale the gradient down to a norm of `limit`; of a stack each model's by itself."""
        if not self.stacked:
            nn.utils.clip_grad_norm_(self.trained, limit)
            return
        grads = [p.grad for p in self.trained if p.grad is not None]
        norms = torch.stack([grad.flatten(1).square().sum(1) for grad in grads]).sum(0).sqrt()
        factors = (limit / (norms + 1e-6)).clamp(max=1.0)  # (M,), as torch's own
        for grad in grads:
            grad.mul_(factors.view(-1, *[1] * (grad.ndim - 1)))

    def clear(self) -> None:
        """Forget the gradients: by hand, for `Optimizer.zero_grad` costs more than the loop."""
        self.gathered, self.weight = 0, 0.0
        for p in self.params:
            p.grad = None
        for part in self.of_one:
            part.clear()
