r"""Activation functions h(u): formula, derivative, range and character of each, in one table.

>>> import torch
>>> from nnkit.activations import activation
>>> activation("softsign").range
(-1.0, 1.0)
>>> activation("softsign").derivative(torch.tensor(3.0))
tensor(0.0625)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnkit._checks import one_of

__all__ = ["ACTIVATIONS", "Activation", "activation"]

LEAK = 0.01  # slope of leaky ReLU for u < 0 (Maas, Hannun and Ng, 2013)
LEARNED = 0.25  # slope from which PReLU starts to learn (He et al., 2015)


@dataclass(frozen=True)
class Activation:
    """One activation function and what is known about it.

    Attributes:
        name: the name by which ``activation`` and ``MLP`` know it.
        latex: the formula of h(u); σ is the sigmoid, Φ and φ the standard normal distribution
            and density, without | that would end a cell of a Markdown table.
        derivative_latex: the formula of h'(u).
        function: h, on tensors of any shape.
        derivative: h', in closed form; at a kink the subgradient that torch chooses.
        range: infimum and supremum of h over the real line.
        closed: whether the infimum and the supremum are reached at a finite u.
        odd: whether h(-u) = -h(u), so that an input symmetric about 0 stays so.
        saturates: where h' vanishes: "left", "right", "both sides" or "nowhere".
        used: where one meets it today.
        module: makes a fresh ``nn.Module`` that computes h.

    Example:
        >>> from nnkit.activations import activation
        >>> tanh = activation("tanh")
        >>> tanh.range, tanh.odd, tanh.saturates
        ((-1.0, 1.0), True, 'both sides')
        >>> tanh.module()
        Tanh()
    """

    name: str
    latex: str
    derivative_latex: str
    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]
    range: tuple[float, float]
    closed: tuple[bool, bool]
    odd: bool
    saturates: str
    used: str
    module: Callable[[], nn.Module]

    @property
    def range_latex(self) -> str:
        r"""The range as an interval, round where the end is not reached: ``[0, \infty)``."""
        ends = [_end_latex(end) for end in self.range]
        left, right = "[" if self.closed[0] else "(", "]" if self.closed[1] else ")"
        return f"{left}{ends[0]}, {ends[1]}{right}"


def activation(name: str) -> Activation:
    """Return the activation function of that name.

    Raises:
        ValueError: if the name is unknown; the message lists the known ones and the nearest.

    Example:
        >>> import torch
        >>> from nnkit.activations import activation
        >>> relu, u = activation("relu"), torch.tensor([-1.0, 0.0, 2.0])
        >>> relu.function(u)
        tensor([0., 0., 2.])
        >>> relu.derivative(u)  # at the kink 0, as torch has it
        tensor([0., 0., 1.])
    """
    return ACTIVATIONS[one_of("activation", name, ACTIVATIONS)]


def _end_latex(end: float) -> str:
    if math.isinf(end):
        return r"\infty" if end > 0 else r"-\infty"
    return f"{end:.3g}"


def _softplus(u: Tensor) -> Tensor:
    return torch.logaddexp(u, torch.zeros_like(u))  # ln(1 + e^u) itself overflows at u = 89


def _leaky(slope: float) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    def function(u: Tensor) -> Tensor:
        return torch.where(u > 0, u, slope * u)

    def derivative(u: Tensor) -> Tensor:
        return torch.where(u > 0, torch.ones_like(u), slope)

    return function, derivative


def _normal_cdf(u: Tensor) -> Tensor:
    return (1 + torch.erf(u / math.sqrt(2))) / 2


def _normal_density(u: Tensor) -> Tensor:
    return torch.exp(-u * u / 2) / math.sqrt(2 * math.pi)


_leaky_relu, _leaky_relu_derivative = _leaky(LEAK)
_prelu, _prelu_derivative = _leaky(LEARNED)

# The least values of GELU and SiLU; SiLU's is -W(1/e), W being Lambert's function.
_GELU_MIN = -0.16997120747990369
_SILU_MIN = -0.27846454276107380

ACTIVATIONS: dict[str, Activation] = {
    entry.name: entry
    for entry in (
        Activation(
            name="identity",
            latex=r"u",
            derivative_latex=r"1",
            function=lambda u: u,
            derivative=torch.ones_like,
            range=(-math.inf, math.inf),
            closed=(False, False),
            odd=True,
            saturates="nowhere",
            used="output of a regression; low-rank bottlenecks",
            module=nn.Identity,
        ),
        Activation(
            name="sigmoid",
            latex=r"\sigma(u) = \frac{1}{1 + e^{-u}}",
            derivative_latex=r"\sigma(u)\,\sigma(-u)",
            function=torch.sigmoid,
            # σ(u)σ(-u), not σ(1 - σ): the latter rounds to 0 where σ rounds to 1
            derivative=lambda u: torch.sigmoid(u) * torch.sigmoid(-u),
            range=(0.0, 1.0),
            closed=(False, False),
            odd=False,
            saturates="both sides",
            used="output: probability of one of two classes; gates",
            module=nn.Sigmoid,
        ),
        Activation(
            name="tanh",
            latex=r"\tanh u = 2\sigma(2u) - 1",
            derivative_latex=r"1 - \tanh^2 u",
            function=torch.tanh,
            derivative=lambda u: 1 / torch.cosh(u) ** 2,  # 1 - tanh² rounds to 0 early
            range=(-1.0, 1.0),
            closed=(False, False),
            odd=True,
            saturates="both sides",
            used="recurrent nets, small nets, outputs in (-1, 1)",
            module=nn.Tanh,
        ),
        Activation(
            name="softsign",
            latex=r"\frac{u}{1 + \vert u \vert}",
            derivative_latex=r"\frac{1}{(1 + \vert u \vert)^2}",
            function=F.softsign,
            derivative=lambda u: 1 / (1 + u.abs()) ** 2,
            range=(-1.0, 1.0),
            closed=(False, False),
            odd=True,
            saturates="both sides",
            used="rarely: where tanh saturates too soon",
            module=nn.Softsign,
        ),
        Activation(
            name="hardtanh",
            latex=r"\max(-1, \min(1, u))",
            derivative_latex=r"\mathbb{I}\{\vert u \vert < 1\}",
            function=F.hardtanh,
            derivative=lambda u: (u.abs() < 1).to(u.dtype),
            range=(-1.0, 1.0),
            closed=(True, True),
            odd=True,
            saturates="both sides",
            used="small devices; outputs in [-1, 1]",
            module=nn.Hardtanh,
        ),
        Activation(
            name="softplus",
            latex=r"\ln(1 + e^u)",
            derivative_latex=r"\sigma(u)",
            function=_softplus,
            derivative=torch.sigmoid,
            range=(0.0, math.inf),
            closed=(False, False),
            odd=False,
            saturates="left",
            used="positive outputs: rates, variances",
            module=nn.Softplus,
        ),
        Activation(
            name="relu",
            latex=r"\max(0, u)",
            derivative_latex=r"\mathbb{I}\{u > 0\}",
            function=torch.relu,
            derivative=lambda u: (u > 0).to(u.dtype),
            range=(0.0, math.inf),
            closed=(True, False),
            odd=False,
            saturates="left",
            used="hidden layers, the usual first choice",
            module=nn.ReLU,
        ),
        Activation(
            name="leaky_relu",
            latex=r"\max(u, \alpha u),\ \alpha = 0.01",
            derivative_latex=r"1 \text{ if } u > 0,\ \text{else } \alpha",
            function=_leaky_relu,
            derivative=_leaky_relu_derivative,
            range=(-math.inf, math.inf),
            closed=(False, False),
            odd=False,
            saturates="nowhere",
            used="hidden layers where units of ReLU die",
            module=nn.LeakyReLU,
        ),
        Activation(
            name="prelu",
            latex=r"\max(0, u) + \alpha \min(0, u),\ \alpha \text{ learned}",
            derivative_latex=r"1 \text{ if } u > 0,\ \text{else } \alpha",
            function=_prelu,  # with the slope from which learning starts
            derivative=_prelu_derivative,
            range=(-math.inf, math.inf),
            closed=(False, False),
            odd=False,
            saturates="nowhere",
            used="hidden layers of image networks",
            module=nn.PReLU,
        ),
        Activation(
            name="gelu",
            latex=r"u\,\Phi(u)",
            derivative_latex=r"\Phi(u) + u\,\varphi(u)",
            function=F.gelu,
            derivative=lambda u: _normal_cdf(u) + u * _normal_density(u),
            range=(_GELU_MIN, math.inf),
            closed=(True, False),
            odd=False,
            saturates="left",
            used="transformers",
            module=nn.GELU,
        ),
        Activation(
            name="silu",
            latex=r"u\,\sigma(u)",
            derivative_latex=r"\sigma(u)\,(1 + u\,\sigma(-u))",
            function=F.silu,
            derivative=lambda u: torch.sigmoid(u) * (1 + u * torch.sigmoid(-u)),
            range=(_SILU_MIN, math.inf),
            closed=(True, False),
            odd=False,
            saturates="left",
            used="transformers and image networks",
            module=nn.SiLU,
        ),
    )
}
