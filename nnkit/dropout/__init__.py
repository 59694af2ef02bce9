"""Using a dropout net: an average over random masks or over all of them; a unit ablated.

Everywhere p is the probability to DROP, as in torch; much of the literature calls the probability
to keep p. What is kept is divided by 1 - p (inverted dropout), so that plain evaluation mode is the
classic scaling of Srivastava et al., 2014.

>>> import torch
>>> from nnkit.dropout import all_masks, mc_predict
>>> from nnkit.models import MLP
>>> net = MLP([2, 8, 1], dropout=0.2, seed=0)
>>> mean, std = mc_predict(net, torch.ones(5, 2), samples=50, seed=0)
>>> all_masks(net, torch.ones(5, 2)).mean.shape  # of 2⁸ masks, each with its probability
torch.Size([5, 1])
"""

from nnkit.dropout._exact import AllMasks, all_masks
from nnkit.dropout._layers import ablate
from nnkit.dropout._monte_carlo import mc_predict, mc_samples

__all__ = ["AllMasks", "ablate", "all_masks", "mc_predict", "mc_samples"]
