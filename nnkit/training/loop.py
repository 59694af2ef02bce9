"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from torch.optim.lr_scheduler import ReduceLROnPlateau

from nnkit.training.callbacks import Callback
from nnkit.training.faults import NonFiniteLoss, Watch
from nnkit.training.history import Row
from nnkit.training.nested import Batch, size_of
from nnkit.training.progress import Progress
from nnkit.training.run import Run, Snapshot
from nnkit.training.update import Update


def train(
    run: Run,
    batches: Iterable[Batch],
    update: Update,
    validate: Callable[[], Row],
    scheduler_step: str,
    bar: Progress,
) -> None:
    """Train from the run's epoch to its last, or until it is stopped.

    Args:
        run: what is trained; its history grows by a row per epoch.
        batches: gives (inputs, target) of an epoch each time it is gone through.
        update: changes the weights on a batch.
        validate: computes val_loss and metrics.
        scheduler_step: "epoch" or "batch".
        bar: the progress bar.
    """
    watch, by_batch = Watch(run, batches), scheduler_step == "batch"
    run.model.train()
    good = Snapshot(run, run.history.rows)
    try:
        run.call("on_train_begin")
        while not run.is_last_epoch:
            started, lr = time.perf_counter(), run.lr
            run.epoch += 1
            run.call("on_epoch_begin")
            row: Row = {"epoch": run.epoch}
            row |= train_epoch(run, batches, update, watch, by_batch, bar)
            row |= validate()
            row |= {"lr": lr, "seconds": time.perf_counter() - started}
            if not by_batch:
                move_schedule(run, row)
            good = Snapshot(run, [*run.history.rows, row])
            run.history.rows.append(row)
            run.call("on_epoch_end")
    except (KeyboardInterrupt, NonFiniteLoss) as fault:
        good.restore()  # it is of one moment: weights and history agree
        run.history.rows[:] = good.rows
        run.history.stopped = "interrupted"
        if isinstance(fault, NonFiniteLoss):
            run.history.stopped = "non-finite loss"
            raise
    finally:
        update.clear()
        run.call("on_train_end")


def train_epoch(
    run: Run,
    batches: Iterable[Batch],
    update: Update,
    watch: Watch,
    by_batch: bool,
    bar: Progress,
) -> Row:
    """One pass over the training data; its mean loss and penalty."""
    watch.open()
    schedule = run.scheduler if by_batch else None
    on_batch_end = overridden(run, "on_batch_end")
    clock = time.perf_counter
    for number, (x, y) in enumerate(batches):
        run.loss, penalty = update(x, y, number)
        run.step += 1
        watch.add(run.loss, penalty, size_of(y))
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
