"""Penalties on weights: which weights they act on, and how they are bound to a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nnkit._scratch import Scratch
from nnkit.regularizers.penalty import Lam, Part, Penalty, checked, shown

NORMALISATIONS = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
    *(nn.LayerNorm, nn.GroupNorm, nn.RMSNorm),
)


class Term(NamedTuple):
    """One weight tensor, its name in the model and the strength of the penalty on it."""

    name: str
    weight: Tensor
    lam: Any


class WeightPenalty(Penalty):
    """A penalty that is a sum over weight tensors, Σ_w λ f(w); a subclass says what f is.

    Args:
        lam: the strength λ, one number or one per layer, in the order of ``model.modules()``; a
            layer is a module with parameters that are penalised.
        biases: penalise biases and the parameters of normalisation layers, too.
        exempt: names of layers or parameters to leave out, as in ``["layers.0"]``.

    Raises:
        TypeError, ValueError: on any other argument.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import WeightPenalty
        >>> class L4(WeightPenalty):
        ...     def value(self, name, w): return w.pow(4).sum()
        ...     def gradient(self, name, w): return 4 * w**3
        >>> model = torch.nn.Linear(2, 1)
        >>> model.weight.data = torch.tensor([[1.0, 2.0]])
        >>> L4(0.5)(model).item()  # λ (1 + 16)
        8.5
    """

    rank = 0
    needs_steps = False

    def __init__(self, lam: Lam, *, biases: bool = False, exempt: Sequence[str] = ()) -> None:
        super().__init__()
        if not isinstance(biases, bool):
            raise TypeError(f"biases must be True or False, got {biases!r}")
        if isinstance(exempt, str):
            raise TypeError(f"exempt must be a list of names, got {exempt!r}. Hint: [{exempt!r}]")
        self.lam, self.biases, self.exempt = checked(lam), biases, tuple(exempt)

    def value(self, name: str, w: Tensor) -> Tensor:
        """f(w), a scalar; `name` is that of the tensor w in the model."""
        raise NotImplementedError(f"{type(self).__name__} has no value(name, w)")

    def gradient(self, name: str, w: Tensor) -> Tensor:
        """The gradient of f at w, of the shape of w."""
        raise NotImplementedError(f"{type(self).__name__} has no gradient(name, w)")

    def add_to(self, grad: Tensor, room: Tensor, name: str, w: Tensor, lam: float) -> None:
        """Add λ times the gradient at w to `grad`, in place.

        Args:
            grad: of the shape of w.
            room: of the shape of w, too, may be written over.
            name: of the tensor w in the model.
            w: the weights.
            lam: the strength.
        """
        grad.add_(self.gradient(name, w), alpha=lam)

    def after_step(self, name: str, w: Tensor, by: Any, scale: Tensor | None) -> None:
        """Change w in place after a step of the optimiser, if `rank` is above 0.

        Args:
            name: of the tensor in the model.
            w: the weights after the step.
            by: λ times the step size.
            scale: what Adam divides the step by, element by element; None for SGD, and for a
                penalty that does not need steps.
        """

    def accepts(self, module: nn.Module, name: str, w: Tensor) -> bool:
        """Whether the parameter w of `module`, `name` in the model, is to be penalised."""
        own = name.rpartition(".")[2]
        return self.biases or not (isinstance(module, NORMALISATIONS) or "bias" in own)

    def terms(self, model: nn.Module) -> list[Term]:
        """The weights that are penalised, each with its λ.

        Raises:
            ValueError: if there are none, a name in `exempt` is unknown, or there are not as
                many strengths as layers.
        """
        model = getattr(model, "_orig_mod", model)  # inside torch.compile's wrapper
        layers: dict[str, list[tuple[str, Tensor]]] = {}
        for layer, name, w in self._found(model):
            layers.setdefault(layer, []).append((name, w))
        if not layers:
            raise ValueError(f"{self!r} finds no weight to act on in this model")
        lams = self.lam if isinstance(self.lam, list) else [self.lam] * len(layers)
        if len(lams) != len(layers):
            names = ", ".join(layer or "the model" for layer in layers)
            raise ValueError(
                f"lam must be one number or one per layer: there are {len(layers)} layers "
                f"({names}), got {len(lams)} numbers, {shown(lams)}"
            )
        pairs = zip(layers.values(), lams, strict=True)
        return [Term(name, w, lam) for weights, lam in pairs for name, w in weights]

    def forward(self, model: nn.Module, x: Any = None) -> Tensor:
        """Σ_w λ f(w)."""
        return torch.stack([t.lam * self.value(t.name, t.weight) for t in self.terms(model)]).sum()

    def bind(self, model: nn.Module) -> list[Part]:
        """The penalty with its weights."""
        return [WeightPart(self, model)]

    def _found(self, model: nn.Module) -> Iterator[tuple[str, str, Tensor]]:
        """(layer, name, weight) of every weight, a shared one once."""
        modules = dict(model.named_modules())
        known = {*modules, *(name for name, _ in model.named_parameters())}
        for name in self.exempt:
            if name not in known:
                raise ValueError(f"exempt: the model has no {name!r}; it has {_some(known)}")
        seen: set[int] = set()
        for layer, module in modules.items():
            for name, w in module.named_parameters(prefix=layer, recurse=False):
                exempt = id(w) in seen or self._is_exempt(name)
                if not exempt and self.accepts(module, name, w):
                    seen.add(id(w))
                    yield layer, name, w

    def _is_exempt(self, name: str) -> bool:
        return any(name == left or name.startswith(left + ".") for left in self.exempt)


class WeightPart(Part):
    """A penalty on weights, bound to those of a model: value and gradient without autograd."""

    closed = True

    def __init__(self, penalty: WeightPenalty, model: nn.Module) -> None:
        self.terms = penalty.terms(model)
        self.weights, self.name = penalty, type(penalty).__name__
        self.rank, self.needs_steps = penalty.rank, penalty.needs_steps
        self.scratch = Scratch()

    @torch.no_grad()
    def value(self, x: Any = None) -> Tensor:
        """Σ_w λ f(w)."""
        total: Any = 0.0
        for name, w, lam in self.terms:
            total = total + lam * self.weights.value(name, w)
        return total  # type: ignore[no-any-return]

    @torch.no_grad()
    def add_gradient(self, x: Any = None) -> None:
        """Add λ f'(w) to the gradient of every weight that is trained."""
        for name, w, lam in self.terms:
            if not w.requires_grad:
                continue
            if w.grad is None:
                w.grad = torch.zeros_like(w)
            self.weights.add_to(w.grad, self.scratch.like(w), name, w, lam)

    @torch.no_grad()
    def after_step(self, steps: Any) -> None:
        """Change every weight that the optimiser has changed."""
        for name, w, lam in self.terms:
            if w.grad is None or w not in steps:
                continue
            if self.needs_steps:
                lr, scale = steps(w)
                self.weights.after_step(name, w, lam * lr, scale)
            else:
                self.weights.after_step(name, w, None, None)


def _some(names: set[str], at_most: int = 8) -> str:
    listed = sorted(name for name in names if name)
    return ", ".join(listed[:at_most]) + (", …" if len(listed) > at_most else "")
