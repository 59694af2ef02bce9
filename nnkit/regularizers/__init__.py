"""Regularisers: what is added to a training loss, or done to weights and inputs in training.

    fit(model, data, loss=F.mse_loss, regularizer=L2(1e-4) + L1(1e-5))
    fit(model, data, loss=F.mse_loss, transform=InputNoise(0.1))

A penalty is a callable on the model that gives a scalar tensor, so it also serves in a loop of
one's own: ``loss + penalty(model)``. Penalties add and scale, ``2 * L2(1e-4)``; lam is one number
or one per layer; biases and the parameters of normalisation layers are exempt unless asked for.
`fit` adds the gradients that are known in closed form in place, which is cheaper than autograd,
and takes the proximal step of `L1` and `GroupLasso` after the optimiser's: exact zeros.
"""

from nnkit.regularizers.constraints import MaxNorm, NonNegative
from nnkit.regularizers.groups import GroupLasso
from nnkit.regularizers.inputs import GradientPenalty, InputNoise
from nnkit.regularizers.mixture import GaussianMixturePrior
from nnkit.regularizers.norms import L1, L2, L2SP, ScaleL1
from nnkit.regularizers.penalty import Penalty, Sum
from nnkit.regularizers.sharing import SoftSharing
from nnkit.regularizers.slopes import largest_slope, lipschitz_bound
from nnkit.regularizers.weights import WeightPenalty

__all__ = [
    "L1", "L2", "L2SP", "GaussianMixturePrior", "GradientPenalty", "GroupLasso", "InputNoise",
    "MaxNorm", "NonNegative", "Penalty", "ScaleL1", "SoftSharing", "Sum", "WeightPenalty",
    "largest_slope", "lipschitz_bound",
]  # fmt: skip
