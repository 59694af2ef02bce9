"""The multilayer perceptron, an output head, and what an ensemble predicts.

>>> import torch
>>> from nnkit.models import MLP
>>> net = MLP([2, 8, 1], "tanh", head="sigmoid", seed=0)
>>> net(torch.zeros(5, 2)).shape
torch.Size([5, 1])
"""

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nnkit._checks import flag, number, one_of, whole
from nnkit._modes import Function
from nnkit.activations import ACTIVATIONS

__all__ = ["MLP", "Interval", "Prediction"]

HEADS = ("identity", "sigmoid", "softmax", "relu", "softplus", "tanh", "hardtanh")
NORMS: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class Prediction(NamedTuple):
    """What an ensemble predicts: mean and standard deviation of its members, each (N, out).

    Example:
        >>> import torch
        >>> from nnkit.dropout import mc_predict
        >>> from nnkit.models import MLP
        >>> mean, std = mc_predict(MLP([2, 8, 1], dropout=0.2), torch.randn(5, 2))
        >>> mean.shape, std.shape
        (torch.Size([5, 1]), torch.Size([5, 1]))
    """

    mean: Tensor
    std: Tensor


class Interval(nn.Module):
    """Output head into [low, high]: low + (high - low)(tanh(f) + 1) / 2.

    Tanh and not hard tanh, whose zero gradient beyond the ends would leave an output stuck there.

    Example:
        >>> import torch
        >>> from nnkit.models import Interval
        >>> latitude = Interval(-90.0, 90.0)
        >>> latitude(torch.tensor([-100.0, 0.0, 100.0]))
        tensor([-90.,   0.,  90.])
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low = number("lower end of the output interval", low)
        self.high = number("upper end of the output interval", high)
        if not self.low < self.high:
            raise ValueError(f"an output interval (a, b) needs a < b, got ({low}, {high})")

    def forward(self, x: Tensor) -> Tensor:
        """Map raw outputs f of any shape into the interval."""
        y = self.low + (self.high - self.low) * (torch.tanh(x) + 1) / 2
        return y.clamp(self.low, self.high)  # rounding alone could step over an end

    def extra_repr(self) -> str:
        """The two ends, for the printed model."""
        return f"{self.low:g}, {self.high:g}"


class MLP(nn.Module):
    """A multilayer perceptron: every hidden layer is dropout(h(norm(W a + b))), the last linear.

    Args:
        sizes: units per layer from input to output, [in, hidden..., out]; [in, out] is one layer
            of neurons without a hidden one.
        activation: h, a name of ``nnkit.activations.ACTIVATIONS``, a function of tensors such as
            torch.sin, or a module or class of modules, of which each layer gets one of its own.
        init: how weights are drawn; biases start at 0. "he": N(0, 2 / fan_in) (He et al., 2015);
            "glorot": N(0, 2 / (fan_in + fan_out)) (Glorot and Bengio, 2010); ("gain", g):
            N(0, g² / fan_in); ("constant", c): every weight c.
        dropout: probability to DROP a hidden unit in training, one number or one per hidden layer.
        norm: None, "batch" or "layer": normalisation before h.
        residual: add its input to a hidden layer's output wherever the widths agree.
        head: what the output passes through: "identity", "sigmoid", "softmax", "relu",
            "softplus", "tanh", "hardtanh", or (a, b) to keep it in that interval.
        seed: draws the same weights every time and leaves torch's random state alone; None draws
            from that state.

    Attributes:
        layers: the ``nn.Linear`` layers, ``nn.ModuleList``; ``layers[-1]`` is the output layer.
        after: what follows each: normalisation, h and dropout of a hidden layer, then the head.
        sizes: as given.
        activation: the name as given; that of anything else in brackets.

    Raises:
        TypeError, ValueError: on any other argument, before anything is made.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> net = MLP([2, 8, 1], "tanh", head="sigmoid", seed=0)
        >>> net(torch.zeros(5, 2)).shape
        torch.Size([5, 1])
        >>> sum(p.numel() for p in net.parameters())  # (2 + 1) 8 + (8 + 1) 1
        33
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Callable[..., Any] = "relu",
        *,
        init: str | tuple[str, float] = "he",
        dropout: float | Sequence[float] = 0.0,
        norm: str | None = None,
        residual: bool = False,
        head: str | tuple[float, float] = "identity",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.sizes = _checked_sizes(sizes)
        make_activation = _maker(activation)
        self.activation = activation if isinstance(activation, str) else _named(activation)
        flag("residual", residual)
        self.residual = residual
        rates = _checked_dropout(dropout, len(self.sizes) - 2)
        norm = norm if norm is None else one_of("norm", norm, NORMS)
        _mean_and_std(init, 1, 1)  # refuses an unknown init before anything is made
        seed = seed if seed is None else whole("seed", seed, at_least=0)
        after_last = _make_head(head)

        self.layers = nn.ModuleList(_empty_linear(*pair) for pair in pairwise(self.sizes))
        self.after = nn.ModuleList(
            _after_linear(width, norm, make_activation, rate)
            for width, rate in zip(self.sizes[1:-1], rates, strict=True)
        )
        self.after.append(after_last)
        self.skips = [residual and n == m for n, m in pairwise(self.sizes[:-1])] + [False]
        _draw_weights(self.layers, init, seed)

    @property
    def head(self) -> nn.Module:
        """What the output passes through."""
        return self.after[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (N, in) to outputs (N, out)."""
        return self._values(x)[-1]

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Return the activations of every hidden layer for x (N, in), each (N, width)."""
        return self._values(x)[:-1]

    def extra_repr(self) -> str:
        """What the printed layers do not show."""
        return "residual=True" if self.residual else ""

    def _values(self, x: Tensor) -> list[Tensor]:
        values = []
        for linear, after, skip in zip(self.layers, self.after, self.skips, strict=True):
            a = after(linear(x))
            x = x + a if skip else a
            values.append(x)
        return values


def _maker(activation: Any) -> Callable[[], nn.Module]:
    """What makes the activation of one layer."""
    if isinstance(activation, nn.Module):
        return lambda: copy.deepcopy(activation)
    if isinstance(activation, type) and issubclass(activation, nn.Module):
        return activation
    if callable(activation):
        return lambda: Function(activation)
    return ACTIVATIONS[one_of("activation", activation, ACTIVATIONS)].module


def _named(activation: Any) -> str:
    """A name in brackets: that of no activation that is known by its properties."""
    kind = type(activation) if isinstance(activation, nn.Module) else activation
    return f"<{getattr(kind, '__name__', repr(kind))}>"


def _after_linear(
    width: int, norm: str | None, make_activation: Callable[[], nn.Module], rate: float
) -> nn.Module:
    modules = [] if norm is None else [NORMS[norm](width)]
    modules.append(make_activation())
    modules += [nn.Dropout(rate)] if rate else []
    return modules[0] if len(modules) == 1 else nn.Sequential(*modules)


def _empty_linear(fan_in: int, fan_out: int) -> nn.Linear:
    # through the meta device, because nn.Linear would draw from torch's random state
    layer = nn.Linear(fan_in, fan_out, device="meta")
    return layer.to_empty(device=torch.get_default_device())


def _draw_weights(layers: nn.ModuleList, init: str | tuple[str, float], seed: int | None) -> None:
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    for layer in layers:
        assert isinstance(layer, nn.Linear)
        with torch.no_grad():
            layer.bias.zero_()
            mean, std = _mean_and_std(init, layer.in_features, layer.out_features)
            # drawn on the CPU, so that a seed means the same weights on every device
            noise = torch.randn(layer.weight.shape, generator=generator, device="cpu")
            layer.weight.copy_(mean + std * noise)


def _mean_and_std(init: str | tuple[str, float], fan_in: int, fan_out: int) -> tuple[float, float]:
    if init == "he":
        return 0.0, math.sqrt(2 / fan_in)
    if init == "glorot":
        return 0.0, math.sqrt(2 / (fan_in + fan_out))
    if isinstance(init, tuple) and len(init) == 2 and init[0] in ("constant", "gain"):
        if init[0] == "constant":
            return number("constant of the init", init[1]), 0.0
        return 0.0, number("gain of the init", init[1], at_least=0.0) / math.sqrt(fan_in)
    raise ValueError(
        f'unknown init {init!r}: allowed are "he", "glorot", ("constant", c), ("gain", g)'
    )


def _make_head(head: str | tuple[float, float]) -> nn.Module:
    if isinstance(head, tuple) and len(head) == 2:
        return Interval(*head)
    name = one_of("head (which may also be an interval (a, b))", head, HEADS)
    return nn.Softmax(dim=-1) if name == "softmax" else ACTIVATIONS[name].module()


def _checked_sizes(sizes: Sequence[int]) -> list[int]:
    if not isinstance(sizes, Sequence) or len(sizes) < 2:
        raise ValueError(f"sizes must be [in, hidden..., out], at least two, got {sizes!r}")
    return [whole(f"each of sizes {sizes}", size, at_least=1) for size in sizes]


def _checked_dropout(dropout: float | Sequence[float], hidden: int) -> list[float]:
    one_each = isinstance(dropout, Sequence)
    rates = list(dropout) if isinstance(dropout, Sequence) else [dropout]
    for rate in rates:
        number("dropout, the probability to drop,", rate, at_least=0, below=1)
    if one_each and len(rates) != hidden:
        raise ValueError(
            f"dropout must be one number or one per hidden layer: {hidden} wanted, got {dropout!r}"
        )
    return rates if one_each else rates * hidden
