"""`fit`: everything is checked and put together here, then the loop runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._modes import enter_train_mode, modes_kept
from nnkit.training import checkpoint, checks, setup
from nnkit.training.batches import (
    Batches,
    LoaderBatches,
    Transformed,
    make_batches,
    total_batches,
)
from nnkit.training.callbacks import Callback
from nnkit.training.checkpoint import Checkpoint
from nnkit.training.evaluation import Metrics, evaluate
from nnkit.training.history import History, Row
from nnkit.training.loaders import ends_in_one_row
from nnkit.training.loop import Steps, train
from nnkit.training.nested import Batch
from nnkit.training.probe import FirstChecked, probe, probe_penalty
from nnkit.training.progress import Progress
from nnkit.training.randomness import seeded
from nnkit.training.regularized import RegularizedUpdate
from nnkit.training.run import Run
from nnkit.training.sources import Sources
from nnkit.training.update import Update

BATCH_NORMS = nn.modules.batchnorm._BatchNorm
Loss = Callable[[Any, Any], Tensor]
Transform = Callable[[Any, Any], Batch]


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
    regularizer: Callable[..., Tensor] | None = None,
    transform: Transform | None = None,
    metrics: Metrics | None = None,
    callbacks: Sequence[Callback] = (),
    clip_norm: float | None = None,
    device: str | torch.device | None = None,
    seed: int | None = None,
    progress: bool = True,
    resume: str | Path | None = None,
) -> History:
    """Train `model` on `data` and return the history, one row per epoch.

    Args:
        model: any module; it is trained in place, where it is. Submodules that alone are in
            eval mode stay in it, such as the batch normalisation of a frozen part.
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
            Those of `nnkit.regularizers` may also act on the weights after each step, and have
            parameters of their own, which an optimiser made here trains, too.
        transform: (x, y) -> (x, y) on training batches only: noise, augmentation.
        metrics: by name, computed on the validation data: (output, target) -> number, given all
            rows at once, or an object of torchmetrics.
        callbacks: objects whose hooks are called during the run.
        clip_norm: the largest norm of the whole gradient; longer ones are scaled down to it.
        device: None to train where the model is (its parameters, on one device); or a device of
            torch, such as "cuda" or "mps"; or "auto", the accelerator of this machine for a model
            on the CPU, where the model is if there is none. Asked for, the model is moved there
            and stays there: bring new inputs along, or the model back by model.cpu(). Batches are
            moved to the model, once and for all so are a loss, metrics and a regularizer that are
            modules.
        seed: makes the run repeatable (if a DataLoader has a generator of its own, seed that,
            too); random states outside are as if nothing had been drawn.
        progress: show a bar, in a terminal or notebook, if the run takes longer than a second.
        resume: the file of a :class:`Checkpoint` to go on from. One that does not exist yet
            starts from the beginning if one of the callbacks is to write it.

    Returns:
        the history. After Ctrl-C it is that of the epochs finished, `stopped` is "interrupted"
        and the model has the weights of the last of them.

    Raises:
        ValueError, TypeError: what was given cannot be trained; nothing has been changed.
        NonFiniteLoss: the loss became nan or inf; the model has the weights of the epoch before.

    An error later on, in a callback or the data, leaves the model with the weights of the last
    finished epoch, too, and carries the history up to it as its attribute `history`.
    """
    metrics = metrics or {}
    checks.check_grad_mode()
    checks.check_settings(epochs, batch_size, lr, clip_norm, scheduler_step, seed)
    checks.check_functions(loss, metrics, callbacks, validation)
    checks.check_model(model)
    checks.check_data("data", data)
    if validation is not None:
        checks.check_data("validation", validation)
    checks.check_resumable(data, callbacks, resume)
    checks.check_dense(model, clip_norm)

    place = setup.choose_device(device, model)
    held = {"model": model, "loss": loss, "regularizer": regularizer}
    setup.check_devices(place, optimizer, {**held, "data": data, "validation": validation})
    model, loss, regularizer = (setup.moved(item, place) for item in held.values())
    metrics = {name: setup.moved(metric, place) for name, metric in metrics.items()}
    optimizer = setup.make_optimizer(optimizer, model, lr, regularizer)
    scheduler = setup.make_scheduler(scheduler, optimizer)
    ordered = sorted(callbacks, key=lambda c: isinstance(c, Checkpoint))  # they save the others
    others = (model, loss, regularizer, metrics, ordered)
    sources = Sources((data, validation), transform, others)
    run = Run(model, optimizer, scheduler, epochs, ordered, sources, regularizer=regularizer)
    batches = make_batches(data, batch_size, place, shuffle=True)
    total = total_batches(batches, epochs)
    columns = ["loss", *(["penalty"] if regularizer is not None else []), "lr"]
    columns += ["val_loss", *metrics] if validation is not None else []
    checks.check_run(run, scheduler_step, total if scheduler_step == "batch" else epochs, columns)

    check = partial(probe, model, loss)
    if regularizer is None:
        update = Update(model, optimizer, loss, clip_norm)
    else:
        probe_penalty(regularizer, model)
        update = RegularizedUpdate(model, optimizer, loss, regularizer, clip_norm)
    has_batch_norm = any(isinstance(m, BATCH_NORMS) and m.training for m in model.modules())
    source = _tried_out(batches, transform, check, batch_size, has_batch_norm)
    validate: Callable[[], Row] = dict
    if validation is not None:
        held_out = make_batches(validation, 8 * batch_size, place, shuffle=False)
        trial = held_out.peek(batch_size)
        check(*trial, targets=held_out.targets, name="validation", training=False)
        validate = partial(evaluate, model, held_out, loss, metrics)

    bar = Progress(total, show=progress)
    with seeded(seed), modes_kept(model), closing(bar):
        if resume is not None:
            checkpoint.resume(resume, run)
        enter_train_mode(model)
        train(run, Steps(source, update, check, validate, scheduler_step == "batch"), bar)
    return run.history


def _tried_out(
    batches: Batches,
    transform: Transform | None,
    check: Callable[..., None],
    batch_size: int,
    has_batch_norm: bool,
) -> Iterable[Batch]:
    """The training batches, transformed; checked now, or when a loader gives the first."""
    source = batches if transform is None else Transformed(batches, transform)
    if isinstance(batches, LoaderBatches):
        return FirstChecked(source, check, has_batch_norm and ends_in_one_row(batches.loader))
    if batches.targets is None:
        return FirstChecked(source, check)
    check(*batches.peek(batch_size), transform=transform, targets=batches.targets)
    if batches.rows % batches.batch_size == 1:
        check(*batches.peek(1), transform=transform)  # batch normalisation fails on one row
    return source
