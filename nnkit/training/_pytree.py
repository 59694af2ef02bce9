"""Tensors, and tuples, lists and dicts of them: what a batch may be made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

Batch = tuple[Any, Any]  # (inputs, target); inputs a tensor, or a tuple for a model of several


def tree_map(function: Callable[..., Any], item: Any, *others: Any) -> Any:
    """The item with the function's value for each leaf, given those of others of its form, too.

    A leaf is what is no tuple, list or dict, or a list without tensors: one thing a row, such as
    names. torch's own `_pytree` knows no other mappings than dicts.
    """
    if isinstance(item, Mapping):
        return {key: tree_map(function, item[key], *(o[key] for o in others)) for key in item}
    if isinstance(item, (tuple, list)) and not _are_rows(item):
        parts = [tree_map(function, *each) for each in zip(item, *others, strict=True)]
        return type(item)(*parts) if hasattr(item, "_fields") else type(item)(parts)
    return function(item, *others)


def _are_rows(items: Any) -> bool:
    parts = (Tensor, Mapping, tuple, list)
    return bool(items) and not any(isinstance(part, parts) for part in items)


def leaves(item: Any) -> list[Any]:
    """All leaves of an item."""
    found: list[Any] = []
    tree_map(found.append, item)
    return found


def map_tensors(function: Callable[[Tensor], Any], item: Any) -> Any:
    """The item with the function's value for every tensor in its tuples, lists and dicts."""
    return tree_map(lambda leaf: function(leaf) if isinstance(leaf, Tensor) else leaf, item)


def move(item: Any, device: torch.device) -> Any:
    """Tensors, and tuples, lists and dicts of them, on `device` and without a graph."""
    # towards the CPU a copy that is not waited for may be read before it is there
    ahead = device.type == "cuda"
    return map_tensors(lambda tensor: tensor.detach().to(device, non_blocking=ahead), item)


def first_row(item: Any) -> Any:
    """The first row of a batch, as a batch of its own."""

    def first(leaf: Any) -> Any:
        has_rows = leaf.ndim if isinstance(leaf, Tensor) else isinstance(leaf, (tuple, list))
        return leaf[:1] if has_rows else leaf

    return tree_map(first, item)


def join(parts: list[Any]) -> Any:
    """Batches as one: tensors one after the other; tuples, lists and dicts part by part."""

    def joined(*leaves: Any) -> Any:
        if isinstance(leaves[0], Tensor):
            return torch.cat(leaves)
        lists = (leaf if isinstance(leaf, (tuple, list)) else [leaf] for leaf in leaves)
        return [row for rows in lists for row in rows]

    return tree_map(joined, *parts)


def all_finite(item: Any) -> bool:
    """Whether a tensor, and every one in a tuple, list or dict, holds neither nan nor inf."""
    return all(map(_is_finite, leaves(item)))


def _is_finite(leaf: Any) -> bool:
    if not isinstance(leaf, Tensor) or not leaf.is_floating_point() or leaf.numel() == 0:
        return True
    least, greatest = leaf.detach().aminmax()  # one pass, no copy; nan spreads to both
    return math.isfinite(least) and math.isfinite(greatest)


def first_not_finite(tensor: Tensor) -> int:
    """The first row that holds nan or inf; 0 if there is none."""
    if all_finite(tensor):
        return 0
    return int((~tensor.isfinite()).flatten(1 if tensor.ndim > 1 else 0).nonzero()[0, 0])


def unpack(batch: Any) -> Batch:
    """(x, y) of a loader's batch; of more than two parts the last is the target."""
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        length = f" of length {len(batch)}" if isinstance(batch, (tuple, list)) else ""
        raise TypeError(
            f"a batch is a {type(batch).__name__}{length}, it must be a pair (x, y) or "
            "(x1, x2, …, y). Hint: for an autoencoder give the inputs as target, too"
        )
    *x, y = batch
    alone = x[0] if len(x) == 1 else tuple(x)
    return (tuple(alone) if isinstance(alone, list) else alone), y


def forward(model: Callable[..., Any], x: Any) -> Any:
    """The model's output: a tuple is several arguments, a dict several named ones."""
    if isinstance(x, Mapping):
        return model(**x)
    return model(*x) if isinstance(x, tuple) else model(x)


def rows_of(x: Any, y: Any) -> int:
    """How many rows a batch has: the length on which its tensors agree, the target's first.

    Raises:
        ValueError: if they do not agree.
    """
    if isinstance(y, Tensor):
        return len(y) if y.ndim else 1
    of_target, of_inputs = _lengths(y), _lengths(x)
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


def _lengths(item: Any) -> set[int]:
    """The lengths of the tensors in an item, and of its lists of what is none."""
    held = leaves(item)
    of_tensors = {len(leaf) for leaf in held if isinstance(leaf, Tensor) and leaf.ndim}
    return of_tensors | {len(leaf) for leaf in held if isinstance(leaf, (tuple, list))}


def tensors_of(*modules: Any) -> list[Tensor]:
    """Parameters and buffers; what is no module has none."""
    own = [module for module in modules if isinstance(module, nn.Module)]
    return [tensor for m in own for tensor in (*m.parameters(), *m.buffers())]


def copies(tensors: Iterable[Tensor]) -> list[Tensor]:
    """The values of the tensors, to be put back later."""
    return [tensor.detach().clone() for tensor in tensors]


@torch.no_grad()
def put_back(tensors: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    """Give the tensors these values, in place."""
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
