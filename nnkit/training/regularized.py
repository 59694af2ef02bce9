"""One update with a regulariser: gradients that are known are added, proximal steps taken."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit.training.nested import forward
from nnkit.training.steps import StepSizes
from nnkit.training.update import Parts, Update

MEASURED = 16  # a penalty whose gradient is known without it is measured at every 16th batch


class RegularizedUpdate(Update):
    """An update whose loss is that of the data and a penalty.

    Args:
        model: the module in training.
        optimizer: what updates its parameters.
        loss: (output, target) -> scalar tensor.
        regularizer: a penalty of `nnkit.regularizers`, or any function model -> scalar tensor,
            which goes through autograd.
        clip_norm: the largest norm of the gradient, or None; proximal steps are not part of it.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        loss: Callable[[Any, Any], Tensor],
        regularizer: Callable[..., Tensor],
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(model, optimizer, loss, clip_norm)
        bind = getattr(regularizer, "bind", None)
        parts: list[Any] = [Plain(regularizer, model)] if bind is None else bind(model)
        self.by_autograd = [part for part in parts if not part.closed]
        self.in_place = [part for part in parts if part.closed and not part.rank]
        self.after = sorted((part for part in parts if part.rank), key=attrgetter("rank"))
        self.measured: list[Tensor] = []
        self.steps = StepSizes(optimizer)
        for part in self.after:
            if part.needs_steps:
                self.steps.check(part.name)

    def __call__(self, x: Any, y: Any, number: int = 0) -> Parts:
        """Update on the batch (x, y), then take proximal steps and project."""
        parts = super().__call__(x, y, number)
        for part in self.after:
            part.after_step(self.steps)
        return parts

    def backward(self, x: Any, y: Any, number: int) -> Parts:
        """Set the gradients on the batch; its loss and its penalty, without graph.

        A penalty with a gradient of its own is measured at batch 0, 16, 32 …: its value is for the
        log alone, changes little in between, and would cost as much as the gradient.
        """
        self.clear()
        value = self.loss(forward(self.model, x), y)
        penalties = [part.value(x) for part in self.by_autograd]
        sum(penalties, start=value).backward()
        for part in self.in_place:
            part.add_gradient(x)
        if number % MEASURED == 0:
            self.measured = [part.value(x) for part in (*self.in_place, *self.after)]
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.trained, self.clip_norm)
        penalties += self.measured
        first, *others = penalties
        return value.detach(), sum(others, start=first).detach()


class Plain:
    """A function of the model as a part of the penalty."""

    closed, rank = False, 0

    def __init__(self, function: Callable[[nn.Module], Tensor], model: nn.Module) -> None:
        self.function, self.model = function, model

    def value(self, x: Any) -> Tensor:
        """The penalty, with its graph."""
        return self.function(self.model)
