"""Mini-batches from tensors, data sets and loaders."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import starmap
from operator import length_hint
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from nnkit.training._pytree import Batch, first_not_finite, move, unpack
from nnkit.training._randomness import Sources, random_state_kept

Pair = tuple[Tensor | tuple[Tensor, ...], Tensor]  # inputs, of several a tuple, and targets
Data = Pair | Dataset[Any] | DataLoader[Any]
BLOCK_BYTES = 512 * 1024  # rows are gathered in blocks of this size, which stay in the cache


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
        fits = _fits(tensors, device)
        tensors = tuple(tensor.detach() for tensor in tensors)
        self.tensors = tuple(tensor.to(device) if fits else tensor for tensor in tensors)
        self.batch_size, self.device, self.order, self.whole = batch_size, device, order, whole
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
        start = next(filter(None, map(first_not_finite, self.tensors)), 0)
        start = max(0, min(start, len(self.tensors[0]) - size))
        *x, y = (t[start : start + size].clone().to(self.device) for t in self.tensors)
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
                # copies: a model that works in place must not change the user's data
                yield [tensor[start:stop].clone() for tensor in self.tensors]
            return
        order = self.order()[: self.rows].to(self.tensors[0].device)
        for rows in torch.split(order, self.block):
            yield [tensor.index_select(0, rows) for tensor in self.tensors]  # faster than [rows]


class LoaderBatches:
    """Batches as a DataLoader gives them, moved to the device."""

    def __init__(self, loader: DataLoader[Any], device: torch.device) -> None:
        self.loader, self.device, self.batch_size = loader, device, loader.batch_size or 1

    def __len__(self) -> int:
        return len(self.loader)

    def peek(self, size: int) -> Batch:
        """The first batch, for a trial; a stream is read to its end, and must begin anew.

        Raises:
            ValueError: there is no batch, or none any more.
        """
        with Sources((self.loader,)).kept(), random_state_kept():
            batches = iter(self)
            first = next(batches, None)
            if first is None:
                raise ValueError("the loader gave no batch, it must give at least one")
            if is_stream(self.loader):
                deque(batches, maxlen=0)
                if next(iter(self), None) is None:
                    raise ValueError(
                        "the stream gives its rows only once, and they are needed after each "
                        "epoch. Hint: an IterableDataset whose __iter__ begins anew, or its rows "
                        "in a list"
                    )
        return first

    @property
    def targets(self) -> Any:
        """The targets of all rows, or None if they are not at hand: here they are not."""
        return None

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.loader:
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
    order = partial(torch.randperm, count, device="cpu") if shuffle else None
    return TensorBatches(tensors, batch_size, device, order)


def _from_loader(loader: DataLoader[Any], device: torch.device) -> Batches:
    if not _is_over_tensors(loader):
        return LoaderBatches(loader, device)
    batches: Any = loader.batch_sampler  # a plain one
    return TensorBatches(
        loader.dataset.tensors,  # type: ignore[attr-defined]
        batches.batch_size,
        device,
        order=partial(_row_numbers, loader),
        drop_last=batches.drop_last,
        length=len(batches.sampler),
        whole=type(batches.sampler) in (RandomSampler, SequentialSampler),
    )


def total_batches(batches: Batches, epochs: int, together: int = 1) -> int | None:
    """How many batches the run has, so many taken as one; None if the loader cannot say."""
    try:
        return epochs * -(-len(batches) // together)
    except TypeError:
        return None


def _fits(tensors: tuple[Tensor, ...], device: torch.device) -> bool:
    """Whether the data may be moved to the device as a whole: at most half of its free memory."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return sum(t.nbytes for t in tensors) <= free // 2


# Their numbers do not depend on what else is drawn while they are being read
SAMPLERS = (RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)


def _is_over_tensors(loader: DataLoader[Any]) -> bool:
    """Whether a loader does nothing but draw rows of tensors: row numbers say it all."""
    batches = loader.batch_sampler
    return (
        type(loader) is DataLoader
        and type(loader.dataset) is TensorDataset
        and len(loader.dataset.tensors) > 1
        and type(batches) is BatchSampler
        and type(batches.sampler) in SAMPLERS  # loader.sampler is not asked beside a batch sampler
        and loader.collate_fn is default_collate
        and loader.num_workers == 0
        and not loader.pin_memory
    )


def _row_numbers(loader: DataLoader[Any]) -> Tensor:
    """The numbers of the rows of one pass, in their order."""
    # the number that iter(loader) draws as base seed, so that all that follow are the same
    torch.empty((), dtype=torch.int64).random_(generator=loader.generator)
    assert isinstance(loader.batch_sampler, BatchSampler)
    return torch.tensor(list(loader.batch_sampler.sampler), dtype=torch.int64)


def is_stream(loader: DataLoader[Any]) -> bool:
    """Whether a loader gives rows one after another, nobody knows how many."""
    return isinstance(loader.dataset, IterableDataset)


def ends_in_one_row(loader: DataLoader[Any]) -> bool:
    """Whether a loader is known to give a batch of one row beside larger ones."""
    batches = loader.batch_sampler
    if type(batches) is BatchSampler and not is_stream(loader):
        rows = length_hint(batches.sampler, 0)  # a sampler need not know
        return not batches.drop_last and batches.batch_size > 1 and rows % batches.batch_size == 1
    return isinstance(batches, (list, tuple)) and any(len(rows) == 1 for rows in batches)
