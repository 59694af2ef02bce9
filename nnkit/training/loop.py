"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nnkit.training import checkpoint, checks
from nnkit.training.adam import default_adam
from nnkit.training.batches import Batch, Batches, make_batches, size_of
from nnkit.training.callbacks import Callback
from nnkit.training.checkpoint import Checkpoint
from nnkit.training.evaluation import Metrics, evaluate, modes_kept
from nnkit.training.faults import LossMeter, NonFiniteLoss
from nnkit.training.history import History, Row
from nnkit.training.progress import Progress
from nnkit.training.randomness import seeded
from nnkit.training.run import Run, Snapshot
from nnkit.training.update import Update

Loss = Callable[[Any, Any], Tensor]


def fit(
    model: nn.Module,
    data: Any,
    *,
    loss: Loss,
    validation: Any = None,
    epochs: int = 10,
    batch_size: int = 32,
    optimizer: Any = None,
    lr: float = 1e-3,
    scheduler: Any = None,
    scheduler_step: str = "epoch",
    regularizer: Callable[[nn.Module], Tensor] | None = None,
    transform: Callable[[Any, Any], Batch] | None = None,
    metrics: Metrics | None = None,
    callbacks: Sequence[Callback] = (),
    clip_norm: float | None = None,
    device: str | torch.device = "auto",
    seed: int | None = None,
    progress: bool = True,
    resume: str | Path | None = None,
) -> History:
    """Train `model` on `data` and return the history, one row per epoch.

    Args:
        model: any module; it is trained in place and moved to the device.
        data: (X, y) of N rows each, a Dataset or a DataLoader of (x, y). A model of several
            inputs takes ((X1, X2), y). Rows are shuffled at each epoch, except by a DataLoader
            that was told otherwise.
        loss: (output, target) -> scalar tensor, the mean over the batch.
        validation: held-out data in the same forms, looked at in eval mode after each epoch.
        epochs: passes over the data.
        batch_size: rows per update, unless `data` is a DataLoader.
        optimizer: None for Adam; an Optimizer; or a factory such as torch.optim.SGD, called with
            (parameters, lr=lr).
        lr: the step size of an optimiser that is made here.
        scheduler: a learning-rate scheduler of torch, or a factory called with the optimiser.
        scheduler_step: "epoch" or "batch", after which the schedule moves on.
        regularizer: model -> scalar tensor, added to the training loss; recorded as `penalty`.
        transform: (x, y) -> (x, y) on training batches only: noise, augmentation.
        metrics: by name, computed on the validation data: (output, target) -> number, given all
            rows at once, or an object of torchmetrics.
        callbacks: objects whose hooks are called during the run.
        clip_norm: the largest norm of the whole gradient; longer ones are scaled down to it.
        device: "auto" (where the model is, or else CUDA, MPS, CPU) or a device of torch.
        seed: makes the run repeatable; random states outside are as if nothing had been drawn.
        progress: show a bar, in a terminal or notebook, if the run takes longer than a second.
        resume: the file of a :class:`Checkpoint` to go on from. One that does not exist yet
            starts from the beginning if one of the callbacks is to write it.

    Returns:
        the history. After Ctrl-C it is that of the epochs finished, `stopped` is "interrupted"
        and the model has the weights of the last of them.

    Raises:
        ValueError, TypeError: what was given cannot be trained; nothing has been changed.
        NonFiniteLoss: the loss became nan or inf; the model has the weights of the epoch before.
    """
    checks.check_settings(epochs, batch_size, lr, clip_norm, scheduler_step)
    place = choose_device(device, model)
    model.to(place)
    train = make_batches(data, batch_size, place, shuffle=True)
    held_out = None
    if validation is not None:
        held_out = make_batches(validation, 8 * batch_size, place, shuffle=False)
    optimizer = make_optimizer(optimizer, model, lr)
    scheduler = make_scheduler(scheduler, optimizer)
    run = Run(
        model,
        optimizer,
        scheduler,
        epochs,
        callbacks=sorted(callbacks, key=lambda c: isinstance(c, Checkpoint)),  # these come last
        generators=checkpoint.generators_of(data),
    )
    update = Update(model, optimizer, loss, regularizer, clip_norm)
    bar = Progress(total_batches(train, epochs), show=progress)

    with seeded(seed), modes_kept(model), closing(bar):
        if resume is not None:
            checkpoint.resume(resume, run)
        model.train()
        run.call("on_train_begin")
        good = Snapshot(model, run.history.rows)
        try:
            while not run.is_last_epoch:
                started = time.perf_counter()
                run.epoch += 1
                run.call("on_epoch_begin")
                lr_now = float(optimizer.param_groups[0]["lr"])
                row: Row = {"epoch": run.epoch}
                row |= train_epoch(run, train, update, transform, scheduler_step == "batch", bar)
                if held_out is not None:
                    row |= evaluate(model, held_out, loss, metrics or {})
                row |= {"lr": lr_now, "seconds": time.perf_counter() - started}
                if scheduler_step == "epoch":
                    move_schedule(scheduler, row)
                good = Snapshot(model, [*run.history.rows, row])  # weights and history agree
                run.history.rows.append(row)
                run.call("on_epoch_end")
        except (KeyboardInterrupt, NonFiniteLoss) as error:
            good.restore()
            run.history.rows[:] = good.rows
            run.history.stopped = "interrupted"
            if isinstance(error, NonFiniteLoss):
                run.history.stopped = "non-finite loss"
                raise
        finally:
            update.clear()
            run.call("on_train_end")
    return run.history


def train_epoch(
    run: Run,
    batches: Batches,
    update: Update,
    transform: Callable[[Any, Any], Batch] | None,
    schedule_by_batch: bool,
    bar: Progress,
) -> Row:
    """One pass over the training data; its mean loss and penalty."""
    losses, penalties = LossMeter(), LossMeter()
    on_batch_end = overridden(run.callbacks, "on_batch_end")
    clock = time.perf_counter
    for x, y in batches:
        if transform is not None:
            x, y = transform(x, y)
        run.loss = update(x, y)
        run.step += 1
        losses.add(run.loss, size_of(y))
        if update.penalty is not None:
            penalties.add(update.penalty, size_of(y))
        if schedule_by_batch and run.scheduler is not None:
            run.scheduler.step()
        for hook in on_batch_end:
            hook(run)
        if clock() >= bar.next_tick:
            look(run, losses, penalties)
            bar.update(run.step, f"epoch {run.epoch}/{run.epochs}")
        if run.history.stopped:
            break
    look(run, losses, penalties)
    row = {"loss": losses.mean}
    return row if update.penalty is None else row | {"penalty": penalties.mean}


def look(run: Run, losses: LossMeter, penalties: LossMeter) -> None:
    """Stop the run if a loss of the batches since the last look is not finite."""
    for meter in (losses, penalties):
        batch = meter.read()
        if batch is not None:
            raise NonFiniteLoss(f"epoch {run.epoch}, batch {batch}", run.history)


def overridden(callbacks: Sequence[Callback], hook: str) -> list[Callable[[Run], None]]:
    """The hooks of this name that do something."""
    return [
        getattr(callback, hook)
        for callback in callbacks
        if getattr(type(callback), hook) is not getattr(Callback, hook)
    ]


def choose_device(device: str | torch.device, model: nn.Module) -> torch.device:
    """The device asked for; for "auto" where the model is, unless that is the CPU."""
    if device != "auto":
        return torch.device(device)
    here = next((p.device for p in model.parameters()), torch.device("cpu"))
    if here.type == "cpu" and torch.accelerator.is_available():
        return torch.accelerator.current_accelerator() or here
    return here


def make_optimizer(optimizer: Any, model: nn.Module, lr: float) -> Optimizer:
    """The optimiser given, or made of its factory; by default Adam."""
    if optimizer is None:
        return default_adam(model, lr)
    if isinstance(optimizer, Optimizer):
        return optimizer
    decided = isinstance(optimizer, partial) and "lr" in optimizer.keywords
    made = optimizer(model.parameters()) if decided else optimizer(model.parameters(), lr=lr)
    assert isinstance(made, Optimizer)
    return made


def make_scheduler(scheduler: Any, optimizer: Optimizer) -> Any:
    """The schedule given, or made of its factory."""
    if scheduler is None or hasattr(scheduler, "step"):
        return scheduler
    return scheduler(optimizer)


def move_schedule(scheduler: Any, row: Row) -> None:
    """Move the schedule on by one epoch."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(row["val_loss"])
    elif scheduler is not None:
        scheduler.step()


def total_batches(batches: Batches, epochs: int) -> int | None:
    """How many batches the run has; None if the loader does not know."""
    try:
        return epochs * len(batches)
    except TypeError:
        return None
