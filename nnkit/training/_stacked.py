"""From the arguments of `fit` for a stack to what the loop needs: each model has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nnkit._modes import enter_train_mode, modes_kept
from nnkit.training import _checks
from nnkit.training._assembly import HELD_OUT, Order, each
from nnkit.training._batches import Transformed, make_batches
from nnkit.training._callbacks import Callback, Run
from nnkit.training._checkpoint import Checkpoint
from nnkit.training._evaluation import validate
from nnkit.training._history import Row
from nnkit.training._loop import Training, overridden
from nnkit.training._optimizers import make_optimizer, make_scheduler, parameters_of
from nnkit.training._penalties import bound_to_stack
from nnkit.training._probe import MISTAKES, probe, probe_penalty
from nnkit.training._progress import Progress
from nnkit.training._pytree import Batch, copies, map_tensors, put_back, rows_of
from nnkit.training._randomness import Sources, random_state_kept
from nnkit.training._stack import Stack, alike, grouped
from nnkit.training._update import Update

# Rules that act on every weight by itself, with a step proportional to lr
RULES = ("FusedAdam", "SGD", "Adam", "AdamW", "Adamax", "AdaMax", "NAdam", "Nadam", "RAdam",
         "RMSprop", "Adagrad", "Momentum", "Nesterov")  # fmt: skip

# Losses whose mean over rows is all that joins these; others go through vmap, which is slower
MEANS = (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.cross_entropy, F.nll_loss,
         F.binary_cross_entropy, F.binary_cross_entropy_with_logits)  # fmt: skip

OF_LABELS = (F.cross_entropy, F.nll_loss)  # rows with the label IGNORED do not count in their mean

IGNORED = -100


def for_stack(order: Order) -> Training:
    """Everything checked and put together for the models of a stack.

    Raises:
        ValueError, TypeError: what was given cannot be trained at once; with the reason.
    """
    order.model.check_followed()
    callbacks = _callbacks(order)
    for loss, own_callbacks in zip(order.each("loss"), callbacks, strict=True):
        _checks.check_functions(loss, order.metrics, own_callbacks, order.validation)
    if any(hasattr(metric, "update") for metric in order.metrics.values()):
        raise ValueError("a metric that gathers its own sums is of one model")
    order.each("regularizer")
    parts = {name: _parts(order, name) for name in ("data", "validation")}
    place, order = order.placed()
    stack: Stack = order.model
    losses, regularizers = order.each("loss"), order.each("regularizer")
    for regularizer, model in zip(regularizers, stack.models, strict=True):
        if regularizer is not None:
            probe_penalty(regularizer, model)
    transforms = order.each("transform")
    lrs = [float(lr) for lr in order.each("lr")]
    optimizer = make_optimizer(order.optimizer, stack, max(lrs), regularizers)
    ratios = torch.tensor([lr / max(lrs) for lr in lrs], device="cpu")
    _check_groups(order, optimizer, lrs)
    runs = _runs(order, optimizer, callbacks, regularizers, ratios)
    own = (
        _of_each(order.data) or len(set(order.each("seed"))) > 1
        or isinstance(order.transform, (list, tuple))
    )  # fmt: skip
    loss = order.mixed(StackedLoss(losses, own), place)
    update = Update(stack, order.mixed(partial(stack, own=own), place), optimizer, loss,
                    bound_to_stack(regularizers, stack, ratios, own), order.clip_norm,
                    None if bool((ratios == 1).all()) else ratios, order.accumulate)  # fmt: skip
    batches = _batches(order, parts["data"], order.each("seed"), place, own)
    with Sources(list(parts.values()), transforms, (stack.net, losses, callbacks)).kept():
        _try_out(order, parts, transforms, place)
        trial = _batches(order, parts["data"], None, place, own)
        _try_at_once(stack, update, trial)
    return Training(
        model=stack,
        runs=runs,
        batches=batches,
        rows_of=lambda x, y: len(y[0]) if own else rows_of(x, y),
        update=update,
        explain=lambda x, y: None,
        validate=_validation(order, parts["validation"], place),
        by_batch=order.scheduler_step == "batch",
        bar=Progress(None, show=order.progress),
    )


def _callbacks(order: Order) -> list[list[Callback]]:
    """Those of each model."""
    if not order.callbacks:
        return [[] for _ in order.model.models]
    if not all(isinstance(own, (list, tuple)) for own in order.callbacks):
        count = len(order.model)
        raise ValueError(f"callbacks of a stack must be {count} lists, one for each model")
    lists = [list(own) for own in order.each("callbacks")]
    if order.resume is not None or any(isinstance(c, Checkpoint) for own in lists for c in own):
        raise ValueError("a stack cannot be kept in a checkpoint")
    return lists


def _parts(order: Order, name: str) -> list[Any]:
    """The data of each model, the same for all or their own."""
    data = getattr(order, name)
    return each(name, list(data) if _of_each(data) else [data] * len(order.model), order.count)


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
    scheduler = make_scheduler(order.scheduler, optimizer)
    if isinstance(scheduler, ReduceLROnPlateau):
        raise ValueError("ReduceLROnPlateau follows one model's loss")
    learning = [r for r in regularizers if parameters_of(r)]
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
        _checks.check_run(run, order.scheduler_step, None, order.columns, order.model)
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
        alone = make_optimizer(order.optimizer, order.model.models[0], max(lrs))
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


def _batches(
    order: Order, parts: Sequence[Any], seeds: Sequence[Any] | None, place: torch.device, own: bool
) -> Any:
    """The batches of an epoch; without seeds their rows in the order in which they lie."""
    transforms = order.each("transform")
    if not own:
        batches = make_batches(order.data, order.batch_size, place, shuffle=seeds is not None)
        return batches if transforms[0] is None else Transformed(batches, transforms[0])
    if not all(isinstance(part, Tensor) for pair in parts for part in pair):
        raise ValueError("models with batches of their own need data that are pairs of tensors")
    return OwnBatches(parts, seeds, order.batch_size, place, transforms)


def _try_out(
    order: Order,
    parts: Mapping[str, Sequence[Any]],
    transforms: Sequence[Any],
    place: torch.device,
) -> None:
    """Refuse data and losses that do not fit each other, as for one model."""
    models, losses = order.model.models, order.each("loss")
    for name, of_models in parts.items():
        cases = list(zip(of_models, losses, transforms, strict=True))
        for number in (group[0] for group in grouped(cases)):
            part, loss, transform = cases[number]
            if part is None:
                continue
            _checks.check_data(name, part)
            held = make_batches(part, order.batch_size, place, shuffle=False)
            probe(models[number], loss, *held.peek(held.batch_size), name=name,
                  transform=transform if name == "data" else None,
                  targets=held.targets, training=name == "data")  # fmt: skip


def _try_at_once(stack: Stack, update: Update, batches: Any) -> None:
    """Refuse what works for each model, but not for all at once."""
    buffers = copies(stack.buffers())
    try:
        with random_state_kept(), modes_kept(stack):
            enter_train_mode(stack)
            update.add_gradient(*next(iter(batches)))
            update.complete_gradient()
    except MISTAKES as error:
        raise ValueError(
            f"the models cannot be trained at once, only one after another: {error}"
        ) from error
    finally:
        update.clear()
        put_back(stack.buffers(), buffers)


def _validation(
    order: Order, parts: Sequence[Any], place: torch.device
) -> Callable[[], Sequence[Row]]:
    stack, data = order.model, order.validation
    if data is None:
        return lambda: [{} for _ in parts]
    size, own = HELD_OUT * order.batch_size, _of_each(data)
    batches = OwnBatches(parts, None, size, place) if own else make_batches(
        data, size, place, shuffle=False)  # fmt: skip
    predict = order.mixed(partial(stack, own=own), place)
    loss = order.mixed(StackedLoss(order.each("loss"), own), place)
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
