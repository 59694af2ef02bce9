"""What a layer or a loss wants, said to someone who gave it something else."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = (F.cross_entropy, F.nll_loss, nn.CrossEntropyLoss, nn.NLLLoss)

BINARY = (
    F.binary_cross_entropy,
    F.binary_cross_entropy_with_logits,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
)


def layer_hint(module: nn.Module, x: Any) -> str:
    """What this layer wants, if it is one whose wants are known."""
    if not isinstance(x, Tensor):
        return ""
    dtype = next((p.dtype for p in module.parameters(recurse=False)), None)
    if isinstance(module, nn.modules.batchnorm._BatchNorm) and len(x) == 1:
        hint = "another batch_size, or a DataLoader with drop_last=True"
        return f"it cannot normalise a batch (the last one, perhaps) of one row. Hint: {hint}"
    if isinstance(module, nn.Embedding):
        if x.is_floating_point():
            return "it wants a whole-number dtype. Hint: X.long()"
        return f"it wants numbers from 0 to {module.num_embeddings - 1}, got {span(x)}"
    if dtype is not None and x.dtype != dtype:
        hint = "X.float()" if dtype == torch.float32 else f"X.to({dtype})"
        return f"its weights are of dtype {dtype}. Hint: {hint}, or a model in the data's dtype"
    wants = {"in_features": -1, "input_size": -1, "in_channels": 1, "num_features": 1}
    for attribute, axis in wants.items():
        width = getattr(module, attribute, None)
        if width is not None and x.ndim >= 2 and x.shape[axis] != width:
            place = "the last dimension" if axis == -1 else "dimension 1"
            flat = x[0].numel() == width
            hint = ". Hint: X.flatten(1)" if flat else ""
            return f"it wants {width} {'channels' if axis == 1 else 'features'} in {place}{hint}"
    return ""


def check_targets(loss: Any, output: Any, targets: Any, name: str) -> None:
    """Refuse labels that the loss does not know, for the losses of torch whose labels are known."""
    loss, options = _unwrapped(loss)
    if not (isinstance(output, Tensor) and isinstance(targets, Tensor)):
        return
    if _is_one_of(loss, CLASSES) and not targets.is_floating_point() and output.ndim:
        count = output.shape[min(1, output.ndim - 1)]
        ignored = options.get("ignore_index", getattr(loss, "ignore_index", -100))
        labels = targets[targets != ignored]
        if labels.numel() and not (labels.min() >= 0 and labels.max() < count):
            shifted = ". Hint: y - 1" if labels.min() == 1 and labels.max() == count else ""
            raise ValueError(
                f"{name}: the labels run {span(labels)}, but the model has {count} outputs: "
                f"allowed are 0 to {count - 1}{shifted}"
            )
    if _is_one_of(loss, BINARY) and not (targets.min() >= 0 and targets.max() <= 1):
        raise ValueError(
            f"{name}: the targets run {span(targets)}, binary cross-entropy allows 0 to 1. "
            "Hint: for labels -1 and 1, (y + 1) / 2"
        )


def loss_error(loss: Any, output: Any, y: Any, name: str, error: BaseException) -> Exception:
    """An error that says what output and target are, and what to do about it."""
    hint = ""
    kind: type[Exception] = ValueError
    loss, options = _unwrapped(loss)
    if isinstance(output, Tensor) and isinstance(y, Tensor):
        integer = not y.is_floating_point()
        if _is_one_of(loss, CLASSES) and output.ndim == 2 and y.shape == (len(output), 1):
            hint = " Hint: y.squeeze(1)"
        elif _is_one_of(loss, CLASSES) and output.ndim == y.ndim + 1 and y.dtype != torch.long:
            hint, kind = " Hint: y.long()", TypeError
        elif output.numel() == y.numel() and output.shape != y.shape:
            hint = " Hint: y.unsqueeze(1)" if output.ndim > y.ndim else " Hint: y.squeeze(1)"
        elif output.shape == y.shape and (integer or output.dtype != y.dtype):
            hint, kind = " Hint: y.float()", TypeError
        if weights := _weights_of_other_dtype(loss, options, output):
            hint = f" Hint: the loss has weights of {weights}, {output.dtype} is wanted"
            kind = TypeError
    text = str(error).strip().rstrip(".")
    return kind(
        f"{name}: the loss cannot compare an output of {form(output)} with a target of "
        f"{form(y)}: {text}.{hint}"
    )


def _unwrapped(loss: Any) -> tuple[Any, dict[str, Any]]:
    """The function inside a partial, and the options that were fixed."""
    options: dict[str, Any] = {}
    while isinstance(loss, partial):
        loss, options = loss.func, {**loss.keywords, **options}
    return loss, options


def is_of_torch(loss: Any) -> bool:
    """Whether a loss is one of torch's own, which want output and target of one shape."""
    loss, _ = _unwrapped(loss)
    home = type(loss) if isinstance(loss, nn.Module) else loss
    return str(getattr(home, "__module__", "")).partition(".")[0] == "torch"


def _is_one_of(loss: Any, known: tuple[Any, ...]) -> bool:
    return loss in known or type(loss) in known


def _weights_of_other_dtype(loss: Any, options: dict[str, Any], output: Tensor) -> str:
    """The dtype of a loss's weights if it is not the output's; else nothing."""
    buffers = list(loss.buffers()) if isinstance(loss, nn.Module) else []
    for weight in (*options.values(), *buffers):
        if isinstance(weight, Tensor) and weight.dtype != output.dtype:
            return str(weight.dtype)
    return ""


def form(item: Any) -> str:
    """Shape and type of a tensor, or of several."""
    if isinstance(item, Tensor):
        return f"shape {tuple(item.shape)}, {item.dtype}"
    if isinstance(item, (tuple, list)):
        return "(" + "; ".join(map(form, item)) + ")"
    if isinstance(item, dict):
        return "{" + "; ".join(f"{key}: {form(part)}" for key, part in item.items()) + "}"
    return type(item).__name__


def span(tensor: Tensor) -> str:
    """The least and the greatest value."""
    return f"from {tensor.min().item():g} to {tensor.max().item():g}"


def where(item: Any) -> str:
    """The place of the first value that is not finite."""
    if not isinstance(item, Tensor):
        return "in one of their parts"
    return f"first at {tuple(torch.nonzero(~item.isfinite())[0].tolist())} of the batch"
