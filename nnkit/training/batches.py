"""Mini-batches from tensors, data sets and loaders."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import starmap
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    MapDataPipe,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from nnkit.training.randomness import random_state_kept

Batch = tuple[Any, Any]  # (inputs, target); inputs a tensor, or a tuple for a model of several

BLOCK_BYTES = 4 << 20  # rows are gathered in blocks of this size
# Samplers whose numbers do not depend on what is drawn while they are being read
PLAIN_SAMPLERS = (RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)


class TensorBatches:
    """Batches of tensors that lie in memory.

    Gathering one batch at a time costs more than a small model's forward pass, gathering all rows
    at once doubles the memory: so they are gathered in blocks of many batches.

    Args:
        tensors: the inputs and, last, the target, all of N rows.
        batch_size: rows per batch; the last batch may have fewer.
        device: where the batches are wanted.
        order: gives the rows' numbers for one pass; None for the order in which they lie.
        drop_last: leave out a last batch of fewer rows.
        length: rows in one pass, by default N.
        whole: whether any of the rows may come.
    """

    def __init__(
        self,
        tensors: tuple[Tensor, ...],
        batch_size: int,
        device: torch.device,
        order: Callable[[], Tensor] | None = None,
        drop_last: bool = False,
        length: int | None = None,
        whole: bool = True,
    ) -> None:
        self.tensors = tuple(
            tensor.to(device) if _fits(tensors, device) else tensor for tensor in tensors
        )
        self.batch_size, self.device, self.order, self.drop_last = (
            batch_size,
            device,
            order,
            drop_last,
        )
        self.whole = whole
        self.rows = len(tensors[0]) if length is None else length
        if drop_last:
            self.rows -= self.rows % batch_size
        row_bytes = sum(t[:1].nbytes for t in tensors)
        self.block = batch_size * max(1, BLOCK_BYTES // max(1, batch_size * row_bytes))

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def peek(self, size: int) -> Batch:
        """Some `size` rows, for a trial: with the first that holds nan or inf, if there is one."""
        if not self.whole:
            with random_state_kept():
                return next(iter(self))
        start = next(filter(None, map(_first_not_finite, self.tensors)), 0)
        start = max(0, min(start, len(self.tensors[0]) - size))
        *x, y = (t[start : start + size].to(self.device) for t in self.tensors)
        return (x[0] if len(x) == 1 else tuple(x)), y

    @property
    def targets(self) -> Any:
        """The targets of all rows, or None if only some of the rows may come."""
        return self.tensors[-1] if self.whole else None

    def __iter__(self) -> Iterator[Batch]:
        for block in self._blocks():
            parts = [torch.split(tensor.to(self.device), self.batch_size) for tensor in block]
            if len(parts) == 2:
                yield from zip(*parts, strict=True)
            else:
                yield from ((batch[:-1], batch[-1]) for batch in zip(*parts, strict=True))

    def _blocks(self) -> Iterator[list[Tensor]]:
        """The rows of many batches at a time."""
        if self.order is None:
            for start in range(0, self.rows, self.block):
                stop = min(start + self.block, self.rows)
                yield [tensor[start:stop] for tensor in self.tensors]
            return
        order = self.order()[: self.rows].to(self.tensors[0].device)
        for rows in torch.split(order, self.block):
            yield [tensor.index_select(0, rows) for tensor in self.tensors]  # 6 × tensor[rows]


class LoaderBatches:
    """Batches as a DataLoader gives them, moved to the device."""

    def __init__(self, loader: DataLoader[Any], device: torch.device) -> None:
        self.loader, self.device = loader, device

    def __len__(self) -> int:
        return len(self.loader)

    def peek(self, size: int) -> Batch:
        """The first batch, for a trial."""
        with random_state_kept():
            return next(iter(self))

    @property
    def targets(self) -> Any:
        """The targets of all rows, or None if they are not at hand: here they are not."""
        return None

    def __iter__(self) -> Iterator[Batch]:
        for batch in drawn(self.loader):
            x, y = unpack(batch)
            yield move(x, self.device), move(y, self.device)


Batches = TensorBatches | LoaderBatches


class Transformed:
    """Batches, each sent through `transform`, (x, y) -> (x, y), as it is drawn."""

    def __init__(self, batches: Batches, transform: Callable[[Any, Any], Batch]) -> None:
        self.batches, self.transform = batches, transform

    def __iter__(self) -> Iterator[Batch]:
        return starmap(self.transform, self.batches)


def make_batches(data: Any, batch_size: int, device: torch.device, shuffle: bool) -> Batches:
    """Batches of `data`: a pair of tensors, a Dataset or a DataLoader.

    Args:
        data: (X, y), or ((X1, X2, …), y) for a model of several inputs; a Dataset or DataLoader
            of (x, y) or (x1, x2, …, y).
        batch_size: rows per batch, unless a DataLoader decides.
        device: where the batches are wanted.
        shuffle: draw the rows in a new random order at each pass, unless a DataLoader decides.
    """
    if isinstance(data, DataLoader):
        return _from_loader(data, device)
    if isinstance(data, Dataset):
        mixed = shuffle and not isinstance(data, IterableDataset)
        return _from_loader(DataLoader(data, batch_size, shuffle=mixed), device)
    x, y = data
    tensors = (*x, y) if isinstance(x, (tuple, list)) else (x, y)
    count = len(y)
    return TensorBatches(
        tensors, batch_size, device, (lambda: torch.randperm(count)) if shuffle else None
    )


def drawn(loader: DataLoader[Any]) -> Iterable[Any]:
    """What ``iter(loader)`` gives, without its bookkeeping where there are no workers."""
    plain = (
        type(loader) is DataLoader
        and not isinstance(loader.dataset, (IterableDataset, MapDataPipe))
        and loader.num_workers == 0
        and not loader.pin_memory
    )
    sampler = loader.batch_sampler
    return _gathered(loader, sampler) if plain and sampler is not None else loader


def _gathered(loader: DataLoader[Any], sampler: Iterable[list[Any]]) -> Iterator[Any]:
    _draw_base_seed(loader)
    dataset: Any = loader.dataset
    rows_of = getattr(dataset, "__getitems__", None) or (lambda rows: [dataset[i] for i in rows])
    for rows in sampler:
        yield loader.collate_fn(rows_of(rows))


def _draw_base_seed(loader: DataLoader[Any]) -> None:
    """Take the random number that ``iter(loader)`` takes, so that all that follow are the same."""
    torch.empty((), dtype=torch.int64).random_(generator=loader.generator)


def _from_loader(loader: DataLoader[Any], device: torch.device) -> Batches:
    """A loader over plain tensors is drawn as row numbers: the same batches, far faster."""
    sampler = loader.sampler
    if not (
        type(loader) is DataLoader
        and type(loader.dataset) is TensorDataset
        and len(loader.dataset.tensors) > 1
        and type(loader.batch_sampler) is BatchSampler
        and type(sampler) in PLAIN_SAMPLERS
        and loader.collate_fn is default_collate
        and loader.num_workers == 0
        and not loader.pin_memory
    ):
        return LoaderBatches(loader, device)

    def order() -> Tensor:
        _draw_base_seed(loader)
        return torch.tensor(list(sampler), dtype=torch.int64)

    assert loader.batch_size is not None
    return TensorBatches(
        loader.dataset.tensors,
        loader.batch_size,
        device,
        order,
        loader.drop_last,
        length=len(sampler),  # type: ignore[arg-type]
        whole=type(sampler) in (RandomSampler, SequentialSampler),
    )


def total_batches(batches: Batches, epochs: int) -> int | None:
    """How many batches the run has; None if the loader cannot say."""
    try:
        return epochs * len(batches)
    except TypeError:
        return None


def _first_not_finite(tensor: Tensor) -> int:
    """The first row that holds nan or inf; 0 if there is none."""
    if all_finite(tensor):
        return 0
    rows = tensor.flatten(1) if tensor.ndim > 1 else tensor.unsqueeze(1)
    return int((~rows.isfinite()).any(1).nonzero()[0])


def all_finite(item: Any) -> bool:
    """Whether a tensor, and every one in a tuple, list or dict, holds neither nan nor inf."""
    if isinstance(item, dict):
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


def move(item: Any, device: torch.device) -> Any:
    """Tensors, and tuples, lists and dicts of them, on `device`."""
    if isinstance(item, Tensor):
        return item.to(device, non_blocking=True)
    if isinstance(item, (tuple, list)):
        return type(item)(move(part, device) for part in item)
    if isinstance(item, dict):
        return {key: move(part, device) for key, part in item.items()}
    return item


def forward(model: Callable[..., Any], x: Any) -> Any:
    """The model's output: a tuple is several arguments, a dict several named ones."""
    if isinstance(x, Tensor):
        return model(x)
    if isinstance(x, tuple):
        return model(*x)
    if isinstance(x, dict):
        return model(**x)
    return model(x)


def size_of(target: Any) -> int:
    """How many rows a batch has, seen at its target."""
    if isinstance(target, Tensor):
        return len(target) if target.ndim else 1
    if isinstance(target, (tuple, list)) and target:
        return size_of(target[0])
    if isinstance(target, dict) and target:
        return size_of(next(iter(target.values())))
    return 1


def _fits(tensors: tuple[Tensor, ...], device: torch.device) -> bool:
    """Whether the data may be moved to the device as a whole: at most half of its free memory."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return sum(t.nbytes for t in tensors) < free // 2
