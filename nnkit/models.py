"""The multilayer perceptron.

>>> net = MLP([2, 8, 1], "tanh", head="sigmoid", seed=0)
>>> net(torch.zeros(5, 2)).shape
torch.Size([5, 1])
"""

import math
import operator
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nnkit._checks import number, one_of
from nnkit.activations import ACTIVATIONS
from nnkit.graph import Graph, concat

__all__ = ["MLP", "Graph", "Interval", "concat"]

HEADS = ("identity", "sigmoid", "softmax", "relu", "softplus", "tanh", "hardtanh")
NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class Interval(nn.Module):
    """Output head into [low, high]: low + (high - low)(tanh(f) + 1) / 2.

    Tanh and not hard tanh, whose zero gradient beyond the ends would leave an output stuck there.
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
        activation: h, a name of ``nnkit.activations.ACTIVATIONS``.
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
        sizes, activation: as given.

    Raises:
        TypeError, ValueError: on any other argument, before anything is made.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "relu",
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
        self.activation = one_of("activation", activation, ACTIVATIONS)
        self.residual = residual
        widths = self.sizes[1:-1]
        rates = _checked_dropout(dropout, len(widths))
        make_norm = nn.Identity if norm is None else NORMS[one_of("norm", norm, NORMS)]
        make_activation = ACTIVATIONS[self.activation].module

        _mean_and_std(init, 1, 1)  # refuses an unknown init before anything is made
        head_module = _make_head(head)
        pairs = list(zip(self.sizes[:-1], self.sizes[1:], strict=True))
        self.layers = nn.ModuleList(_empty_linear(*pair) for pair in pairs)
        self.norms = nn.ModuleList(make_norm(width) for width in widths)
        self.activations = nn.ModuleList(make_activation() for _ in widths)
        self.dropouts = nn.ModuleList(nn.Dropout(q) if q else nn.Identity() for q in rates)
        self.skips = [residual and n == m for n, m in pairs[:-1]]
        self.head = head_module
        _draw_weights(self.layers, init, seed)

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (N, in) to outputs (N, out)."""
        for part in zip(
            self.layers, self.norms, self.activations, self.dropouts, self.skips, strict=False
        ):
            x = _hidden_layer(x, *part)
        x = self.layers[-1](x)
        y: Tensor = self.head(x)
        return y

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Return the activations of every hidden layer for x (N, in), each (N, width)."""
        values = []
        for part in zip(
            self.layers, self.norms, self.activations, self.dropouts, self.skips, strict=False
        ):
            x = _hidden_layer(x, *part)
            values.append(x)
        return values


def _hidden_layer(
    x: Tensor,
    linear: nn.Module,
    norm: nn.Module,
    activation: nn.Module,
    dropout: nn.Module,
    skip: bool,
) -> Tensor:
    a: Tensor = dropout(activation(norm(linear(x))))
    return x + a if skip else a


def _empty_linear(fan_in: int, fan_out: int) -> nn.Linear:
    # through the meta device, because nn.Linear would draw from torch's random state
    layer = nn.Linear(fan_in, fan_out, device="meta")
    return layer.to_empty(device=torch.get_default_device())


def _draw_weights(layers: nn.ModuleList, init: str | tuple[str, float], seed: int | None) -> None:
    generator = None if seed is None else torch.Generator().manual_seed(operator.index(seed))
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
    if isinstance(head, tuple):
        if len(head) != 2:
            raise ValueError(f"an output interval is (a, b), got {head!r}")
        return Interval(*head)
    name = one_of("head", head, HEADS)
    return nn.Softmax(dim=-1) if name == "softmax" else ACTIVATIONS[name].module()


def _checked_sizes(sizes: Sequence[int]) -> list[int]:
    try:
        checked = [operator.index(n) for n in sizes]
    except TypeError:
        raise TypeError(
            f"sizes must be whole numbers [in, hidden..., out], got {sizes!r}"
        ) from None
    if len(checked) < 2 or min(checked) < 1:
        raise ValueError(
            f"sizes must be at least two positive numbers [in, hidden..., out], got {sizes!r}"
        )
    return checked


def _checked_dropout(dropout: float | Sequence[float], hidden: int) -> list[float]:
    rates = [dropout] * hidden if isinstance(dropout, int | float) else list(dropout)
    if len(rates) != hidden:
        raise ValueError(
            f"dropout must be one number or one per hidden layer: {hidden} wanted, got {dropout!r}"
        )
    for rate in rates if rates else [dropout]:
        if not isinstance(rate, int | float) or not 0 <= rate < 1:
            raise ValueError(f"dropout is the probability to drop, in [0, 1), got {rate!r}")
    return rates
