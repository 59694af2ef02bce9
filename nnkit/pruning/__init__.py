"""Pruning: fewer weights by masks, fewer neurons by smaller tensors, fewer bytes to a weight.

A mask (``torch.nn.utils.prune``) says which weights there are; it makes a net neither smaller nor
faster. Neurons and channels are really cut out. `finalize` turns masks into zeros; `save_sparse`
stores only what is not zero; `quantize` stores a weight in 8 bits.

>>> from nnkit.models import MLP
>>> from nnkit.pruning import prune_neurons, prune_weights, sparsity
>>> net = MLP([64, 100, 100, 10], seed=0)
>>> small = prune_neurons(net, 0.75)  # a new net
>>> small.sizes
[64, 25, 25, 10]
>>> prune_weights(net, 0.9)  # masks on the same net, 90 % of its weights
>>> round(sparsity(net), 3)
0.9
"""

from nnkit.pruning._gradual import GradualPruning, gradual, rewind
from nnkit.pruning._neurons import prune_neurons, shrink
from nnkit.pruning._storage import (
    QuantizedLinear,
    load_sparse,
    quantize,
    save_sparse,
    size_in_bytes,
)
from nnkit.pruning._weights import finalize, magnitude, masks, prune_weights, snip, sparsity

__all__ = [
    "GradualPruning", "QuantizedLinear", "finalize", "gradual", "load_sparse", "magnitude", "masks",
    "prune_neurons", "prune_weights", "quantize", "rewind", "save_sparse", "shrink",
    "size_in_bytes", "snip", "sparsity",
]  # fmt: skip
