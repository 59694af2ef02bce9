"""One run in several processes: each takes its share of every batch, and all see one history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler

from nnkit.training._batches import Batches, LoaderBatches, TensorBatches
from nnkit.training._pytree import Batch, map_tensors, rows_of


def within(model: nn.Module) -> nn.Module:
    """The module whose gradients DistributedDataParallel averages; any other as it is."""
    return model.module if isinstance(model, DistributedDataParallel) else model


def is_first() -> bool:
    """Whether this is the only process, or the one that speaks and writes for all."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


class Shares:
    """This process's share of each batch: every so many rows of it.

    Args:
        batches: those of all processes, in the same order in each.
    """

    def __init__(self, batches: Any) -> None:
        self.batches, self.rank, self.count = batches, dist.get_rank(), dist.get_world_size()
        self.rows = 0  # of all processes, in the batch at hand

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for x, y in self.batches:
            self.rows = rows_of(x, y)
            mine = slice(self.rank, None, self.count) if self.own else slice(1)  # else weighs 0
            yield map_tensors(lambda t: t[mine], x), map_tensors(lambda t: t[mine], y)  # noqa: B023

    @property
    def own(self) -> int:
        """The rows of this process in the batch at hand, perhaps none."""
        return len(range(self.rank, self.rows, self.count))

    def weigh(self, x: Any, y: Any) -> float:
        """What makes the mean over the processes the mean over the batch's rows."""
        return self.own * self.count / self.rows


def shared_out(batches: Batches, device: torch.device) -> Shares | LoaderBatches:
    """This process's share of the batches; a loader for several processes gives its own.

    Raises:
        ValueError: the loader gives every process all rows.
    """
    if isinstance(batches, TensorBatches):
        drawn = batches.order
        if drawn is not None:
            batches.order = partial(_of_first, drawn, device)
        return Shares(batches)
    plain = type(batches.loader) is DataLoader
    if plain and not isinstance(batches.loader.sampler, DistributedSampler):
        raise ValueError(
            "the loader gives every process all rows. Hint: DataLoader(…, sampler="
            "DistributedSampler(dataset)), or give a pair of tensors, which fit shares out"
        )
    return batches


def _of_first(drawn: Callable[[], Tensor], device: torch.device) -> Tensor:
    """The order of rows that the first process draws, for all."""
    rows = drawn().to(device)
    dist.broadcast(rows, 0)
    return rows


def means(losses: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The mean losses of all processes batch by batch, and their rows.

    Args:
        losses: of this process (batches,).
        sizes: its rows in each.
    """
    sums = torch.stack([losses.double() * sizes, sizes.double()])
    dist.all_reduce(sums)
    return sums[0] / sums[1], sums[1]


def said_by_first(item: Any) -> Any:
    """What the first process has, in all."""
    held = [item]
    dist.broadcast_object_list(held, 0)
    return held[0]
