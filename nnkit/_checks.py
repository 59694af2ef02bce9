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


def number(what: str, value: object, *, at_least: float = -math.inf) -> float:
    """Return ``value`` as a float if it is a finite number of at least ``at_least``.

    Raises:
        TypeError: if it is not a number.
        ValueError: if it is not finite or too small.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{what} must be a number, got {value!r}")
    checked = float(value)
    if not math.isfinite(checked) or checked < at_least:
        bound = "" if at_least == -math.inf else f" and at least {at_least:g}"
        raise ValueError(f"{what} must be finite{bound}, got {value!r}")
    return checked


def whole(what: str, value: Any, *, at_least: int) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``at_least``.

    Raises:
        TypeError: if it is not a whole number.
        ValueError: if it is too small.
    """
    try:
        checked = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, got {value!r}") from None
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        raise TypeError(f"{what} must be a whole number, got {value!r}")
    if checked < at_least:
        raise ValueError(f"{what} must be at least {at_least}, got {value!r}")
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
