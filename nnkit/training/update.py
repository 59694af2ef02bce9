"""One update: gradient of the loss on a batch, then a step of the optimiser."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit.training.nested import forward

Parts = tuple[Tensor, Tensor | None]  # loss, penalty


class Update:
    """Called with a batch, it changes the weights; gives loss and penalty before the change.

    Args:
        model: the module in training.
        optimizer: what updates its parameters; one that wants a closure (LBFGS) gets it.
        loss: (output, target) -> scalar tensor.
        clip_norm: the largest norm of the gradient, or None.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        loss: Callable[[Any, Any], Tensor],
        clip_norm: float | None = None,
    ) -> None:
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.clip_norm = clip_norm
        self.trained = [p for group in optimizer.param_groups for p in group["params"]]
        self.params = list(dict.fromkeys([*model.parameters(), *self.trained]))
        self.wants_closure = _wants_closure(optimizer)

    def __call__(self, x: Any, y: Any, number: int = 0) -> Parts:
        """Update on the batch (x, y); its loss and its penalty (or None), without graph.

        Args:
            x: the inputs.
            y: the target.
            number: that of the batch in its epoch, from 0.
        """
        if not self.wants_closure:
            parts = self.backward(x, y, number)
            self.optimizer.step()
            return parts
        evaluations: list[Parts] = []

        def closure() -> float:
            value, penalty = self.backward(x, y, 0)  # the search wants the penalty as it is now
            evaluations.append((value, penalty))
            return float(value if penalty is None else value + penalty)

        self.optimizer.step(closure)
        return evaluations[0]  # the later ones are those of the optimiser's own search

    def backward(self, x: Any, y: Any, number: int) -> Parts:
        """Set the gradients on the batch; its loss and its penalty, without graph."""
        self.clear()
        value = self.loss(forward(self.model, x), y)
        value.backward()  # type: ignore[no-untyped-call]
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.trained, self.clip_norm)
        return value.detach(), None

    def clear(self) -> None:
        """Forget the gradients: by hand, for `Optimizer.zero_grad` costs more than the loop."""
        for p in self.params:
            p.grad = None


def _wants_closure(optimizer: Optimizer) -> bool:
    """Whether `step` cannot be called without a closure."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty
