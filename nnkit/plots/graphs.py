"""A diagram of a ``Graph``: boxes in layers, arrows that bend around them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from torch import nn

from nnkit.graph import Function, Graph
from nnkit.plots.style import BLUE, GRID, INK, PAPER

Slot = tuple[str, str, int] | str  # a node, or a place an edge passes: (from, to, layer)

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
    for (start, _), slots in routes.items():
        _arrow(ax, [where[slot] for slot in slots], size(graph.shapes[start]))
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
    return [start, *((start, end, i) for i in range(layer[start] + 1, layer[end])), end]


def place(
    layer: Mapping[str, int], routes: Mapping[tuple[str, str], list[Slot]]
) -> dict[Slot, tuple[float, float]]:
    """Return the centre of every box and of every place that an edge passes (Sugiyama, 1981)."""
    columns: dict[int, list[Slot]] = {}
    before: dict[Slot, list[Slot]] = {}
    for name, depth in layer.items():
        columns.setdefault(depth, []).append(name)
    for slots in routes.values():
        for a, b in pairwise(slots):
            before.setdefault(b, []).append(a)
            if not isinstance(b, str):
                columns[b[2]].append(b)
    height: dict[Slot, float] = {}
    for depth in sorted(columns):
        _stack(columns[depth], before, height)
    step = BOX[0] + GAP[0]
    return {slot: (d * step, height[slot]) for d, column in columns.items() for slot in column}


def _stack(
    column: list[Slot], before: Mapping[Slot, list[Slot]], height: dict[Slot, float]
) -> None:
    """Order a column by the mean height of what feeds it, and centre boxes on theirs."""

    def wish(slot: Slot) -> float:
        above = before.get(slot, [])
        return sum(height[a] for a in above) / len(above) if above else 0.0

    column.sort(key=lambda slot: (-wish(slot), not isinstance(slot, str)))
    y, stacked = 0.0, {}
    for slot in column:
        tall = BOX[1] if isinstance(slot, str) else 0.25
        stacked[slot] = y - tall / 2
        y -= tall + GAP[1]
    boxes = [slot for slot in column if isinstance(slot, str)] or column
    shift = sum(wish(slot) - stacked[slot] for slot in boxes) / len(boxes)
    height.update({slot: at + shift for slot, at in stacked.items()})


def describe(graph: Graph, name: str) -> str:
    """Return in a word or two what a node computes."""
    if name in graph.inputs:
        return "input"
    module = graph.nodes[name]
    if isinstance(module, nn.Linear):
        return f"Linear {module.in_features}→{module.out_features}"
    return repr(module) if isinstance(module, Function) else type(module).__name__


def size(shape: Sequence[int]) -> str:
    """Return a shape without the batch as people write it: 8, or 3×28×28."""
    return "×".join(map(str, shape)) or "1"


def _box(ax: Axes, at: tuple[float, float], name: str, what: str, *, is_input: bool) -> None:
    x, y = at
    ax.add_patch(
        FancyBboxPatch(
            (x - BOX[0] / 2, y - BOX[1] / 2),
            *BOX,
            boxstyle="round,pad=0,rounding_size=0.18",
            fc=GRID if is_input else PAPER,
            ec=INK,
            lw=2.4,
            zorder=3,
        )
    )
    ax.text(x, y + 0.17, name, ha="center", va="center", weight="bold", fontsize=17, zorder=4)
    ax.text(x, y - 0.2, what, ha="center", va="center", fontsize=13, zorder=4)


def _arrow(ax: Axes, points: list[tuple[float, float]], width: str) -> None:
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
    ax.add_patch(
        FancyArrowPatch(
            path=Path(vertices, codes),
            arrowstyle="-|>,head_length=9,head_width=5",
            color=INK,
            lw=2.2,
            shrinkA=0,
            shrinkB=0,
            capstyle="butt",
            joinstyle="miter",
            fill=False,
            zorder=2,
        )
    )
    ax.text(x + half + 0.16, y + 0.2, width, fontsize=13, color=BLUE, weight="bold", zorder=4)
