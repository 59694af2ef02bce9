"""Penalties on weights: which weights they act on, and how they are bound to a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nnkit._checks import flag
from nnkit._precision import widened
from nnkit._scratch import Scratch
from nnkit._used import mask_of, plain_name, sources
from nnkit.regularizers._penalty import Lam, Part, Penalty, checked, shown

NORMALISATIONS = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
    *(nn.LayerNorm, nn.GroupNorm, nn.RMSNorm),
)


class Term(NamedTuple):
    """One weight tensor, its name in the model and the strength of the penalty on it.

    Attributes:
        name: as without masks of pruning.
        weight: the parameter.
        lam: the strength.
        module: whose parameter it is.
    """

    name: str
    weight: Tensor
    lam: Any
    module: nn.Module

    @property
    def mask(self) -> Tensor | None:
        """Which of the weights the model uses, as it is now; None for all."""
        return mask_of(self.module, self.name.rpartition(".")[2])

    def used(self) -> Tensor:
        """The weights that the model uses: 0 where they are pruned."""
        mask = self.mask
        return self.weight if mask is None else self.weight * mask

    def change(self, change_: Callable[[Tensor], None]) -> None:
        """Change in place those that the model uses."""
        mask = self.mask
        if mask is None:
            change_(self.weight)
            return
        used = self.weight * mask
        change_(used)
        self.weight.copy_(torch.where(mask != 0, used, self.weight))


class WeightPenalty(Penalty):
    """A penalty that is a sum over weight tensors, Σ_w λ f(w); a subclass says what f is.

    It acts on the weights that the model uses: those under a mask of pruning are 0 and stay as
    they are. Of complex ones |w|² is what is summed, and so on.

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
    of_complex = True

    def __init__(self, lam: Lam, *, biases: bool = False, exempt: Sequence[str] = ()) -> None:
        super().__init__()
        flag("biases", biases)
        if isinstance(exempt, str):
            raise TypeError(f"exempt must be a list of names, got {exempt!r}. Hint: [{exempt!r}]")
        self.lam, self.biases, self.exempt = checked(lam), biases, tuple(exempt)

    def value(self, name: str, w: Tensor) -> Tensor:
        """f(w), a scalar; `name` is that of the tensor w in the model."""
        raise NotImplementedError(f"{type(self).__name__} has no value(name, w)")

    def gradient(self, name: str, w: Tensor) -> Tensor:
        """The gradient of f at w, of the shape of w."""
        raise NotImplementedError(f"{type(self).__name__} has no gradient(name, w)")

    def add_to(self, grad: Tensor, buffer: Tensor, name: str, w: Tensor, lam: float) -> None:
        """Add λ times the gradient at w to `grad`, in place.

        Args:
            grad: of the shape of w.
            buffer: of the shape of w, too, may be written over.
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
            TypeError: if they are complex and the penalty is for real ones.
            ValueError: if there are none, a name in `exempt` is unknown, there are not as many
                strengths as layers, or a weight is parametrised: made of other numbers.
        """
        model = getattr(model, "_orig_mod", model)  # inside torch.compile's wrapper
        modules = dict(model.named_modules())
        layers: dict[str, list[tuple[str, Tensor]]] = {}
        for layer, name, w in self._found(modules):
            layers.setdefault(layer, []).append((name, w))
            if w.is_complex() and not self.of_complex:
                raise TypeError(f"{name} is complex: {type(self).__name__} is for real weights")
        if not layers:
            raise ValueError(f"{self!r} finds no weight to act on in this model")
        lams = self.lam if isinstance(self.lam, list) else [self.lam] * len(layers)
        if len(lams) != len(layers):
            names = ", ".join(layer or "the model" for layer in layers)
            raise ValueError(
                f"lam must be one number or one per layer: there are {len(layers)} layers "
                f"({names}), got {len(lams)} numbers, {shown(lams)}"
            )
        pairs = zip(layers.items(), lams, strict=True)
        return [
            Term(name, w, lam, modules[layer])
            for (layer, weights), lam in pairs
            for name, w in weights
        ]

    def forward(self, model: nn.Module, x: Any = None) -> Tensor:
        """Σ_w λ f(w)."""
        terms = self.terms(model)
        return torch.stack([t.lam * self.value(t.name, widened(t.used())) for t in terms]).sum()

    def bind(self, model: nn.Module) -> list[Part]:
        """The penalty with its weights."""
        return [WeightPart(self, model)]

    def _found(self, modules: dict[str, nn.Module]) -> Iterator[tuple[str, str, Tensor]]:
        """(layer, name, weight) of every weight, a shared one once."""
        known = {*modules, *(name for at, module in modules.items() for name in _names(at, module))}
        for name in self.exempt:
            if name not in known:
                raise ValueError(f"exempt: the model has no {name!r}; it has {_some(known)}")
        seen: set[int] = set()
        for layer, module in modules.items():
            for own, behind in sources(module).items():
                name = _joined(layer, own)
                seen |= {id(w) for w in behind}
                if behind and not self._is_exempt(name) and self.accepts(module, name, behind[-1]):
                    raise ValueError(
                        f"{name} is made of other parameters (parametrised), on which "
                        f"{type(self).__name__} would not be what it is on {own}. "
                        f"Hint: exempt=[{name!r}], and a function of the model may stand for it"
                    )
            for own, w in module.named_parameters(recurse=False):
                name = _joined(layer, plain_name(module, own))
                exempt = id(w) in seen or self._is_exempt(name)
                if not exempt and self.accepts(module, name, w):
                    seen.add(id(w))
                    yield layer, name, w

    def _is_exempt(self, name: str) -> bool:
        return any(name == left or name.startswith(left + ".") for left in self.exempt)


class WeightPart(Part):
    """A penalty on weights, bound to those of a model: value and gradient without autograd.

    Raises:
        TypeError: if it takes proximal steps on complex weights.
        ValueError: if it has a gradient to add to a sparse one.
    """

    closed = True

    def __init__(self, penalty: WeightPenalty, model: nn.Module) -> None:
        self.terms = penalty.terms(model)
        self.weights, self.name = penalty, type(penalty).__name__
        self.rank, self.needs_steps = penalty.rank, penalty.needs_steps
        self.scratch = Scratch()
        for term in self.terms:
            if self.needs_steps and term.weight.is_complex():
                raise TypeError(
                    f"{term.name} is complex: the proximal step of {self.name} is known for real "
                    f"weights. Hint: {self.name}(…, proximal=False)"
                )
            if (
                not self.rank
                and term.weight.requires_grad
                and getattr(term.module, "sparse", False)
            ):
                raise self._on_sparse(term)

    @torch.no_grad()
    def value(self, x: Any = None) -> Tensor:
        """Σ_w λ f(w)."""
        total: Any = 0.0
        for term in self.terms:
            total = total + term.lam * self.weights.value(term.name, widened(term.used()))
        return total  # type: ignore[no-any-return]

    @torch.no_grad()
    def add_gradient(self, x: Any = None) -> None:
        """Add λ f'(w) to the gradient of every weight that is trained."""
        for term in self.terms:
            w, mask = term.weight, term.mask
            if not w.requires_grad:
                continue
            if w.grad is None:
                w.grad = torch.zeros_like(w)
            if w.grad.layout != torch.strided:
                raise self._on_sparse(term)
            buffer = self.scratch.like(w)
            if mask is None:
                self.weights.add_to(w.grad, buffer, term.name, w, term.lam)
            else:
                own = torch.zeros_like(w)
                self.weights.add_to(own, buffer, term.name, w * mask, term.lam)
                w.grad.add_(own.mul_(mask))

    @torch.no_grad()
    def after_step(self, steps: Any) -> None:
        """Change every weight that the optimiser has changed."""
        for term in self.terms:
            w = term.weight
            if w.grad is None or w not in steps:
                continue
            lr, scale = steps(w) if self.needs_steps else (None, None)
            by = None if lr is None else term.lam * lr
            term.change(partial(self.weights.after_step, term.name, by=by, scale=scale))

    def _on_sparse(self, term: Term) -> ValueError:
        return ValueError(
            f"the gradient of {term.name} is sparse, but {self.name} acts on all its rows at every "
            f"step. Hint: sparse=False, or {self.name}(…, exempt=[{term.name!r}])"
        )


def _names(layer: str, module: nn.Module) -> list[str]:
    plain = [plain_name(module, own) for own, _ in module.named_parameters(recurse=False)]
    return [_joined(layer, own) for own in (*plain, *sources(module))]


def _joined(layer: str, own: str) -> str:
    return f"{layer}.{own}" if layer else own


def _some(names: set[str], at_most: int = 8) -> str:
    listed = sorted(name for name in names if name)
    return ", ".join(listed[:at_most]) + (", …" if len(listed) > at_most else "")
