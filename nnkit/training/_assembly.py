"""From the arguments of `fit` for one model to what the loop needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from nnkit._devices import devices_of, has_type
from nnkit.training import _checks
from nnkit.training._batches import (
    Batches,
    LoaderBatches,
    Transformed,
    ends_in_one_row,
    make_batches,
    total_batches,
)
from nnkit.training._callbacks import Run
from nnkit.training._checkpoint import Checkpoint
from nnkit.training._distributed import Shares, is_first, shared_out, within
from nnkit.training._evaluation import Metrics, validate
from nnkit.training._history import Row
from nnkit.training._loop import Training
from nnkit.training._optimizers import make_optimizer, make_scheduler
from nnkit.training._penalties import bound
from nnkit.training._probe import FirstChecked, probe, probe_penalty
from nnkit.training._progress import Progress
from nnkit.training._pytree import Batch, forward, move, rows_of, tensors_of
from nnkit.training._randomness import Sources
from nnkit.training._stack import Stack
from nnkit.training._update import Update

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
    accumulate: int
    autocast: torch.dtype | None
    device: str | torch.device | None
    seed: Any
    progress: bool
    resume: str | Path | None

    def check(self) -> None:
        """Refuse what can be seen to be wrong before anything is made.

        Raises:
            ValueError, TypeError: with what was given and what is allowed.
        """
        _checks.check_grad_mode()
        _checks.check_settings(self)
        _checks.check_model(self.model)
        if not isinstance(self.model, Stack):
            _checks.check_data("data", self.data)
            if self.validation is not None:
                _checks.check_data("validation", self.validation)
        _checks.check_dense(self.model, self.clip_norm)

    def each(self, name: str) -> list[Any]:
        """An argument for each model of a stack; for a single model in a list."""
        return each(name, getattr(self, name), self.count)

    @property
    def count(self) -> int | None:
        """Of the models of a stack; None for a single model."""
        return len(self.model) if isinstance(self.model, Stack) else None

    @property
    def columns(self) -> list[str]:
        """Of the history to come."""
        held_out = self.validation is not None
        columns = ["loss", *(["penalty"] if self.regularizer is not None else []), "lr"]
        return columns + ([f"val_{name}" for name in ("loss", *self.metrics)] if held_out else [])

    def placed(self) -> tuple[torch.device, Order]:
        """The device, and the order with everything there, once it is known that it may be."""
        place = choose_device(self.device, self.model)
        held = {"model": self.model, "data": self.data, "validation": self.validation}
        for name in ("loss", "regularizer"):
            several = getattr(self, name)
            several = several if isinstance(several, (list, tuple)) else [several]
            held |= {f"{name} {n}" if n else name: one for n, one in enumerate(several)}
        check_devices(place, self.optimizer, held)
        names = ("model", "loss", "regularizer", "metrics")
        return place, replace(self, **{name: moved(getattr(self, name), place) for name in names})

    def mixed(self, function: Callable[..., Any], place: torch.device) -> Callable[..., Any]:
        """The function, computing in mixed precision if that was asked for."""
        if self.autocast is None:
            return function

        def in_mixed_precision(*args: Any) -> Any:
            with torch.autocast(place.type, self.autocast):
                return function(*args)

        return in_mixed_precision


def for_one(order: Order) -> Training:
    """Everything checked and put together for one model.

    Raises:
        ValueError, TypeError: what was given cannot be trained.
    """
    _checks.check_functions(order.loss, order.metrics, order.callbacks, order.validation)
    _checks.check_resumable(order.data, order.callbacks, order.resume)
    place, order = order.placed()
    model, inner, regularizer = order.model, within(order.model), order.regularizer
    optimizer = make_optimizer(order.optimizer, model, order.lr, [regularizer])
    run = _run_of(order, optimizer, inner)
    batches = make_batches(order.data, order.batch_size, place, shuffle=True)
    several = model is not inner
    source: Any = shared_out(batches, place) if several else batches
    by_batch = order.scheduler_step == "batch"
    steps = total_batches(batches, order.epochs, order.accumulate) if by_batch else order.epochs
    _checks.check_run(run, order.scheduler_step, steps, order.columns)
    if regularizer is not None:
        probe_penalty(regularizer, inner)
    predict = order.mixed(partial(forward, model), place)

    def check(*batch: Any, **options: Any) -> None:
        with run.sources.kept():
            probe(inner, order.loss, *batch, **options)

    share = source if isinstance(source, Shares) else None
    update = Update(
        model, predict, optimizer, order.mixed(order.loss, place), bound(regularizer, inner),
        order.clip_norm, None, order.accumulate, share.weigh if share else None,
    )  # fmt: skip
    if several and (update.searches or order.accumulate > 1):
        what = f"accumulate={order.accumulate} is not for" if order.accumulate > 1 else (
            f"{type(optimizer).__name__}, which searches, cannot be trained in")  # fmt: skip
        raise ValueError(f"{what} several processes")
    return Training(
        model=model,
        runs=[run],
        batches=_tried_out(order, batches, source, check),
        rows_of=(lambda x, y: share.own) if share else rows_of,
        update=update,
        explain=check,
        validate=_validation(order, place, check),
        by_batch=by_batch,
        bar=Progress(total_batches(batches, order.epochs), order.progress and is_first()),
        several=several,
    )


def _run_of(order: Order, optimizer: Any, model: nn.Module) -> Run:
    callbacks = sorted(order.callbacks, key=lambda c: isinstance(c, Checkpoint))  # after the others
    others = (model, order.loss, order.regularizer, order.metrics, callbacks)
    sources = Sources((order.data, order.validation), order.transform, others)
    scheduler = make_scheduler(order.scheduler, optimizer)
    return Run(model, optimizer, scheduler, order.epochs, callbacks, sources,
               regularizer=order.regularizer)  # fmt: skip


def _validation(
    order: Order, place: torch.device, check: Callable[..., None]
) -> Callable[[], list[Row]]:
    if order.validation is None:
        return lambda: [{}]
    held_out = make_batches(order.validation, HELD_OUT * order.batch_size, place, shuffle=False)
    own = isinstance(order.validation, DataLoader)
    trial = held_out.peek(held_out.batch_size if own else order.batch_size)
    check(*trial, targets=held_out.targets, name="validation", training=False)
    model = within(order.model)  # of several processes each looks at all, on its own
    predict = order.mixed(partial(forward, model), place)
    return partial(validate, model, predict, held_out, order.mixed(order.loss, place),
                   order.metrics)  # fmt: skip


def _tried_out(
    order: Order, batches: Batches, source: Any, check: Callable[..., None]
) -> Iterable[Batch]:
    """The batches of `source`, transformed; checked now, or when a loader gives the first."""
    transform = order.transform
    source = source if transform is None else Transformed(source, transform)
    if isinstance(batches, LoaderBatches):
        modules = order.model.modules()
        has_batch_norm = any(isinstance(m, BATCH_NORMS) and m.training for m in modules)
        return FirstChecked(source, check, has_batch_norm and ends_in_one_row(batches.loader))
    if batches.targets is None:
        return FirstChecked(source, check)
    check(*batches.peek(batches.batch_size), transform=transform, targets=batches.targets)
    if batches.rows % batches.batch_size == 1:
        check(*batches.peek(1), transform=transform)  # batch normalisation fails on one row
    return source  # type: ignore[no-any-return]


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


DEVICES = "None (where the model is), 'auto', 'cpu' or one that torch finds, 'cuda' or 'mps'"


def choose_device(device: str | torch.device | None, model: nn.Module) -> torch.device:
    """The device asked for; None stands for where the model is.

    "auto" is the accelerator for a model on the CPU, if there is one, and else where the model is.

    Raises:
        ValueError: if there is no such device, or if the model has no single one to follow.
    """
    if device is None or device == "auto":
        here = _device_of(model)
        if device is None or here.type != "cpu" or not torch.accelerator.is_available():
            return here
        device = torch.accelerator.current_accelerator() or here
    try:
        place = torch.empty(0, device=device).device  # with its number: "cuda" is cuda:0
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device must be {DEVICES}, got {device!r}: {reason}") from error
    if place.type == "meta":
        raise ValueError(f"device must be {DEVICES}, got {device!r}, which holds no numbers")
    return place


def _device_of(model: nn.Module) -> torch.device:
    devices = devices_of(model)
    if len(devices) > 1:
        names = ", ".join(map(str, devices))
        raise ValueError(
            f"the model is on several devices, {names}, and its batches can follow only one. "
            f"Hint: device={str(devices[-1])!r} moves all of it there"
        )
    return devices[0]


def check_devices(place: torch.device, optimizer: Any, held: Mapping[str, Any]) -> None:
    """Refuse what could not be trained on a device, before anything is moved there.

    Args:
        place: the device.
        optimizer: an Optimizer, whose parameters must be there already, or what makes one.
        held: what is to be there, by name: modules, partials, tensors, or tuples of them.

    Raises:
        ValueError: if the optimiser belongs elsewhere.
        TypeError: if the device has no numbers of such a type: MPS has no float64.
    """
    if isinstance(optimizer, Optimizer):
        elsewhere = {t.device for t in _tensors_in(optimizer)} - {place}
        if elsewhere:
            raise ValueError(
                f"the optimizer holds tensors on {elsewhere.pop()}, but training is on {place}. "
                f"Hint: make it once all it trains is there, model.to({str(place)!r}), or give "
                "a factory such as optimizer=torch.optim.SGD"
            )
    for name, item in held.items():
        for dtype in {t.dtype for t in _tensors_of(item)}:
            if not has_type(place, dtype):
                hint = ".float() on the CPU before"
                raise TypeError(f"{name}: the device {place} has no {dtype}. Hint: {hint}")


def _tensors_of(item: Any) -> list[Tensor]:
    """Those of a module, of a partial, or of a tuple."""
    if isinstance(item, partial):
        item = (item.func, *item.args, *item.keywords.values())
    if isinstance(item, (tuple, list)):
        return [tensor for part in item for tensor in _tensors_of(part)]
    return [item] if isinstance(item, Tensor) else tensors_of(item)


def _tensors_in(optimizer: Optimizer) -> Iterator[Tensor]:
    """The parameters of an optimiser, and what it keeps of the same shape for each."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            yield p
            kept = optimizer.state.get(p, {}).values()
            yield from (t for t in kept if isinstance(t, Tensor) and t.shape == p.shape and t.ndim)


def moved(item: Any, device: torch.device) -> Any:
    """What can be moved: a module, in place; of a partial the function, and its tensors anew."""
    if isinstance(item, (list, tuple)):
        return [moved(one, device) for one in item]
    if isinstance(item, Mapping):
        return {name: moved(one, device) for name, one in item.items()}
    if isinstance(item, nn.Module):
        return item.to(device)
    if isinstance(item, partial):
        args, keywords = move(item.args, device), move(item.keywords, device)
        return partial(moved(item.func, device), *args, **keywords)
    return item
