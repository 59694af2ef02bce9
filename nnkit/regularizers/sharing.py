"""Soft weight sharing with groups made by hand: weights of a group are drawn together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nnkit.regularizers.norms import sum_of_squares
from nnkit.regularizers.penalty import Lam
from nnkit.regularizers.weights import Term, WeightPenalty

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
        if not isinstance(mean, bool):
            raise TypeError(f"mean must be True or False, got {mean!r}")
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
