"""Training: one loop, :func:`fit`, for any module, optimiser, loss and data of PyTorch.

    history = fit(
        model, (X, y), loss=F.cross_entropy, validation=(X_val, y_val), epochs=50,
        callbacks=[EarlyStopping(patience=5), Checkpoint("run.pt")], resume="run.pt",
    )

Run once more, the same lines go on where a killed process was at the end of its last epoch.

The way of one batch, from `fit` to the weights:

1. ``_assembly.for_one`` (of a `Stack`, ``_stacked.for_stack``) makes of the arguments all that the
   loop needs, once ``_checks`` and ``_probe.probe`` have refused what cannot be trained.
2. ``_loop.train_epoch`` takes the batch from ``_batches.TensorBatches`` or ``LoaderBatches``.
3. ``_update.Update`` computes loss and gradient, adds the gradients of the ``_penalties``, clips,
   lets the optimiser step, and takes the proximal steps.
4. ``_nonfinite.Watch`` gathers the losses, and at the end of the epoch makes the row of the
   `History`; ``_evaluation.validate`` adds what held-out data say.

Several processes train one model, with the numbers of a single one, if the model is wrapped in
torch's DistributedDataParallel::

    torch.distributed.init_process_group("gloo")             # "nccl" between GPUs
    model = torch.nn.parallel.DistributedDataParallel(net)   # or Accelerator().prepare(net)
    fit(model, (X, y), loss=…, batch_size=64, callbacks=[Checkpoint("run.pt")])

and started by ``torchrun --nproc-per-node 2 script.py``. `batch_size` is that of all processes
together: of tensors each takes its share of every batch, a DataLoader over other data needs a
DistributedSampler. The first process draws the order, shows the bar, and writes the checkpoint,
which a single process can go on from; callbacks run in all, see the module inside and must decide
alike. Dropout and random transforms draw in each process; batch normalisation sees its share,
but for ``torch.nn.SyncBatchNorm``.
"""

from nnkit.training._callbacks import EMA, Callback, EarlyStopping, Run
from nnkit.training._checkpoint import Checkpoint
from nnkit.training._evaluation import accuracy, evaluate, predict
from nnkit.training._fit import fit
from nnkit.training._history import History, MeanStd
from nnkit.training._nonfinite import NonFiniteLoss
from nnkit.training._stack import Stack

__all__ = [
    "EMA", "Callback", "Checkpoint", "EarlyStopping", "History", "MeanStd", "NonFiniteLoss", "Run",
    "Stack", "accuracy", "evaluate", "fit", "predict",
]  # fmt: skip
