"""Linear layers that lack some connections, lose some in training, or have no negative weights."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnkit._checks import number, one_of, whole
from nnkit._masks import keep_mask, on_grid
from nnkit.activations import activation as find


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


class DropConnect(nn.Linear):
    """A linear layer that loses random connections in training: h((M ⊙ W) x / (1 - p) + b).

    In evaluation mode it is the average over masks by Gaussian moments (Wan et al., 2013): the
    sum over many connections is nearly normal, and the mean of h under that normal distribution is
    taken, by quadrature instead of their samples. Without h that mean is W x + b, exactly.

    Args:
        in_features: number of inputs.
        out_features: number of outputs.
        p: the probability to DROP a connection, as in torch; a multiple of 1/65536.
        masks: "batch" for one mask per batch, "sample" for one per row (Wan et al.), or how many
            groups of rows, each with its own mask. Time and memory grow with their number.
        activation: h, a name of ``nnkit.activations.ACTIVATIONS``.
        bias: whether there is one; it is never dropped.

    Attributes:
        mask: of the last pass in train mode, (out, in), or (masks, out, in) for several; else None.

    Example:
        >>> import torch
        >>> from nnkit.layers import DropConnect
        >>> layer, x = DropConnect(100, 100, p=0.5), torch.randn(8, 100)
        >>> y = layer(x)
        >>> round(layer.mask.mean().item(), 1)  # the share of connections that were kept
        0.5
        >>> torch.equal(layer.eval()(x), torch.nn.functional.linear(x, layer.weight, layer.bias))
        True
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        p: float = 0.5,
        *,
        masks: int | str = "batch",
        activation: str = "identity",
        bias: bool = True,
    ) -> None:
        super().__init__(in_features, out_features, bias=bias)
        rate = number("p, the probability to drop,", p, at_least=0, below=1)
        if isinstance(masks, str):
            one_of("masks (which may also be a number)", masks, ("batch", "sample"))
        else:
            whole("masks", masks, at_least=1)
        self.p, self.masks = on_grid(rate), masks
        self.activation = activation
        self.h = find(activation).module()
        self.mask: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in) to (N, out)."""
        self.mask = None
        if not self.training:
            return self.expected(x)
        count = {"batch": 1, "sample": len(x)}.get(str(self.masks), self.masks)
        shape = (max(1, min(int(count), len(x))), *self.weight.shape)  # one also for no rows
        masks = keep_mask(shape, self.p, self.weight)
        self.mask = masks[0] if len(masks) == 1 else masks
        weight = self.weight / (1 - self.p)
        groups = zip(x.tensor_split(len(masks)), masks, strict=True)
        a: Tensor = self.h(torch.cat([F.linear(r, weight * m, self.bias) for r, m in groups]))
        return a

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation over masks of what enters h, each (N, out).

        W x + b and √(p / (1 - p) · W² x²), squares by element.
        """
        variance = F.linear(x.square(), self.weight.square()) * (self.p / (1 - self.p))
        tiny = torch.finfo(x.dtype).tiny  # the root of 0 has no gradient
        return F.linear(x, self.weight, self.bias), variance.clamp(min=tiny).sqrt()

    def expected(self, x: Tensor) -> Tensor:
        """Return the mean of h under the normal distribution with these moments, (N, out)."""
        if self.activation == "identity":
            return F.linear(x, self.weight, self.bias)
        mean, std = self.moments(x)
        # the trapezoid rule: exact to rounding for a smooth h, to 0.004 std for a kink
        z = torch.linspace(-5, 5, 33, dtype=x.dtype, device=x.device)
        share = (-z.square() / 2).softmax(0)
        total = torch.zeros_like(mean)
        for point, weight in zip(z, share, strict=True):
            total = total + weight * self.h(mean + point * std)
        return total

    def extra_repr(self) -> str:
        """The sizes, p and h."""
        return f"{super().extra_repr()}, p={self.p:g}, masks={self.masks!r}, {self.activation}"
