"""The training loop, the same for one model and for the many of a stack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nnkit.training._callbacks import Callback, Run
from nnkit.training._distributed import means, said_by_first
from nnkit.training._history import Row, mean_of
from nnkit.training._nonfinite import NonFiniteLoss, Watch
from nnkit.training._probe import MISTAKES
from nnkit.training._progress import Progress
from nnkit.training._pytree import Batch, copies, put_back, tensors_of
from nnkit.training._stack import Stack
from nnkit.training._update import Update


@dataclass
class Training:
    """What is trained and how.

    Args:
        model: the module, perhaps a stack.
        runs: that of the module, or those of the stack's models.
        batches: gives (inputs, target) of an epoch each time it is gone through.
        rows_of: how many rows a batch has, for each model.
        update: changes the weights on a batch.
        explain: raises a better error for a batch on which `update` failed.
        validate: computes val_loss and metrics, a row for each run.
        by_batch: whether the schedule moves on after each batch, not each epoch.
        bar: the progress bar.
        several: whether other processes train the same model.
    """

    model: nn.Module
    runs: Sequence[Run]
    batches: Iterable[Batch]
    rows_of: Callable[[Any, Any], int]
    update: Update
    explain: Callable[[Any, Any], None]
    validate: Callable[[], Sequence[Row]]
    by_batch: bool
    bar: Progress
    several: bool = False
    ended: dict[int, list[Tensor]] = field(default_factory=dict)  # models stopped before others

    @property
    def active(self) -> list[tuple[int, Run]]:
        """The runs that have not been stopped, with their numbers."""
        return [pair for pair in enumerate(self.runs) if not pair[1].history.stop_reason]

    def end(self, number: int, tensors: Sequence[Tensor]) -> None:
        """One model of a stack has stopped: it gets these tensors when the others have, too."""
        if len(self.runs) > 1:
            count = len(tensors_of(self.model))  # those of regularisers come after them
            self.ended[number] = [stacked[number].clone() for stacked in tensors[:count]]


class Snapshot:
    """Weights, buffers and histories of one moment; the model's own tensors come first."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.take()

    def take(self) -> None:
        """Keep those of now."""
        runs = self.training.runs
        self.rows = [list(run.history.rows) for run in runs]
        regularizers = {id(run.regularizer): run.regularizer for run in runs}
        self.tensors = tensors_of(self.training.model, *regularizers.values())
        self.values = copies(self.tensors)

    def restore(self) -> None:
        """Give weights and rows back."""
        put_back(self.tensors, self.values)
        for run, rows in zip(self.training.runs, self.rows, strict=True):
            run.history.rows[:] = rows


def train(training: Training) -> None:
    """Train from the runs' epoch to their last, or until all are stopped.

    Whatever ends it early, weights and histories are those of the last finished epoch.
    """
    runs, good = training.runs, Snapshot(training)
    watch = Watch(runs, training.batches, means if training.several else None)
    try:
        for run in runs:
            run.call("on_train_begin")
        for number, run in enumerate(runs):
            if run.history.stop_reason:
                training.end(number, good.values)
        while not all(run.is_last_epoch for run in runs):
            train_and_judge(training, watch, good)
    except BaseException as fault:
        good.restore()  # it is of one moment: weights and history agree
        for _, run in training.active if len(runs) > 1 else enumerate(runs):
            run.history.stop_reason = ending(fault)
        if not isinstance(fault, KeyboardInterrupt):
            tell_history(fault, runs)
            raise
    finally:
        training.update.clear()
        for number, values in training.ended.items():
            put_back([stacked.data[number] for stacked in tensors_of(training.model)], values)
        for run in runs:
            run.call("on_train_end")


def train_and_judge(training: Training, watch: Watch, good: Snapshot) -> None:
    """One epoch, and who goes on after it; `good` becomes what there is before callbacks act."""
    active, rows = training.active, run_epoch(training, watch)
    for number, run in active:
        if number in watch.diverged:
            run.history.stop_reason = "non-finite loss"
            training.end(number, good.values)
        else:
            run.history.rows.append(rows[number])
    good.take()
    for number, run in active:
        if number not in watch.diverged:
            run.call("on_epoch_end")
            if run.history.stop_reason:
                training.end(number, tensors_of(training.model))


def tell_history(error: BaseException, runs: Sequence[Run]) -> None:
    """Let the error carry the history up to it."""
    if not hasattr(error, "history"):
        histories = [run.history for run in runs]
        history = histories[0] if len(histories) == 1 else mean_of(histories)
        error.history = history  # type: ignore[attr-defined]
        if history.rows:
            error.add_note(f"Its attribute history holds the {len(history)} epochs before.")


def ending(fault: BaseException) -> str:
    """Why a run ended, told by what was raised."""
    if isinstance(fault, KeyboardInterrupt):
        return "interrupted"
    return "non-finite loss" if isinstance(fault, NonFiniteLoss) else type(fault).__name__


def run_epoch(training: Training, watch: Watch) -> list[Row]:
    """One pass over the training data, and the validation; a row for each run."""
    started, lrs = time.perf_counter(), [run.lr for run in training.runs]
    for _, run in training.active:
        run.epoch += 1
        run.call("on_epoch_begin")
    if isinstance(training.model, Stack) and any(run.callbacks for run in training.runs):
        training.model.check_followed()
    trained = train_epoch(training, watch)
    scores = training.validate()
    seconds = (time.perf_counter() - started) / len(training.runs)
    rows: list[Row] = [
        {"epoch": run.epoch, **row, **score, "lr": lr, "seconds": seconds}
        for run, row, score, lr in zip(training.runs, trained, scores, lrs, strict=True)
    ]
    if training.several:
        rows = said_by_first(rows)
    scheduler = training.runs[0].scheduler
    if scheduler is not None and not training.by_batch:
        plateau = isinstance(scheduler, ReduceLROnPlateau)
        scheduler.step(*([rows[0]["val_loss"]] if plateau else []))
    return rows


def train_epoch(training: Training, watch: Watch) -> list[Row]:
    """One pass over the training data; the mean losses, and the penalties at its end."""
    watch.open()
    update, first, bar = training.update, training.runs[0], training.bar
    schedule = first.scheduler if training.by_batch else None
    on_batch_end = overridden(first, "on_batch_end") if len(training.runs) == 1 else []
    clock = time.perf_counter
    for x, y in training.batches:
        try:
            first.loss = update(x, y)
        except MISTAKES:
            training.explain(x, y)
            raise
        first.step += 1
        watch.add(first.loss, update.penalty, training.rows_of(x, y))
        if schedule is not None and not update.gathered:
            schedule.step()
        for hook in on_batch_end:
            hook(first)
        if clock() >= bar.next_tick:
            watch.look()
            bar.update(first)
        if on_batch_end and first.history.stop_reason:
            break
    if update.finish() and schedule is not None:
        schedule.step()
    update.clear()  # room for what follows
    return watch.close(training.model, update.amounts(len(training.runs)))


def overridden(run: Run, name: str) -> list[Callable[[Run], None]]:
    """The hooks of this name that do something."""
    return [
        getattr(callback, name)
        for callback in run.callbacks
        if getattr(type(callback), name) is not getattr(Callback, name)
    ]
