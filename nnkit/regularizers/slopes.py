"""How steep a model is: an upper bound on its Lipschitz constant, and the steepest slope seen."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nnkit._devices import brought
from nnkit._modes import eval_mode
from nnkit.models import MLP

# The largest |h'| of activation functions; those of GELU and SiLU rounded up.
_STEEPEST: dict[type[nn.Module], float] = {
    nn.Identity: 1.0, nn.Flatten: 1.0, nn.Dropout: 1.0, nn.ReLU: 1.0, nn.Tanh: 1.0,
    nn.Hardtanh: 1.0, nn.Softplus: 1.0, nn.Softsign: 1.0, nn.Sigmoid: 0.25, nn.GELU: 1.1290,
    nn.SiLU: 1.0999, nn.Softmax: 0.5,
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
    if isinstance(model, MLP):
        layers = zip(model.layers, model.after, model.skips, strict=True)
        return math.prod(skip + _product(pair) for *pair, skip in layers)
    return _product([model])


def largest_slope(model: nn.Module, x: Tensor) -> float:
    """The largest ‖f(x) - f(x')‖ / ‖x - x'‖ over all pairs of rows of x: no L can be smaller.

    Args:
        model: takes x, in eval mode, and gives a tensor.
        x: inputs (N, ...), at least two that differ; brought to where the model is.

    Raises:
        ValueError: if no two rows differ.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.regularizers import largest_slope, lipschitz_bound
        >>> net, x = MLP([2, 16, 1], "tanh", seed=0), torch.randn(100, 2)
        >>> 0 < largest_slope(net, x) < lipschitz_bound(net)  # what was seen, what is possible
        True
    """
    with torch.no_grad(), eval_mode(model):
        y = model(brought(x, model)).reshape(len(x), -1).cpu().double()
    inputs = x.reshape(len(x), -1).cpu().double()  # not every device has float64
    # the plain way: a matrix product would lose the digits of points that lie close together
    far = torch.cdist(inputs, inputs, compute_mode="donot_use_mm_for_euclid_dist")
    if not (far > 0).any():
        raise ValueError(f"x must have two rows that differ, got {len(x)} rows that do not")
    rise = torch.cdist(y, y, compute_mode="donot_use_mm_for_euclid_dist")
    return float((rise[far > 0] / far[far > 0]).max())


def _product(modules: Iterable[nn.Module]) -> float:
    return math.prod(_steepness(module) for module in modules)


def _steepness(module: nn.Module) -> float:
    if isinstance(module, nn.Sequential):
        return _product(module)
    if isinstance(module, nn.Linear):
        return float(torch.linalg.matrix_norm(module.weight.detach().cpu(), ord=2))
    if isinstance(module, (nn.LeakyReLU, nn.PReLU)):
        slope = module.weight if isinstance(module, nn.PReLU) else module.negative_slope
        return max(1.0, float(torch.as_tensor(slope).detach().abs().max()))
    if isinstance(module, nn.BatchNorm1d) and module.running_var is not None:
        gamma = 1.0 if module.weight is None else module.weight.detach()
        return float((gamma / (module.running_var + module.eps).sqrt()).abs().max())
    for kind, steepest in _STEEPEST.items():
        if isinstance(module, kind):
            return steepest
    known = ", ".join(kind.__name__ for kind in _STEEPEST)
    raise TypeError(
        f"no bound is known for {type(module).__name__}; known are Linear, BatchNorm1d, "
        f"LeakyReLU, PReLU, {known}, and Sequential and MLP of them"
    )
