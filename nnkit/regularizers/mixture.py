"""Soft weight sharing with learned groups: a mixture of Gaussians over the weights."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import number, whole
from nnkit.regularizers.penalty import Lam, shown
from nnkit.regularizers.weights import WeightPenalty


class GaussianMixturePrior(WeightPenalty):
    """-λ Σ_i ln Σ_j π_j N(w_i; μ_j, σ_j²): weights gather round means that are learned with them.

    The means μ, the logits of the proportions π and the logarithms that the variances are made of
    are its parameters; the optimiser that `fit` makes trains them, too. To one of your own give
    ``[*model.parameters(), *prior.parameters()]``.

    Args:
        lam: the strength λ, one number or one per layer. With the mean squared error over N rows
            and noise of variance s², the most probable weights have λ = 2 s² / N.
        components: how many Gaussians.
        spread: the means start evenly between -spread and spread.
        std: the deviation of each at the start; by default the distance of the means.
        min_std: added in quadrature, so that no Gaussian can shrink onto a single weight.
        biases, exempt: as for :class:`WeightPenalty`.

    Source: Nowlan and Hinton, 1992.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import GaussianMixturePrior
        >>> prior = GaussianMixturePrior(0.01, components=3)
        >>> prior.means.tolist()  # learned from here on
        [-1.0, 0.0, 1.0]
        >>> prior.responsibilities(torch.tensor([-0.9, 0.2, 0.7])).argmax(1)  # whose each weight is
        tensor([0, 1, 2])
    """

    of_complex = False

    def __init__(
        self,
        lam: Lam,
        components: int = 4,
        *,
        spread: float = 1.0,
        std: float | None = None,
        min_std: float = 1e-3,
        **options: Any,
    ) -> None:
        super().__init__(lam, **options)
        self.components = whole("components", components, at_least=1)
        for name, value in (("spread", spread), ("std", std)):
            if value is not None and number(name, value) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {value!r}")
        self.min_std = number("min_std", min_std, at_least=0.0)
        if std is None:
            std = 2 * spread / (components - 1) if components > 1 else spread
        ends = (-spread, spread) if components > 1 else (0.0, 0.0)
        self.means = nn.Parameter(torch.linspace(*ends, components))
        self.log_vars = nn.Parameter(torch.full((components,), 2 * math.log(std)))
        self.logits = nn.Parameter(torch.zeros(components))

    @property
    def stds(self) -> Tensor:
        """The deviations σ of the Gaussians (components,)."""
        return self._variances().sqrt()

    @property
    def proportions(self) -> Tensor:
        """The proportions π, which sum to 1 (components,)."""
        return self.logits.softmax(0)

    def log_density(self, w: Tensor) -> Tensor:
        """The logarithm of Σ_j π_j N(w; μ_j, σ_j²) at every element of w."""
        return self._joint(w).logsumexp(-1)

    def responsibilities(self, w: Tensor) -> Tensor:
        """The probability of each Gaussian given the weight, (*w.shape, components)."""
        return self._joint(w).softmax(-1)

    def value(self, name: str, w: Tensor) -> Tensor:
        """-Σ_i ln Σ_j π_j N(w_i; μ_j, σ_j²)."""
        return -self.log_density(w).sum()

    def gradient(self, name: str, w: Tensor) -> Tensor:
        """Σ_j r_ij (w_i - μ_j) / σ_j²: every Gaussian pulls by its responsibility r."""
        pulls = (w[..., None] - self.means) / self._variances()
        return (self.responsibilities(w) * pulls).sum(-1)

    def add_to(self, grad: Tensor, buffer: Tensor, name: str, w: Tensor, lam: float) -> None:
        """The gradient of the weights, and of the prior's own parameters."""
        r = self.responsibilities(w.flatten())  # (weights, components)
        variances = self._variances()
        apart = w.flatten()[:, None] - self.means
        pulls = r * apart / variances
        grad.add_(pulls.sum(1).view_as(w), alpha=lam)
        widths = (r - pulls * apart).sum(0) * self.log_vars.exp() / (2 * variances)
        shares = len(r) * self.proportions - r.sum(0)
        for parameter, own in ((self.means, -pulls.sum(0)), (self.log_vars, widths),
                               (self.logits, shares)):  # fmt: skip
            if parameter.requires_grad:
                known = parameter.grad
                parameter.grad = lam * own if known is None else known.add_(own, alpha=lam)

    def options(self) -> str:
        """The strength and the number of Gaussians."""
        return f"{shown(self.lam)}, {self.components}"

    def _variances(self) -> Tensor:
        return self.log_vars.exp() + self.min_std**2

    def _joint(self, w: Tensor) -> Tensor:
        """The logarithms of π_j N(w; μ_j, σ_j²), (*w.shape, components)."""
        variances = self._variances()
        logs = self.logits.log_softmax(0) - 0.5 * torch.log(2 * math.pi * variances)
        return logs - (w[..., None] - self.means).square() / (2 * variances)
