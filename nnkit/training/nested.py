"""Tensors, and tuples, lists and dicts of them: what a batch may be made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

Batch = tuple[Any, Any]  # (inputs, target); inputs a tensor, or a tuple for a model of several


def first_not_finite(tensor: Tensor) -> int:
    """The first row that holds nan or inf; 0 if there is none."""
    if all_finite(tensor):
        return 0
    rows = tensor.flatten(1) if tensor.ndim > 1 else tensor.unsqueeze(1)
    return int((~rows.isfinite()).any(1).nonzero()[0])


def all_finite(item: Any) -> bool:
    """Whether a tensor, and every one in a tuple, list or dict, holds neither nan nor inf."""
    if isinstance(item, Mapping):
        return all(map(all_finite, item.values()))
    if isinstance(item, (tuple, list)):
        return all(map(all_finite, item))
    if not isinstance(item, Tensor) or not item.is_floating_point() or item.numel() == 0:
        return True
    least, greatest = item.detach().aminmax()  # one pass, no copy; nan spreads to both
    return math.isfinite(least) and math.isfinite(greatest)


def unpack(batch: Any) -> Batch:
    """(x, y) of a loader's batch; of more than two parts the last is the target."""
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise TypeError(
            f"a batch is {_kind(batch)}, it must be a pair (x, y) or (x1, x2, …, y). "
            "Hint: for an autoencoder give the inputs as target, too"
        )
    if len(batch) == 2:
        x, y = batch
        return (tuple(x) if isinstance(x, list) else x), y
    return tuple(batch[:-1]), batch[-1]


def _kind(batch: Any) -> str:
    if isinstance(batch, (tuple, list)):
        return f"a {type(batch).__name__} of length {len(batch)}"
    return f"a {type(batch).__name__}"


def map_tensors(function: Callable[[Tensor], Any], item: Any) -> Any:
    """The item with the function's value for every tensor in its tuples, lists and dicts."""
    if isinstance(item, Tensor):
        return function(item)
    if isinstance(item, tuple) and hasattr(item, "_fields"):  # a namedtuple
        return type(item)(*(map_tensors(function, part) for part in item))
    if isinstance(item, (tuple, list)):
        return type(item)(map_tensors(function, part) for part in item)
    if isinstance(item, Mapping):
        return {key: map_tensors(function, part) for key, part in item.items()}
    return item


def move(item: Any, device: torch.device) -> Any:
    """Tensors, and tuples, lists and dicts of them, on `device` and without a graph."""
    # towards the CPU a copy that is not waited for may be read before it is there
    ahead = device.type == "cuda"
    return map_tensors(lambda tensor: tensor.detach().to(device, non_blocking=ahead), item)


def first_row(item: Any) -> Any:
    """The first row of a batch, as a batch of its own."""
    if isinstance(item, Tensor):
        return item[:1] if item.ndim else item
    if isinstance(item, Mapping):
        return {key: first_row(part) for key, part in item.items()}
    if isinstance(item, (tuple, list)):
        if _are_rows(item):
            return item[:1]
        parts = map(first_row, item)
        return type(item)(*parts) if hasattr(item, "_fields") else type(item)(parts)
    return item


def join(parts: Sequence[Any]) -> Any:
    """Batches as one: tensors one after the other; tuples, lists and dicts part by part."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(list(parts))
    if isinstance(first, Mapping):
        return {key: join([part[key] for part in parts]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*map(join, zip(*parts, strict=True)))
    if isinstance(first, (tuple, list)) and not _are_rows(first):
        return type(first)(map(join, zip(*parts, strict=True)))
    return [row for part in parts for row in (part if isinstance(part, (tuple, list)) else [part])]


def forward(model: Callable[..., Any], x: Any) -> Any:
    """The model's output: a tuple is several arguments, a dict several named ones."""
    if isinstance(x, Tensor):
        return model(x)
    if isinstance(x, tuple):
        return model(*x)
    if isinstance(x, Mapping):
        return model(**x)
    return model(x)


def rows_of(x: Any, y: Any) -> int:
    """How many rows a batch has: the length on which its tensors agree, the target's first.

    Raises:
        ValueError: if they do not agree.
    """
    if isinstance(y, Tensor):
        return len(y) if y.ndim else 1
    of_target, of_inputs = set(_lengths(y)), set(_lengths(x))
    agreed = of_target & of_inputs  # a target may have tensors that are no rows: CTC's labels
    for lengths in (of_target, agreed) if of_target else (of_inputs,):
        if len(lengths) == 1:
            return lengths.pop()
    for lengths in (of_target, of_inputs):
        if lengths:
            raise ValueError(
                f"the tensors of a batch have {', '.join(map(str, sorted(lengths)))} rows: it is "
                "not known how much the batch weighs in a mean. Hint: rows come first in each"
            )
    return 1


def _lengths(item: Any) -> Iterator[int]:
    """The lengths of the tensors in an item, and of its lists of what is none."""
    if isinstance(item, Tensor):
        if item.ndim:
            yield len(item)
    elif isinstance(item, Mapping):
        yield from chain.from_iterable(map(_lengths, item.values()))
    elif isinstance(item, (tuple, list)):
        yield from [len(item)] if _are_rows(item) else chain.from_iterable(map(_lengths, item))


def _are_rows(items: Sequence[Any]) -> bool:
    """Whether there is one thing a row, such as a name, and not tensors of many rows."""
    return bool(items) and not isinstance(items[0], (Tensor, Mapping, tuple, list))
