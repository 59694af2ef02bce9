"""The step sizes of an optimiser, weight by weight: what a proximal step has to match."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from nnkit._scratch import Scratch
from nnkit.training.adam import FusedAdam


class StepSizes:
    """How far the optimiser's last step went for a unit of gradient: (lr, scale), lr / scale.

    Under SGD the scale is None and lr that of the group; with momentum over 1 - momentum, since
    in the long run every gradient is applied so many times. Under Adam the scale is √v̂ + ε; both
    numbers are multiplied by the square root of its bias correction, which saves a division.
    `w in steps` says whether the optimiser changes w.

    Args:
        optimizer: any; `check` says whether its step sizes are known.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.is_adam = isinstance(optimizer, (FusedAdam, Adam, AdamW))
        groups = enumerate(optimizer.param_groups)  # by number: resuming makes new dicts of them
        self._group_of = {id(p): number for number, group in groups for p in group["params"]}
        self._scratch = Scratch()

    def check(self, name: str) -> None:
        """Refuse an optimiser whose step sizes are not known; `name` wants them.

        Raises:
            ValueError: if it is none of SGD, Adam and AdamW, or one with amsgrad or maximize.
        """
        form = next((o for o in ("amsgrad", "maximize") if self.optimizer.defaults.get(o)), None)
        if form or not (self.is_adam or isinstance(self.optimizer, SGD)):
            given = type(self.optimizer).__name__ + (f" with {form}" if form else "")
            raise ValueError(
                f"{name} takes a proximal step, whose size is known for SGD, Adam and AdamW of "
                f"torch, not for {given}. Hint: {name}(…, proximal=False) works with all, but "
                "gives no exact zeros"
            )

    def __contains__(self, w: Tensor) -> bool:
        return id(w) in self._group_of

    def __call__(self, w: Tensor) -> tuple[Any, Tensor | None]:
        """The step size of the weights w and its scale, which the next call overwrites."""
        group = self.optimizer.param_groups[self._group_of[id(w)]]
        lr = float(group["lr"])
        if not self.is_adam:
            momentum = group["momentum"]
            return lr * (1 - group["dampening"] * bool(momentum)) / (1 - momentum), None
        state = self.optimizer.state[w]
        v = state["exp_avg_sq"]
        root = math.sqrt(1 - group["betas"][1] ** float(state["step"]))
        return lr * root, torch.sqrt(v, out=self._scratch.like(v)).add_(group["eps"] * root)


class StepSizesOfOne:
    """The step sizes of one model in a stack.

    Args:
        steps: those of the stack.
        number: of the model.
        of: the stack's tensor for each of the model's, by id.
        ratio: the model's lr over the optimiser's.
    """

    def __init__(
        self, steps: StepSizes, number: int, of: Mapping[int, Tensor], ratio: float
    ) -> None:
        self.steps, self.number, self.of, self.ratio = steps, number, of, ratio

    def __contains__(self, w: Tensor) -> bool:
        return id(w) in self.of and self.of[id(w)] in self.steps

    def __call__(self, w: Tensor) -> tuple[Any, Tensor | None]:
        """The step size of the weights w and its scale."""
        lr, scale = self.steps(self.of[id(w)])
        return lr * self.ratio, None if scale is None else scale[self.number]
