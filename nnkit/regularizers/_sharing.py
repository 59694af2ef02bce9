"""Soft weight sharing: with groups made by hand, or learned as a mixture of Gaussians."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import flag, number, whole
from nnkit.regularizers._norms import sum_of_squares
from nnkit.regularizers._penalty import Lam, shown
from nnkit.regularizers._weights import Term, WeightPenalty

FAR = 3.0  # standard deviations; a mean that far from 0 is taken from the weights themselves
SAMPLE = 1000  # about so many weights tell how far it is


class SoftSharing(WeightPenalty):
    """λ Σ_k Σ_{i<j∈G_k} (w_i - w_j)²: as λ grows, the weights of a group become one.

    The double sum over a group of n is n Σ (w - mean)², which is what is computed: it keeps its
    digits however far from 0 the mean is, where n Σ w² - (Σ w)² loses them.

    Args:
        lam: the strength λ, one number or one per layer.
        groups: by name of a parameter a tensor of its shape, with the number from 0 of each
            weight's group and -1 for weights in none, or None if all its weights are one group.
            A list of names stands for None each. By default every weight tensor is a group.
        mean: divide each group's sum by its n, so that λ means the same for groups of any size.
        biases, exempt: as for :class:`WeightPenalty`.

    Groups found in training instead of made by hand are :class:`GaussianMixturePrior`'s.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import SoftSharing
        >>> model = torch.nn.Linear(3, 1)
        >>> model.weight.data = torch.tensor([[1.0, 2.0, 4.0]])
        >>> round(SoftSharing(1.0)(model).item(), 3)  # 1² + 3² + 2²
        14.0
    """

    def __init__(
        self,
        lam: Lam,
        groups: Mapping[str, Tensor | None] | Sequence[str] | None = None,
        *,
        mean: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(lam, **options)
        flag("mean", mean)
        if isinstance(groups, (str, Tensor)):
            raise TypeError(f"groups must be a dict or list of parameter names, got {groups!r}")
        self.mean = mean
        self.names = None if groups is None else list(groups)
        labels = groups if isinstance(groups, Mapping) else {}
        self.groups = {k: _Groups(k, g, mean) for k, g in labels.items() if g is not None}

    def accepts(self, module: nn.Module, name: str, w: Tensor) -> bool:
        """Weights; if groups were given, the parameters named there."""
        return super().accepts(module, name, w) if self.names is None else name in self.names

    def terms(self, model: nn.Module) -> list[Term]:
        """The weights that have groups."""
        terms = super().terms(model)
        found = {term.name: term.weight for term in terms}
        for name in self.names or ():
            if name not in found:
                raise ValueError(f"groups: the model has no parameter {name!r}")
        for name, groups in self.groups.items():
            groups.fit(found[name])
        return terms

    def value(self, name: str, w: Tensor) -> Tensor:
        """Σ_k n_k Σ (w - mean_k)², without n_k if `mean`."""
        if name in self.groups:
            apart = self.groups[name].deviation(w)
            return (self.groups[name].pairs * (apart * apart.conj()).real).sum()
        return (1 if self.mean else w.numel()) * sum_of_squares(deviation(w))

    def gradient(self, name: str, w: Tensor) -> Tensor:
        """2 n_k (w - mean_k), without n_k if `mean`."""
        if name in self.groups:
            return 2 * self.groups[name].pairs * self.groups[name].deviation(w)
        return (2 if self.mean else 2 * w.numel()) * deviation(w)

    def add_to(self, grad: Tensor, buffer: Tensor, name: str, w: Tensor, lam: float) -> None:
        """2 λ n_k (w - mean_k), with as little as possible in between."""
        if name in self.groups:
            super().add_to(grad, buffer, name, w, lam)
            return
        pull, mean = 2 * lam * (1 if self.mean else w.numel()), w.mean().item()
        sample = w.flatten()[:: max(1, w.numel() // SAMPLE)]
        if abs(mean) < FAR * sample.std(correction=0).item():
            grad.add_(w, alpha=pull).sub_(pull * mean)  # cheaper, and no digit is lost
        else:
            apart = torch.sub(w, mean, out=buffer)
            grad.add_(apart.sub_(apart.mean()), alpha=pull)  # as in `deviation`


class _Groups:
    """The groups of one tensor, and by how much each weight counts: n_k, 1 or, in none, 0."""

    def __init__(self, name: str, labels: Any, mean: bool) -> None:
        if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.min() < -1:
            raise TypeError(
                f"groups of {name!r} must be a tensor of whole numbers from 0, or -1 for none, "
                f"got {labels!r}"
            )
        self.name, self.shape = name, labels.shape
        self.labels = labels.flatten() + 1  # 0 for none
        sizes = self.labels.bincount()
        self.sizes = sizes.clamp(min=1)
        pairs = torch.ones_like(sizes) if mean else sizes.clone()
        pairs[0] = 0
        self.pairs = pairs[self.labels].view(self.shape)

    def fit(self, w: Tensor) -> None:
        """Check the shape, and move to where w is."""
        if w.shape != self.shape:
            raise ValueError(
                f"groups of {self.name!r} must have its shape {tuple(w.shape)}, "
                f"got {tuple(self.shape)}"
            )
        self.labels = self.labels.to(w.device)
        self.sizes, self.pairs = self.sizes.to(w.real), self.pairs.to(w.real)

    def deviation(self, w: Tensor) -> Tensor:
        """How far each weight is from the mean of its group."""
        apart = w.flatten()
        for _ in range(2):  # what rounding left of the mean is taken away the second time
            sums = apart.new_zeros(len(self.sizes)).index_add(0, self.labels, apart)
            apart = apart - (sums / self.sizes)[self.labels]
        return apart.view_as(w)


def deviation(w: Tensor) -> Tensor:
    """How far each weight is from the mean."""
    apart = w - w.mean()
    return apart.sub_(apart.mean())  # what rounding left of the mean


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
            if value is not None:
                number(name, value, above=0)
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
