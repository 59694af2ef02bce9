"""Networks that make the weights of another network, and networks of variable depth.

>>> import torch
>>> from nnkit.hypernetworks import Hypernetwork
>>> from nnkit.models import MLP
>>> hyper = Hypernetwork(MLP([2, 8, 1]), context=3, seed=0)
>>> hyper(torch.randn(5, 2), torch.randn(5, 3)).shape  # five objects, each with weights of its own
torch.Size([5, 1])
"""

from nnkit.hypernetworks._early_exit import EarlyExit, Exits
from nnkit.hypernetworks._hypernetwork import Hypernetwork

__all__ = ["EarlyExit", "Exits", "Hypernetwork"]
