"""Whole rows or columns of weights: the group lasso, and sets in which weights must lie."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import flag, number, whole
from nnkit.regularizers._penalty import Lam, shown
from nnkit.regularizers._weights import WeightPenalty

NEWTON = 20  # steps at most to the norm after a proximal step; in training it takes two
CLOSE = 1e-6  # the relative change of the norm at which the search ends


class GroupLasso(WeightPenalty):
    """λ Σ_g √|g| ‖w_g‖ over groups g of |g| weights: units that do not matter vanish whole.

    Its proximal step under SGD shortens every group by lr λ √|g|, at most to zero; under Adam it
    is the exact one in Adam's own metric. Optimisers as for :class:`L1`.

    Args:
        lam, biases, exempt: as for :class:`WeightPenalty`; tensors of one dimension have no
            groups and are left out.
        dim: 0 for one group per output unit or channel, 1 for one per input.
        proximal: whether `fit` takes the proximal step or adds the subgradient.

    Source: Yuan and Lin, 2006.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import GroupLasso
        >>> from nnkit.training import fit
        >>> model, X = torch.nn.Linear(4, 8), torch.randn(400, 4)
        >>> y, mse = X[:, :1].expand(-1, 8), torch.nn.functional.mse_loss  # one input matters
        >>> run = fit(model, (X, y), loss=mse, regularizer=GroupLasso(0.05, dim=1), lr=0.05, seed=0)
        >>> (model.weight != 0).any(0)  # the weights of an input vanish together
        tensor([ True, False, False, False])
    """

    def __init__(self, lam: Lam, *, dim: int = 0, proximal: bool = True, **options: Any) -> None:
        super().__init__(lam, **options)
        self.dim = whole("dim", dim, at_least=0, at_most=1)
        flag("proximal", proximal)
        self.rank, self.needs_steps = 2 * proximal, proximal

    def accepts(self, module: nn.Module, name: str, w: Tensor) -> bool:
        """Weights that have rows and columns."""
        return w.ndim > 1 and super().accepts(module, name, w)

    def value(self, name: str, w: Tensor) -> Tensor:
        """Σ_g √|g| ‖w_g‖."""
        rows = self._rows(w)
        norms: Tensor = torch.linalg.vector_norm(rows, dim=1)
        return math.sqrt(rows.shape[1]) * norms.sum()

    def gradient(self, name: str, w: Tensor) -> Tensor:
        """√|g| w_g / ‖w_g‖, 0 at 0."""
        rows = self._rows(w)
        norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        slope = math.sqrt(rows.shape[1]) * rows / torch.where(norms > 0, norms, 1)
        return self._back(slope, w)

    def after_step(self, name: str, w: Tensor, by: Any, scale: Tensor | None) -> None:
        """The proximal step, group by group."""
        rows = self._rows(w)
        by = by * math.sqrt(rows.shape[1])
        if scale is not None:
            rows = proximal_rows(rows, by, self._rows(scale))
        else:
            norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
            rows = rows * (1 - by / norms).clamp(min=0.0)  # a norm of 0 gives -inf, and so 0
        w.copy_(self._back(rows, w))

    def options(self) -> str:
        """The strength, and the groups."""
        return f"{shown(self.lam)}, dim={self.dim}"

    def _rows(self, w: Tensor) -> Tensor:
        """One row per group."""
        return w.transpose(0, self.dim).flatten(1)

    def _back(self, rows: Tensor, w: Tensor) -> Tensor:
        """Rows per group in the shape of w."""
        return rows.reshape(w.transpose(0, self.dim).shape).transpose(0, self.dim)


def proximal_rows(z: Tensor, by: Any, scale: Tensor) -> Tensor:
    """The w that minimises Σ scale (w - z)² / 2 + by ‖w‖, for every row of z.

    Where w is not zero, w = scale z / (scale + by / ν), ν being its norm; so ν is the root of
    ‖scale z / (scale ν + by)‖ = 1. The inverse of that norm is nearly a straight line and concave:
    Newton's method comes to the root from the left (after Moré and Sorensen, 1983).

    Args:
        z: the groups (groups, weights).
        by: a number, or (groups, 1).
        scale: positive, of the shape of z.
    """
    pull, below, ratio = scale * z, torch.empty_like(z), torch.empty_like(z)
    survives = torch.linalg.vector_norm(pull, dim=1, keepdim=True) > by
    norm = torch.linalg.vector_norm(z, dim=1, keepdim=True)  # where it is if `by` is small
    for _ in range(NEWTON):
        below = torch.mul(scale, norm, out=below).add_(by)
        ratio = torch.div(pull, below, out=ratio)
        size = torch.linalg.vector_norm(ratio, dim=1, keepdim=True)
        slope = ratio.square_().mul_(scale).div_(below).sum(1, keepdim=True) / size
        last, norm = norm, (norm + (size - 1) * size / slope).clamp(min=0.0)
        if torch.where(survives, (norm - last).abs() <= CLOSE * norm, True).all():
            break
    shrunk = pull.mul_(norm).div_(torch.mul(scale, norm, out=below).add_(by))
    return shrunk.masked_fill_(~survives, 0.0)


class Constraint(WeightPenalty):
    """A set in which the weights must lie: costs nothing within, and `fit` projects onto it.

    Works with every optimiser. Scaling it changes nothing.
    """

    rank = 3

    def __init__(self, **options: Any) -> None:
        super().__init__(1.0, **options)

    def value(self, name: str, w: Tensor) -> Tensor:
        """0: to lie in the set costs nothing."""
        return w.new_zeros(())

    def add_to(self, grad: Tensor, buffer: Tensor, name: str, w: Tensor, lam: float) -> None:
        """Add nothing."""

    def after_step(self, name: str, w: Tensor, by: Any, scale: Tensor | None) -> None:
        """The nearest allowed weights."""
        self.project_(w)

    def project_(self, w: Tensor) -> None:
        """Put w, in place, where it is allowed."""
        raise NotImplementedError(f"{type(self).__name__} has no project_(w)")

    @torch.no_grad()
    def project(self, model: nn.Module) -> None:
        """Put the model's weights where they are allowed: for a loop of one's own."""
        for term in self.terms(model):
            term.change(self.project_)

    def options(self) -> str:
        """None."""
        return ""


class NonNegative(Constraint):
    """w ≥ 0: with monotone activations no output falls when an input rises.

    Args:
        biases, exempt: as for :class:`WeightPenalty`.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import NonNegative
        >>> model = torch.nn.Linear(3, 1)
        >>> model.weight.data = torch.tensor([[0.5, -2.0, 1.0]])
        >>> NonNegative().project(model)  # fit does so after every step
        >>> model.weight.tolist()
        [[0.5, 0.0, 1.0]]
    """

    of_complex = False

    def project_(self, w: Tensor) -> None:
        """Negative weights become 0."""
        w.clamp_(min=0)


class MaxNorm(Constraint):
    """‖w_g‖ ≤ limit for the incoming weights w_g of every unit.

    Args:
        limit: the largest norm, above 0; usual are 2 to 4.
        dim: 0 for one norm per output unit or channel, 1 for one per input.
        biases, exempt: as for :class:`WeightPenalty`; tensors of one dimension are left out.

    Source: Srebro and Shraibman, 2005; Srivastava et al., 2014.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import MaxNorm
        >>> model = torch.nn.Linear(2, 2)
        >>> model.weight.data = torch.tensor([[3.0, 4.0], [0.5, 0.5]])
        >>> MaxNorm(2.5).project(model)  # fit does so after every step
        >>> model.weight.data  # only the row of norm 5 was too long
        tensor([[1.5000, 2.0000],
                [0.5000, 0.5000]])
    """

    def __init__(self, limit: float, *, dim: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.limit = number("limit", limit, above=0)
        self.dim = whole("dim", dim, at_least=0, at_most=1)

    def accepts(self, module: nn.Module, name: str, w: Tensor) -> bool:
        """Weights that have rows and columns."""
        return w.ndim > 1 and super().accepts(module, name, w)

    def project_(self, w: Tensor) -> None:
        """Longer rows (or columns) are scaled down to the limit."""
        others = [d for d in range(w.ndim) if d != self.dim]
        norms = torch.linalg.vector_norm(w, dim=others, keepdim=True)
        w.mul_((self.limit / norms).clamp(max=1.0))  # a norm of 0 gives inf, and so 1

    def options(self) -> str:
        """The limit."""
        return f"{self.limit:g}"
