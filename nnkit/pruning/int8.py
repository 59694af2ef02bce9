"""Weights in 8 bits."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnkit._used import used_weight
from nnkit.symmetry.moves import Net, duplicate


class QuantizedLinear(nn.Module):
    """A linear layer whose weights are whole numbers from -127 to 127, times a scale per output.

    Symmetric quantisation per channel: w ≈ scale · q with scale = max|w| / 127, so that no weight
    is off by more than half a scale (Krishnamoorthi, 2018). On a CPU inputs are quantised likewise
    row by row, and the products are of whole numbers, which is several times faster; elsewhere the
    weights are turned back first. For inference: no gradient comes back.

    Args:
        layer: the layer to quantise.

    Attributes:
        weight: (out, in), int8.
        scale: (out, 1).
        bias: (out,) or None.

    Example:
        >>> import torch
        >>> from nnkit.pruning import QuantizedLinear
        >>> layer = torch.nn.Linear(64, 10)
        >>> small = QuantizedLinear(layer)
        >>> small.weight.dtype
        torch.int8
        >>> bool(((small.scale * small.weight - layer.weight).abs() <= 0.51 * small.scale).all())
        True
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        weight, scale = quantized(used_weight(layer).detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().clone())

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        if not x.is_floating_point() or x.shape[-1:] != (self.in_features,):
            raise TypeError(
                f"inputs must be floats (..., {self.in_features}), got {x.dtype} {tuple(x.shape)}"
            )
        if x.device.type != "cpu":
            bias = None if self.bias is None else self.bias.to(x)
            return F.linear(x, (self.weight * self.scale).to(x), bias)
        rows, size = quantized(x.reshape(-1, self.in_features))  # (N, in), (N, 1)
        y = torch._int_mm(rows, self.weight.T) * size * self.scale.T
        y = y if self.bias is None else y + self.bias
        return y.to(x.dtype).view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """The sizes, as ``nn.Linear`` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


def quantize(model: Net) -> Net:
    """Return a copy of a net, every ``nn.Linear`` in it a :class:`QuantizedLinear`.

    Raises:
        TypeError: it has no linear layer.
        ValueError: it carries masks of pruning.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import quantize, size_in_bytes
        >>> net = MLP([64, 100, 10])
        >>> round(size_in_bytes(quantize(net)) / size_in_bytes(net), 1)  # 8 bits for 32, and scales
        0.3
    """
    small = duplicate(model)
    found = [
        (parent, key, layer)
        for parent in small.modules()
        for key, layer in parent.named_children()
        if type(layer) is nn.Linear
    ]
    if not found:
        raise TypeError(f"{type(model).__name__} has no nn.Linear layer to quantise")
    for parent, key, layer in found:
        setattr(parent, key, QuantizedLinear(layer))
    return small


def quantized(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return whole numbers (rows, n), int8, and the scale of each row (rows, 1)."""
    if x.dtype in (torch.float16, torch.bfloat16):  # which the sums of products would overflow
        x = x.float()
    largest = x.abs().amax(1, keepdim=True)
    scale = torch.where(largest == 0, 1.0, largest / 127)  # nan stays nan
    return (x / scale).round().to(torch.int8), scale
