"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

from nnkit.training.callbacks import Callback
from nnkit.training.faults import NonFiniteLoss, Watch
from nnkit.training.history import Row
from nnkit.training.nested import Batch, rows_of
from nnkit.training.probe import MISTAKES
from nnkit.training.progress import Progress
from nnkit.training.run import Run, Snapshot
from nnkit.training.update import Update


@dataclass(frozen=True)
class Steps:
    """What is done in each epoch.

    Args:
        batches: gives (inputs, target) of an epoch each time it is gone through.
        update: changes the weights on a batch.
        explain: raises a better error for a batch on which `update` failed.
        validate: computes val_loss and metrics.
        by_batch: whether the schedule moves on after each batch, not each epoch.
    """

    batches: Iterable[Batch]
    update: Update
    explain: Callable[[Any, Any], None]
    validate: Callable[[], Row]
    by_batch: bool


def train(run: Run, steps: Steps, bar: Progress) -> None:
    """Train from the run's epoch to its last, or until it is stopped.

    Whatever ends it early, weights and history are those of the last finished epoch.

    Args:
        run: what is trained; its history grows by a row per epoch.
        steps: what is done in each epoch.
        bar: the progress bar.
    """
    try:
        _train(run, steps, bar)
    except Exception as error:
        if not hasattr(error, "history"):
            error.history = run.history  # type: ignore[attr-defined]
            if run.history.rows:
                error.add_note(f"Its attribute history holds the {len(run.history)} epochs before.")
        raise


def _train(run: Run, steps: Steps, bar: Progress) -> None:
    watch = Watch(run, steps.batches)
    good = Snapshot(run, run.history.rows)
    try:
        run.call("on_train_begin")
        while not run.is_last_epoch:
            started, lr = time.perf_counter(), run.lr
            run.epoch += 1
            run.call("on_epoch_begin")
            row: Row = {"epoch": run.epoch}
            row |= train_epoch(run, steps, watch, bar)
            row |= steps.validate()
            row |= {"lr": lr, "seconds": time.perf_counter() - started}
            if not steps.by_batch:
                move_schedule(run, row)
            good = Snapshot(run, [*run.history.rows, row])
            run.history.rows.append(row)
            run.call("on_epoch_end")
    except BaseException as fault:
        good.restore()  # it is of one moment: weights and history agree
        run.history.rows[:] = good.rows
        run.history.stopped = ending(fault)
        if not isinstance(fault, KeyboardInterrupt):
            raise
    finally:
        steps.update.clear()
        run.call("on_train_end")


def ending(fault: BaseException) -> str:
    """Why a run ended, told by what was raised."""
    if isinstance(fault, KeyboardInterrupt):
        return "interrupted"
    return "non-finite loss" if isinstance(fault, NonFiniteLoss) else type(fault).__name__


def train_epoch(run: Run, steps: Steps, watch: Watch, bar: Progress) -> Row:
    """One pass over the training data; its mean loss and penalty."""
    watch.open()
    update, schedule = steps.update, run.scheduler if steps.by_batch else None
    on_batch_end = overridden(run, "on_batch_end")
    clock = time.perf_counter
    for number, (x, y) in enumerate(steps.batches):
        try:
            run.loss, penalty = update(x, y, number)
        except MISTAKES:
            steps.explain(x, y)
            raise
        run.step += 1
        watch.add(run.loss, penalty, rows_of(x, y))
        if schedule is not None:
            schedule.step()
        for hook in on_batch_end:
            hook(run)
        if clock() >= bar.next_tick:
            watch.look()
            bar.update(run)
        if run.history.stopped:
            break
    update.clear()  # room for what follows
    return watch.close(update.params)


def overridden(run: Run, name: str) -> list[Callable[[Run], None]]:
    """The hooks of this name that do something."""
    return [
        getattr(callback, name)
        for callback in run.callbacks
        if getattr(type(callback), name) is not getattr(Callback, name)
    ]


def move_schedule(run: Run, row: Row) -> None:
    """Move the schedule on by one epoch."""
    if isinstance(run.scheduler, ReduceLROnPlateau):
        run.scheduler.step(row["val_loss"])
    elif run.scheduler is not None:
        run.scheduler.step()
