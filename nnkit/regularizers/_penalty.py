"""What a penalty is: a callable on the model, that adds to others and scales."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import number

Lam = float | Sequence[float] | Tensor  # the last a scalar


class Part:
    """A penalty bound to a model, for the many steps of a training run.

    Attributes:
        closed: whether the gradient is known without autograd.
        rank: 0 for what only adds to the loss; parts of higher rank also change the weights after
            the optimiser's step, in the order of their ranks.
        needs_steps: whether that change depends on the optimiser's step sizes.
    """

    closed = False
    rank = 0
    needs_steps = False

    def __init__(self, penalty: Callable[..., Tensor], model: nn.Module) -> None:
        self.penalty, self.model = penalty, model

    def value(self, x: Any = None) -> Tensor:
        """The penalty, with its graph unless it is `closed`."""
        return self.penalty(self.model, x)

    def add_gradient(self, x: Any = None) -> None:
        """Add the gradient to that of the parameters."""
        self.value(x).backward()  # type: ignore[no-untyped-call]

    def after_step(self, steps: Any) -> None:
        """Change the weights after a step of the optimiser.

        Args:
            steps: ``w in steps`` says whether the optimiser changes w, ``steps(w)`` how far.
        """


class Penalty(nn.Module):
    """The base of all penalties: a subclass has a `forward`, (model, inputs) -> scalar tensor.

    Parameters of its own, such as the means of :class:`GaussianMixturePrior`, are trained by the
    optimiser that `fit` makes. Penalties add, also to any function of the model, and scale by
    numbers of at least 0.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import Penalty
        >>> class Orthogonal(Penalty):
        ...     def forward(self, model, x=None):
        ...         return self.lam * (model.weight @ model.weight.T - torch.eye(2)).square().sum()
        >>> model = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(3, 2))
        >>> (0.1 * Orthogonal())(model).item() < 1e-9
        True
    """

    lam: Any = 1.0  # as `checked` gives it

    def forward(self, model: nn.Module, x: Any = None) -> Tensor:
        """The penalty of the model, on the inputs x of a batch if it depends on them."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(model, x)")

    def add_gradient(self, model: nn.Module, x: Any = None) -> None:
        """Add the gradient to that of the model's parameters in place, after ``backward``.

        Args:
            model: the model.
            x: the inputs of the batch, for a penalty that depends on them.
        """
        for part in self.bind(model):
            part.add_gradient(x)

    def bind(self, model: nn.Module) -> list[Part]:
        """What `fit` calls at each step: the weights are looked up once, here."""
        return [Part(self, model)]

    def scaled(self, factor: Any) -> Penalty:
        """The same penalty, `factor` times as strong."""
        scaled = copy.copy(self)  # parameters of its own are shared, not copied
        object.__setattr__(scaled, "lam", _times(self.lam, factor))
        return scaled

    def __add__(self, other: Any) -> Penalty:
        if isinstance(other, (int, float)) and other == 0:  # the start of sum([...])
            return self
        return Sum([self, other]) if callable(other) else NotImplemented

    __radd__ = __add__

    def __mul__(self, factor: Any) -> Penalty:
        if isinstance(factor, (nn.Module, str)) or callable(factor):
            return NotImplemented
        return self.scaled(factor)

    __rmul__ = __mul__

    def options(self) -> str:
        """The arguments, for the repr."""
        return shown(self.lam)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.options()})"


class Sum(Penalty):
    """A sum of penalties; what is no :class:`Penalty` is a function of the model alone.

    Example:
        >>> from nnkit.regularizers import L1, L2
        >>> penalty = L2(0.01) + L1(0.001)
        >>> type(penalty).__name__, 2 * penalty
        ('Sum', L2(0.02) + L1(0.002))
    """

    def __init__(self, parts: Iterable[Any]) -> None:
        super().__init__()
        penalties = (p if isinstance(p, Penalty) else Function(p) for p in parts)
        self.parts = nn.ModuleList(q for p in penalties for q in _flat(p))

    def forward(self, model: nn.Module, x: Any = None) -> Tensor:
        """The sum of the parts."""
        return torch.stack([part(model, x) for part in self.parts]).sum()

    def bind(self, model: nn.Module) -> list[Part]:
        """The parts of all, bound to the model."""
        return [bound for part in _flat(self) for bound in part.bind(model)]

    def scaled(self, factor: Any) -> Penalty:
        """Every part scaled."""
        return Sum(part.scaled(factor) for part in _flat(self))

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))


class Function(Penalty):
    """Any function of the model, so that it can stand in a sum."""

    def __init__(self, function: Callable[[nn.Module], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.lam = 1.0

    def forward(self, model: nn.Module, x: Any = None) -> Tensor:
        """The function's value."""
        value: Tensor = self.lam * self.function(model)
        return value

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", repr(self.function))
        return name if self.lam == 1 else f"{shown(self.lam)} * {name}"


def _flat(penalty: Penalty) -> list[Any]:
    return list(penalty.parts) if isinstance(penalty, Sum) else [penalty]


def checked(lam: Lam) -> Any:
    """The strength of a penalty: a number of at least 0, one per layer, or a scalar tensor.

    Raises:
        TypeError, ValueError: if it is anything else; a larger lam regularises more.
    """
    if isinstance(lam, Tensor):  # may be one of many at a time, under vmap: its value is hidden
        if lam.ndim != 0:
            raise ValueError(f"lam must be a scalar tensor, got shape {tuple(lam.shape)}")
        return lam
    if isinstance(lam, (list, tuple)):
        return [number("each lam", value, at_least=0.0) for value in lam]
    return number("lam", lam, at_least=0.0)


def _times(lam: Any, factor: Any) -> Any:
    factor = checked(factor)
    if isinstance(factor, list):
        raise TypeError(f"a penalty scales by one number, got {factor!r}")
    return [value * factor for value in lam] if isinstance(lam, list) else lam * factor


def shown(lam: Any) -> str:
    """The strength as a short text."""
    if isinstance(lam, list):
        return "[" + ", ".join(map(shown, lam)) + "]"
    return f"{lam:g}" if isinstance(lam, float) else str(lam)
