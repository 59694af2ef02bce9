"""One neuron of two inputs: its map from above, and a walk along its weights."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from nnkit.activations import activation as find_activation
from nnkit.plots.canvas import numbers
from nnkit.plots.style import BLUE, GREY, INK
from nnkit.plots.surfaces import surface


def neuron(
    w: Sequence[float] | Tensor,
    bias: float,
    activation: str = "sigmoid",
    *,
    reach: float = 4.0,
    title: str = "",
) -> Figure:
    """Draw y = h(bias + w·x) over the plane, and the same y along the direction of w.

    Args:
        w: the two weights, not both 0.
        bias: the weight of the constant input.
        activation: h, a name of ``nnkit.activations.ACTIVATIONS``.
        reach: the map shows −reach to reach in both inputs.
        title: what to see.

    Raises:
        ValueError: ``w`` is not two weights, or both are 0.

    Example:
        >>> from nnkit import plots
        >>> figure = plots.neuron([1.2, 0.7], -0.4, "tanh", title="It rises along w")
        >>> [axes.get_xlabel() for axes in figure.axes]
        ['$x_1$', 'steps along w from the origin']
    """
    weights = torch.tensor(numbers(w), dtype=torch.float32, device="cpu")
    if weights.shape != (2,) or not (length := float(weights.norm())) > 0:
        raise ValueError(f"w={w!r}: two weights are needed, not both 0")
    h = find_activation(activation).function
    figure = Figure(figsize=(10, 4.4))
    seen, walked = figure.subplots(1, 2, width_ratios=(1, 1.25))
    limits = (-reach, reach, -reach, reach)
    surface(
        lambda x: h(bias + x @ weights),
        ax=seen,
        limits=limits,
        normal=((weights / length).tolist(), bias / length),
        span=0.5 if activation == "sigmoid" else None,
    )
    along = torch.linspace(-reach, reach, 400, device="cpu")
    walked.plot(along, h(bias + length * along), color=BLUE)
    walked.axvline(0, color=GREY, lw=1)
    walked.axvline(-bias / length, color=INK, lw=2, ls="--")  # here the sum changes sign
    walked.set(xlabel="steps along w from the origin", ylabel="y", xlim=(-reach, reach))
    low, high = find_activation(activation).range
    if np.isfinite([low, high]).all():
        walked.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    figure.suptitle(title, x=0.01, ha="left")
    return figure
