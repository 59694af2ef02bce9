"""A diagram of a network, drawn from the network itself: its weights, its masks, its sizes."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from torch import nn

from nnkit.graph import Graph
from nnkit.plots.canvas import figure_of, new_axes
from nnkit.plots.graphs import draw_graph
from nnkit.plots.style import BLUE, DIVERGING, GREY, GRID, INK, PAPER

Array = NDArray[np.float64]
Point = tuple[float, float]

HALO = [withStroke(linewidth=4, foreground=PAPER)]


def network(
    model: nn.Module,
    ax: Axes | None = None,
    *,
    mask: Sequence[torch.Tensor] | None = None,
    max_nodes: int = 8,
    bias: bool = False,
    values: bool = False,
    ghosts: bool = False,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a multilayer network or a graph of modules.

    An edge is blue for a negative weight, orange for a positive one, and as thick and as dark as
    the weight is large within its layer. Pruned weights are left out.

    Args:
        model: an ``MLP``, a ``Graph``, or any module whose ``nn.Linear`` layers follow each other.
        ax: where to draw; a new figure when None.
        mask: one 0/1 tensor per layer, shaped as its weight (outputs, inputs), on top of the
            masks of ``torch.nn.utils.prune``, which are respected anyway.
        max_nodes: a wider layer is shown by its first and last neurons around a "⋮".
        bias: draw the constant unit 1 of every layer, with the biases on its edges.
        values: write every weight on its edge; for the smallest networks.
        ghosts: draw pruned weights as faint lines instead of leaving them out.
        inputs: names of the inputs. Mathematics between dollar signs is typeset.
        outputs: names of the outputs.
        title: what to see.

    Returns:
        The figure.

    Raises:
        TypeError: ``model`` has no linear layers to draw.
        ValueError: layers that do not fit each other, a mask of another shape, too many names.
    """
    axes = new_axes(ax)
    if isinstance(model, Graph):
        draw_graph(model, axes)
    else:
        layers = linear_layers(model)
        masks = weight_masks(layers, mask)
        sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
        _check_names(inputs, sizes[0], "inputs")
        _check_names(outputs, sizes[-1], "outputs")
        diagram = _Diagram(axes, sizes, max(3, max_nodes), bias)
        for depth, (layer, kept) in enumerate(zip(layers, masks, strict=True)):
            diagram.edges(depth, layer, kept, values=values, ghosts=ghosts)
        diagram.neurons(inputs, outputs)
        diagram.captions(str(getattr(model, "activation", "")))
    if title is not None:
        axes.set_title(title)
    return figure_of(axes)


def linear_layers(model: nn.Module) -> list[nn.Linear]:
    """Return the linear layers of a feed-forward model, in order, checked to fit each other."""
    layers = [m for m in getattr(model, "layers", model.modules()) if isinstance(m, nn.Linear)]
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
    layers: Sequence[nn.Linear], mask: Sequence[torch.Tensor] | None = None
) -> list[NDArray[np.bool_]]:
    """Return, for every layer, which weights (outputs, inputs) are there."""
    given = [torch.ones_like(layer.weight) for layer in layers] if mask is None else list(mask)
    shapes = [tuple(layer.weight.shape) for layer in layers]
    if [tuple(m.shape) for m in given] != shapes:
        raise ValueError(
            f"mask has shapes {[tuple(m.shape) for m in given]}, the weights are {shapes}"
        )
    pruned = [getattr(layer, "weight_mask", torch.ones(1)) for layer in layers]
    return [((m.cpu() * p.cpu()) != 0).numpy() for m, p in zip(given, pruned, strict=True)]


def _check_names(names: Sequence[str] | None, size: int, what: str) -> None:
    if names is not None and len(names) != size:
        raise ValueError(f"{what}={list(names)!r} names {len(names)}, the network has {size}")


class _Diagram:
    """Neurons in columns: where each shown one stands, and what is drawn between them."""

    def __init__(self, ax: Axes, sizes: Sequence[int], max_nodes: int, bias: bool) -> None:
        self.ax, self.sizes, self.bias = ax, sizes, bias
        self.shown = [_shown(size, max_nodes) for size in sizes]
        rows = max(
            len(s) + (len(s) < n) + (bias and d < len(sizes) - 1)
            for d, (s, n) in enumerate(zip(self.shown, sizes, strict=True))
        )
        self.height = 4.4
        self.pitch = min(1.05, self.height / max(rows, 1))
        self.radius = min(0.34, 0.40 * self.pitch)
        self.gap = max(2.2, 9.6 / len(sizes))
        self.where = [self._column(d) for d in range(len(sizes))]
        self.one = [self._constant(d) for d in range(len(sizes))]
        ax.set_aspect("equal")
        ax.axis("off")

    def _column(self, depth: int) -> dict[int, Point]:
        shown, size = self.shown[depth], self.sizes[depth]
        elided = len(shown) < size
        slots = len(shown) + elided + self._has_one(depth)
        half = len(shown) // 2 if elided else len(shown)
        top = (slots - 1) / 2 * self.pitch
        return {
            unit: (depth * self.gap, top - (i + (elided and i >= half)) * self.pitch)
            for i, unit in enumerate(shown)
        }

    def _has_one(self, depth: int) -> bool:
        return self.bias and depth < len(self.sizes) - 1

    def _constant(self, depth: int) -> Point | None:
        if not self._has_one(depth):
            return None
        x, lowest = min(self.where[depth].values(), key=lambda point: point[1])
        return (x, lowest - self.pitch)

    def edges(
        self, depth: int, layer: nn.Linear, kept: NDArray[np.bool_], *, values: bool, ghosts: bool
    ) -> None:
        """Draw the weights (outputs, inputs) between column ``depth`` and the next."""
        weight = layer.weight.detach().cpu().double().numpy()
        weight = np.where(kept, weight, 0.0)
        largest = max(float(np.abs(weight).max()), 1e-12)
        lines = [
            (self.where[depth][i], self.where[depth + 1][o], weight[o, i] / largest, weight[o, i])
            for i in self.shown[depth]
            for o in self.shown[depth + 1]
            if kept[o, i]
        ]
        one = self.one[depth]
        if one is not None and layer.bias is not None:
            bias = layer.bias.detach().cpu().double().numpy()
            scale = max(largest, float(np.abs(bias).max()))
            lines += [
                (one, self.where[depth + 1][o], bias[o] / scale, bias[o])
                for o in self.shown[depth + 1]
            ]
        if ghosts:
            lost = [
                (self.where[depth][i], self.where[depth + 1][o])
                for i in self.shown[depth]
                for o in self.shown[depth + 1]
                if not kept[o, i]
            ]
            self.ax.add_collection(
                LineCollection(lost, colors=GREY, linewidths=0.8, linestyles=":", zorder=1)
            )
        lines.sort(key=lambda line: abs(line[2]))  # the strongest on top
        thickest = 2.0 + 4.5 * self.pitch
        self.ax.add_collection(
            LineCollection(
                [(a, b) for a, b, _, _ in lines],
                colors=[_edge_colour(w) for _, _, w, _ in lines],
                linewidths=[0.4 + (thickest - 0.4) * abs(w) for _, _, w, _ in lines],
                capstyle="butt",
                zorder=2,
            )
        )
        if values:
            for start, end, _, value in lines:
                self._value(start, end, value)

    def _value(self, start: Point, end: Point, value: float) -> None:
        along = 0.36
        x = start[0] + along * (end[0] - start[0])
        y = start[1] + along * (end[1] - start[1])
        text = f"{value:.2g}".replace("-", "−")
        self.ax.text(x, y, text, ha="center", va="center", fontsize=14, zorder=5, path_effects=HALO)

    def neurons(self, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> None:
        """Draw the circles, the elisions and the names at both ends."""
        last = len(self.sizes) - 1
        for depth, column in enumerate(self.where):
            face = PAPER if 0 < depth < last else INK if depth == 0 else PAPER
            for point in column.values():
                self._circle(point, face=face if depth else GRID, edge=INK)
            if (one := self.one[depth]) is not None:
                self._circle(one, face=PAPER, edge=GREY)
                self._text(one, "1", fontsize=14, color=INK)
            if len(column) < self.sizes[depth]:
                self._ellipsis(list(column.values()))
        ends = ((0, inputs, "right", -1), (last, outputs, "left", 1))
        for depth, names, side, sign in ends:
            for unit, (x, y) in self.where[depth].items():
                if names is not None:
                    at = (x + sign * (self.radius + 0.15), y)
                    self._text(at, names[unit], ha=side, fontsize=16, color=INK)

    def _circle(self, point: Point, face: str, edge: str) -> None:
        width = 1.0 + 2.0 * self.pitch
        self.ax.add_patch(Circle(point, self.radius, fc=face, ec=edge, lw=width, zorder=4))

    def _text(self, at: Point, text: str, ha: str = "center", **style: object) -> None:
        self.ax.text(*at, text, ha=ha, va="center", zorder=6, **style)  # type: ignore[arg-type]

    def _ellipsis(self, points: Sequence[Point]) -> None:
        upper = len(points) // 2
        middle = (points[upper - 1][1] + points[upper][1]) / 2
        for shift in (-1, 0, 1):
            centre = (points[0][0], middle + shift * 0.26 * self.pitch)
            self.ax.add_patch(Circle(centre, 0.06 * min(self.pitch, 0.8), color=INK, zorder=4))

    def captions(self, activation: str) -> None:
        """Write under every column what layer it is and how wide."""
        last = len(self.sizes) - 1
        lowest = min(y for column in self.where for _, y in column.values())
        lowest = min([lowest, *(one[1] for one in self.one if one is not None)])
        for depth, size in enumerate(self.sizes):
            name = "input" if depth == 0 else "output" if depth == last else f"hidden {depth}"
            if last == 2 and depth == 1:
                name = "hidden"
            x, y = depth * self.gap, lowest - self.radius - 0.25
            self.ax.text(x, y, name, ha="center", va="top", fontsize=16, color=INK)
            note = f"{size}" + (f" · {activation}" if activation and 0 < depth < last else "")
            self.ax.text(
                x, y - 0.42, note, ha="center", va="top", fontsize=16, color=BLUE, weight="bold"
            )
        margin = self.radius + 0.1
        self.ax.set_xlim(-0.9 - margin, last * self.gap + 0.9 + margin)
        self.ax.set_ylim(
            lowest - self.radius - 1.15,
            max(y for column in self.where for _, y in column.values()) + margin,
        )


def _shown(size: int, max_nodes: int) -> list[int]:
    """Return the neurons to draw: all of a narrow layer, both ends of a wide one."""
    if size <= max_nodes:
        return list(range(size))
    ends = max_nodes - 1
    first = ends - ends // 2
    return [*range(ends // 2), *range(size - first, size)]


def _edge_colour(share: float) -> tuple[float, float, float, float]:
    """Return the colour of a weight from its share of the layer's largest, in [−1, 1]."""
    strength = 0.30 + 0.45 * abs(share)
    red, green, blue, _ = DIVERGING(0.5 + np.sign(share) * (0.25 + 0.25 * abs(share)))
    return (red, green, blue, 0.25 + strength)
