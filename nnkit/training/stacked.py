"""From the arguments of `fit` for a stack to what the loop needs: each model has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nnkit._modes import enter_train_mode, modes_kept
from nnkit.training import checks, setup
from nnkit.training.alike import alike, grouped
from nnkit.training.assembly import HELD_OUT, Order, each, mixed
from nnkit.training.batches import Transformed, make_batches
from nnkit.training.callbacks import Callback
from nnkit.training.checkpoint import Checkpoint
from nnkit.training.history import Row
from nnkit.training.loop import Training, overridden
from nnkit.training.nested import Batch, map_tensors, rows_of
from nnkit.training.penalties import bound_to_stack
from nnkit.training.probe import MISTAKES, probe, probe_penalty
from nnkit.training.progress import Progress
from nnkit.training.randomness import random_state_kept
from nnkit.training.run import Run, copies, put_back
from nnkit.training.sources import Sources
from nnkit.training.stack import Stack
from nnkit.training.update import Update
from nnkit.training.validation import validate

# Rules that act on every weight by itself, with a step proportional to lr
RULES = ("FusedAdam", "SGD", "Adam", "AdamW", "Adamax", "AdaMax", "NAdam", "Nadam", "RAdam",
         "RMSprop", "Adagrad", "Momentum", "Nesterov")  # fmt: skip
# Losses whose mean over rows is all that joins these; others go through vmap, which is slower
MEANS = (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.cross_entropy, F.nll_loss,
         F.binary_cross_entropy, F.binary_cross_entropy_with_logits)  # fmt: skip
OF_LABELS = (F.cross_entropy, F.nll_loss)  # rows with the label IGNORED do not count in their mean
IGNORED = -100


def for_stack(order: Order, seeds: Any, resume: Any, progress: bool) -> Training:
    """Everything checked and put together for the models of a stack.

    Raises:
        ValueError, TypeError: what was given cannot be trained at once; with the reason.
    """
    count = len(order.model)
    order.model.check_followed()
    callbacks = _callbacks(order.callbacks, count, resume)
    _check(order, each("loss", order.loss, count), callbacks)
    each("regularizer", order.regularizer, count)
    for name, data in (("data", order.data), ("validation", order.validation)):
        each(name, list(data) if _of_each(data) else None, count)
    place, order = order.placed()
    stack: Stack = order.model
    losses = each("loss", order.loss, count)
    regularizers = each("regularizer", order.regularizer, count)
    lrs = [float(lr) for lr in each("lr", order.lr, count)]
    optimizer = setup.make_optimizer(order.optimizer, stack, max(lrs), regularizers)
    ratios = torch.tensor([lr / max(lrs) for lr in lrs], device="cpu")
    _check_groups(order, optimizer, lrs)
    runs = _runs(order, optimizer, callbacks, regularizers, ratios)
    transforms = each("transform", order.transform, count)
    drawn_alone = len(set(each("seed", seeds, count))) > 1 or _is_list(order.transform)
    own = _of_each(order.data) or drawn_alone
    batches = _batches(order, seeds, place, transforms, own)
    sources = Sources((order.data, order.validation), transforms, (stack.net, losses, callbacks))
    with sources.kept():
        _try_out(order, losses, regularizers, transforms, place)
    penalties = bound_to_stack(regularizers, stack, ratios, own)
    predict = mixed(partial(stack, own=own), place, order.autocast)
    loss = mixed(StackedLoss(losses, own), place, order.autocast)
    equal = bool((ratios == 1).all())
    update = Update(stack, predict, optimizer, loss, penalties, order.clip_norm,
                    None if equal else ratios, order.accumulate)  # fmt: skip
    with sources.kept():
        _try_at_once(order, update, transforms, place, own)
    return Training(
        model=stack,
        runs=runs,
        batches=batches,
        rows_of=lambda x, y: len(y[0]) if own else rows_of(x, y),
        update=update,
        explain=lambda x, y: None,
        validate=_validation(order, losses, place),
        by_batch=order.scheduler_step == "batch",
        bar=Progress(None, show=progress),
    )


def _callbacks(callbacks: Any, count: int, resume: Any) -> list[list[Callback]]:
    """Those of each model."""
    if not callbacks:
        return [[] for _ in range(count)]
    if not all(isinstance(own, (list, tuple)) for own in callbacks):
        raise ValueError(f"callbacks of a stack must be {count} lists, one for each model")
    lists = [list(own) for own in each("callbacks", callbacks, count)]
    if resume is not None or any(isinstance(c, Checkpoint) for own in lists for c in own):
        raise ValueError("a stack cannot be kept in a checkpoint")
    return lists


def _check(order: Order, losses: Sequence[Any], callbacks: Sequence[Sequence[Callback]]) -> None:
    """Refuse what can be done for single models only."""
    for loss, own in zip(losses, callbacks, strict=True):
        checks.check_functions(loss, order.metrics, own, order.validation)
    if any(hasattr(metric, "update") for metric in order.metrics.values()):
        raise ValueError("a metric that gathers its own sums is of one model")


def _runs(
    order: Order,
    optimizer: Any,
    callbacks: Sequence[Sequence[Callback]],
    regularizers: Sequence[Any],
    ratios: Tensor,
) -> list[Run]:
    """A run for each model; they share the optimiser."""
    if type(optimizer).__name__ not in RULES:
        raise ValueError(f"{type(optimizer).__name__} does not treat every weight by itself")
    scheduler = setup.make_scheduler(order.scheduler, optimizer)
    if isinstance(scheduler, ReduceLROnPlateau):
        raise ValueError("ReduceLROnPlateau follows one model's loss")
    learning = [r for r in regularizers if setup.parameters_of(r)]
    if bool((ratios != 1).any()) and (scheduler is not None or learning):
        what = "a schedule" if scheduler is not None else "what a regularizer learns"
        raise ValueError(f"{what} moves by the lr of all: the models' must be equal")
    if learning and order.clip_norm is not None:
        raise ValueError("what a regularizer learns is no part of the norm of a stack's gradient")
    if len({id(r) for r in learning}) < len(learning):
        raise ValueError("a regularizer that learns parameters of its own is of one model")
    none = Sources(())  # a stack is kept in no checkpoint
    runs = [
        Run(model, optimizer, scheduler, order.epochs, own, none, regularizer=regularizer,
            lr_ratio=float(ratio))
        for model, own, regularizer, ratio in zip(
            order.model.models, callbacks, regularizers, ratios, strict=True
        )
    ]  # fmt: skip
    for run in runs:
        checks.check_run(run, order.scheduler_step, None, order.columns, order.model)
        if overridden(run, "on_batch_end"):
            raise ValueError("on_batch_end is called for one model: a stack has none for each")
    return runs


def _check_groups(order: Order, optimizer: Any, lrs: Sequence[float]) -> None:
    """Refuse an optimiser that would train each model by itself otherwise."""
    made = order.optimizer is not None and not isinstance(order.optimizer, Optimizer)
    fixed = order.optimizer is not None and (
        not made or "lr" in getattr(order.optimizer, "keywords", {})
    )
    if fixed and len(set(lrs)) > 1:
        raise ValueError("the optimizer has an lr of its own, which each model would be trained "
                         "with, not with that of the list. Hint: a factory without lr")  # fmt: skip
    if made and isinstance(optimizer, Optimizer):
        alone = setup.make_optimizer(order.optimizer, order.model.models[0], max(lrs))
        if not alike(_groups(alone, order.model.models[0]), _groups(optimizer, order.model)):
            raise ValueError(
                "the optimizer divides the parameters of a stack into other groups than those of "
                "its models, whose shapes have an axis less"
            )


def _groups(optimizer: Optimizer, model: nn.Module) -> list[Any]:
    """The optimiser's groups: the places of their parameters in the model, and their options."""
    place = {id(p): number for number, p in enumerate(model.parameters())}
    return [
        ([place[id(p)] for p in group["params"] if id(p) in place],
         {name: option for name, option in group.items() if name != "params"})
        for group in optimizer.param_groups
    ]  # fmt: skip


def _of_each(data: Any) -> bool:
    """Whether data are a list of pairs, one a model, rather than one pair."""
    pairs = isinstance(data, (list, tuple)) and bool(data)
    return pairs and all(isinstance(part, (list, tuple)) and len(part) == 2 for part in data)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _batches(
    order: Order, seeds: Any, place: torch.device, transforms: Sequence[Any], own: bool
) -> Any:
    if not own:
        batches = make_batches(order.data, order.batch_size, place, shuffle=True)
        transform = transforms[0]
        return batches if transform is None else Transformed(batches, transform)
    count = len(order.model)
    data = list(order.data) if _of_each(order.data) else [order.data] * count
    if not all(isinstance(part, Tensor) for pair in data for part in pair):
        raise ValueError("models with batches of their own need data that are pairs of tensors")
    return OwnBatches(data, each("seed", seeds, count), order.batch_size, place, transforms)


def _try_out(
    order: Order,
    losses: Sequence[Any],
    regularizers: Sequence[Any],
    transforms: Sequence[Any],
    place: torch.device,
) -> None:
    """Refuse data and losses that do not fit each other, as for one model."""
    models = order.model.models
    for regularizer, model in zip(regularizers, models, strict=True):
        if regularizer is not None:
            probe_penalty(regularizer, model)
    for name, data in (("data", order.data), ("validation", order.validation)):
        if data is None:
            continue
        parts = each(name, list(data), len(models)) if _of_each(data) else [data] * len(models)
        alike = not _of_each(data) and not _is_list(order.transform)
        numbers = [group[0] for group in grouped(losses)] if alike else range(len(models))
        for number in numbers:
            part = parts[number]
            checks.check_data(name, part)
            held = make_batches(part, order.batch_size, place, shuffle=False)
            probe(models[number], losses[number], *held.peek(held.batch_size), name=name,
                  transform=transforms[number] if name == "data" else None,
                  targets=held.targets, training=name == "data")  # fmt: skip


def _try_at_once(
    order: Order, update: Update, transforms: Sequence[Any], place: torch.device, own: bool
) -> None:
    """Refuse what works for each model, but not for all at once."""
    stack = order.model
    buffers = copies(stack.buffers())
    try:
        with random_state_kept(), modes_kept(stack):
            enter_train_mode(stack)
            if own:
                x, y = next(iter(_batches(order, None, place, transforms, own)))
            else:
                held = make_batches(order.data, order.batch_size, place, shuffle=False)
                x, y = held.peek(held.batch_size)
                x, y = (x, y) if order.transform is None else order.transform(x, y)
            update.backward(x, y)
    except MISTAKES as error:
        raise ValueError(
            f"the models cannot be trained at once, only one after another: {error}"
        ) from error
    finally:
        update.clear()
        put_back(stack.buffers(), buffers)


def _validation(
    order: Order, losses: Sequence[Any], place: torch.device
) -> Callable[[], Sequence[Row]]:
    stack, data = order.model, order.validation
    if data is None:
        return lambda: [{} for _ in losses]
    size, own = HELD_OUT * order.batch_size, _of_each(data)
    batches: Any = (
        OwnBatches(each("validation", list(data), len(stack)), None, size, place)
        if own
        else make_batches(data, size, place, shuffle=False)
    )
    predict = mixed(partial(stack, own=own), place, order.autocast)
    loss = mixed(StackedLoss(losses, own), place, order.autocast)
    return partial(validate, stack, predict, batches, loss, order.metrics, own)


class StackedLoss:
    """The losses (M,) of outputs (M, N, …) and targets.

    Args:
        losses: one for each model; equal ones are taken together.
        own: whether each model has targets of its own, (M, N, …).
    """

    def __init__(self, losses: Sequence[Callable[..., Tensor]], own: bool) -> None:
        groups = grouped(losses)
        self.own, self.groups = own, [(losses[group[0]], group) for group in groups]

    def __call__(self, output: Any, y: Any) -> Tensor:
        """The loss of each model."""
        if len(self.groups) == 1:
            return self._equal(self.groups[0][0], output, y)
        found: dict[int, Tensor] = {}
        for loss, numbers in self.groups:
            part = map_tensors(lambda t: t[numbers], output)  # noqa: B023 - used at once
            target = map_tensors(lambda t: t[numbers], y) if self.own else y  # noqa: B023
            found |= dict(zip(numbers, self._equal(loss, part, target), strict=True))
        return torch.stack([found[number] for number in range(len(found))])

    def _equal(self, loss: Callable[..., Tensor], output: Any, y: Any) -> Tensor:
        if loss in MEANS:
            target = (y if self.own else y.expand(len(output), *y.shape)).flatten(0, 1)
            rows = loss(output.flatten(0, 1), target, reduction="none").view(len(output), -1)
            if loss not in OF_LABELS or target.is_floating_point():
                return torch.mean(rows, 1)
            known: Tensor = (target != IGNORED).view(len(output), -1)
            counted: Tensor = torch.sum(rows, 1) / known.sum(1)
            return counted
        losses: Tensor = vmap(loss, (0, 0 if self.own else None))(output, y)
        return losses


class OwnBatches:
    """The batches that `fit` would draw for each model by itself, side by side.

    Args:
        data: a pair of tensors for each model, all of as many rows.
        seeds: each model's; None for the rows in their order.
        batch_size: rows per batch and model.
        device: where the batches are wanted.
        transforms: each model's, or None; the rows of one model alone come to it.
    """

    def __init__(
        self,
        data: Sequence[Any],
        seeds: Sequence[Any] | None,
        batch_size: int,
        device: torch.device,
        transforms: Sequence[Any] = (),
    ) -> None:
        if len({len(y) for _, y in data}) > 1:
            rows = ", ".join(str(len(y)) for _, y in data)
            raise ValueError(f"the models of a stack need as many rows as each other, got {rows}")
        self.same = all(pair is data[0] for pair in data)
        kept = data[:1] if self.same else data
        self.data = [tuple(part.detach().to(device) for part in pair) for pair in kept]
        self.count, self.rows, self.batch_size = len(data), len(data[0][1]), batch_size
        self.device, self.generators = device, None
        self.transforms = transforms if any(transforms) else None
        if seeds is not None:
            different = list(dict.fromkeys(seeds))
            self.generators = [_generator(seed) for seed in different]
            self.which = torch.tensor([different.index(seed) for seed in seeds], device="cpu")

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = torch.arange(self.rows, device="cpu").expand(self.count, -1)
        if self.generators is not None:
            orders = [torch.randperm(self.rows, generator=g, device="cpu") for g in self.generators]
            order = torch.stack(orders)[self.which]  # (M, rows)
        for rows in torch.split(order.to(self.device), self.batch_size, dim=1):
            if self.same:
                x, y = (part[rows] for part in self.data[0])
            else:
                x, y = (torch.stack([part[r] for part, r in zip(parts, rows, strict=True)])
                        for parts in zip(*self.data, strict=True))  # fmt: skip
            yield (x, y) if self.transforms is None else self._transformed(x, y)

    def _transformed(self, x: Tensor, y: Tensor) -> Batch:
        """Each model's batch, sent through its transform."""
        assert self.transforms is not None
        rows = zip(self.transforms, x, y, strict=True)
        pairs = [(a, b) if transform is None else transform(a, b) for transform, a, b in rows]
        x, y = (torch.stack(parts) for parts in zip(*pairs, strict=True))
        return x, y


def _generator(seed: int | None) -> torch.Generator | None:
    return None if seed is None else torch.Generator("cpu").manual_seed(seed)
