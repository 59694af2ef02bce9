"""What a DataLoader would give, from the same random numbers, with less work in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import length_hint
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    MapDataPipe,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

# Their numbers do not depend on what else is drawn while they are being read
SAMPLERS = (RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)


def is_over_tensors(loader: DataLoader[Any]) -> bool:
    """Whether a loader does nothing but draw rows of tensors: row numbers say it all."""
    batches = loader.batch_sampler
    return (
        _is_plain(loader)
        and type(loader.dataset) is TensorDataset
        and len(loader.dataset.tensors) > 1
        and type(batches) is BatchSampler
        and type(batches.sampler)
        in SAMPLERS  # the loader's own is not asked beside a batch sampler
        and loader.collate_fn is default_collate
    )


def row_numbers(loader: DataLoader[Any]) -> Tensor:
    """The numbers of the rows of one pass, in their order."""
    _draw_base_seed(loader)
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


def drawn(loader: DataLoader[Any]) -> Iterable[Any]:
    """What ``iter(loader)`` gives, without its bookkeeping where there are no workers."""
    sampler = loader.batch_sampler
    if sampler is None or not _is_plain(loader):
        return loader
    return _gathered(loader, sampler)


def _gathered(loader: DataLoader[Any], sampler: Iterable[list[Any]]) -> Iterator[Any]:
    batches = iter(sampler)  # before the base seed, as a loader does: it may draw at once
    _draw_base_seed(loader)
    dataset: Any = loader.dataset
    rows_of = getattr(dataset, "__getitems__", None) or (lambda rows: [dataset[i] for i in rows])
    for rows in batches:
        yield loader.collate_fn(rows_of(rows))


def _is_plain(loader: DataLoader[Any]) -> bool:
    return (
        type(loader) is DataLoader
        and not isinstance(loader.dataset, (IterableDataset, MapDataPipe))
        and loader.num_workers == 0
        and not loader.pin_memory
    )


def _draw_base_seed(loader: DataLoader[Any]) -> None:
    """Take the random number that ``iter(loader)`` takes, so that all that follow are the same."""
    torch.empty((), dtype=torch.int64).random_(generator=loader.generator)
