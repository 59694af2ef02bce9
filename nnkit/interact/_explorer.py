"""``explore``: the arguments checked, the frames drawn, and the way to show them chosen."""

import inspect
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from matplotlib.figure import Figure

from nnkit.interact._ranges import Alt, shown
from nnkit.interact._shows import Frame, encode, page

#: Most frames that are drawn ahead for a page without a kernel.
MAX_FRAMES = 200
#: Most frames that a live widget remembers.
REMEMBERED = 256


def explore(
    draw: Callable[..., Figure],
    *,
    alt: str,
    start: Mapping[str, Any] | None = None,
    **ranges: Sequence[Any],
) -> "Explore":
    """Let the reader move the arguments of a drawing function and see the figure follow.

    With a kernel sliders redraw the figure. With the environment variable ``NNKIT_EXPORT`` set to
    1, as when decks are made, every combination of values is drawn ahead, to be scrubbed in a
    page that has no kernel.

    Args:
        draw: called with one value of every range by name, returns a figure.
        alt: what the figure shows; ``{name}`` stands for the value of that slider.
        start: the values to start from; the first of a range that it does not name.
        ranges: for every slider the values that it steps through: a list,
            :func:`~nnkit.interact.linear` or :func:`~nnkit.interact.log`.

    Raises:
        ValueError: a range that is empty or repeats itself, a start outside its range, an empty
            ``alt`` or one with an unknown field, more than 200 frames to export.
        TypeError: ``draw`` does not take the named arguments, or needs others.

    Example:
        >>> from nnkit import plots
        >>> from nnkit.interact import explore, linear
        >>> def draw(bias):
        ...     return plots.neuron([1.0, 1.0], bias)
        >>> explore(draw, alt="A neuron of bias {bias}.", bias=linear(-2, 2, 5))
        explore(draw, bias=−2…2 (5))
    """
    return Explore(draw, alt, dict(start or {}), {k: list(v) for k, v in ranges.items()})


class Explore:
    """A figure with sliders; what :func:`explore` returns. ``draw`` is the function as given.

    Example:
        >>> from nnkit import plots
        >>> from nnkit.interact import explore
        >>> def draw(power):
        ...     return plots.lines([1, 2, 3], {"y": [1**power, 2**power, 3**power]})
        >>> slider = explore(draw, alt="x to the power {power}.", power=[1, 2, 3])
        >>> slider.frame(*slider.positions).alt  # what a screen reader says
        'x to the power 1.'
    """

    def __init__(
        self,
        draw: Callable[..., Figure],
        alt: str,
        start: Mapping[str, Any],
        ranges: Mapping[str, list[Any]],
    ) -> None:
        _check_ranges(ranges, start)
        _check_draw(draw, ranges)
        self.draw, self.alt, self.ranges = draw, alt, ranges
        self.start = {name: start.get(name, values[0]) for name, values in ranges.items()}
        _check_alt(alt, self.start)
        self.frame = lru_cache(REMEMBERED)(self._frame)
        # now, not when displayed: IPython would swallow what draw raises
        self._html = self._export() if exporting() else None
        if self._html is None:
            self.frame(*self.positions)

    @property
    def positions(self) -> list[int]:
        """Where every slider starts: the position in its range."""
        return [values.index(self.start[name]) for name, values in self.ranges.items()]

    def _frame(self, *positions: int) -> Frame:
        """Draw the frame at a position of every slider."""
        sliders = zip(self.ranges.items(), positions, strict=True)
        named = {name: values[position] for (name, values), position in sliders}
        return encode(self.draw(**named), Alt().format(self.alt, **named))

    def _export(self) -> str:
        count = math.prod(map(len, self.ranges.values()))
        if count > MAX_FRAMES:
            counts = " × ".join(f"{len(v)} of {name}" for name, v in self.ranges.items())
            raise ValueError(
                f"{counts} make {count} frames to draw ahead, at most {MAX_FRAMES} are allowed: "
                "give the sliders fewer values"
            )
        places = product(*(range(len(values)) for values in self.ranges.values()))
        return page([self._frame(*place) for place in places], self.ranges, self.positions)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return the page when exporting, the widget otherwise."""
        if self._html is not None:
            return {"text/html": self._html, "text/plain": repr(self)}
        from nnkit.interact._shows import widget

        bundle: dict[str, Any] = widget(self)._repr_mimebundle_()
        return {**bundle, "text/plain": repr(self)}

    def __repr__(self) -> str:
        sliders = ", ".join(
            f"{name}={shown(values[0])}…{shown(values[-1])} ({len(values)})"
            for name, values in self.ranges.items()
        )
        return f"explore({getattr(self.draw, '__name__', 'draw')}, {sliders})"


def exporting() -> bool:
    """Return whether pages without a kernel are being made."""
    return os.environ.get("NNKIT_EXPORT") == "1"


def _check_ranges(ranges: Mapping[str, list[Any]], start: Mapping[str, Any]) -> None:
    if not ranges:
        raise ValueError("explore needs at least one range, for example angle=linear(0, 90, 10)")
    for name, values in ranges.items():
        if not values:
            raise ValueError(f"{name}=[]: a range needs at least one value")
        if any(value in values[:i] for i, value in enumerate(values)):
            raise ValueError(f"{name}={values}: a range must not repeat a value")
    for name, value in start.items():
        if name not in ranges:
            raise ValueError(f"start names {name!r}, the sliders are {', '.join(ranges)}")
        if value not in ranges[name]:
            raise ValueError(f"start {name}={value!r} is not among {ranges[name]}")


def _check_draw(draw: Callable[..., Figure], ranges: Mapping[str, list[Any]]) -> None:
    if not callable(draw):
        raise TypeError(f"draw={draw!r} must be a function that returns a figure")
    signature = inspect.signature(draw)
    try:
        signature.bind(**dict.fromkeys(ranges))
    except TypeError as error:
        raise TypeError(
            f"draw{signature} does not fit the sliders {', '.join(ranges)}: {error}"
        ) from None


def _check_alt(alt: str, start: Mapping[str, Any]) -> None:
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt={alt!r}: say in a sentence what the figure shows")
    try:
        Alt().format(alt, **start)
    except (KeyError, IndexError, ValueError) as error:
        fields = ", ".join(f"{{{name}}}" for name in start)
        raise ValueError(f"alt={alt!r} may hold the fields {fields}: {error!r}") from None
