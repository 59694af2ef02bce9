"""`fit`: everything is checked and put together, then the loop runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._modes import enter_train_mode, modes_kept
from nnkit.training import _checkpoint
from nnkit.training._assembly import Order, for_one
from nnkit.training._batches import Data, Pair
from nnkit.training._callbacks import Callback
from nnkit.training._evaluation import Metrics
from nnkit.training._history import History, mean_of
from nnkit.training._loop import train
from nnkit.training._optimizers import OptimizerLike, SchedulerLike
from nnkit.training._pytree import Batch
from nnkit.training._randomness import seeded
from nnkit.training._stack import Stack
from nnkit.training._stacked import for_stack

Loss = Callable[[Any, Any], Tensor]

Transform = Callable[[Any, Any], Batch]
Regularizer = Callable[[nn.Module], Tensor]


def fit(
    model: nn.Module,
    data: Data | Sequence[Pair],
    *,
    loss: Loss | Sequence[Loss],
    validation: Data | Sequence[Pair] | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    optimizer: OptimizerLike | None = None,
    lr: float | Sequence[float] = 1e-3,
    scheduler: SchedulerLike | None = None,
    scheduler_step: str = "epoch",
    regularizer: Regularizer | Sequence[Regularizer | None] | None = None,
    transform: Transform | Sequence[Transform | None] | None = None,
    metrics: Metrics | None = None,
    callbacks: Sequence[Callback] | Sequence[Sequence[Callback]] = (),
    clip_norm: float | None = None,
    accumulate: int = 1,
    autocast: torch.dtype | None = None,
    device: str | torch.device | None = None,
    seed: int | Sequence[int] | None = None,
    progress: bool = True,
    resume: str | Path | None = None,
) -> History:
    """Train `model` on `data` and return the history, one row per epoch.

    Args:
        model: any module; it is trained in place, where it is. Submodules that alone are in
            eval mode stay in it, such as the batch normalisation of a frozen part. Of a
            :class:`Stack` all models are trained at once, with the numbers of one after another
            but for dropout and random transforms; see below.
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
            rows at once, or an object of torchmetrics; "accuracy" is the column ``val_accuracy``.
        callbacks: objects whose hooks are called during the run.
        clip_norm: the largest norm of the whole gradient; longer ones are scaled down to it.
        accumulate: batches whose gradients make one update, as of one batch of all their rows;
            the last of an epoch may be of fewer.
        autocast: torch.bfloat16 to compute outputs and loss in mixed precision; weights stay as
            they are.
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

    For the M models of a stack loss, lr, regularizer, transform and seed may be lists of M, each
    model's own; data and validation lists of M pairs of tensors, callbacks of M lists. A seed draws
    the batches. A transform is called for each model that has batches of its own.
    The history returned holds the means; each model's own is in ``stack.histories``. One that
    diverges or is stopped does not stop the others.

    Returns:
        the history. After Ctrl-C it is that of the epochs finished, `stop_reason` is "interrupted"
        and the model has the weights of the last of them.

    Raises:
        ValueError, TypeError: what was given cannot be trained; nothing has been changed.
        NonFiniteLoss: the loss became nan or inf; the model has the weights of the epoch before.

    An error later on, in a callback or the data, leaves the model with the weights of the last
    finished epoch, too, and carries the history up to it as its attribute `history`.

    Example:
        >>> import torch
        >>> from nnkit.training import fit
        >>> X = torch.randn(200, 3)
        >>> model, data = torch.nn.Linear(3, 1), (X, X.sum(1, keepdim=True))
        >>> history = fit(model, data, loss=torch.nn.functional.mse_loss, lr=0.1, seed=0)
        >>> len(history), history["loss"][-1] < 0.01
        (10, True)
    """
    order = Order(**{**locals(), "metrics": metrics or {}})
    order.check()
    training = for_stack(order) if isinstance(model, Stack) else for_one(order)
    with seeded(order.each("seed")[0]), modes_kept(model), closing(training.bar):
        if resume is not None:
            _checkpoint.resume(resume, training.runs[0])
        enter_train_mode(model)
        if isinstance(model, Stack):
            model.histories = [run.history for run in training.runs]
        train(training)
    return mean_of(model.histories) if isinstance(model, Stack) else training.runs[0].history
