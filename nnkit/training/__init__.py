"""Training: one loop, :func:`fit`, for any module, optimiser, loss and data of PyTorch."""

from nnkit.training.callbacks import Callback, EarlyStopping
from nnkit.training.checkpoint import Checkpoint
from nnkit.training.faults import NonFiniteLoss
from nnkit.training.fitting import fit
from nnkit.training.history import History
from nnkit.training.run import Run

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "History", "NonFiniteLoss", "Run", "fit"]
