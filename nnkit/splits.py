"""Split a data set into training, validation and test parts without leaks.

>>> import torch
>>> from nnkit.splits import split
>>> parts = split(torch.arange(10.0), torch.arange(10) % 2, validation=0.2, test=0.2)
>>> [len(y) for X, y in parts]
[6, 2, 2]
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnkit._checks import number, whole

__all__ = ["Splits", "split"]

Pair = tuple[Tensor, Tensor]
Array = Tensor | NDArray[Any]
Rows = NDArray[np.intp]


class Splits(NamedTuple):
    """The three parts of a data set, each a pair (X, y).

    Example:
        >>> import torch
        >>> from nnkit.data import split
        >>> train, validation, test = split(torch.rand(50, 2), torch.rand(50))
        >>> X, y = train
        >>> X.shape, y.shape
        (torch.Size([30, 2]), torch.Size([30]))
    """

    train: Pair
    validation: Pair
    test: Pair


def split(
    X: Array,
    y: Array,
    *,
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 0,
    stratify: bool | None = None,
    groups: Array | Sequence[Any] | None = None,
) -> Splits:
    """Split rows at random into training, validation and test parts that share none.

    Args:
        X: objects, (N, ...).
        y: targets, (N, ...).
        validation: share of the rows for validation, in [0, 1).
        test: share of the rows for the test, in [0, 1).
        seed: draws the same split every time.
        stratify: give every part the classes in equal shares, so far as whole rows allow (the
            only row of a class is trained on); None does so for class numbers unless there are
            groups.
        groups: a label per row; rows of one label stay on one side (an object and its
            augmented copies, say), so shares are met as nearly as whole groups allow.

    Returns:
        ``Splits(train, validation, test)``, each (X, y).

    Raises:
        ValueError: if rows or shares do not fit, there are fewer rows or groups than parts, or
            both stratify and groups are asked for.

    Example:
        >>> import torch
        >>> from nnkit.data import split
        >>> X, y = torch.arange(100.0)[:, None], torch.arange(100) % 2
        >>> parts = split(X, y, validation=0.2, test=0.1)
        >>> [len(y) for _, y in parts]
        [70, 20, 10]
        >>> parts.test[1].bincount()  # as many of both classes
        tensor([5, 5])
    """
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    labels = None if groups is None else np.asarray(groups)
    _check_rows(X=X, y=y, groups=labels)
    _check_shares(validation, test)
    _check_stratify(stratify, y, labels)

    rows = len(y)
    order: Rows = np.random.default_rng(whole("seed", seed, at_least=0)).permutation(rows)
    cuts: Rows = np.arange(rows + 1)  # where the order may be cut
    if labels is not None:
        order, cuts = _by_group(order, labels)
    elif stratify or (stratify is None and _are_classes(y)):
        order = _spread(order, y.cpu().numpy())

    first, second = _cuts(cuts, test, validation)
    parts = {"train": order[second:], "validation": order[first:second], "test": order[:first]}
    chosen = {name: torch.from_numpy(part) for name, part in parts.items()}
    return Splits(**{name: (X[part], y[part]) for name, part in chosen.items()})


def _spread(order: Rows, classes: NDArray[Any]) -> Rows:
    """Reorder so that any stretch holds the classes in nearly equal shares.

    The r-th of the n rows of a class takes the place (r + 1/2) / n.
    """
    _, label, count = np.unique(classes[order], return_inverse=True, return_counts=True)
    by_class = np.argsort(label, kind="stable")
    rank = np.empty_like(label)
    rank[by_class] = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    return order[np.argsort((rank + 0.5) / count[label], kind="stable")]


def _by_group(order: Rows, groups: NDArray[Any]) -> tuple[Rows, Rows]:
    """Reorder so that groups come one after another, and say where one ends."""
    _, first, label, count = np.unique(
        groups[order], return_index=True, return_inverse=True, return_counts=True
    )
    turn = np.argsort(first)  # groups in the random order of their first rows
    ends = np.concatenate([[0], np.cumsum(count[turn])])
    return order[np.argsort(first[label], kind="stable")], ends


def _cuts(cuts: Rows, test: float, validation: float) -> tuple[int, int]:
    """Choose where test and validation end: as near as may be, no part that is wanted empty."""
    pieces, least_test, least_validation = len(cuts) - 1, int(test > 0), int(validation > 0)
    if pieces < least_test + least_validation + 1:
        raise ValueError(
            f"{pieces} rows or groups are too few for validation={validation} and test={test}"
        )
    first = _nearest(cuts, cuts[-1] * test)
    first = min(max(first, least_test), pieces - 1 - least_validation)
    second = _nearest(cuts, cuts[first] + cuts[-1] * validation)
    second = min(max(second, first + least_validation), pieces - 1)
    return int(cuts[first]), int(cuts[second])


def _nearest(cuts: Rows, place: float) -> int:
    return int(np.abs(cuts - place).argmin())


def _are_classes(y: Tensor) -> bool:
    return y.ndim == 1 and not y.is_floating_point()


def _check_rows(**given: Tensor | NDArray[Any] | None) -> None:
    rows = {
        name: len(value) if value.ndim else 0 for name, value in given.items() if value is not None
    }
    if len(set(rows.values())) > 1 or 0 in rows.values():
        raise ValueError(f"the same number of rows is needed, at least one; got {rows}")


def _check_shares(validation: float, test: float) -> None:
    number("validation share", validation, at_least=0.0)
    number("test share", test, at_least=0.0)
    if validation + test >= 1:
        raise ValueError(f"validation {validation} + test {test} leave nothing to train on")


def _check_stratify(stratify: bool | None, y: Tensor, groups: NDArray[Any] | None) -> None:
    if stratify and groups is not None:
        raise ValueError("stratify=True and groups cannot both be met; give one of them")
    if stratify and not _are_classes(y):
        raise ValueError(
            f"stratify=True needs class numbers (N,), got {y.dtype} of shape {tuple(y.shape)}"
        )
