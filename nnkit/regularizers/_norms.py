"""L2, L1 and what is made of them: towards a starting point, on the scales of normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import flag
from nnkit._used import plain_state
from nnkit.regularizers._penalty import Lam, checked, shown
from nnkit.regularizers._weights import NORMALISATIONS, Term, WeightPenalty


class L2(WeightPenalty):
    """λ Σ w²: shrinks weights in proportion to their size, rarely to zero.

    The same as weight decay of 2λ under SGD, and not under Adam (Loshchilov and Hutter, 2019).
    The arguments are those of :class:`WeightPenalty`.

    Source: Hoerl and Kennard, 1970; Krogh and Hertz, 1991.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import L2
        >>> model = torch.nn.Linear(3, 1)
        >>> L2(0.1)(model).backward()
        >>> torch.allclose(model.weight.grad, 2 * 0.1 * model.weight)  # 2λw
        True
        >>> model.bias.grad is None  # biases are exempt
        True
    """

    def value(self, name: str, w: Tensor) -> Tensor:
        """Σ w²."""
        return sum_of_squares(w)

    def gradient(self, name: str, w: Tensor) -> Tensor:
        """2 w."""
        return 2 * w

    def add_to(self, grad: Tensor, buffer: Tensor, name: str, w: Tensor, lam: float) -> None:
        """2 λ w, without a tensor in between."""
        grad.add_(w, alpha=2 * lam)


class L1(WeightPenalty):
    """λ Σ |w|: shrinks all weights by the same amount, those that do not matter to exactly zero.

    The zeros come from a proximal step after the optimiser's, w ← sign(w) max(|w| - t, 0), with
    t = lr λ under SGD (over 1 - momentum, if there is any) and lr λ / (√v̂ + ε), weight by weight,
    under Adam and AdamW. No other optimiser's threshold is known here.

    Args:
        lam, biases, exempt: as for :class:`WeightPenalty`.
        proximal: whether `fit` takes that step; if not it adds the subgradient λ sign(w), which
            works with every optimiser and gives no exact zeros.

    Source: Tibshirani, 1996; Parikh and Boyd, 2014 (proximal step).

    Example:
        >>> import torch
        >>> from nnkit.regularizers import L1
        >>> from nnkit.training import fit
        >>> model, X = torch.nn.Linear(4, 1), torch.randn(400, 4)
        >>> y, mse = 3 * X[:, :1], torch.nn.functional.mse_loss  # only the first input matters
        >>> run = fit(model, (X, y), loss=mse, regularizer=L1(0.5), lr=0.05, seed=0)
        >>> model.weight.data != 0  # the proximal step gives exact zeros
        tensor([[ True, False, False, False]])
    """

    def __init__(self, lam: Lam, *, proximal: bool = True, **options: Any) -> None:
        super().__init__(lam, **options)
        flag("proximal", proximal)
        self.rank, self.needs_steps = int(proximal), proximal

    def value(self, name: str, w: Tensor) -> Tensor:
        """Σ |w|."""
        return w.abs().sum()

    def gradient(self, name: str, w: Tensor) -> Tensor:
        """The sign of w, 0 at 0."""
        return w.sgn()

    def add_to(self, grad: Tensor, buffer: Tensor, name: str, w: Tensor, lam: float) -> None:
        """λ sign(w)."""
        grad.add_(torch.sgn(w, out=buffer), alpha=lam)

    def after_step(self, name: str, w: Tensor, by: Any, scale: Tensor | None) -> None:
        """The proximal step: |scale w| shrinks by `by`, at most to zero."""
        if scale is None:
            soft_threshold_(w, by)
        else:
            w.mul_(scale)
            soft_threshold_(w, by)
            w.div_(scale)


class ScaleL1(L1):
    """λ Σ |γ| over the scales of normalisation layers: whole channels fall to zero for pruning.

    Source: Liu et al., 2017.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import ScaleL1
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8))
        >>> round(ScaleL1(0.1)(model).item(), 3)  # 8 scales γ, which start at 1
        0.8
        >>> [term.name for term in ScaleL1(0.1).terms(model)]
        ['1.weight']
    """

    def accepts(self, module: nn.Module, name: str, w: Tensor) -> bool:
        """The scales γ alone."""
        return isinstance(module, NORMALISATIONS) and name.endswith("weight")


class L2SP(WeightPenalty):
    """λ Σ (w - w⁰)²: keeps the weights near those from which fine-tuning starts.

    Args:
        lam: the strength λ, one number or one per layer.
        start: the model, or its ``state_dict``, whose weights are w⁰; they are copied.
        new: the strength of λ_new Σ w² on weights that are not in `start`, such as a new head; a
            weight of another shape counts as new.
        biases, exempt: as for :class:`WeightPenalty`.

    Source: Li, Grandvalet and Davoine, 2018 (twice their α / 2 and β / 2).

    Example:
        >>> import torch
        >>> from nnkit.regularizers import L2SP
        >>> model = torch.nn.Linear(3, 1)  # pretrained, say
        >>> penalty = L2SP(0.1, start=model)
        >>> model.weight.data += 2.0
        >>> round(penalty(model).item(), 3)  # 3 weights, each 2 away from where it was
        1.2
    """

    def __init__(
        self,
        lam: Lam,
        start: nn.Module | Mapping[str, Tensor],
        *,
        new: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(lam, **options)
        self.new = checked(new)
        start = getattr(start, "_orig_mod", start)
        state = start.state_dict() if isinstance(start, nn.Module) else start
        if not isinstance(state, Mapping):
            raise TypeError(f"start must be a module or its state_dict, got {start!r}")
        self.start = {k: value.detach().clone() for k, value in plain_state(state).items()}

    def terms(self, model: nn.Module) -> list[Term]:
        """The weights, those that are not in the start with the strength `new`."""
        terms, known = super().terms(model), 0
        for number, term in enumerate(terms):
            name, w = term.name, term.weight
            if self._has(name, w):
                self.start[name] = self.start[name].to(w.device, w.dtype)
                known += 1
            else:
                terms[number] = term._replace(lam=self.new)
        if not known:
            raise ValueError("L2SP: no weight of the model has the name and shape of one in start")
        return terms

    def scaled(self, factor: Any) -> L2SP:
        """The same penalty, `factor` times as strong, on new weights, too."""
        scaled = super().scaled(factor)
        assert isinstance(scaled, L2SP)
        scaled.new = self.new * factor
        return scaled

    def value(self, name: str, w: Tensor) -> Tensor:
        """Σ (w - w⁰)²."""
        return sum_of_squares(self._moved(name, w))

    def gradient(self, name: str, w: Tensor) -> Tensor:
        """2 (w - w⁰)."""
        return 2 * self._moved(name, w)

    def add_to(self, grad: Tensor, buffer: Tensor, name: str, w: Tensor, lam: float) -> None:
        """2 λ (w - w⁰), without a tensor in between."""
        grad.add_(w, alpha=2 * lam)
        if self._has(name, w):  # what this rounds is as if the last digit of w⁰ were another
            grad.sub_(self.start[name], alpha=2 * lam)

    def options(self) -> str:
        """The strengths."""
        new = f", new={shown(self.new)}" if self.new else ""
        return f"{shown(self.lam)}, start{new}"

    def _has(self, name: str, w: Tensor) -> bool:
        start = self.start.get(name)
        return start is not None and start.shape == w.shape

    def _moved(self, name: str, w: Tensor) -> Tensor:
        return w - self.start[name] if self._has(name, w) else w


def sum_of_squares(w: Tensor) -> Tensor:
    """Σ |w|², in one pass and without a tensor in between."""
    flat = w.flatten()
    return torch.vdot(flat, flat).real if w.is_complex() else torch.dot(flat, flat)


def soft_threshold_(w: Tensor, by: Any) -> Tensor:
    """sign(w) max(|w| - by, 0), in place; `by` is a number or a tensor that broadcasts."""
    if isinstance(by, Tensor):
        return w.sub_(w.clamp(-by, by))
    return torch.ops.aten.softshrink.out(w, by, out=w)  # type: ignore[no-any-return]
