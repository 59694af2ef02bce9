"""Loss and metrics of a model on held-out data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._modes import eval_mode
from nnkit.training.history import Row
from nnkit.training.meter import LossMeter
from nnkit.training.nested import Batch, join, map_tensors, rows_of
from nnkit.training.stack import Stack

Metrics = Mapping[str, Callable[..., Any]]


@torch.no_grad()
def validate(
    model: nn.Module,
    predict: Callable[[Any], Any],
    batches: Iterable[Batch],
    loss: Callable[..., Tensor],
    metrics: Metrics,
    own: bool = False,
) -> list[Row]:
    """The mean loss as `val_loss`, each metric as ``val_`` and its name, in eval mode.

    A metric is a callable (output, target) -> number, given all rows at once, or an object with
    torchmetrics' methods update, compute and reset, given batch after batch.

    Args:
        model: the module, or a stack of several.
        predict: inputs -> output of the model.
        batches: (inputs, target).
        loss: (output, target) -> scalar tensor, or (M,).
        metrics: by name.
        own: whether each model has rows of its own, (M, N, …).
    """
    streams = [metric for metric in metrics.values() if _is_stream(metric)]
    gather = len(streams) < len(metrics)
    count = len(model) if isinstance(model, Stack) else 1
    outputs, targets, meter = [], [], LossMeter(count)
    for metric in streams:
        metric.reset()  # type: ignore[attr-defined]
    with eval_mode(model):
        for x, y in batches:
            output = predict(x)
            meter.add(loss(output, y), len(y[0]) if own else rows_of(x, y))
            for metric in streams:
                metric.update(output, y)  # type: ignore[attr-defined]
            if gather:
                alone = isinstance(y, Tensor) and y.ndim == 0  # a row, not a batch of them
                outputs.append(map_tensors(lambda t: t.unsqueeze(0), output) if alone else output)
                targets.append(y.unsqueeze(0) if alone else y)
    meter.read()
    if meter.count == 0:
        raise ValueError("validation gave no batch. Hint: a stream must begin anew each time")
    rows: list[Row] = [{"val_loss": float(mean)} for mean in meter.mean]
    for number, row in enumerate(rows):
        mine, known = outputs, targets
        if isinstance(model, Stack):
            mine = _of_one(outputs, number)
            known = _of_one(targets, number) if own else targets
        values = {name: _value(name, metric, mine, known) for name, metric in metrics.items()}
        row |= {f"val_{name}": value for name, value in values.items()}
    return rows


def _of_one(items: list[Any], number: int) -> list[Any]:
    """What belongs to one model of a stack."""
    return [map_tensors(lambda t: t[number], item) for item in items]


def _value(name: str, metric: Any, outputs: list[Any], targets: list[Any]) -> float:
    if not _is_stream(metric):
        return _as_number(name, metric(join(outputs), join(targets)))
    value = metric.compute()
    metric.reset()
    return _as_number(name, value)


def _is_stream(metric: Any) -> bool:
    return all(hasattr(metric, method) for method in ("update", "compute", "reset"))


def _as_number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        what = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
        raise TypeError(f"metric {name!r} gave {what}, it must give one number") from error
