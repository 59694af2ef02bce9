"""The first batch, tried before the first update: a mistake is explained, nothing is changed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnkit.training.batches import Batch, all_finite, forward
from nnkit.training.evaluation import modes_kept
from nnkit.training.randomness import random_state_kept
from nnkit.training.run import copies, put_back

MISTAKES = (RuntimeError, ValueError, TypeError, IndexError, UserWarning)
CLASSES = (F.cross_entropy, F.nll_loss, nn.CrossEntropyLoss, nn.NLLLoss)
BINARY = (
    F.binary_cross_entropy,
    F.binary_cross_entropy_with_logits,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
)


def probe(
    model: nn.Module,
    loss: Callable[[Any, Any], Tensor],
    x: Any,
    y: Any,
    *,
    transform: Callable[[Any, Any], Batch] | None = None,
    targets: Any = None,
    name: str = "data",
    training: bool = True,
) -> None:
    """Try model, loss and gradient on the batch (x, y).

    Args:
        model: is left as it was, buffers and random state included.
        loss: (output, target) -> scalar tensor.
        x: the inputs.
        y: the target.
        transform: applied to the batch first, or None.
        targets: those of all rows, if they are at hand.
        name: how to call the data in a message.
        training: whether in train mode with a gradient, or as for validation.

    Raises:
        ValueError, TypeError: with what was given, what is wanted and a hint.
    """
    model = getattr(model, "_orig_mod", model)  # not the compiled one: hooks would recompile it
    buffers = copies(model.buffers())
    try:
        with random_state_kept(), modes_kept(model), torch.set_grad_enabled(training):
            model.train(training)
            if transform is not None:
                x, y = transform(x, y)
            output = _try_model(model, x, name)
            _check_targets(loss, output, y if targets is None else targets, name)
            value = _try_loss(loss, output, y, name)
            if training:
                _try_gradient(model, value, output, y, name)
    finally:
        put_back(model.buffers(), buffers)
    if not value.isfinite():
        for what, item in (("inputs", x), ("targets", y)):
            if not all_finite(item):
                after = " after the transform" if transform is not None else ""
                raise ValueError(f"{name}: the {what}{after} hold nan or inf, {_where(item)}")


class FirstChecked:
    """Batches of which the first ever is checked before it is handed out."""

    def __init__(self, batches: Iterable[Batch], check: Callable[[Any, Any], None]) -> None:
        self.batches, self.check, self.checked = batches, check, False

    def __iter__(self) -> Iterator[Batch]:
        for x, y in self.batches:
            if not self.checked:
                self.check(x, y)
                self.checked = True
            yield x, y


def _try_model(model: nn.Module, x: Any, name: str) -> Any:
    """The output; if there is none, the reason, found at the module in which it failed."""
    inside: list[tuple[nn.Module, Any]] = []  # the modules entered and not yet left

    def enter(module: nn.Module, args: Any) -> None:
        inside.append((module, args[0] if len(args) == 1 else args))

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        inside.pop()

    hooks = [module.register_forward_pre_hook(enter) for module in model.modules()]
    hooks += [module.register_forward_hook(leave) for module in model.modules()]
    try:
        return forward(model, x)
    except MISTAKES as error:
        module, given = inside[-1] if inside else (model, x)
        label = next(label for label, m in model.named_modules() if m is module)
        where = f"{label}, {module}," if label else type(module).__name__
        hint = _hint_for(module, given)
        kind = TypeError if "dtype" in hint else ValueError
        raise kind(
            f"{name}: the model cannot take a batch of {_form(x)}. {where} was given "
            f"{_form(given)}: {hint or error}"
        ) from error
    finally:
        for handle in hooks:
            handle.remove()


def _hint_for(module: nn.Module, x: Any) -> str:
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
        return f"it wants numbers from 0 to {module.num_embeddings - 1}, got {_span(x)}"
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


def _check_targets(loss: Any, output: Any, targets: Any, name: str) -> None:
    """Refuse labels that the loss does not know, for the losses of torch whose labels are known."""
    options: dict[str, Any] = {}
    while isinstance(loss, partial):
        options = {**loss.keywords, **options}
        loss = loss.func
    if not (isinstance(output, Tensor) and isinstance(targets, Tensor)):
        return
    if _is_one_of(loss, CLASSES) and not targets.is_floating_point() and output.ndim:
        count = output.shape[min(1, output.ndim - 1)]
        ignored = options.get("ignore_index", getattr(loss, "ignore_index", -100))
        labels = targets[targets != ignored]
        if labels.numel() and not (labels.min() >= 0 and labels.max() < count):
            shifted = ". Hint: y - 1" if labels.min() == 1 and labels.max() == count else ""
            raise ValueError(
                f"{name}: the labels run {_span(labels)}, but the model has {count} outputs: "
                f"allowed are 0 to {count - 1}{shifted}"
            )
    if _is_one_of(loss, BINARY) and not (targets.min() >= 0 and targets.max() <= 1):
        raise ValueError(
            f"{name}: the targets run {_span(targets)}, binary cross-entropy allows 0 to 1. "
            "Hint: for labels -1 and 1, (y + 1) / 2"
        )


def _try_loss(loss: Callable[[Any, Any], Tensor], output: Any, y: Any, name: str) -> Tensor:
    """The loss's value, a scalar tensor."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Using a target size")  # would broadcast
            value = loss(output, y)
    except MISTAKES as error:
        raise _loss_error(loss, output, y, name, error) from error
    if not isinstance(value, Tensor):
        raise TypeError(f"the loss must return a scalar tensor, got {value!r}. Hint: no .item()")
    if value.ndim != 0:
        shape = tuple(value.shape)
        raise ValueError(f"the loss must return a scalar, got shape {shape}. Hint: .mean()")
    return value


def _try_gradient(model: nn.Module, value: Tensor, output: Any, y: Any, name: str) -> None:
    """Refuse a loss from which no gradient comes back to the parameters."""
    if not value.requires_grad:
        raise ValueError(
            "the loss does not depend on any trainable parameter. "
            "Hint: no detach(), .item(), argmax or no_grad between the model and the loss"
        )
    params = [p for p in model.parameters() if p.requires_grad]
    try:
        torch.autograd.grad(value, params, allow_unused=True)
    except MISTAKES as error:
        raise _loss_error(None, output, y, name, error) from error


def _loss_error(loss: Any, output: Any, y: Any, name: str, error: BaseException) -> Exception:
    """What output and target are, and what to do about it."""
    hint = ""
    kind: type[Exception] = ValueError
    while isinstance(loss, partial):
        loss = loss.func
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
    text = str(error).strip().rstrip(".")
    return kind(
        f"{name}: the loss cannot compare an output of {_form(output)} with a target of "
        f"{_form(y)}: {text}.{hint}"
    )


def _is_one_of(loss: Any, known: tuple[Any, ...]) -> bool:
    return loss in known or type(loss) in known


def _form(item: Any) -> str:
    """Shape and type of a tensor, or of several."""
    if isinstance(item, Tensor):
        return f"shape {tuple(item.shape)}, {item.dtype}"
    if isinstance(item, (tuple, list)):
        return "(" + "; ".join(map(_form, item)) + ")"
    if isinstance(item, dict):
        return "{" + "; ".join(f"{key}: {_form(part)}" for key, part in item.items()) + "}"
    return type(item).__name__


def _span(tensor: Tensor) -> str:
    return f"from {tensor.min().item():g} to {tensor.max().item():g}"


def _where(item: Any) -> str:
    """The place of the first value that is not finite."""
    if not isinstance(item, Tensor):
        return "in one of their parts"
    return f"first at {tuple(torch.nonzero(~item.isfinite())[0].tolist())} of the batch"
