"""A function of two inputs as a solid block: its top is the surface, seen from above the corner.

Each column of the picture is followed from the near edge to the far one: a point is seen when it
stands higher on the paper than everything before it (Wright, 1973: the floating horizon).
"""

from collections.abc import Callable
from math import cos, radians, sin

import numpy as np
from matplotlib.axes import Axes
from matplotlib.path import Path
from numpy.typing import NDArray
from torch import Tensor

from nnkit.plots._fields import BANDS, Array, Field, Limits, draw_bands, values_at
from nnkit.plots.style import GRID, INK, SHADE

TURN, TILT, HEIGHT = radians(28), radians(32), 0.62
REACH = (cos(TURN) + sin(TURN)) / 2  # from the middle of the block to its left and right corner
COLUMNS, ROWS, DEPTHS = 240, 300, 160

Corner = tuple[float, float, float]  # shares in [0, 1] of the first input, the second, the scale


def draw_relief(
    ax: Axes,
    f: Callable[[Tensor], Tensor],
    limits: Limits,
    scale: tuple[float, float],
    labels: tuple[str, str],
) -> None:
    """Draw ``f`` (one output) over ``limits`` as a block, in the bands of the map."""
    across = np.linspace(-REACH, REACH, COLUMNS)
    depth = _depths(across)
    values = np.clip(_values(f, limits, across, depth), *scale)
    share = (values - scale[0]) / (scale[1] - scale[0])
    lift = depth * sin(TILT) + share * HEIGHT * cos(TILT)  # height on the paper
    _walls(ax, across, depth[:, 0] * sin(TILT), lift[:, 0])
    rows = np.linspace(lift.min(), lift.max(), ROWS)
    horizon, picture = seen(lift, values, rows)
    layers = draw_bands(
        ax, Field(across, rows, picture[:, :, None]), scale, torn=_torn(picture, scale)
    )
    near, far = np.stack([across, lift[:, 0]], 1), np.stack([across, horizon], 1)
    for layer in layers:
        layer.set_clip_path(Path(np.concatenate([near, far[::-1]])), ax.transData)
    _axes(ax, limits, scale, labels)


def paper(corner: Corner) -> tuple[float, float]:
    """Return where on the paper a point of the block is."""
    a, b, share = corner[0] - 0.5, corner[1] - 0.5, corner[2]
    across = a * cos(TURN) - b * sin(TURN)
    depth = a * sin(TURN) + b * cos(TURN)
    return across, depth * sin(TILT) + share * HEIGHT * cos(TILT)


def seen(lift: Array, values: Array, rows: Array) -> tuple[Array, Array]:
    """Return what is seen of columns of points, each followed from near to far.

    Args:
        lift: how high on the paper each point is (columns, depths).
        values: what is there (columns, depths).
        rows: heights on the paper (rows,).

    Returns:
        The height of the farthest that is seen (columns,), and the values seen (rows, columns).
    """
    highest = np.maximum.accumulate(lift, axis=1)
    columns = [np.interp(rows, *pair) for pair in zip(highest, values, strict=True)]
    return highest[:, -1], np.stack(columns, axis=1)


def _depths(across: Array) -> Array:
    """Return for every column (columns,) depths (columns, depths) from near edge to far edge."""
    near = np.maximum(
        (-0.5 - across * cos(TURN)) / sin(TURN), (across * sin(TURN) - 0.5) / cos(TURN)
    )
    far = np.minimum((0.5 - across * cos(TURN)) / sin(TURN), (across * sin(TURN) + 0.5) / cos(TURN))
    return near[:, None] + (far - near)[:, None] * np.linspace(0, 1, DEPTHS)


def _values(f: Callable[[Tensor], Tensor], limits: Limits, across: Array, depth: Array) -> Array:
    """Return ``f`` (columns, depths) on the ground of the block."""
    left, right, bottom, top = limits
    a = 0.5 + across[:, None] * cos(TURN) + depth * sin(TURN)
    b = 0.5 - across[:, None] * sin(TURN) + depth * cos(TURN)
    ground = np.stack([left + a * (right - left), bottom + b * (top - bottom)], axis=-1)
    return values_at(f, ground.reshape(-1, 2))[:, 0].reshape(depth.shape)


def _torn(picture: Array, scale: tuple[float, float]) -> NDArray[np.bool_]:
    """Return where a fold hides what is behind it: next to it the value jumps by a band."""
    band = (scale[1] - scale[0]) / BANDS
    down = np.abs(np.diff(picture, axis=0, append=picture[-1:])) > band
    along = np.abs(np.diff(picture, axis=1, append=picture[:, -1:])) > band
    return down | along


def _walls(ax: Axes, across: Array, foot: Array, head: Array) -> None:
    """Draw the two near sides, from the ground to the edge of the surface."""
    corner = paper((0, 0, 0))[0]
    for side, colour in ((across <= corner, SHADE), (across >= corner, GRID)):
        ax.fill_between(across[side], foot[side], head[side], color=colour, lw=0)


def _axes(ax: Axes, limits: Limits, scale: tuple[float, float], labels: tuple[str, str]) -> None:
    """Draw the edges of the box that are in front, with numbers at their ends."""
    corners: list[Corner] = [(0, 1, 1), (0, 1, 0), (0, 0, 0), (1, 0, 0)]
    ax.plot(*zip(*map(paper, corners), strict=True), color=INK, lw=1.4)
    gap = 0.03
    left, right, bottom, top = (f"{limit:g}" for limit in limits)
    _write(ax, (0.03, -gap, 0), left, "left", "top")
    _write(ax, (1, -gap, 0), right, "left", "top")
    _write(ax, (-gap, 0.06, 0), bottom, "right", "top")
    _write(ax, (-gap, 0.9, 0), top, "right", "top")
    _write(ax, (0.55, -3 * gap, 0), labels[0], "left", "top")
    _write(ax, (-3 * gap, 0.5, 0), labels[1], "right", "top")
    for share in (0, 0.5, 1):
        value = scale[0] + share * (scale[1] - scale[0])
        _write(ax, (-gap, 1, share), f"{value:.2g}", "right", "center")
    ax.axis("off")
    ax.set_aspect("equal")
    ax.set_xlim(-REACH - 0.2, REACH + 0.1)
    ax.set_ylim(paper((0, 0, 0))[1] - 0.1, paper((1, 1, 1))[1])


def _write(ax: Axes, at: Corner, text: str, ha: str, va: str) -> None:
    ax.text(*paper(at), text.replace("-", "−"), ha=ha, va=va, fontsize=15)
