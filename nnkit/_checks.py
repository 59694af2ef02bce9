"""Checks of arguments that several rooms share; each names the value and what is allowed."""

import math
import operator
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Real
from typing import Any


def one_of(what: str, name: object, allowed: Iterable[str]) -> str:
    """Return ``name`` if it is one of ``allowed``, else raise and suggest the nearest.

    Args:
        what: what the name stands for, as it should read in the message.
        name: the name given.
        allowed: the names known.

    Raises:
        ValueError: if ``name`` is not among ``allowed``.
    """
    known = list(allowed)
    if isinstance(name, str) and name in known:
        return name
    near = get_close_matches(str(name).lower(), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {what} {name!r}: allowed are {', '.join(known)}{hint}")


def flag(what: str, value: object) -> bool:
    """Return ``value`` if it is True or False, else raise a TypeError."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} must be True or False, got {value!r}")
    return value


def number(
    what: str,
    value: object,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
) -> float:
    """Return ``value`` as a float if it is a finite number within the bounds.

    Raises:
        TypeError: if it is not a number.
        ValueError: if it is not finite or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{what} must be a number, got {value!r}")
    checked = float(value)
    fits = at_least <= checked <= at_most and above < checked < below
    if not (fits and math.isfinite(checked)):
        raise ValueError(
            f"{what} must be {_bounds(at_least, above, at_most, below)}, got {value!r}"
        )
    return checked


def _bounds(at_least: float, above: float, at_most: float, below: float) -> str:
    """The bounds in words, or as an interval if there are two."""
    low, high = max(at_least, above), min(at_most, below)
    if math.isfinite(low) and math.isfinite(high):
        return f"in {'[' if low > above else '('}{low:g}, {high:g}{']' if high < below else ')'}"
    bounds = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    told = [f" and {how} {bound:g}" for how, bound in bounds.items() if math.isfinite(bound)]
    return "finite" + "".join(told)


def whole(what: str, value: Any, *, at_least: int, at_most: float = math.inf) -> int:
    """Return ``value`` as an int if it is a whole number within the bounds.

    Raises:
        TypeError: if it is not a whole number.
        ValueError: if it is out of bounds.
    """
    try:
        checked = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, got {value!r}") from None
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        raise TypeError(f"{what} must be a whole number, got {value!r}")
    if not at_least <= checked <= at_most:
        bound = f"at least {at_least}" if at_most == math.inf else f"from {at_least} to {at_most}"
        raise ValueError(f"{what} must be {bound}, got {value!r}")
    return checked


def indices(rule: str, values: Iterable[Any], below: int) -> list[int]:
    """Return whole numbers from 0 that stay below a bound, as they came; a mask is none.

    Raises:
        ValueError: if one is no such number; the message begins with the rule.
    """
    given = list(values)
    try:
        checked = [whole(rule, value, at_least=0) for value in given]
    except (TypeError, ValueError):
        checked = [below]
    if any(index >= below for index in checked):
        shown = [value.tolist() if hasattr(value, "tolist") else value for value in given]
        hint = "mask.nonzero().flatten() makes numbers of a mask"
        raise ValueError(f"{rule}, got {shown}. Hint: {hint}")
    return checked
