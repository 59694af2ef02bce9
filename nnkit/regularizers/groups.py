"""Group lasso: whole rows or columns of weights fall to zero together."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import whole
from nnkit.regularizers.penalty import Lam, shown
from nnkit.regularizers.weights import WeightPenalty

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
        self.dim = whole("dim", dim, at_least=0)
        if self.dim > 1:
            raise ValueError(f"dim must be 0 (outputs) or 1 (inputs), got {dim}")
        if not isinstance(proximal, bool):
            raise TypeError(f"proximal must be True or False, got {proximal!r}")
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
