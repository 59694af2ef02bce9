"""Loss and metrics of a model on held-out data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._modes import eval_mode
from nnkit.training.batches import Batches
from nnkit.training.history import Row
from nnkit.training.meter import LossMeter
from nnkit.training.nested import forward, join, map_tensors, rows_of

Metrics = Mapping[str, Callable[..., Any]]


@torch.no_grad()
def evaluate(
    model: nn.Module, batches: Batches, loss: Callable[..., Tensor], metrics: Metrics
) -> Row:
    """The mean loss as `val_loss` and each metric under its name, in eval mode.

    A metric is a callable (output, target) -> number, given all rows at once, or an object with
    torchmetrics' methods update, compute and reset, given batch after batch.
    """
    streams = {name: m for name, m in metrics.items() if _is_stream(m)}
    gather = len(streams) < len(metrics)
    outputs, targets = [], []
    meter = LossMeter()
    for metric in streams.values():
        metric.reset()  # type: ignore[attr-defined]
    with eval_mode(model):
        for x, y in batches:
            output = forward(model, x)
            meter.add(loss(output, y), rows_of(x, y))
            for metric in streams.values():
                metric.update(output, y)  # type: ignore[attr-defined]
            if gather:
                alone = isinstance(y, Tensor) and y.ndim == 0  # a row, not a batch of them
                outputs.append(map_tensors(lambda t: t.unsqueeze(0), output) if alone else output)
                targets.append(y.unsqueeze(0) if alone else y)
    meter.read()
    if meter.count == 0:
        raise ValueError("validation gave no batch. Hint: a stream must begin anew each time")
    row = {"val_loss": meter.mean}
    for name, metric in metrics.items():
        if name in streams:
            value = metric.compute()  # type: ignore[attr-defined]
            metric.reset()  # type: ignore[attr-defined]
        else:
            value = metric(join(outputs), join(targets))
        row[name] = _as_number(name, value)
    return row


def _is_stream(metric: Any) -> bool:
    return all(hasattr(metric, method) for method in ("update", "compute", "reset"))


def _as_number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        what = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
        raise TypeError(f"metric {name!r} gave {what}, it must give one number") from error
