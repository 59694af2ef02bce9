"""Columns of neurons and the weights between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Circle
from numpy.typing import NDArray

from nnkit.plots._canvas import CENTRED
from nnkit.plots._fields import Array
from nnkit.plots.style import BLUE, CLASS_COLOURS, DIVERGING, GREY, GRID, INK, PAPER

CAPTION = 1.3  # below the columns; lengths are in units of the axes
Point = tuple[float, float]
Edge = tuple[Point, Point, float, int, int]  # from, to, weight, target, which shared weight


@dataclass(frozen=True)
class Weights:
    """The weights (outputs, inputs) between two columns, the biases, and which weights exist.

    Of a layer that shares weights, `shared` says which of them, from 1, is on a connection.
    """

    weight: Array
    bias: Array | None
    kept: NDArray[np.bool_]
    shared: NDArray[np.int64] | None = None


class Diagram:
    """Where each neuron that is shown stands, and what is drawn there."""

    def __init__(
        self, ax: Axes, sizes: Sequence[int], max_nodes: int, with_ones: bool, height: float
    ) -> None:
        self.ax, self.sizes = ax, list(sizes)
        self.last = len(sizes) - 1
        self.shown = [shown(size, max_nodes) for size in sizes]
        self.ones = [with_ones and depth < self.last for depth in range(len(sizes))]
        rows = max(map(self._rows, range(len(sizes))))
        self.pitch = min(1.05, (height - CAPTION) / rows)
        self.radius = 0.34 * min(1, 1.2 * self.pitch)
        self.gap = max(2.2, 9.6 / len(sizes))
        self.where = [self._column(depth) for depth in range(len(sizes))]
        self.one = [self._below(depth) if self.ones[depth] else None for depth in range(len(sizes))]
        ax.set_aspect("equal")
        ax.axis("off")

    def _elided(self, depth: int) -> bool:
        return len(self.shown[depth]) < self.sizes[depth]

    def _rows(self, depth: int) -> int:
        return len(self.shown[depth]) + self._elided(depth) + self.ones[depth]

    def _column(self, depth: int) -> dict[int, Point]:
        """Return the centre of every neuron shown, with a row left free for the dots."""
        units, elided = self.shown[depth], self._elided(depth)
        top = (self._rows(depth) - 1) / 2 * self.pitch
        rows = [i + (elided and i >= len(units) // 2) for i in range(len(units))]
        return {
            unit: (depth * self.gap, top - row * self.pitch)
            for unit, row in zip(units, rows, strict=True)
        }

    def _below(self, depth: int) -> Point:
        lowest = min(y for _, y in self.where[depth].values())
        return (depth * self.gap, lowest - self.pitch)

    def edges(self, depth: int, weights: Weights, *, values: bool, ghosts: bool) -> None:
        """Draw the weights between column ``depth`` and the next."""
        pairs = [(i, o) for i in self.shown[depth] for o in self.shown[depth + 1]]
        start, end = self.where[depth], self.where[depth + 1]
        shared = np.zeros_like(weights.kept, int) if weights.shared is None else weights.shared
        lines: list[Edge] = [
            (start[i], end[o], weights.weight[o, i], o, int(shared[o, i]))
            for i, o in pairs
            if weights.kept[o, i]
        ]
        if (one := self.one[depth]) is not None and weights.bias is not None:
            lines += [(one, end[o], weights.bias[o], o, 0) for o in self.shown[depth + 1]]
        largest = max((abs(line[2]) for line in lines), default=1.0) or 1.0
        lines.sort(key=lambda line: abs(line[2]))  # the strongest on top
        thickest = 2.0 + 4.5 * self.pitch
        self.ax.add_collection(
            LineCollection(
                [line[:2] for line in lines],
                colors=[edge_colour(w / largest, number) for _, _, w, _, number in lines],
                linewidths=[0.6 + thickest * abs(line[2] / largest) for line in lines],
                capstyle="butt",
                zorder=2,
            )
        )
        if ghosts:
            lost = [(start[i], end[o]) for i, o in pairs if not weights.kept[o, i]]
            faint = LineCollection(lost, colors=GREY, linewidths=0.8, linestyles=":", zorder=1)
            self.ax.add_collection(faint)
        if values:
            for line in lines:
                self._value(*line[:4])

    def _value(self, start: Point, end: Point, weight: float, target: int) -> None:
        alone = self.sizes[1:] == [1]  # else lines to different neurons cross: labels must not
        along = 0.36 if alone else (0.24, 0.46, 0.35)[target % 3]
        x = start[0] + along * (end[0] - start[0])
        y = start[1] + along * (end[1] - start[1])
        plate = {"boxstyle": "round,pad=0.14", "fc": PAPER, "ec": "none"}
        self._text((x, y), f"{weight:.2g}".replace("-", "−"), fontsize=14, bbox=plate)

    def neurons(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Draw the circles, the dots of elided ones, and the names at both ends."""
        for depth, column in enumerate(self.where):
            for point in column.values():
                self._circle(point, face=PAPER if depth else GRID, edge=INK)
            if (one := self.one[depth]) is not None:
                self._circle(one, face=PAPER, edge=GREY)
                self._text(one, "1", fontsize=14)
            if self._elided(depth):
                self._dots([y for _, y in column.values()], depth * self.gap)
        for depth, names, side in ((0, inputs, -1), (self.last, outputs, 1)):
            for unit, (x, y) in self.where[depth].items():
                if names:
                    at = (x + side * (self.radius + 0.15), y)
                    self._text(at, names[unit], ha="left" if side > 0 else "right")

    def _circle(self, point: Point, face: str, edge: str) -> None:
        width = 1.0 + 2.0 * self.pitch
        self.ax.add_patch(Circle(point, self.radius, fc=face, ec=edge, lw=width, zorder=4))

    def _text(self, at: Point, text: str, **style: Any) -> None:
        full: dict[str, Any] = {"zorder": 5, **CENTRED} | style
        self.ax.text(at[0], at[1], text, **full)

    def _dots(self, heights: Sequence[float], x: float) -> None:
        upper = len(heights) // 2
        middle = (heights[upper - 1] + heights[upper]) / 2
        for shift in (-1, 0, 1):
            centre = (x, middle + shift * 0.26 * self.pitch)
            self.ax.add_patch(Circle(centre, 0.06 * min(self.pitch, 0.8), color=INK, zorder=4))

    def captions(self, responses: Sequence[str]) -> None:
        """Write under every column which layer it is, how wide, and what its neurons apply."""
        points = [point for column in self.where for point in column.values()]
        points += [one for one in self.one if one is not None]
        low = min(y for _, y in points) - self.radius
        high = max(y for _, y in points) + self.radius
        for depth, size in enumerate(self.sizes):
            x, note = depth * self.gap, " · ".join(filter(None, [str(size), responses[depth]]))
            self._text((x, low - 0.2), layer_name(depth, self.last), va="top")
            self._text((x, low - 0.62), note, va="top", color=BLUE, weight="bold")
        self.ax.set_xlim(-1.0 - self.radius, self.last * self.gap + 1.0 + self.radius)
        self.ax.set_ylim(low - 1.1, high + 0.1)


def shown(size: int, max_nodes: int) -> list[int]:
    """Return the neurons to draw: all of a narrow layer, both ends of a wide one."""
    if size <= max_nodes:
        return list(range(size))
    ends = max_nodes - 1  # one row is for the dots
    return [*range(ends // 2), *range(size - ends + ends // 2, size)]


def layer_name(depth: int, last: int) -> str:
    """Return what the layer at a depth is called."""
    if depth in (0, last):
        return "input" if depth == 0 else "output"
    return "hidden" if last == 2 else f"hidden {depth}"


def edge_colour(share: float, shared: int = 0) -> tuple[float, float, float, float]:
    """Return the colour of a weight from its share of the largest, in [−1, 1], or its number.

    Weight 1, 2, … of a layer that shares its weights has a colour of its own, in turns.
    """
    if shared:
        return to_rgba(CLASS_COLOURS[(shared - 1) % (len(CLASS_COLOURS) - 1)])  # but for grey
    if share == 0:
        return to_rgba(GREY)
    red, green, blue, _ = DIVERGING(0.5 + 0.25 * (np.sign(share) + share))
    return (red, green, blue, 0.55 + 0.45 * abs(share))
