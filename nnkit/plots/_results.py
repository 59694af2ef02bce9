"""What came out: several runs of each setting, and what a threshold on a score decides."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from nnkit.plots._canvas import CENTRED, figure_of, new_axes, numbers
from nnkit.plots._curves import End, label_ends
from nnkit.plots.style import BLUE, GREY, INK, ORANGE, SEQUENTIAL


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
    label_ends(axes, [End(float(x[-1]), float(mean[-1]), label, ink)])
    return figure_of(axes)


Array = NDArray[np.float64]


def decisions(scores: Tensor, y: Tensor, threshold: float, *, title: str = "") -> Figure:
    """Draw the scores of both classes, the confusion matrix, and the place on two curves.

    Args:
        scores: one per object (N,); larger speaks for class 1.
        y: the truth (N,), 0 or 1, both present.
        threshold: class 1 is said where the score is above it.
        title: what to see.

    Raises:
        ValueError: ``scores`` and ``y`` of different lengths, or a class without an object.

    Example:
        >>> import torch
        >>> from nnkit import plots
        >>> scores, y = torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([0, 0, 1, 1])
        >>> figure = plots.decisions(scores, y, threshold=0.5)
        >>> [text.get_text() for text in figure.axes[1].texts]  # of each class: said 0, said 1
        ['2', '0', '1', '1']
    """
    s = numbers(scores, float).reshape(-1)
    positive = numbers(y).reshape(-1) == 1
    if len(s) != len(positive) or positive.all() or not positive.any():
        raise ValueError(
            f"{len(s)} scores and {len(positive)} labels, {positive.sum()} of them 1: "
            "a score for every label is needed, and both classes"
        )
    said = s > threshold
    counts = np.array(
        [[(~said & ~positive).sum(), (said & ~positive).sum()],
         [(~said & positive).sum(), (said & positive).sum()]]
    )  # fmt: skip  # rows: truth 0, 1; columns: said 0, 1
    figure = Figure(figsize=(11, 4.4))
    left, middle, right, last = figure.subplots(1, 4, width_ratios=(1.3, 0.9, 1, 1))
    _scores(left, s, positive, threshold)
    _matrix(middle, counts)
    recall, false_alarms, precision = _curves(s, positive)
    here = counts[1, 1] / positive.sum()
    _curve(right, false_alarms, recall, counts[0, 1] / (~positive).sum(), here)
    right.plot([0, 1], [0, 1], color=GREY, lw=1.5, ls="--")
    right.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    caught = counts[1, 1] / said.sum() if said.any() else 1.0
    _curve(last, recall[1:], precision[1:], here, caught)
    last.axhline(positive.mean(), color=GREY, lw=1.5, ls="--")
    last.set(xlabel="recall", ylabel="precision", title="Precision, recall")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _curves(s: Array, positive: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """True and false positive rate and precision, from the strictest threshold to the mildest."""
    order = np.argsort(-s, kind="stable")
    last_of_ties = np.append(np.diff(s[order]) != 0, True)
    hits = np.cumsum(positive[order])[last_of_ties]
    alarms = np.cumsum(~positive[order])[last_of_ties]
    precision = np.append(1.0, hits / (hits + alarms))
    return np.append(0.0, hits / hits[-1]), np.append(0.0, alarms / alarms[-1]), precision


def _scores(ax: Axes, s: Array, positive: NDArray[np.bool_], threshold: float) -> None:
    bins = np.linspace(s.min(), s.max(), 31).tolist()
    for group, colour, name in ((~positive, BLUE, "class 0"), (positive, ORANGE, "class 1")):
        ax.hist(s[group], bins, density=True, color=colour, alpha=0.6, label=name)
    ax.axvline(threshold, color=INK, lw=3)
    ax.set(xlabel="score", yticks=[])
    ax.spines["left"].set_visible(False)
    ax.legend(fontsize=13, loc="lower center", bbox_to_anchor=(0.5, 0.98), ncols=2)


def _matrix(ax: Axes, counts: NDArray[np.int64]) -> None:
    shares = counts / counts.sum(1, keepdims=True)
    ax.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1.6)  # never so dark that ink is lost
    for (row, column), count in np.ndenumerate(counts):
        ax.text(column, row, f"{count:,}", color=INK, weight="bold", **CENTRED)
    ax.set(xticks=[0, 1], yticks=[0, 1], xlabel="said", ylabel="truth", title="Counts")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _curve(ax: Axes, x: Array, y: Array, at_x: float, at_y: float) -> None:
    ax.plot(x, y, color=BLUE)
    ax.plot(at_x, at_y, "o", color=ORANGE, ms=14, zorder=4, clip_on=False)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
