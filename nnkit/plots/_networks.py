"""A diagram of a network, drawn from the network itself: its sizes, its weights, its masks."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from nnkit.graph import Graph
from nnkit.layers import NonNegativeLinear, Shared1d
from nnkit.layers._local import Windows
from nnkit.plots._canvas import UNIT, figure_of, fit_figure, fit_text, new_axes, set_title
from nnkit.plots._diagrams import Diagram, Weights
from nnkit.plots._graphs import draw_graph

Layer = nn.Linear | NonNegativeLinear | Windows  # a column of neurons and the weights before it


def network(
    model: nn.Module,
    ax: Axes | None = None,
    *,
    mask: Sequence[torch.Tensor] | None = None,
    max_nodes: int = 8,
    height: float = 4.5,
    bias: bool = False,
    values: bool = False,
    ghosts: bool = False,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw a multilayer network or a graph of modules.

    An edge is blue for a negative weight, orange for a positive one, and as thick and as dark as
    the weight is large within its layer. Weights that a mask removes are left out: by pruning, or
    the layer's own. Where a layer shares its weights, equal ones have the same colour.

    Args:
        model: an ``MLP``, a ``Graph``, or any module whose layers of ``torch.nn.Linear`` or
            ``nnkit.layers`` follow each other; several channels stand one below the other. A graph
            is drawn as boxes; of the arguments below only ``title`` is for it.
        ax: where to draw; a new figure when None.
        mask: one 0/1 tensor per layer, shaped (outputs, inputs), on top of the masks of
            ``torch.nn.utils.prune`` and of ``nnkit.layers``, which are respected anyway.
        max_nodes: a wider layer is shown by its first and last neurons around a "⋮".
        height: of a new figure at most, in inches, without the title; a flat one leaves room for
            code on the slide.
        bias: draw the constant unit 1 of every layer, with the biases on its edges.
        values: write every weight on its edge; for the smallest networks.
        ghosts: draw pruned weights as faint dotted lines instead of leaving them out.
        inputs: names of the inputs. Mathematics between dollar signs is typeset.
        outputs: names of the outputs.
        title: what to see.

    Returns:
        The figure.

    Raises:
        TypeError: ``model`` has no linear layers to draw.
        ValueError: layers that do not fit each other, a mask of another shape, names that do not
            match the inputs or outputs in number, ``max_nodes`` below 3, ``height`` below 2.

    Example:
        >>> from nnkit import plots
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import prune_weights
        >>> net = MLP([2, 3, 1], seed=0)
        >>> prune_weights(net, 0.5)
        >>> figure = plots.network(net, inputs=["$x_1$", "$x_2$"], title="Half is left")
        >>> figure.axes[0].get_title(loc="left")
        'Half is left'
    """
    if isinstance(model, Graph):
        axes = new_axes(ax)
        draw_graph(model, axes)
    else:
        if max_nodes < 3:
            raise ValueError(f"max_nodes={max_nodes}: an elided layer shows at least 3 neurons")
        if height < 2:
            raise ValueError(f"height={height}: captions alone take an inch; give 2 or more")
        layers = linear_layers(model)
        kept = weight_masks(layers, mask)
        sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
        _check_names(inputs, sizes[0], "inputs")
        _check_names(outputs, sizes[-1], "outputs")
        axes = new_axes(ax)
        diagram = Diagram(axes, sizes, max_nodes, bias, height / UNIT)
        for depth, pair in enumerate(zip(layers, kept, strict=True)):
            diagram.edges(depth, _weights(*pair), values=values, ghosts=ghosts)
        diagram.neurons(inputs or (), outputs or ())
        diagram.captions(_responses(model, len(sizes)))
    if ax is None:
        fit_figure(axes, title)
    set_title(axes, title)
    fit_text(axes)
    return figure_of(axes)


def linear_layers(model: nn.Module) -> list[Layer]:
    """Return the linear layers of a feed-forward model, in order, checked to fit each other."""
    modules = getattr(model, "layers", model.modules())
    layers: list[Any] = [m for m in modules if hasattr(m, "in_features")]
    if not layers:
        raise TypeError(
            f"no nn.Linear layer in {type(model).__name__}: "
            "network() draws an MLP, a Graph or an nn.Sequential of linear layers"
        )
    for first, second in pairwise(layers):
        if first.out_features != second.in_features:
            raise ValueError(
                f"layers do not follow each other: {first} gives {first.out_features} numbers, "
                f"{second} takes {second.in_features}; describe such a network as a Graph"
            )
    return layers


def weight_masks(
    layers: Sequence[Layer], mask: Sequence[torch.Tensor] | None = None
) -> list[NDArray[np.bool_]]:
    """Return, for every layer, which weights (outputs, inputs) are there."""
    shapes = [(layer.out_features, layer.in_features) for layer in layers]
    given = [torch.ones(shape) for shape in shapes] if mask is None else list(mask)
    if [tuple(m.shape) for m in given] != shapes:
        raise ValueError(
            f"mask has shapes {[tuple(m.shape) for m in given]}, the weights are {shapes}"
        )
    return [
        (m.cpu() != 0).numpy() & _own_mask(layer) for m, layer in zip(given, layers, strict=True)
    ]


def _own_mask(layer: Layer) -> NDArray[np.bool_]:
    """Which weights are left by the layer's own mask and by that of pruning."""
    kept = np.ones((layer.out_features, layer.in_features), dtype=bool)
    for name in ("mask", "weight_mask"):
        own = getattr(layer, name, None)
        if isinstance(own, torch.Tensor) and own.shape == kept.shape:
            kept &= (own.cpu() != 0).numpy()
    return kept


def _weights(layer: Layer, kept: NDArray[np.bool_]) -> Weights:
    matrix = layer.matrix() if isinstance(layer, Windows) else layer.weight
    weight = matrix.detach().cpu().double().numpy()
    bias = None
    if layer.bias is not None:  # of a channel: for each of its neurons
        values = layer.bias.detach().cpu().double().numpy().ravel()
        bias = values.repeat(layer.out_features // len(values))
    shared = layer.wiring().cpu().numpy() if isinstance(layer, Shared1d) else None
    return Weights(np.where(kept, weight, 0.0), bias, kept, shared)


def _responses(model: nn.Module, layers: int) -> list[str]:
    """Return for every layer, inputs first, the name of the function that its neurons apply."""
    head = type(getattr(model, "head", nn.Identity())).__name__.lower()
    hidden = str(getattr(model, "activation", ""))
    return ["", *[hidden] * (layers - 2), "" if head == "identity" else head]


def _check_names(names: Sequence[str] | None, size: int, what: str) -> None:
    if names is not None and len(names) != size:
        raise ValueError(f"{what}={list(names)!r} names {len(names)}, the network has {size}")
