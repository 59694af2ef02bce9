"""Sweeps: a grid of hyperparameters × seeds, trained at once.

    result = sweep(
        lambda seed: MLP([2, 16, 1], seed=seed), (X, y), loss=F.mse_loss, validation=(X_val, y_val),
        regularizer=L2, grid={"lam": [1e-4, 1e-3, 1e-2]}, seeds=5, epochs=50,
    )
    result.plot(); result.best()    # {"lam": 0.001}

The numbers are those of training one after the other with `fit`. Larger sweeps are spread over
processes by ``n_jobs=4``, over machines by a backend of joblib:
``with joblib.parallel_config(backend="dask"): sweep(..., n_jobs=-1)``.
"""

from nnkit.sweep._result import Sweep, Trial
from nnkit.sweep._sweep import sweep

__all__ = ["Sweep", "Trial", "sweep"]
