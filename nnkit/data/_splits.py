"""Split a data set into training, validation and test parts without leaks.

>>> import torch
>>> from nnkit.data import split
>>> parts = split(torch.arange(10.0), torch.arange(10) % 2, validation=0.2, test=0.2)
>>> [len(y) for X, y in parts]
[6, 2, 2]
"""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnkit._checks import number, whole
from nnkit._precision import widened

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
        stratify: give every part its share of each class, rounded up or down to whole rows; the
            only row of a class is trained on. None does so for class numbers, (N,) or (N, 1),
            unless there are groups or more classes of one row than rows to train on.
        groups: a label per row, (N,) or (N, 1): numbers, texts or tuples. Rows of one label stay
            on one side (an object and its augmented copies, say), so that shares are met as nearly
            as groups in a random order allow.

    Returns:
        ``Splits(train, validation, test)``, each (X, y).

    Raises:
        TypeError: if X or y hold no numbers, a group is no label, or stratify is no bool.
        ValueError: if rows or shares do not fit, there are fewer rows or groups than parts, both
            stratify and groups are asked for, or classes of one row leave no room.

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
    X, y = _tensor("X", X), _tensor("y", y)
    labels = None if groups is None else _group_numbers(groups)
    _check_rows(X=X, y=y, groups=labels)
    _check_shares(validation, test)
    _check_stratify(stratify, y, labels)

    rows = len(y)
    order: Rows = np.random.default_rng(whole("seed", seed, at_least=0)).permutation(rows)
    cuts: Rows = np.arange(rows + 1)  # where the order may be cut
    if labels is not None:
        order, cuts = _by_group(order, labels)
    first, second = _cuts(cuts, test, validation)
    if stratify or (stratify is None and labels is None and _are_classes(y)):
        order = _stratified(order, y.flatten().cpu().numpy(), first, second, wanted=bool(stratify))
    parts = {"train": order[second:], "validation": order[first:second], "test": order[:first]}
    chosen = {name: torch.from_numpy(part) for name, part in parts.items()}
    return Splits(**{name: (X[part], y[part]) for name, part in chosen.items()})


def _stratified(
    order: Rows, classes: NDArray[Any], first: int, second: int, *, wanted: bool
) -> Rows:
    """Reorder so that the parts cut at `first` and `second` hold their shares of every class.

    The r-th of the n rows of a class takes the place (r + 1/2) / n, so that any stretch holds the
    classes in nearly equal shares; then rows move between parts until the shares are exact.
    """
    _, label, size = np.unique(classes[order], return_inverse=True, return_counts=True)
    trained, singles = len(order) - second, int((size == 1).sum())
    if singles > trained:
        if wanted:
            raise ValueError(
                f"{singles} classes have one row, which is to be trained on, but there are "
                f"{trained} rows to train on. Hint: stratify=False"
            )
        return order
    by_class = np.argsort(label, kind="stable")
    rank = np.empty_like(label)
    rank[by_class] = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
    spread = np.argsort((rank + 0.5) / size[label], kind="stable")
    order, label, rank = order[spread], label[spread], rank[spread]
    part = np.repeat(np.arange(3), [first, second - first, trained])
    counts = np.zeros((len(size), 3), dtype=np.intp)  # rows of each class in each part
    np.add.at(counts, (label, part), 1)
    ends = np.cumsum(_rounded_shares(counts), axis=1)[label]
    part = (rank >= ends[:, 0]).astype(int) + (rank >= ends[:, 1])
    return order[np.argsort(part, kind="stable")]


def _rounded_shares(counts: Rows) -> Rows:
    """Change counts (classes, parts) so that each is its exact share rounded up or down.

    The sums of classes and of parts stay. That such counts exist is known of controlled rounding
    (Bacharach, 1966). The only row of a class goes to the last part.
    """
    sizes, parts = counts.sum(1), counts.sum(0)
    single = sizes == 1
    room = parts - [0, 0, single.sum()]
    low, rest = np.divmod(sizes[:, None] * room, max(1, room.sum()))
    high = low + (rest > 0)
    low[single] = high[single] = (0, 0, 1)
    counts = counts.clip(low, high)
    for part in range(3):  # as many rows of each class as there are
        wanted = counts[:, part] + sizes - counts.sum(1)
        counts[:, part] = wanted.clip(low[:, part], high[:, part])

    def move(source: int, target: int, most: int) -> int:
        ready = (counts[:, source] > low[:, source]) & (counts[:, target] < high[:, target])
        chosen = ready.nonzero()[0][:most]
        counts[chosen, source] -= 1
        counts[chosen, target] += 1
        return len(chosen)

    while (lack := parts - counts.sum(0)).any():
        source, target = int(lack.argmin()), int(lack.argmax())
        if not move(source, target, min(-lack[source], lack[target])):
            between = 3 - source - target
            move(source, between, 1)
            move(between, target, 1)
    return counts


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
    a_column = y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)
    return a_column and not (y.is_floating_point() or y.is_complex())


def _tensor(what: str, values: Any) -> Tensor:
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise TypeError(f"{what} has entries that are masked, which are no numbers")
    if isinstance(values, np.ndarray):  # turned round or read-only, of which torch makes no tensor
        turned = any(stride < 0 for stride in values.strides)
        values = values.copy() if turned or not values.flags.writeable else values
    try:
        return torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"{what} must be an array of numbers: {error}. "
            "Hint: np.unique(names, return_inverse=True)[1] makes class numbers of names"
        ) from error


def _group_numbers(groups: Any) -> NDArray[np.intp]:
    """Number the labels of groups in the order in which they come, equal ones alike."""
    if isinstance(groups, Tensor):
        groups = widened(groups.detach().cpu()).numpy()
    if hasattr(groups, "__array__"):  # of pandas, too
        array = np.asanyarray(groups)  # what is masked becomes None
        if array.ndim != 1 and array.shape[1:] != (1,):
            raise ValueError(f"groups must be one label per row, (N,), got shape {array.shape}")
        groups = array.ravel().tolist()
    if isinstance(groups, str | bytes) or not isinstance(groups, Sequence):
        raise TypeError(f"groups must be a label per row, an array or a list, got {groups!r}")
    number: dict[Any, int] = {}
    return np.array([number.setdefault(_label(g), len(number)) for g in groups], dtype=np.intp)


def _label(group: Any) -> Any:
    """The label, if it can be told whether another is the same: not nan, None or any object."""
    label = group.tolist() if hasattr(group, "tolist") else group  # of a tensor or array
    while isinstance(label, list) and len(label) == 1:
        label = label[0]
    if not _is_known(label):
        raise TypeError(
            f"a group must be a number, a text or a tuple of them, got {group!r}. "
            "Hint: leave out rows whose group is missing"
        )
    return label


def _is_known(label: Any) -> bool:
    if isinstance(label, tuple):
        return all(map(_is_known, label))
    if label is None or not isinstance(label, Hashable):  # None compares by value since 3.13
        return False
    return type(label).__eq__ != object.__eq__ and bool(label == label)


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
    if stratify is not None and not isinstance(stratify, bool):
        raise TypeError(
            f"stratify must be True, False or None, got {stratify!r}. Hint: it goes by y itself"
        )
    if stratify and groups is not None:
        raise ValueError("stratify=True and groups cannot both be met; give one of them")
    if stratify and not _are_classes(y):
        raise ValueError(
            f"stratify=True needs class numbers (N,), got {y.dtype} of shape {tuple(y.shape)}"
        )
