"""Different weights, the same function: the symmetries of an `MLP`, and what lies between two nets.

Hidden layers are counted from 0, as in ``net.hidden(x)``. Every function returns a new net and
leaves its arguments as they were.

>>> import torch
>>> from nnkit.models import MLP
>>> from nnkit.symmetry import count, flip, permute
>>> net, x = MLP([2, 3, 1], "tanh", seed=0), torch.ones(1, 2)
>>> twin = permute(flip(net, 0, [1]), 0, [2, 0, 1])
>>> torch.allclose(twin(x), net(x))
True
>>> count(net)  # 3! orders times 2³ signs
48
"""

from nnkit.symmetry._between import Barrier, align, barrier, interpolate
from nnkit.symmetry._moves import count, flip, permute, rescale

__all__ = ["Barrier", "align", "barrier", "count", "flip", "interpolate", "permute", "rescale"]
