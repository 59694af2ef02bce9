"""Whether things are equal, so that what holds for one may be done for all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

PLAIN = (str, int, float, complex, torch.device, set, frozenset)


def alike(a: Any, b: Any) -> bool:
    """Whether two things are equal all the way down; False if in doubt."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, partial):
        return alike((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if isinstance(a, PLAIN):
        return bool(a == b)
    if isinstance(a, (FunctionType, type, nn.Module)) or not hasattr(a, "__dict__"):
        return False
    return alike(vars(a), vars(b))


def grouped(items: Sequence[Any]) -> list[list[int]]:
    """The numbers of the items, those of equal ones together."""
    groups: list[list[int]] = []
    for number, item in enumerate(items):
        known = next((group for group in groups if alike(items[group[0]], item)), None)
        if known is None:
            groups.append([number])
        else:
            known.append(number)
    return groups
