"""What a function makes of the plane: its surface, its level lines, its decision, the data."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm, to_rgb
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray
from torch import Tensor, nn

from nnkit.plots.canvas import figure_of, new_axes
from nnkit.plots.style import CLASS_COLOURS, CLASS_MARKERS, DIVERGING, INK, PAPER

Array = NDArray[np.float64]
Limits = tuple[float, float, float, float]


def surface(
    f: Callable[[Tensor], Tensor],
    X: Tensor | None = None,
    y: Tensor | None = None,
    ax: Axes | None = None,
    *,
    limits: Limits | None = None,
    threshold: float | None = None,
    span: float | None = None,
    normal: tuple[Sequence[float], float] | None = None,
    relief: bool = False,
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
    title: str = "",
    resolution: int = 160,
) -> Figure:
    """Draw a function of two inputs as a coloured map with level lines, the data on top.

    One output is drawn from blue (below the threshold) to orange (above), the decision as a thick
    line. With more outputs every point takes the colour of the largest, paler where it is unsure.

    Args:
        f: takes inputs (n, 2), gives (n,), (n, 1) or (n, classes); a module is put in eval mode.
        X: points to draw (n, 2).
        y: their classes (n,): 0, 1, …, or −1 and +1.
        ax: where to draw; a new figure when None.
        limits: (left, right, bottom, top); around the data, or ±3 without any.
        threshold: where the decision falls; 0.5 if all outputs are in [0, 1], else 0.
        span: distance from the threshold at which the colours end; the largest seen when None.
        normal: (w, b) of a neuron, to draw w as an arrow at right angles to w·x + b = 0.
        relief: draw the surface in three dimensions beside the map; needs ``ax`` to be None.
        labels: names of the two inputs.
        title: what to see.
        resolution: points along each side at which ``f`` is evaluated.

    Raises:
        ValueError: ``X`` not (n, 2), ``f`` of another shape than above, or an argument misused.
    """
    _check(X, y, relief, ax)
    limits = limits or _limits(X)
    across, up, values = evaluate(f, limits, resolution)
    if relief:
        figure = Figure(figsize=(10, 5))
        flat = figure.add_subplot(1, 2, 1)
        solid = figure.add_subplot(1, 2, 2, projection="3d")
    else:
        flat, solid = new_axes(ax), None
    if values.shape[2] == 1:
        level = _threshold(values) if threshold is None else threshold
        reach = span or max(float(np.abs(values - level).max()), 1e-9)
        norm = TwoSlopeNorm(level, level - reach, level + reach)
        _map(flat, across, up, values[:, :, 0], norm)
        if isinstance(solid, Axes3D):
            _relief(solid, across, up, values[:, :, 0], norm, labels)
    elif solid is not None:
        raise ValueError(f"relief draws one output, f gives {values.shape[2]}")
    else:
        flat.imshow(_regions(values), extent=limits, origin="lower", interpolation="bilinear")
    if X is not None:
        points(X, y, flat)
    if normal is not None:
        _normal(flat, normal, limits)
    flat.set(xlim=limits[:2], ylim=limits[2:], xlabel=labels[0], ylabel=labels[1])
    flat.set_aspect("equal" if relief or _square(limits) else "auto")
    flat.locator_params(nbins=5)
    flat.set_title(title)
    return figure_of(flat)


def points(X: Tensor, y: Tensor | None = None, ax: Axes | None = None) -> Figure:
    """Draw points (n, 2), each class (n,) with its own colour and its own marker."""
    axes = new_axes(ax)
    at = np.asarray(X.detach().cpu())
    group = np.zeros(len(at)) if y is None else np.asarray(y.detach().cpu()).reshape(-1)
    for number, label in enumerate(np.unique(group)):
        number = int(label) if y is not None and label > 0 else 0
        chosen = at[group == label]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=64,
            color=CLASS_COLOURS[number % len(CLASS_COLOURS)],
            marker=CLASS_MARKERS[number % len(CLASS_MARKERS)],
            edgecolors=PAPER,
            linewidths=1.2,
            zorder=4,
        )
    return figure_of(axes)


def evaluate(
    f: Callable[[Tensor], Tensor], limits: Limits, resolution: int
) -> tuple[Array, Array, Array]:
    """Return the grid's abscissae (n,), ordinates (n,) and outputs (n, n, classes)."""
    across = np.linspace(limits[0], limits[1], resolution)
    up = np.linspace(limits[2], limits[3], resolution)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    inputs = torch.tensor(grid, dtype=torch.float32)
    training = isinstance(f, nn.Module) and f.training
    if isinstance(f, nn.Module):
        f.eval()
        if (parameter := next(f.parameters(), None)) is not None:
            inputs = inputs.to(parameter)
    with torch.no_grad():
        outputs = f(inputs)
    if isinstance(f, nn.Module):
        f.train(training)
    if outputs.ndim not in (1, 2) or len(outputs) != len(grid):
        raise ValueError(
            f"f gave shape {tuple(outputs.shape)} for inputs {tuple(inputs.shape)}; "
            f"({len(grid)},) or ({len(grid)}, classes) is needed"
        )
    values = outputs.double().cpu().numpy().reshape(resolution, resolution, -1)
    return across, up, values


def _check(X: Tensor | None, y: Tensor | None, relief: bool, ax: Axes | None) -> None:
    if X is not None and (X.ndim != 2 or X.shape[1] != 2):
        raise ValueError(f"X has shape {tuple(X.shape)}; surface draws points (n, 2)")
    if X is not None and y is not None and y.numel() != len(X):
        raise ValueError(f"y has {y.numel()} classes for {len(X)} points")
    if relief and ax is not None:
        raise ValueError("relief makes a figure of its own with two axes: leave ax out")


def _limits(X: Tensor | None) -> Limits:
    if X is None:
        return (-3.0, 3.0, -3.0, 3.0)
    low, high = X.detach().cpu().min(0).values, X.detach().cpu().max(0).values
    margin = 0.12 * float((high - low).max())
    left, bottom = (low - margin).tolist()
    right, top = (high + margin).tolist()
    return (left, right, bottom, top)


def _square(limits: Limits) -> bool:
    ratio = (limits[1] - limits[0]) / (limits[3] - limits[2])
    return 0.5 < ratio < 2


def _threshold(values: Array) -> float:
    return 0.5 if values.min() >= 0 and values.max() <= 1 else 0.0


def _map(ax: Axes, across: Array, up: Array, values: Array, norm: TwoSlopeNorm) -> None:
    bands = np.linspace(float(norm.vmin or 0), float(norm.vmax or 0), 13)
    shown = np.clip(values, bands[0], bands[-1])
    ax.contourf(across, up, shown, bands, cmap=DIVERGING, norm=norm, alpha=0.62)
    ax.contour(across, up, shown, bands[1:-1], colors=PAPER, linewidths=0.8)
    if values.min() < norm.vcenter < values.max():
        ax.contour(across, up, values, [norm.vcenter], colors=INK, linewidths=3.2)


def _relief(
    ax: Axes3D,
    across: Array,
    up: Array,
    values: Array,
    norm: TwoSlopeNorm,
    labels: tuple[str, str],
) -> None:
    x, y = np.meshgrid(across, up)
    ax.plot_surface(
        x,
        y,
        values,
        cmap=DIVERGING,
        norm=norm,
        rcount=60,
        ccount=60,
        linewidth=0,
        antialiased=False,
        alpha=0.95,
    )
    if values.min() < norm.vcenter < values.max():
        ax.contour(x, y, values, [norm.vcenter], colors=INK, linewidths=3, zorder=10)
    ax.view_init(elev=26, azim=-120)
    ax.set(xlabel=labels[0], ylabel=labels[1])
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.pane.set(facecolor=PAPER, edgecolor="#E3E7EC")
    ax.grid(False)
    ax.locator_params(nbins=4)


def _regions(values: Array) -> Array:
    """Return RGB (n, n, 3): the colour of the largest output, faded by its probability."""
    if values.min() < 0 or not np.allclose(values.sum(axis=2), 1, atol=1e-3):
        values = np.exp(values - values.max(axis=2, keepdims=True))
        values = values / values.sum(axis=2, keepdims=True)
    winner = values.argmax(axis=2)
    colours = np.array([to_rgb(c) for c in CLASS_COLOURS])[winner % len(CLASS_COLOURS)]
    sure = (values.max(axis=2) - 1 / values.shape[2]) / (1 - 1 / values.shape[2])
    strength = 0.12 + 0.5 * sure[:, :, None]
    return np.asarray(1 - strength * (1 - colours))


def _normal(ax: Axes, neuron: tuple[Sequence[float], float], limits: Limits) -> None:
    """Draw w from the point of the line w·x + b = 0 nearest to the middle of the picture."""
    w, b = np.asarray(neuron[0], dtype=float), float(neuron[1])
    length = float(np.hypot(*w))
    if length == 0:
        return  # no direction to draw
    middle = np.array([(limits[0] + limits[1]) / 2, (limits[2] + limits[3]) / 2])
    foot = middle - (w @ middle + b) / length**2 * w
    tip = foot + w
    ax.annotate(
        "",
        tuple(tip),
        tuple(foot),
        arrowprops={
            "arrowstyle": "-|>,head_length=0.8,head_width=0.4",
            "color": INK,
            "lw": 4,
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=6,
        annotation_clip=True,
    )
    beside = tip + 0.25 * w / length
    ax.text(*beside, "w", color=INK, weight="bold", fontsize=18, ha="center", va="center", zorder=6)
