"""A network whose depth depends on how difficult an object is."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnkit._checks import number
from nnkit._modes import eval_mode
from nnkit.models import MLP


class Exits(NamedTuple):
    """How objects left: class probabilities (N, classes), and after how many hidden layers (N,).

    Example:
        >>> import torch
        >>> from nnkit.hypernetworks import EarlyExit
        >>> from nnkit.models import MLP
        >>> model = EarlyExit(MLP([2, 8, 8, 8, 4], seed=0), seed=0)
        >>> model.predict(torch.randn(5, 2), threshold=0.0).depth  # all leave at once
        tensor([1, 1, 1, 1, 1])
        >>> model.predict(torch.randn(5, 2), threshold=1.0).depth  # none before the last exit
        tensor([3, 3, 3, 3, 3])
    """

    probability: Tensor
    depth: Tensor


class EarlyExit(nn.Module):
    """An `MLP` that classifies after every hidden layer, so that easy objects can leave early.

    All exits are trained together (Teerapittayanon, McDanel and Kung, 2016):
    ``fit(model, data, loss=model.loss)``.

    Args:
        net: at least two hidden layers and an identity head; it is trained along, not copied. Its
            output layer is the last exit.
        seed: draws the same exits every time; None draws from torch's random state.

    Raises:
        TypeError, ValueError: another module, too few layers or another head.

    Example:
        >>> import torch
        >>> from nnkit.hypernetworks import EarlyExit
        >>> from nnkit.models import MLP
        >>> model = EarlyExit(MLP([2, 8, 8, 8, 4], seed=0), seed=0)
        >>> model(torch.randn(5, 2)).shape  # the scores of three exits for four classes
        torch.Size([5, 3, 4])
    """

    def __init__(self, net: MLP, seed: int | None = None) -> None:
        super().__init__()
        if not isinstance(net, MLP):
            raise TypeError(f"net must be an nnkit.models.MLP, got {type(net).__name__}")
        if len(net.sizes) < 4 or not isinstance(net.head, nn.Identity):
            raise ValueError(
                f"net must have two hidden layers or more and the identity head, got {net}"
            )
        self.net = net
        self.heads = nn.ModuleList(
            MLP([width, net.sizes[-1]], seed=None if seed is None else seed + layer)
            for layer, width in enumerate(net.sizes[1:-2])
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of every exit for x (N, in): (N, exits, classes)."""
        scores = []
        for layer, exit in enumerate(self._exits()):
            x = self._hidden(layer, x)
            scores.append(exit(x))
        return torch.stack(scores, dim=1)

    @staticmethod
    def loss(scores: Tensor, target: Tensor) -> Tensor:
        """Return the mean over all exits of the cross-entropy of scores with target (N,)."""
        return F.cross_entropy(scores.flatten(0, 1), target.repeat_interleave(scores.shape[1]))

    @torch.no_grad()
    def predict(self, x: Tensor, threshold: float = 0.9) -> Exits:
        """Let every object leave at the first exit that is confident, and go no deeper with it.

        Args:
            x: (N, in); the network runs in evaluation mode.
            threshold: the probability of the likeliest class at which an object leaves, in [0, 1];
                the last exit takes all that remain.
        """
        number("threshold", threshold, at_least=0, at_most=1)
        exits = self._exits()
        probability = x.new_zeros(len(x), self.net.sizes[-1])
        depth = torch.full((len(x),), len(exits), device=x.device)
        inside = torch.arange(len(x), device=x.device)  # the objects that have not left
        with eval_mode(self):
            for layer, exit in enumerate(exits):
                x = self._hidden(layer, x)
                p = exit(x).softmax(dim=1)
                probability[inside] = p
                leaves = p.amax(dim=1) >= threshold
                depth[inside[leaves]] = layer + 1
                inside, x = inside[~leaves], x[~leaves]
        return Exits(probability, depth)

    def _hidden(self, layer: int, x: Tensor) -> Tensor:
        a: Tensor = self.net.after[layer](self.net.layers[layer](x))
        return x + a if self.net.skips[layer] else a

    def _exits(self) -> list[nn.Module]:
        return [*self.heads, self.net.layers[-1]]
