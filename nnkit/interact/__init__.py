"""One call, two lives: a live widget where there is a kernel, frames to scrub where there is none.

>>> def draw(angle):
...     return surface(neuron(angle))
>>> explore(draw, alt="Surface of a neuron turned by {angle}°", angle=linear(0, 90, 10))

``draw`` is an ordinary function that returns a figure; test it by calling it.
"""

from nnkit.interact.explorer import Explore, explore
from nnkit.interact.ranges import linear, log

__all__ = ["Explore", "explore", "linear", "log"]
