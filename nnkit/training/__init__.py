"""Training: one loop, :func:`fit`, for any module, optimiser, loss and data of PyTorch.

    history = fit(
        model, (X, y), loss=F.cross_entropy, validation=(X_val, y_val), epochs=50,
        callbacks=[EarlyStopping(patience=5), Checkpoint("run.pt")], resume="run.pt",
    )

Run once more, the same lines go on where a killed process was at the end of its last epoch.

The way of one batch, from `fit` to the weights:

1. ``assembly.for_one`` (of a `Stack`, ``stacked.for_stack``) makes of the arguments all that the
   loop needs, once ``checks`` and ``probe.probe`` have refused what cannot be trained.
2. ``loop.train_epoch`` takes the batch from ``batches.TensorBatches`` or ``LoaderBatches``.
3. ``update.Update`` computes loss and gradient, adds the gradients of the ``penalties``, clips,
   lets the optimiser step, and takes the proximal steps.
4. ``faults.Watch`` gathers the losses, and at the end of the epoch makes the row of the `History`;
   ``validation.validate`` adds what held-out data say.
"""

from nnkit.training.callbacks import EMA, Callback, EarlyStopping
from nnkit.training.checkpoint import Checkpoint
from nnkit.training.evaluation import accuracy, evaluate, predict
from nnkit.training.faults import NonFiniteLoss
from nnkit.training.fitting import fit
from nnkit.training.history import History
from nnkit.training.run import Run
from nnkit.training.stack import Stack

__all__ = [
    "EMA", "Callback", "Checkpoint", "EarlyStopping", "History", "NonFiniteLoss", "Run", "Stack",
    "accuracy", "evaluate", "fit", "predict",
]  # fmt: skip
