"""A trained model on data: its outputs, its loss, its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import whole
from nnkit._devices import brought, devices_of
from nnkit._modes import eval_mode
from nnkit.training import _checks
from nnkit.training._batches import Data, make_batches
from nnkit.training._history import Row
from nnkit.training._nonfinite import LossMeter
from nnkit.training._probe import probe
from nnkit.training._pytree import Batch, forward, join, map_tensors, rows_of
from nnkit.training._stack import Stack

BATCH = 1024  # rows at a time


def predict(model: nn.Module, X: Tensor | tuple[Tensor, ...], *, batch_size: int = BATCH) -> Any:
    """The model's outputs for all rows of X, in eval mode and without gradients.

    Args:
        model: any module; inputs are brought to where it is.
        X: inputs (N, …), or a tuple of them for a model of several.
        batch_size: rows at a time.

    Returns:
        what the model gives, (N, …); of a model with several outputs each of them.

    Raises:
        TypeError, ValueError: X is no tensor or has no rows.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.training import predict
        >>> predict(MLP([4, 8, 3], dropout=0.5), torch.randn(100, 4)).shape
        torch.Size([100, 3])
    """
    parts = X if isinstance(X, tuple) else (X,)
    _checks.check_data("X", (parts, parts[0]))
    whole("batch_size", batch_size, at_least=1)
    with torch.no_grad(), eval_mode(model):
        pieces = zip(*(torch.split(part, batch_size) for part in parts), strict=True)
        return join([forward(model, brought(_as_given(piece), model)) for piece in pieces])


def _as_given(parts: tuple[Tensor, ...]) -> Any:
    return parts if len(parts) > 1 else parts[0]


def evaluate(
    model: nn.Module,
    data: Data,
    *,
    loss: Callable[[Any, Any], Tensor] | None = None,
    metrics: Metrics | None = None,
    batch_size: int = BATCH,
) -> dict[str, float]:
    """The mean loss and the metrics of a model on data, in eval mode.

    Args:
        model: any module; batches are brought to where it is.
        data: (X, y), a Dataset or a DataLoader, as for `fit`.
        loss: (output, target) -> scalar tensor, the mean over the batch; None for metrics alone.
        metrics: by name, (output, target) -> number, given all rows at once, or objects of
            torchmetrics.
        batch_size: rows at a time, unless a DataLoader decides.

    Returns:
        numbers by name, "loss" among them if there is one.

    Raises:
        TypeError, ValueError: what was given does not fit together; as in `fit`.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.training import accuracy, evaluate
        >>> data = torch.randn(100, 4), torch.arange(100) % 2
        >>> found = evaluate(MLP([4, 2]), data, loss=torch.nn.functional.cross_entropy,
        ...                  metrics={"accuracy": accuracy})
        >>> list(found), 0 <= found["accuracy"] <= 1
        (['loss', 'accuracy'], True)
    """
    metrics = metrics or {}
    if loss is None and not metrics:
        raise ValueError("there is nothing to compute: give loss= or metrics=")
    measured = _nothing if loss is None else loss
    _checks.check_functions(measured, metrics, (), data)
    _checks.check_data("data", data)
    batches = make_batches(data, batch_size, devices_of(model)[0], shuffle=False)
    if loss is not None:
        trial = batches.peek(batch_size)
        probe(model, loss, *trial, targets=batches.targets, training=False)
    (row,) = validate(model, partial(forward, model), batches, measured, metrics)
    found = {name.removeprefix("val_"): value for name, value in row.items()}
    return found if loss is not None else {name: found[name] for name in metrics}


def _nothing(output: Any, target: Any) -> Tensor:
    return torch.zeros(())


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """The share of right answers, a scalar.

    Args:
        output: scores (N, K, …) of K classes; or one score (N,) or (N, 1), above 0 for class 1.
        target: class numbers (N, …), of one score 0 or 1, in any dtype.

    Raises:
        ValueError: the shapes do not belong together.

    Example:
        >>> import torch
        >>> from nnkit.training import accuracy
        >>> accuracy(torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0])).item()
        0.5
        >>> accuracy(torch.tensor([-1.5, 0.3]), torch.tensor([0.0, 1.0])).item()
        1.0
    """
    one_score = output.shape == target.shape and (output.ndim == 1 or output.shape[1:] == (1,))
    if one_score:
        return ((output > 0) == (target > 0.5)).float().mean()
    if output.ndim < 2 or output.shape[:1] + output.shape[2:] != target.shape or not len(target):
        raise ValueError(
            f"accuracy needs scores (N, K, …) and class numbers (N, …), got {tuple(output.shape)} "
            f"and {tuple(target.shape)}"
        )
    if output.shape[1] == 1:
        raise ValueError("one class is always right. Hint: scores and targets both (N,) or (N, 1)")
    return (output.argmax(1) == target).float().mean()


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
