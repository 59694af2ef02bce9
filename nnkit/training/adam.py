"""The default optimiser: Adam, with as little as possible around the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import is_
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class FusedAdam(Optimizer):
    """Adam (Kingma and Ba, 2015) for tensors on the CPU, in one call of torch's fused kernel.

    Equal to `torch.optim.Adam` step by step up to rounding; faster for small models since the
    lists of tensors are kept from step to step. Its state has the same form, too.

    Args:
        params: the parameters, or groups of them.
        lr: the step size, read from the parameter groups at each step.
        betas: decay rates of the running means of the gradient and of its square.
        eps: added to the denominator.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self._known: dict[int, tuple[list[Tensor], ...]] = {}  # lists by number of the group
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._known = {}  # the state's tensors were replaced

    def state_dict(self) -> dict[str, Any]:
        """As that of torch.optim.Adam: a step count of its own for each parameter."""
        saved = super().state_dict()
        state = {i: s | {"step": s["step"].clone()} for i, s in saved["state"].items()}
        return saved | {"state": state}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for number, group in enumerate(self.param_groups):
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                exp_avgs, exp_avg_sqs, steps, counters = self._lists_for(number, params)
                for counter in counters:
                    counter += 1
                torch._fused_adam_(
                    params,
                    [_in_layout_of(p) for p in params],
                    exp_avgs,
                    exp_avg_sqs,
                    [],
                    steps,
                    lr=group["lr"],
                    beta1=group["betas"][0],
                    beta2=group["betas"][1],
                    weight_decay=0.0,
                    eps=group["eps"],
                    amsgrad=False,
                    maximize=False,
                )
        return loss

    def _lists_for(self, number: int, params: list[Tensor]) -> tuple[list[Tensor], ...]:
        """The running means of `params`, their step counts, and the counters to advance.

        Parameters that have made as many steps share a counter: to advance it costs more than
        the arithmetic of a small layer.
        """
        known = self._known.get(number)
        if known is not None and len(known[0]) == len(params) and all(map(is_, known[0], params)):
            return known[1:]
        counters: dict[float, Tensor] = {}
        for p in params:
            state = self.state[p]
            if not state:
                state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(p, memory_format=torch.preserve_format)
            count = float(state.get("step", 0.0))
            state["step"] = counters.setdefault(count, torch.tensor(count, dtype=torch.float32))
        means = [[self.state[p][key] for p in params] for key in ("exp_avg", "exp_avg_sq", "step")]
        self._known[number] = (params, *means, list(counters.values()))
        return self._known[number][1:]


def _in_layout_of(p: Tensor) -> Tensor:
    """The gradient of `p`, laid out in memory as `p` is: the kernel trusts that it is."""
    grad = p.grad
    assert grad is not None
    if grad.stride() == p.stride():
        return grad
    return torch.empty_like(p, memory_format=torch.preserve_format).copy_(grad)
