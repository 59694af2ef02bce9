"""Regularisers: what is added to a training loss, or done to weights and inputs in training.

    fit(model, data, loss=F.mse_loss, regularizer=L2(1e-4) + L1(1e-5))
    fit(model, data, loss=F.mse_loss, transform=InputNoise(0.1))

A penalty is a callable on the model that gives a scalar tensor, so it also serves in a loop of
one's own: ``loss + penalty(model)``. Penalties add and scale, ``2 * L2(1e-4)``; lam is one number
or one per layer; biases and the parameters of normalisation layers are exempt unless asked for.
`fit` adds the gradients that are known in closed form in place, which is cheaper than autograd,
and takes the proximal step of `L1` and `GroupLasso` after the optimiser's: exact zeros.
"""

from nnkit.regularizers._groups import GroupLasso, MaxNorm, NonNegative
from nnkit.regularizers._inputs import GradientPenalty, InputNoise, largest_slope, lipschitz_bound
from nnkit.regularizers._norms import L1, L2, L2SP, ScaleL1
from nnkit.regularizers._penalty import Penalty, Sum
from nnkit.regularizers._sharing import GaussianMixturePrior, SoftSharing
from nnkit.regularizers._weights import WeightPenalty

__all__ = [
    "L1", "L2", "L2SP", "GaussianMixturePrior", "GradientPenalty", "GroupLasso", "InputNoise",
    "MaxNorm", "NonNegative", "Penalty", "ScaleL1", "SoftSharing", "Sum", "WeightPenalty",
    "largest_slope", "lipschitz_bound",
]  # fmt: skip
