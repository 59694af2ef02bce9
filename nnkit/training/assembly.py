"""From the arguments of `fit` for one model to what the loop needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from nnkit.training import checks, setup
from nnkit.training.batches import (
    Batches,
    LoaderBatches,
    Transformed,
    make_batches,
    total_batches,
)
from nnkit.training.checkpoint import Checkpoint
from nnkit.training.history import Row
from nnkit.training.loaders import ends_in_one_row
from nnkit.training.loop import Training
from nnkit.training.nested import Batch, forward, rows_of
from nnkit.training.penalties import bound
from nnkit.training.probe import FirstChecked, probe, probe_penalty
from nnkit.training.progress import Progress
from nnkit.training.run import Run
from nnkit.training.sources import Sources
from nnkit.training.update import Update
from nnkit.training.validation import Metrics, validate

BATCH_NORMS = nn.modules.batchnorm._BatchNorm
HELD_OUT = 8  # so many training batches make a batch of held-out rows: they need no gradient


@dataclass(frozen=True)
class Order:
    """The arguments of `fit`; see there."""

    model: Any
    data: Any
    loss: Any
    validation: Any
    epochs: int
    batch_size: int
    optimizer: Any
    lr: Any
    scheduler: Any
    scheduler_step: str
    regularizer: Any
    transform: Any
    metrics: Metrics
    callbacks: Any
    clip_norm: float | None
    device: str | torch.device | None
    accumulate: int
    autocast: torch.dtype | None

    @property
    def columns(self) -> list[str]:
        """Of the history to come."""
        held_out = self.validation is not None
        columns = ["loss", *(["penalty"] if self.regularizer is not None else []), "lr"]
        return columns + ([f"val_{name}" for name in ("loss", *self.metrics)] if held_out else [])

    def placed(self) -> tuple[torch.device, Order]:
        """The device, and the order with everything there, once it is known that it may be."""
        place = setup.choose_device(self.device, self.model)
        held = {"model": self.model, "data": self.data, "validation": self.validation}
        for name, item in (("loss", self.loss), ("regularizer", self.regularizer)):
            several = item if isinstance(item, (list, tuple)) else [item]
            held |= {f"{name} {n}" if n else name: one for n, one in enumerate(several)}
        setup.check_devices(place, self.optimizer, held)
        names = ("model", "loss", "regularizer")
        there: dict[str, Any] = {name: _moved(getattr(self, name), place) for name in names}
        metrics = {name: setup.moved(metric, place) for name, metric in self.metrics.items()}
        return place, replace(self, **there, metrics=metrics)


def _moved(item: Any, place: torch.device) -> Any:
    """What can be moved, of one or of several."""
    if isinstance(item, (list, tuple)):
        return [setup.moved(one, place) for one in item]
    return setup.moved(item, place)


def for_one(order: Order, resume: Any, progress: bool) -> Training:
    """Everything checked and put together for one model.

    Raises:
        ValueError, TypeError: what was given cannot be trained.
    """
    checks.check_functions(order.loss, order.metrics, order.callbacks, order.validation)
    checks.check_resumable(order.data, order.callbacks, resume)
    place, order = order.placed()
    model, loss, regularizer = order.model, order.loss, order.regularizer
    optimizer = setup.make_optimizer(order.optimizer, model, order.lr, [regularizer])
    run = _run_of(order, optimizer)
    batches = make_batches(order.data, order.batch_size, place, shuffle=True)
    total = total_batches(batches, order.epochs)
    by_batch = order.scheduler_step == "batch"
    steps = total_batches(batches, order.epochs, order.accumulate) if by_batch else order.epochs
    checks.check_run(run, order.scheduler_step, steps, order.columns)
    if regularizer is not None:
        probe_penalty(regularizer, model)
    penalties = bound(regularizer, model)
    predict = mixed(partial(forward, model), place, order.autocast)

    def check(*batch: Any, **options: Any) -> None:
        with run.sources.kept():
            probe(model, order.loss, *batch, **options)

    loss = mixed(loss, place, order.autocast)
    return Training(
        model=model,
        runs=[run],
        batches=_tried_out(order, batches, check),
        rows_of=rows_of,
        update=Update(
            model, predict, optimizer, loss, penalties, order.clip_norm, accumulate=order.accumulate
        ),
        explain=check,
        validate=_validation(order, place, predict, check),
        by_batch=by_batch,
        bar=Progress(total, show=progress),
    )


def _run_of(order: Order, optimizer: Any) -> Run:
    ordered = sorted(order.callbacks, key=lambda c: isinstance(c, Checkpoint))  # after the others
    others = (order.model, order.loss, order.regularizer, order.metrics, ordered)
    sources = Sources((order.data, order.validation), order.transform, others)
    scheduler = setup.make_scheduler(order.scheduler, optimizer)
    return Run(order.model, optimizer, scheduler, order.epochs, ordered, sources,
               regularizer=order.regularizer)  # fmt: skip


def _validation(
    order: Order, place: torch.device, predict: Callable[[Any], Any], check: Callable[..., None]
) -> Callable[[], list[Row]]:
    if order.validation is None:
        return lambda: [{}]
    held_out = make_batches(order.validation, HELD_OUT * order.batch_size, place, shuffle=False)
    own = isinstance(order.validation, DataLoader)
    trial = held_out.peek(held_out.batch_size if own else order.batch_size)
    check(*trial, targets=held_out.targets, name="validation", training=False)
    loss = mixed(order.loss, place, order.autocast)
    return partial(validate, order.model, predict, held_out, loss, order.metrics)


def _tried_out(order: Order, batches: Batches, check: Callable[..., None]) -> Iterable[Batch]:
    """The training batches, transformed; checked now, or when a loader gives the first."""
    transform = order.transform
    source = batches if transform is None else Transformed(batches, transform)
    if isinstance(batches, LoaderBatches):
        modules = order.model.modules()
        has_batch_norm = any(isinstance(m, BATCH_NORMS) and m.training for m in modules)
        return FirstChecked(source, check, has_batch_norm and ends_in_one_row(batches.loader))
    if batches.targets is None:
        return FirstChecked(source, check)
    check(*batches.peek(batches.batch_size), transform=transform, targets=batches.targets)
    if batches.rows % batches.batch_size == 1:
        check(*batches.peek(1), transform=transform)  # batch normalisation fails on one row
    return source


def mixed(function: Callable[..., Any], place: torch.device, dtype: torch.dtype | None) -> Any:
    """The function, computing in mixed precision if a dtype is given."""
    if dtype is None:
        return function

    def in_mixed_precision(*args: Any) -> Any:
        with torch.autocast(place.type, dtype):
            return function(*args)

    return in_mixed_precision


def each(name: str, value: Any, count: int | None) -> list[Any]:
    """What was given for each model of a stack, or for all; of one model (None) in a list.

    Raises:
        ValueError: if a list is not of one for each.
    """
    if count is None or not isinstance(value, (list, tuple)):
        return [value] * (count or 1)
    if len(value) != count:
        raise ValueError(f"{name} must be one for all {count} models or a list of as many, "
                         f"got {len(value)}")  # fmt: skip
    return list(value)
