"""Pictures drawn from the thing itself: networks, surfaces, learning curves, in one style.

Importing this package makes the course's style the current one (:func:`use_style`).
"""

from nnkit.plots._canvas import show
from nnkit.plots._curves import End, history, label_ends, lines
from nnkit.plots._networks import network
from nnkit.plots._results import decisions, spread
from nnkit.plots._sounds import listen, sounds
from nnkit.plots._surfaces import neuron, points, surface
from nnkit.plots._tables import table
from nnkit.plots._tiles import tiles
from nnkit.plots._trajectories import paths
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
    SEQUENTIAL,
    TEAL,
    YELLOW,
    use_style,
)

__all__ = [
    "BLUE", "CLASS_COLOURS", "CLASS_MARKERS", "GREY", "INK", "MAGENTA", "ORANGE", "PALETTE",
    "PAPER", "SEQUENTIAL", "TEAL", "YELLOW", "End", "decisions", "history", "label_ends", "lines",
    "listen", "network", "neuron", "paths", "points", "show", "sounds", "spread", "surface",
    "table", "tiles", "use_style",
]  # fmt: skip

use_style()
