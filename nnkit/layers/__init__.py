"""Layers with fewer weights than a linear one has connections, or with weights that are restrained.

A layer of this room has `in_features` and `out_features` as ``nn.Linear`` does, so that
``nnkit.plots.network`` draws it: only the connections there are, equal weights in one colour.

>>> import torch
>>> from nnkit.layers import Shared1d
>>> layer = Shared1d(1, 1, length=5, kernel_size=3)
>>> layer(torch.randn(8, 1, 5)).shape
torch.Size([8, 1, 3])
>>> layer.wiring()  # which weight is on each connection, from input (column) to output (row)
tensor([[1, 2, 3, 0, 0],
        [0, 1, 2, 3, 0],
        [0, 0, 1, 2, 3]])
"""

from nnkit.layers._linear import DropConnect, MaskedLinear, NonNegativeLinear
from nnkit.layers._local import LocallyConnected1d, LocallyConnected2d, Shared1d

__all__ = [
    "DropConnect",
    "LocallyConnected1d",
    "LocallyConnected2d",
    "MaskedLinear",
    "NonNegativeLinear",
    "Shared1d",
]
