"""Noise on inputs, and the penalty that it amounts to when it is small."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import number
from nnkit._draws import check_generator, normal
from nnkit.regularizers.penalty import Lam, Penalty, checked


class InputNoise:
    """(x, y) → (x + ε, y) with ε ~ N(0, std² I), drawn anew for each batch: a `transform`.

        fit(model, data, loss=F.mse_loss, transform=InputNoise(0.1))

    Small noise acts, to second order and averaged over draws, as :class:`GradientPenalty` of
    std² on a squared error, plus a term that vanishes where the model fits (Bishop, 1995).

    Args:
        std: the deviation of the noise, in units of the inputs, at least 0.
        generator: what draws; None for torch's own state, which the `seed` of `fit` sets.

    Source: Bishop, 1995, "Training with noise is equivalent to Tikhonov regularization".

    Example:
        >>> import torch
        >>> from nnkit.regularizers import InputNoise
        >>> x, y = InputNoise(0.5)(torch.zeros(1000, 10), torch.zeros(1000))
        >>> round(x.std().item(), 1)
        0.5
    """

    def __init__(self, std: float, generator: torch.Generator | None = None) -> None:
        self.std, self.generator = number("std", std, at_least=0.0), generator
        check_generator(generator)

    def __call__(self, x: Tensor, y: Any) -> tuple[Tensor, Any]:
        """The inputs with noise, (N, ...), and the targets as they are."""
        if not isinstance(x, Tensor) or not x.is_floating_point():
            kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(f"InputNoise needs one tensor of floats as inputs, got {kind}")
        return x + self.std * normal(x.shape, self.generator, like=x), y

    def __repr__(self) -> str:
        return f"InputNoise({self.std:g})"


class GradientPenalty(Penalty):
    """λ times the mean over the batch of ‖∂f/∂x‖², the squared slope of the output.

    For several outputs it is the sum over them, the squared Frobenius norm of the Jacobian. It
    needs a forward pass of its own, through which autograd goes twice, and once per output.
    Where rows of a batch depend on each other (batch normalisation), so does their slope.

    Args:
        lam: the strength λ.

    Source: Drucker and LeCun, 1992; Bishop, 1995.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import GradientPenalty
        >>> model, x = torch.nn.Linear(3, 1), torch.randn(8, 3)
        >>> penalty = GradientPenalty(0.1)(model, x)
        >>> torch.allclose(penalty, 0.1 * model.weight.square().sum())  # the slope of a line is w
        True
    """

    def __init__(self, lam: Lam) -> None:
        super().__init__()
        self.lam = checked(lam)
        if isinstance(self.lam, list):
            raise TypeError(f"lam of a GradientPenalty must be one number, got {lam!r}")

    def forward(self, model: nn.Module, x: Any = None) -> Tensor:
        """λ mean ‖∂f/∂x‖² at the inputs x (N, ...).

        Raises:
            TypeError: if x is no tensor of floats.
        """
        if not isinstance(x, Tensor) or not x.is_floating_point():
            given = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(
                f"GradientPenalty needs the inputs, a tensor of floats, got {given}. "
                "Hint: penalty(model, x); fit gives it the batch"
            )
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            outputs = model(x)
            outputs = outputs.reshape(len(x), -1)  # (N, outputs)
            slopes = torch.stack([_squared_slopes(f, x) for f in outputs.unbind(1)])
            value: Tensor = self.lam * slopes.sum() / len(x)
        return value


def _squared_slopes(f: Tensor, x: Tensor) -> Tensor:
    """Σ_n ‖∂f_n/∂x_n‖² for one output f (N,)."""
    (slopes,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    return slopes.square().sum()
