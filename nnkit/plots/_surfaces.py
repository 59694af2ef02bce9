"""What a function, or one neuron, makes of the plane: level lines, its decision, data on top."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from nnkit.activations import activation as find_activation
from nnkit.plots._canvas import Picture, figure_of, new_axes, numbers, set_title
from nnkit.plots._fields import (
    Limits,
    draw_bands,
    draw_normal,
    draw_regions,
    draw_relief,
    evaluate,
)
from nnkit.plots.style import BLUE, CLASS_COLOURS, CLASS_MARKERS, GREY, INK, PAPER


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
    bar: str = "",
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
    title: str = "",
    resolution: int = 200,
) -> Figure:
    """Draw a function of two inputs as a map with level lines, the data on top.

    One output is drawn from blue (below the threshold) to orange (above), the decision as a thick
    line. With more outputs every point takes the colour of the largest, paler where it is unsure.

    Args:
        f: takes inputs (n, 2), gives (n,), (n, 1) or (n, classes); a module is put in eval mode.
        X: points to draw (n, 2).
        y: their classes (n,): 0, 1, …, or −1 and +1.
        ax: where to draw; a new figure when None.
        limits: (left, right, bottom, top); around the data, or ±3 without any.
        threshold: where the decision falls; 0.5 if all outputs are in [0, 1], else 0.
        span: distance from the threshold at which the colours end. When None, 0.5 if all outputs
            are in [0, 1], else the largest seen; give it where pictures are to be compared.
        normal: (w, b) of a neuron, to draw w as an arrow at right angles to w·x + b = 0.
        relief: draw the surface in three dimensions beside the map.
        bar: what the colours stand for, to draw a scale with that name beside the map.
        labels: names of the two inputs.
        title: what to see.
        resolution: points along each side at which ``f`` is evaluated.

    Raises:
        ValueError: ``X`` not (n, 2), ``f`` of another shape than above, ``relief`` or ``bar``
            for several outputs, ``relief`` into given axes.

    Example:
        >>> from nnkit import plots
        >>> from nnkit.data import two_moons
        >>> from nnkit.models import MLP
        >>> X, y = two_moons(100)
        >>> figure = plots.surface(MLP([2, 8, 1], head="sigmoid", seed=0), X, y, bar="y")
        >>> figure.axes[0].get_xlabel()
        '$x_1$'
    """
    _check(X, y)
    if relief and ax is not None:
        raise ValueError("relief=True draws two axes side by side: leave ax out")
    limits = limits or _around(X)
    field = evaluate(f, limits, resolution)
    if field.classes > 1 and (relief or bar):
        raise ValueError(f"relief and bar are for one output; f gives {field.classes}")
    if relief:  # fixed places: quick to draw, and nothing moves from frame to frame
        figure = Picture(figsize=(10, 5))
        figure.set_layout_engine("none")
        ax = figure.add_axes((0.08, 0.15, 0.38, 0.76))
    else:
        ax = new_axes(ax, figsize=_figsize(limits, bar))
    if field.classes > 1:
        draw_regions(ax, field)
    else:
        scale = field.scale(threshold, span)
        bands = draw_bands(ax, field, scale)
        if bar:
            figure_of(ax).colorbar(
                bands, ax=ax, label=bar, ticks=[scale[0], sum(scale) / 2, scale[1]]
            )
        if relief:
            draw_relief(figure, field, scale, labels)
    if X is not None:
        points(X, y, ax)
    if normal is not None:
        draw_normal(ax, numbers(normal[0], float), float(normal[1]), limits)
    ax.set(xlim=limits[:2], ylim=limits[2:], xlabel=labels[0], ylabel=labels[1])
    ax.set_aspect("equal" if _similar(limits) else "auto")
    ax.locator_params(nbins=5)
    set_title(ax, title)
    return figure_of(ax)


def points(X: Tensor, y: Tensor | None = None, ax: Axes | None = None) -> Figure:
    """Draw points, each class with its own colour and its own marker.

    Args:
        X: the points (n, 2).
        y: their classes (n,): 0, 1, …, or −1 and +1; all one class when None.
        ax: where to draw; a new figure when None.

    Raises:
        ValueError: ``X`` not (n, 2), or ``y`` not one class for each.

    Example:
        >>> from nnkit import plots
        >>> from nnkit.data import circles
        >>> X, y = circles(100)
        >>> figure = plots.points(X, y)
        >>> len(figure.axes[0].collections)  # one for each class
        2
    """
    _check(X, y)
    axes = new_axes(ax)
    at = numbers(X)
    classes = np.zeros(len(at)) if y is None else numbers(y).reshape(-1)
    for label in np.unique(classes):
        number = max(int(label), 0)  # −1 looks as 0 does
        chosen = at[classes == label]
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


def _check(X: Tensor | None, y: Tensor | None) -> None:
    if X is not None and (X.ndim != 2 or X.shape[1] != 2):
        raise ValueError(f"X has shape {tuple(X.shape)}; points in the plane are (n, 2)")
    if X is not None and y is not None and y.numel() != len(X):
        raise ValueError(f"y has {y.numel()} classes for {len(X)} points")


def _around(X: Tensor | None) -> Limits:
    """Return limits with a margin around the data."""
    if X is None:
        return (-3.0, 3.0, -3.0, 3.0)
    low, high = X.detach().cpu().amin(0), X.detach().cpu().amax(0)
    margin = 0.12 * float((high - low).max())
    left, bottom = (low - margin).tolist()
    right, top = (high + margin).tolist()
    return (left, right, bottom, top)


def _figsize(limits: Limits, bar: str) -> tuple[float, float]:
    """Return a size in inches that fits the map, so that no white is left beside it."""
    left, right, bottom, top = limits
    width = 1.1 + 3.9 * (right - left) / (top - bottom) + (1.3 if bar else 0)
    return (min(max(width, 4), 10) if _similar(limits) else 10, 5)


def _similar(limits: Limits) -> bool:
    """Return whether both sides are of similar length, so that a circle can be drawn round."""
    left, right, bottom, top = limits
    return 0.4 < (right - left) / (top - bottom) < 2.5


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
