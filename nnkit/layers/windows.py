"""What layers have in common whose neurons see a window of the input."""

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
        self.weight: nn.Parameter
        self.bias: nn.Parameter | None

    def draw(self, weight: tuple[int, ...], bias: tuple[int, ...] | None) -> None:
        """Make the parameters, uniform as in ``nn.Linear`` with as many inputs as a window has."""
        bound = 1 / math.sqrt(self.fan_in)
        self.weight = nn.Parameter(torch.empty(weight).uniform_(-bound, bound))
        self.bias = None
        if bias is not None:
            self.bias = nn.Parameter(torch.empty(bias).uniform_(-bound, bound))

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
