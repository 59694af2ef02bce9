"""Layers whose neurons see a window of the input: with weights of their own, or shared by all."""

import math

import torch
from torch import Tensor

from nnkit.layers.windows import Pair, Windows


class _LocallyConnected(Windows):
    def __init__(
        self, channels: Pair, size: Pair, kernel: Pair, stride: Pair, padding: Pair, bias: bool
    ) -> None:
        super().__init__(channels, size, kernel, stride, padding)
        places = math.prod(self.places)
        self.draw((places, channels[1], self.fan_in), (channels[1], places) if bias else None)

    def combine(self, windows: Tensor, weight: Tensor) -> Tensor:
        """Each window by weights of its own (P, O, C·k)."""
        own = weight.view(*self.places, self.out_channels, self.in_channels, *self.kernel)
        return torch.einsum("nchwij,hwocij->nohw", windows, own)


class LocallyConnected1d(_LocallyConnected):
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


class Shared1d(Windows):
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
        super().__init__(channels, (1, length), (1, kernel_size), (1, stride), (0, padding))
        self.draw((out_channels, in_channels, kernel_size), (out_channels,) if bias else None)

    def combine(self, windows: Tensor, weight: Tensor) -> Tensor:
        """Each window by the same weights (O, C, k)."""
        same = weight.view(self.out_channels, self.in_channels, *self.kernel)
        return torch.einsum("nchwij,ocij->nohw", windows, same)


def _pair(value: int | Pair) -> Pair:
    return value if isinstance(value, tuple) else (value, value)
