"""Paths of the stored data."""

from importlib import resources
from importlib.resources.abc import Traversable


def stored(name: str, file: str) -> Traversable:
    """The stored `file` of the data set `name`, to be read with open("rb") or read_text()."""
    return resources.files("nnkit.data") / "stored" / name / file
