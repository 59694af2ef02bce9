"""Constraints: after every step the weights are put back into the set that is allowed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import number, whole
from nnkit.regularizers.weights import WeightPenalty


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
        self.limit, self.dim = number("limit", limit), whole("dim", dim, at_least=0)
        if self.limit <= 0:
            raise ValueError(f"limit must be greater than 0, got {limit!r}")
        if self.dim > 1:
            raise ValueError(f"dim must be 0 (outputs) or 1 (inputs), got {dim}")

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
