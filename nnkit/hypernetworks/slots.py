"""A slot is one tensor of the target net, made from a stretch of the hypernetwork's output."""

import math
from dataclasses import dataclass

import torch
from torch import Size, Tensor, nn

SPREAD = 0.5  # of a vector at the start


@dataclass(frozen=True)
class Slot:
    """How one tensor of the target is made from `size` numbers u of the hypernetwork.

    At the start u has variance 1, whatever the context. A weight is u √(2 / fan_in), which has the
    variance of He's initialisation, so that a signal neither grows nor fades in the target. (Chang,
    Flokas and Lipson, 2020, scale the last layer of the hypernetwork instead, which is not
    possible where one chunk serves several layers.) A vector starts about its mean in the target:
    0 for a bias, 1 for the gains of a normalisation.

    Attributes:
        names: the tensor's names in the target, several if it is tied.
        shape: its shape.
        centre: the value about which a vector starts.
        rank: None, or the rank r of a matrix made as a product of (rows, r) and (r, columns).
    """

    names: tuple[str, ...]
    shape: Size
    centre: float
    rank: int | None

    @property
    def size(self) -> int:
        """How many numbers of the hypernetwork it takes."""
        if self.rank is None:
            return self.shape.numel()
        return self.rank * (self.shape[0] + self.shape[1:].numel())

    def build(self, u: Tensor) -> Tensor:
        """Make the tensor: u (N, size) -> (N, *shape)."""
        if len(self.shape) < 2:
            return self.centre + SPREAD * u.view(-1, *self.shape)
        rows, fan_in = self.shape[0], self.shape[1:].numel()
        scale = math.sqrt(2 / fan_in)
        if self.rank is None:
            return scale * u.view(-1, *self.shape)
        left, right = torch.split(u, [rows * self.rank, self.rank * fan_in], dim=1)
        product = left.view(-1, rows, self.rank) @ right.view(-1, self.rank, fan_in)
        return scale / math.sqrt(self.rank) * product.view(-1, *self.shape)


def slots(target: nn.Module, rank: int | None) -> list[Slot]:
    """Return a slot for each parameter of the target, of low rank where that saves numbers."""
    names: dict[nn.Parameter, list[str]] = {}
    for name, parameter in target.named_parameters(remove_duplicate=False):
        names.setdefault(parameter, []).append(name)
    found = []
    for parameter, own in names.items():
        full = Slot(tuple(own), parameter.shape, float(parameter.detach().mean()), None)
        low = Slot(full.names, full.shape, full.centre, rank)
        is_matrix = parameter.dim() > 1
        found.append(low if rank and is_matrix and low.size < full.size else full)
    return found
