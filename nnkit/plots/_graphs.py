"""A diagram of a ``Graph``: boxes in layers, arrows that bend around them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from torch import nn

from nnkit._modes import Function
from nnkit.graph import Graph
from nnkit.plots._canvas import ARROW, CENTRED
from nnkit.plots.style import BLUE, GRID, INK, PAPER


class Bend(NamedTuple):
    """Where an edge from ``start`` to ``end`` passes through a layer between them."""

    start: str
    end: str
    layer: int


Slot = str | Bend  # a node, or a place that an edge passes

BOX = (1.9, 0.95)  # width and height
GAP = (1.15, 0.55)  # between boxes, along and across


def draw_graph(graph: Graph, ax: Axes) -> None:
    """Draw the nodes of a ``Graph`` as boxes and its connections as arrows, left to right."""
    parents = graph_parents(graph)
    layer = layers_of(parents)
    routes = {(p, n): route(p, n, layer) for n, ps in parents.items() for p in ps}
    where = place(layer, routes)
    ax.axis("off")
    ax.set_aspect("equal")
    for slots in routes.values():
        _arrow(ax, [where[slot] for slot in slots])
    for name in {start: None for start, _ in routes}:
        x, y = where[name][0] + BOX[0] / 2 + 0.16, where[name][1] + 0.2
        ax.text(x, y, size(graph.shapes[name]), fontsize=13, color=BLUE, weight="bold", zorder=4)
    for name in parents:
        _box(ax, where[name], name, describe(graph, name), is_input=name in graph.inputs)
    points = np.array(list(where.values()))
    (left, low), (right, high) = points.min(0), points.max(0)
    ax.set_xlim(left - BOX[0] * 0.6, right + BOX[0] * 0.6)
    ax.set_ylim(low - BOX[1], high + BOX[1])


def graph_parents(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return what every input and node acts on, in an order in which they can be computed."""
    inputs: dict[str, tuple[str, ...]] = dict.fromkeys(graph.inputs, ())
    return inputs | {name: graph.parents[name] for name in graph.order}


def layers_of(parents: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Return the layer of every node: the longest way to it from an input."""
    layer: dict[str, int] = {}
    for name, above in parents.items():
        layer[name] = 1 + max((layer[parent] for parent in above), default=-1)
    return layer


def route(start: str, end: str, layer: Mapping[str, int]) -> list[Slot]:
    """Return what an edge passes: its ends, and a free place in every layer that it skips."""
    return [start, *(Bend(start, end, i) for i in range(layer[start] + 1, layer[end])), end]


def place(
    layer: Mapping[str, int], routes: Mapping[tuple[str, str], list[Slot]]
) -> dict[Slot, tuple[float, float]]:
    """Return the centre of every box and of every place that an edge passes (Sugiyama, 1981)."""
    columns: list[list[Slot]] = [[] for _ in range(max(layer.values()) + 1)]
    before: dict[Slot, list[Slot]] = {}
    after: dict[Slot, list[Slot]] = {}
    for name, depth in layer.items():
        columns[depth].append(name)
    for slots in routes.values():
        for slot in slots:
            if isinstance(slot, Bend):
                columns[slot.layer].append(slot)
        for a, b in pairwise(slots):
            before.setdefault(b, []).append(a)
            after.setdefault(a, []).append(b)
    for _ in range(3):  # to and fro, so that edges cross less
        for ordered, fixed in ((columns[1:], before), (columns[-2::-1], after)):
            rank = {slot: i for column in columns for i, slot in enumerate(column)}
            for column in ordered:
                column.sort(key=lambda slot: _mean([rank[s] for s in fixed.get(slot, [slot])]))
                rank.update({slot: i for i, slot in enumerate(column)})
    height: dict[Slot, float] = {}
    for column in columns:
        _stack(column, before, height)
    step = BOX[0] + GAP[0]
    return {slot: (d * step, height[slot]) for d, column in enumerate(columns) for slot in column}


def _stack(
    column: Sequence[Slot], before: Mapping[Slot, list[Slot]], height: dict[Slot, float]
) -> None:
    """Set the heights in a column: one below the other, boxes level with those before them."""
    y, stacked = 0.0, {}
    for slot in column:
        tall = BOX[1] if isinstance(slot, str) else 0.25
        stacked[slot] = y - tall / 2
        y -= tall + GAP[1]
    shifts = []
    for slot in column:
        boxes = [s for s in before.get(slot, []) if isinstance(s, str)] or before.get(slot, [])
        if isinstance(slot, str) and boxes:
            shifts.append(_mean([height[s] for s in boxes]) - stacked[slot])
    shift = _mean(shifts) if shifts else -y / 2
    height.update({slot: at + shift for slot, at in stacked.items()})


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def describe(graph: Graph, name: str) -> str:
    """Return in a word or two what a node computes."""
    if name in graph.inputs:
        return "input"
    module = graph.nodes[name]
    if isinstance(module, nn.Linear):
        return f"Linear {module.in_features}→{module.out_features}"
    if isinstance(module, Function):
        return repr(module).replace("<lambda>", "function")
    return type(module).__name__


def size(shape: Sequence[int]) -> str:
    """Return a shape without the batch as people write it: 8, or 3×28×28."""
    return "×".join(map(str, shape)) or "1"


def _box(ax: Axes, at: tuple[float, float], name: str, what: str, *, is_input: bool) -> None:
    x, y = at
    corner, shape = (x - BOX[0] / 2, y - BOX[1] / 2), "round,pad=0,rounding_size=0.18"
    face = GRID if is_input else PAPER
    ax.add_patch(FancyBboxPatch(corner, *BOX, shape, fc=face, ec=INK, lw=2.4, zorder=3))
    ax.text(x, y + 0.17, name, weight="bold", fontsize=17, zorder=4, **CENTRED)
    ax.text(x, y - 0.2, what, fontsize=13, zorder=4, **CENTRED)


def _arrow(ax: Axes, points: list[tuple[float, float]]) -> None:
    """Draw a smooth arrow through ``points``: level beside boxes, bending between columns."""
    half = BOX[0] / 2
    x, y = points[0]
    vertices, codes = [(x + half, y)], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        vertices += [(middle, y0), (middle, y1), (x1 - half, y1)]
        codes += [Path.CURVE4] * 3
        if (x1, y1) != points[-1]:
            vertices.append((x1 + half, y1))
            codes.append(Path.LINETO)
    head = "-|>,head_length=9,head_width=5"
    path = Path(vertices, codes)
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle=head, lw=2.2, zorder=2, **ARROW))
