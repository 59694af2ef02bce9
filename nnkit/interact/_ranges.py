"""The values that a slider steps through, and how a value is written beside it."""

import math
from string import Formatter
from typing import Any

LETTERS = "alpha beta gamma delta epsilon eta theta lam mu rho sigma tau phi omega"
GREEK = dict(zip(LETTERS.split(), "αβγδεηθλμρστφω", strict=True))
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def linear(low: float, high: float, n: int) -> list[float]:
    """Return n evenly spaced values from low to high, both included.

    Raises:
        ValueError: fewer than two values, or equal ends.

    Example:
        >>> from nnkit.interact import linear
        >>> linear(0, 90, 4)
        [0.0, 30.0, 60.0, 90.0]
    """
    _check(low, high, n)
    return [_tidy(low + (high - low) * i / (n - 1)) for i in range(n)]


def log(low: float, high: float, n: int) -> list[float]:
    """Return n values from low to high, both included, each the same multiple of the one before.

    Raises:
        ValueError: fewer than two values, equal ends, or an end that is not positive.

    Example:
        >>> from nnkit.interact import log
        >>> log(1e-4, 1, 5)
        [0.0001, 0.001, 0.01, 0.1, 1.0]
    """
    _check(low, high, n)
    if low <= 0 or high <= 0:
        raise ValueError(f"log({low}, {high}, {n}): both ends must be positive")
    return [_tidy(low * (high / low) ** (i / (n - 1))) for i in range(n)]


def spoken(name: str) -> str:
    """Return an argument's name as it is written beside its slider: lam is λ, lam_2 is λ 2."""
    return " ".join(GREEK.get(word, word) for word in name.split("_")).strip()


def shown(value: Any) -> str:
    """Return a value as it is written beside a slider: 0.25, −3, 2 × 10⁻⁴, tanh."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    mantissa, _, exponent = f"{value:.4g}".replace("-", "−").partition("e")
    if not exponent:
        return mantissa
    power = "10" + str(int(exponent.replace("−", "-"))).translate(SUPERSCRIPTS)
    return power if mantissa == "1" else f"{mantissa} × {power}"


class Alt(Formatter):
    """``str.format`` with values written as beside the slider, unless the field has a format."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Write one field."""
        return format(value, format_spec) if format_spec else shown(value)


def _check(low: float, high: float, n: int) -> None:
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"a range needs n >= 2 values, got n={n!r}")
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        raise ValueError(f"a range needs two different finite ends, got {low!r} and {high!r}")


def _tidy(value: float) -> float:
    """Drop the digits that rounding errors made: 0.30000000000000004 is 0.3."""
    return float(f"{value:.12g}")
