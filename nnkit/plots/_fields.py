"""The layers of a surface plot: bands of equal value, regions by class, relief, normal."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray
from torch import Tensor, nn

from nnkit._modes import eval_mode
from nnkit.plots._canvas import ARROW, CENTRED, numbers
from nnkit.plots.style import CLASS_COLOURS, DIVERGING, INK, PAPER

Array = NDArray[np.float64]
Limits = tuple[float, float, float, float]

#: Even, so that the threshold falls between two of them.
BANDS = 12
#: Along each side of a relief.
FACETS = 32


@dataclass(frozen=True)
class Field:
    """A function's values (n, n, classes) over abscissae (n,) and ordinates (n,)."""

    across: Array
    up: Array
    values: Array

    @property
    def classes(self) -> int:
        """How many outputs the function has."""
        return int(self.values.shape[2])

    def scale(self, threshold: float | None, span: float | None) -> tuple[float, float]:
        """Return where the colours begin and end, the threshold in the middle."""
        if threshold is None:
            if self.values.min() >= 0 and self.values.max() <= 1:  # probabilities
                return (0.5 - (span or 0.5), 0.5 + (span or 0.5))
            threshold = 0.0
        reach = span or float(np.abs(self.values - threshold).max()) or 1.0
        return (threshold - reach, threshold + reach)


def evaluate(f: Callable[[Tensor], Tensor], limits: Limits, resolution: int) -> Field:
    """Evaluate ``f`` on a grid."""
    across = np.linspace(limits[0], limits[1], resolution)
    up = np.linspace(limits[2], limits[3], resolution)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    return Field(across, up, values_at(f, grid).reshape(resolution, resolution, -1))


def values_at(f: Callable[[Tensor], Tensor], inputs: Array) -> Array:
    """Return the outputs (n, classes) of ``f`` at inputs (n, 2); a module is put in eval mode."""
    x = torch.tensor(inputs, dtype=torch.float32, device="cpu")
    with torch.no_grad():
        outputs = _in_eval_mode(f, x) if isinstance(f, nn.Module) else f(x)
    if outputs.ndim not in (1, 2) or len(outputs) != len(x):
        raise ValueError(
            f"f gave shape {tuple(outputs.shape)} for inputs {tuple(x.shape)}; "
            f"({len(x)},) or ({len(x)}, classes) is needed"
        )
    return numbers(outputs, float).reshape(len(x), -1)


def _in_eval_mode(model: nn.Module, inputs: Tensor) -> Tensor:
    like = next(model.parameters(), inputs)
    with eval_mode(model):
        outputs: Tensor = model(inputs.to(like))
    return outputs


def tints(bands: int = BANDS) -> Array:
    """Return the colours (bands, 3) of the bands, pale so that data stand out on them."""
    full = DIVERGING((np.arange(bands) + 0.5) / bands)[:, :3]
    return np.asarray(1 - 0.7 * (1 - full))


def draw_bands(ax: Axes, field: Field, scale: tuple[float, float]) -> QuadContourSet:
    """Draw bands of equal steps, the lines between them, and the decision as a thick one.

    Args:
        ax: where to draw.
        field: of one output.
        scale: where the colours begin and end.

    Returns:
        The bands.
    """
    levels, threshold = np.linspace(*scale, BANDS + 1), sum(scale) / 2
    grid, values = (field.across, field.up), field.values[:, :, 0]
    bands = ax.contourf(*grid, np.clip(values, *scale), levels, colors=tints())
    for at, colour, width in ((levels, PAPER, 1.0), ([threshold], INK, 3.5)):
        if values.min() < at[-1] and values.max() > at[0]:
            style: dict[str, Any] = {"colors": colour, "linewidths": width, "linestyles": "solid"}
            ax.contour(*grid, values, at, **style)
    return bands


def draw_regions(ax: Axes, field: Field) -> None:
    """Colour every point by its largest output, the paler the less probable that class is."""
    p = field.values
    if p.min() < 0 or not np.allclose(p.sum(axis=2), 1, atol=1e-3):  # scores: softmax
        p = np.exp(p - p.max(axis=2, keepdims=True))
        p = p / p.sum(axis=2, keepdims=True)
    chance = 1 / field.classes
    winner = p.argmax(axis=2)
    colours = np.array([to_rgb(colour) for colour in CLASS_COLOURS])[winner % len(CLASS_COLOURS)]
    sure = (p.max(axis=2, keepdims=True) - chance) / (1 - chance)
    strength = np.round(0.1 + 0.6 * sure, 1)  # in steps, as level lines are
    extent = (field.across[0], field.across[-1], field.up[0], field.up[-1])
    ax.imshow(1 - strength * (1 - colours), extent=extent, origin="lower", interpolation="nearest")
    for number in range(field.classes):
        others = np.delete(p, number, axis=2).max(axis=2)
        lead = p[:, :, number] - others
        if lead.min() < 0 < lead.max():
            ax.contour(field.across, field.up, lead, [0], colors=INK, linewidths=3)


def draw_relief(
    figure: Figure, field: Field, scale: tuple[float, float], labels: tuple[str, str]
) -> None:
    """Draw the surface of one output in three dimensions, in the colours of the map."""
    ax: Any = figure.add_axes((0.5, 0.05, 0.46, 0.9), projection="3d", computed_zorder=False)
    ax.view_init(elev=32, azim=-118)
    grid, (low, high) = np.meshgrid(field.across, field.up), scale
    heights, middle = field.values[:, :, 0].clip(low, high), (low + high) / 2
    colours = tints(256)[((heights - low) / (high - low) * 255).astype(int)]
    facets = {"rcount": FACETS, "ccount": FACETS, "shade": False, "linewidth": 0.3}
    ax.plot_surface(*grid, heights, facecolors=colours, **facets)
    if heights.min() < middle < heights.max():
        ax.contour(*grid, heights, [middle], colors=INK, linewidths=3.5, zorder=2)
    ax.set(xlabel=labels[0], ylabel=labels[1], zlim=scale, zticks=[low, middle, high])
    ax.patch.set_visible(False)  # a long title of the map lies under it
    ax.locator_params(axis="x", nbins=4)
    ax.locator_params(axis="y", nbins=4)


def draw_normal(ax: Axes, w: Array, b: float, limits: Limits) -> None:
    """Draw w where the line w·x + b = 0 passes nearest to the middle of the picture.

    A line outside the picture leaves w in the middle: its direction is the same everywhere.
    """
    length = float(np.hypot(*w))
    if length == 0:
        return  # no direction to draw
    left, right, bottom, top = limits
    middle = np.array([(left + right) / 2, (bottom + top) / 2])
    foot = middle - (w @ middle + b) / length**2 * w
    if not (left < foot[0] < right and bottom < foot[1] < top):
        foot = middle
    tip = foot + w
    style: dict[str, Any] = ARROW | {"arrowstyle": "-|>,head_length=11,head_width=6"}
    ax.add_patch(FancyArrowPatch(tuple(foot), tuple(tip), lw=4, zorder=6, **style))
    beside = foot + w * (1 + 0.06 * (right - left) / length)
    ax.text(beside[0], beside[1], "w", weight="bold", fontsize=18, clip_on=True, **CENTRED)
