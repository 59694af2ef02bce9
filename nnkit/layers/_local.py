"""Layers whose neurons see a window of the input: with weights of their own, or shared by all."""

import math
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnkit._checks import whole

Pair = tuple[int, int]


class Windows(nn.Module, ABC):
    """A linear map of P windows of C·k inputs each.

    A line is an image of height 1.
    """

    def __init__(
        self,
        channels: Pair,
        size: Pair,
        kernel: Pair,
        stride: Pair,
        padding: Pair,
        bias: bool,
    ) -> None:
        super().__init__()
        for what, values, least in (
            ("channels", channels, 1),
            ("input size", size, 1),
            ("kernel_size", kernel, 1),
            ("stride", stride, 1),
            ("padding", padding, 0),
        ):
            for value in values:
                whole(what, value, at_least=least)
        room = [s + 2 * p - k for s, k, p in zip(size, kernel, padding, strict=True)]
        if min(room) < 0:
            raise ValueError(f"a window of {kernel} does not fit into {size} with {padding} around")
        self.in_channels, self.out_channels = channels
        self.size, self.kernel, self.stride, self.padding = size, kernel, stride, padding
        self.places = (room[0] // stride[0] + 1, room[1] // stride[1] + 1)
        self.in_features = self.in_channels * math.prod(size)
        self.out_features = self.out_channels * math.prod(self.places)
        self.fan_in = self.in_channels * math.prod(kernel)
        bound = 1 / math.sqrt(self.fan_in)  # uniform as in nn.Linear with a window's inputs
        weight, biases = self.shapes()
        self.weight = nn.Parameter(torch.empty(weight).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(biases).uniform_(-bound, bound)) if bias else None

    @abstractmethod
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of weight and bias."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, length) to (N, O, places), or (N, C, height, width) to (N, O, rows, columns).

        Raises:
            ValueError: the input has another shape.
        """
        line = x.dim() == 3 and self.size[0] == 1
        image = x.unsqueeze(2) if line else x
        if image.shape[1:] != (self.in_channels, *self.size):
            wanted = "×".join(map(str, (self.in_channels, *self.size)))
            raise ValueError(f"each input must be {wanted}, got a batch {tuple(x.shape)}")
        a = self.combine(self._windows(image), self.weight).flatten(2)  # (N, O, P)
        if self.bias is not None:
            a = a + self.bias.view(self.out_channels, -1)
        return a.view(len(x), self.out_channels, *(self.places[1:] if line else self.places))

    @abstractmethod
    def combine(self, windows: Tensor, weight: Tensor) -> Tensor:
        """Weighted sums of windows (N, C, rows, columns, *kernel), without bias: (N, O, …)."""

    def _windows(self, image: Tensor) -> Tensor:
        rows, columns = self.padding
        padded = F.pad(image, (columns, columns, rows, rows))
        for axis in (0, 1):
            padded = padded.unfold(2 + axis, self.kernel[axis], self.stride[axis])  # no copy
        return padded

    def wiring(self) -> Tensor:
        """Return which weight is on each connection (out, in): its number from 1, 0 for none."""
        # on the CPU, since not every device has float64
        numbers = torch.arange(1, self.weight.numel() + 1, dtype=torch.float64, device="cpu")
        eye = torch.eye(self.in_features, dtype=torch.float64, device="cpu")
        windows = self._windows(eye.view(-1, self.in_channels, *self.size))
        wiring = self.combine(windows, numbers.view_as(self.weight)).flatten(1).T.long()
        return wiring.to(self.weight.device)

    @property
    def mask(self) -> Tensor:
        """Which connections of (out, in) there are."""
        return self.wiring() > 0

    def matrix(self) -> Tensor:
        """Return the layer as one matrix (out, in) for flattened inputs and outputs."""
        zero = self.weight.new_zeros(1)
        return torch.cat([zero, self.weight.flatten()])[self.wiring()]

    def extra_repr(self) -> str:
        """Features, weights, and where they are."""
        return (
            f"{self.in_features} → {self.out_features}, kernel={self.kernel}, "
            f"stride={self.stride}, padding={self.padding}, bias={self.bias is not None}"
        )


class _OnALine(Windows):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        length: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        channels = (in_channels, out_channels)
        super().__init__(channels, (1, length), (1, kernel_size), (1, stride), (0, padding), bias)


class _LocallyConnected(Windows):
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of each window."""
        places = math.prod(self.places)
        return (places, self.out_channels, self.fan_in), (self.out_channels, places)

    def combine(self, windows: Tensor, weight: Tensor) -> Tensor:
        """Each window by weights of its own (P, O, C·k)."""
        own = weight.view(*self.places, self.out_channels, self.in_channels, *self.kernel)
        return torch.einsum("nchwij,hwocij->nohw", windows, own)


class LocallyConnected1d(_LocallyConnected, _OnALine):
    """Each neuron sees a window of the line, with weights of its own.

    Args:
        in_channels: C of the input (N, C, length).
        out_channels: O of the output (N, O, places).
        length: of the input.
        kernel_size: of the window.
        stride: from window to window.
        padding: zeros at each end.
        bias: whether each neuron has one.

    Attributes:
        weight: (places, O, C · kernel_size).
        bias: (O, places) or None.

    Example:
        >>> from nnkit.layers import LocallyConnected1d
        >>> layer = LocallyConnected1d(1, 1, length=5, kernel_size=3)
        >>> layer.wiring()  # three windows, nine weights
        tensor([[1, 2, 3, 0, 0],
                [0, 4, 5, 6, 0],
                [0, 0, 7, 8, 9]])
    """


class LocallyConnected2d(_LocallyConnected):
    """Each neuron sees a window of the image, with weights of its own.

    Args:
        in_channels: C of the input (N, C, height, width).
        out_channels: O of the output (N, O, rows, columns).
        size: height and width of the input.
        kernel_size: height and width of the window, or one number for both.
        stride: from window to window, likewise.
        padding: zeros on each side, likewise.
        bias: whether each neuron has one.

    Attributes:
        weight: (rows · columns, O, C · kernel height · kernel width).
        bias: (O, rows · columns) or None.

    Example:
        >>> import torch
        >>> from nnkit.layers import LocallyConnected2d
        >>> layer = LocallyConnected2d(1, 4, size=(28, 28), kernel_size=5)
        >>> layer(torch.zeros(8, 1, 28, 28)).shape
        torch.Size([8, 4, 24, 24])
        >>> layer.weight.numel()  # 4 · 5 · 5 at each of 24 · 24 places; a convolution has 100
        57600
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: Pair,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        bias: bool = True,
    ) -> None:
        channels = (in_channels, out_channels)
        super().__init__(
            channels, _pair(size), _pair(kernel_size), _pair(stride), _pair(padding), bias
        )


class Shared1d(_OnALine):
    """Each neuron sees a window of the line, and all have the same weights: a convolution.

    As in all libraries of the field the kernel is not turned round, so that the layer equals
    ``torch.nn.functional.conv1d``; its matrix is a Toeplitz matrix.

    Args:
        in_channels: C of the input (N, C, length).
        out_channels: O of the output (N, O, places).
        length: of the input.
        kernel_size: of the window.
        stride: from window to window.
        padding: zeros at each end.
        bias: whether each output channel has one.

    Attributes:
        weight: (O, C, kernel_size).
        bias: (O,) or None.

    Example:
        >>> import torch
        >>> from nnkit.layers import Shared1d
        >>> layer, x = Shared1d(1, 2, length=10, kernel_size=3), torch.randn(8, 1, 10)
        >>> same = torch.nn.functional.conv1d(x, layer.weight, layer.bias)
        >>> torch.allclose(layer(x), same, atol=1e-6)
        True
    """

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of all windows."""
        return (self.out_channels, self.in_channels, self.kernel[1]), (self.out_channels,)

    def combine(self, windows: Tensor, weight: Tensor) -> Tensor:
        """Each window by the same weights (O, C, k)."""
        same = weight.view(self.out_channels, self.in_channels, *self.kernel)
        return torch.einsum("nchwij,ocij->nohw", windows, same)


def _pair(value: int | Pair) -> Pair:
    return value if isinstance(value, tuple) else (value, value)
