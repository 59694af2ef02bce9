"""One call, two lives: a live widget where there is a kernel, frames to scrub where there is none.

>>> from math import cos, pi, sin
>>> from nnkit import plots
>>> from nnkit.interact import explore, linear
>>> def draw(angle):
...     return plots.neuron([cos(angle * pi / 180), sin(angle * pi / 180)], 0.0)
>>> explore(draw, alt="A neuron turned by {angle}°", angle=linear(0, 90, 10))
explore(draw, angle=0…90 (10))

``draw`` is an ordinary function that returns a figure; test it by calling it.
"""

from nnkit.interact._explorer import Explore, explore
from nnkit.interact._ranges import linear, log

__all__ = ["Explore", "explore", "linear", "log"]
