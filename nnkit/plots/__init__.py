"""Pictures drawn from the thing itself: networks, surfaces, learning curves, in one style.

Importing this package makes the course's style the current one (:func:`use_style`).
"""

from nnkit.plots.curves import history, lines
from nnkit.plots.decisions import decisions
from nnkit.plots.display import show
from nnkit.plots.networks import network
from nnkit.plots.neurons import neuron
from nnkit.plots.sounds import listen, sounds
from nnkit.plots.spread import spread
from nnkit.plots.style import (
    BLUE,
    CLASS_COLOURS,
    CLASS_MARKERS,
    GREY,
    INK,
    MAGENTA,
    ORANGE,
    PALETTE,
    PAPER,
    TEAL,
    YELLOW,
    use_style,
)
from nnkit.plots.surfaces import points, surface
from nnkit.plots.tiles import tiles
from nnkit.plots.trajectories import paths

__all__ = [
    "BLUE",
    "CLASS_COLOURS",
    "CLASS_MARKERS",
    "GREY",
    "INK",
    "MAGENTA",
    "ORANGE",
    "PALETTE",
    "PAPER",
    "TEAL",
    "YELLOW",
    "decisions",
    "history",
    "lines",
    "listen",
    "network",
    "neuron",
    "paths",
    "points",
    "show",
    "sounds",
    "spread",
    "surface",
    "tiles",
    "use_style",
]

use_style()
