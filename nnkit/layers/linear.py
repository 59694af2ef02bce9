"""Linear layers that lack some connections, or whose weights cannot be negative."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnkit._checks import whole


class MaskedLinear(nn.Linear):
    """A linear layer with some connections only: y = (mask ⊙ W) x + b.

    The missing weights are 0 and stay so. The others are drawn as for ``nn.Linear`` with as many
    inputs as the neuron has.

    Args:
        mask: (out, in), 1 or True where there is a connection.
        bias: whether each neuron has one.

    Example:
        >>> import torch
        >>> from nnkit.layers import MaskedLinear
        >>> layer = MaskedLinear(torch.tensor([[1, 1, 0], [0, 1, 1]]))
        >>> layer(torch.ones(8, 3)).sum().backward()
        >>> layer.weight.grad  # a missing connection learns nothing
        tensor([[8., 8., 0.],
                [0., 8., 8.]])
    """

    mask: Tensor

    def __init__(self, mask: Tensor, bias: bool = True) -> None:
        if mask.dim() != 2 or not mask.numel() or not ((mask == 0) | (mask == 1)).all():
            raise ValueError(f"mask must be (out, in) of 0 and 1, got shape {tuple(mask.shape)}")
        super().__init__(mask.shape[1], mask.shape[0], bias=bias)
        self.register_buffer("mask", mask.to(torch.bool).clone())
        inputs = self.mask.sum(1, keepdim=True).clamp(min=1)
        with torch.no_grad():
            self.weight.mul_(self.mask * (self.in_features / inputs).sqrt())

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in) to (N, out)."""
        return F.linear(x, self.weight * self.mask, self.bias)


class NonNegativeLinear(nn.Module):
    """A linear layer with weights above 0: each output grows with each input.

    With activations that grow, such as ReLU or tanh, so does a net of such layers: it is monotone
    in each input. A weight is softplus(raw) = log(1 + exp(raw)), which can be trained everywhere.

    Args:
        in_features: number of inputs.
        out_features: number of outputs.
        bias: whether each output has one, of any sign.

    Example:
        >>> import torch
        >>> from nnkit.layers import NonNegativeLinear
        >>> layer, x = NonNegativeLinear(3, 2), torch.randn(8, 3)
        >>> bool((layer(x + 0.1) > layer(x)).all())  # larger inputs, larger outputs
        True
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features = whole("in_features", in_features, at_least=1)
        self.out_features = whole("out_features", out_features, at_least=1)
        # weights uniform in (0, 2 / in): their sum is about 1, so that a signal keeps its size
        weight = torch.rand(out_features, in_features).clamp(min=1e-3) * 2 / in_features
        self.raw = nn.Parameter(weight.expm1().log())  # softplus turned round
        bound = 1 / math.sqrt(in_features)
        self.bias = (
            nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None
        )

    @property
    def weight(self) -> Tensor:
        """The weights (out, in), all above 0."""
        return F.softplus(self.raw)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in) to (N, out)."""
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes, as ``nn.Linear`` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}"
