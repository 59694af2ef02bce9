"""How a model answers to its inputs: noise on them, and how steep it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import number
from nnkit._devices import brought, check_generator, normal
from nnkit._modes import eval_mode
from nnkit._precision import widened
from nnkit._used import used_weight
from nnkit.layers import MaskedLinear
from nnkit.models import MLP
from nnkit.regularizers._penalty import Lam, Penalty, checked


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
            ValueError: if it has no rows.
        """
        if not isinstance(x, Tensor) or not x.is_floating_point():
            given = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(
                f"GradientPenalty needs the inputs, a tensor of floats, got {given}. "
                "Hint: penalty(model, x); fit gives it the batch"
            )
        if x.ndim == 0 or not len(x):
            raise ValueError(f"GradientPenalty needs a row of inputs, got shape {tuple(x.shape)}")
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
    return widened(slopes).square().sum()


# The largest |h'| of activation functions; those of GELU and SiLU rounded up.
_STEEPEST: dict[type[nn.Module], float] = {
    nn.Identity: 1.0, nn.Flatten: 1.0, nn.Dropout: 1.0, nn.ReLU: 1.0, nn.Tanh: 1.0,
    nn.Hardtanh: 1.0, nn.Softplus: 1.0, nn.Softsign: 1.0, nn.Sigmoid: 0.25, nn.GELU: 1.1290,
    nn.SiLU: 1.0999, nn.Softmax: 0.5, nn.ReLU6: 1.0,
}  # fmt: skip


def lipschitz_bound(model: nn.Module) -> float:
    """An L with ‖f(x) - f(x')‖ ≤ L ‖x - x'‖ for all x and x': the product of spectral norms.

    Every linear layer is as steep as its largest singular value, every activation as its largest
    derivative; a residual layer adds 1. Often far above the steepest slope that there is.

    Args:
        model: an `MLP`, or linear layers, activations and `nn.Sequential` of them; taken as in
            eval mode.

    Raises:
        TypeError: if it holds a layer whose bound is not known here.

    Source: Szegedy et al., 2014.

    Example:
        >>> import torch
        >>> from nnkit.regularizers import lipschitz_bound
        >>> double = torch.nn.Linear(2, 2)
        >>> double.weight.data = 2 * torch.eye(2)
        >>> round(lipschitz_bound(torch.nn.Sequential(double, torch.nn.Tanh(), double)), 3)
        4.0
    """
    with torch.no_grad(), eval_mode(model):
        if type(model) is MLP:
            layers = zip(model.layers, model.after, model.skips, strict=True)
            return math.prod(skip + _product(pair) for *pair, skip in layers)
        return _product([model])


def largest_slope(model: nn.Module, x: Tensor) -> float:
    """The largest ‖f(x) - f(x')‖ / ‖x - x'‖ over all pairs of rows of x: no L can be smaller.

    Args:
        model: takes x, in eval mode, and gives a tensor.
        x: inputs (N, ...), at least two that differ, all finite; brought to where the
            model is.

    Raises:
        ValueError: if no two rows differ, or one is not finite.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.regularizers import largest_slope, lipschitz_bound
        >>> net, x = MLP([2, 16, 1], "tanh", seed=0), torch.randn(100, 2)
        >>> 0 < largest_slope(net, x) < lipschitz_bound(net)  # what was seen, what is possible
        True
    """
    if not x.isfinite().all():
        raise ValueError("x must be finite: the slope to a row with nan or inf is none")
    with torch.no_grad(), eval_mode(model):
        y = model(brought(x, model)).reshape(len(x), -1).cpu().double()
    inputs = x.detach().reshape(len(x), -1).cpu().double()  # not every device has float64
    # the plain way: a matrix product would lose the digits of points that lie close together
    far = torch.cdist(inputs, inputs, compute_mode="donot_use_mm_for_euclid_dist")
    if not (far > 0).any():
        raise ValueError(f"x must have two rows that differ, got {len(x)} rows that do not")
    rise = torch.cdist(y, y, compute_mode="donot_use_mm_for_euclid_dist")
    return float((rise[far > 0] / far[far > 0]).max())


def _product(modules: Iterable[nn.Module]) -> float:
    return math.prod(_steepness(module) for module in modules)


def _steepness(module: nn.Module) -> float:
    if getattr(type(module), "forward", None) is nn.Sequential.forward:
        inside = module._modules.values()  # a layer that is used twice counts twice
        return _product(layer for layer in inside if layer is not None)
    if type(module).forward in (nn.Linear.forward, MaskedLinear.forward):
        return float(torch.linalg.matrix_norm(used_weight(module).cpu(), ord=2))
    if type(module) in (nn.LeakyReLU, nn.PReLU):
        slope = module.weight if isinstance(module, nn.PReLU) else module.negative_slope
        return max(1.0, float(torch.as_tensor(slope).abs().max()))
    if isinstance(module, nn.BatchNorm1d) and module.running_var is not None:
        gamma = 1.0 if module.weight is None else module.weight
        return float((gamma / (module.running_var + module.eps).sqrt()).abs().max())
    if type(module) in _STEEPEST:
        return _STEEPEST[type(module)]
    known = ", ".join(kind.__name__ for kind in _STEEPEST)
    raise TypeError(
        f"no bound is known for {type(module).__name__}; known are Linear, BatchNorm1d, "
        f"LeakyReLU, PReLU, {known}, and Sequential and MLP of them"
    )
