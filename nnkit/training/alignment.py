"""Losses that compare an output with a target of another shape: row i with row j, unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import zip_longest
from operator import or_
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

OUTPUT, TARGET = 1, 2  # where a tensor comes from; 3 is both
# Those that broadcast and reduce in one operation; of others the result has the broadcast shape
FUSED = ("aten::mse_loss", "aten::smooth_l1_loss", "aten::huber_loss", "aten::dist")


class Misaligned(ValueError):
    """An output met a target of another shape element by element."""


class AlignmentCheck(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is on, an operation on output and target that broadcasts raises `Misaligned`.

    It follows all that is computed from one of them. A target with rows of one element, (N, 1),
    may meet an output (N, K), for then each row meets its own.

    Args:
        output: of the model, N rows.
        target: the target.
        strict: whether (N, 1) with (N, K) is refused, too.
    """

    def __init__(self, output: Any, target: Any, strict: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.strict = strict
        self._origins: dict[
            int, tuple[Tensor, int]
        ] = {}  # the tensor is kept, so its id is its own
        self._unexpanded: dict[
            int, torch.Size
        ] = {}  # shapes before they were expanded to meet others
        for item, origin in ((output, OUTPUT), (target, TARGET)):
            for tensor in _within(item):
                self._mark(tensor, self._origin(tensor) | origin)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation, then compare shapes of what went in and came out."""
        result = function(*args, **(kwargs or {}))
        name = function.name().partition(".")[0]
        given = list(_tensors((args, kwargs)))
        origin = reduce(or_, map(self._origin, given), 0)
        if origin == OUTPUT | TARGET:
            self._compare(name, given, result)
        for tensor in _tensors(result):
            self._mark(tensor, origin)
            self._remember_expansion(name, given, tensor)
        return result

    def _compare(self, name: str, given: list[Tensor], result: Any) -> None:
        """Raise if an output and a target of different shapes met element by element."""
        outputs = [self._shape(t) for t in given if self._origin(t) == OUTPUT]
        targets = [self._shape(t) for t in given if self._origin(t) == TARGET]
        for a, b in ((a, b) for a in outputs for b in targets):
            shape = self._repeating(a, b)
            of_elements = isinstance(result, Tensor) and result.shape == shape
            if shape is not None and (of_elements or name in FUSED):
                raise Misaligned(
                    f"shapes {tuple(a)} and {tuple(b)} meet element by element, as {tuple(shape)}"
                )

    def _repeating(self, a: torch.Size, b: torch.Size) -> torch.Size | None:
        """The shape to which two shapes of rows broadcast, if that repeats a row for another."""
        if a == b or not (a and b) or a[0] != b[0] or (len(a) == len(b) and not self.strict):
            return None
        ends = list(zip_longest(reversed(a), reversed(b), fillvalue=1))
        if all(m == n or 1 in (m, n) for m, n in ends):
            return torch.Size(m if n == 1 else n for m, n in reversed(ends))
        return None

    def _remember_expansion(self, name: str, given: list[Tensor], result: Tensor) -> None:
        """Keep the shape from before an expansion with all that has the expanded one."""
        expanded = [t for t in given if id(t) in self._unexpanded and t.shape == result.shape]
        if id(result) in self._origins and (expanded or name == "aten::expand"):
            self._unexpanded[id(result)] = self._shape((expanded or given)[0])

    def _shape(self, tensor: Tensor) -> torch.Size:
        return self._unexpanded.get(id(tensor), tensor.shape)

    def _origin(self, tensor: Tensor) -> int:
        return self._origins.get(id(tensor), (tensor, 0))[1]

    def _mark(self, tensor: Tensor, origin: int) -> None:
        if origin:
            self._origins[id(tensor)] = (tensor, origin)


def _within(item: Any, depth: int = 4) -> Iterator[Tensor]:
    """The tensors of an item, also those that objects hold, such as a distribution."""
    for leaf in tree_leaves(item):
        if isinstance(leaf, Tensor):
            yield leaf
        elif depth and hasattr(leaf, "__dict__") and not isinstance(leaf, type):
            yield from _within(list(vars(leaf).values()), depth - 1)


def _tensors(item: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(item) if isinstance(leaf, Tensor))
