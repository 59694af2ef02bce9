"""Several runs of each setting: their mean, and how far they lie apart."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnkit.plots.canvas import figure_of, new_axes, numbers


def spread(
    x: Any,
    runs: Any,
    ax: Axes | None = None,
    *,
    label: str = "",
    log: bool = False,
    colour: str | None = None,
    marker: str = "o",
) -> Figure:
    """Draw the mean of several runs over x, every run as a dot, and a band of one deviation.

    Args:
        x: the settings compared (settings,).
        runs: the results (settings, runs); runs differ in their seed alone.
        ax: where to draw; a new figure when None.
        label: written beside the right end of the mean.
        log: a logarithmic x axis.
        colour: of the mean; the next of the style's when None.
        marker: of the mean; another for every method, so that colour is not all that differs.

    Raises:
        ValueError: ``runs`` is not (settings, runs) with a setting for every x.

    Example:
        >>> from nnkit import plots
        >>> runs = [[0.80, 0.82], [0.90, 0.91], [0.88, 0.92]]  # three settings, two seeds each
        >>> figure = plots.spread([1, 10, 100], runs, label="accuracy", log=True)
        >>> len(figure.axes[0].lines)  # the mean, and a dot for each run
        3
    """
    x, runs = numbers(x, float), numbers(runs, float)
    if runs.ndim != 2 or len(runs) != len(x):
        raise ValueError(f"runs has shape {runs.shape}; ({len(x)}, runs) is needed, a row per x")
    axes = new_axes(ax)
    if log:
        axes.set_xscale("log")
    axes.set_xticks(x, labels=[f"{value:g}" for value in x])
    axes.minorticks_off()
    mean, deviation = runs.mean(1), runs.std(1)
    (line,) = axes.plot(x, mean, marker=marker, color=colour, ms=9, zorder=3)
    ink = line.get_color()
    axes.fill_between(x, mean - deviation, mean + deviation, color=ink, alpha=0.18, lw=0)
    axes.plot(x, runs, ".", color=ink, alpha=0.45, ms=7, zorder=2)
    axes.annotate(
        label,
        (x[-1], mean[-1]),
        xytext=(12, 0),
        textcoords="offset points",
        color=ink,
        va="center",
        fontsize=15,
        weight="bold",
        annotation_clip=False,
    )
    return figure_of(axes)
