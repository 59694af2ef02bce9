"""The default optimiser: Adam, with as little as possible around the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nnkit._scratch import Scratch

OptimizerLike = Optimizer | Callable[..., Optimizer]
SchedulerLike = LRScheduler | Callable[[Optimizer], LRScheduler]


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


def make_optimizer(
    optimizer: Any, model: nn.Module, lr: float, regularizers: Iterable[Any] = ()
) -> Any:
    """The optimiser given, or made by its factory; Adam by default.

    A factory is called with the parameters, those of regularisers included, and lr, unless it is
    a partial that has its own.
    """
    if isinstance(optimizer, Optimizer) or not (optimizer is None or callable(optimizer)):
        return optimizer
    own = [p for regularizer in regularizers for p in parameters_of(regularizer)]
    params = list(dict.fromkeys([*model.parameters(), *own]))
    if optimizer is None:
        return default_adam(model, lr, params)
    if isinstance(optimizer, partial) and "lr" in optimizer.keywords:
        return optimizer(params)
    return optimizer(params, lr=lr)


def parameters_of(regularizer: Any) -> list[nn.Parameter]:
    """The parameters of its own that a regulariser learns; a plain function has none."""
    return list(regularizer.parameters()) if isinstance(regularizer, nn.Module) else []


def default_adam(model: nn.Module, lr: float, params: Sequence[Tensor] | None = None) -> Optimizer:
    """Adam over `params`, by default the model's: our own on the CPU, elsewhere torch's."""
    params = list(model.parameters() if params is None else params)
    if not all(p.dtype in (torch.float32, torch.float64) for p in params):
        return torch.optim.Adam(params, lr=lr)
    if any(getattr(module, "sparse", False) for module in model.modules()):
        return torch.optim.Adam(params, lr=lr)  # says that sparse gradients want SparseAdam
    if all(p.device.type == "cpu" for p in params):
        return FusedAdam(params, lr=lr)
    return torch.optim.Adam(params, lr=lr, fused=all(p.device.type == "cuda" for p in params))


def make_scheduler(scheduler: Any, optimizer: Any) -> Any:
    """The schedule given, or made by its factory."""
    is_factory = isinstance(scheduler, type) or not hasattr(scheduler, "step")
    return scheduler(optimizer) if scheduler is not None and is_factory else scheduler
