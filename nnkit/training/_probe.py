"""The first batch, tried before the first update: a mistake is explained, nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import zip_longest
from operator import or_
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nnkit._modes import enter_train_mode, modes_kept
from nnkit.training._hints import check_targets, form, is_of_torch, layer_hint, loss_error, where
from nnkit.training._pytree import Batch, all_finite, copies, first_row, forward, put_back, rows_of
from nnkit.training._randomness import random_state_kept

MISTAKES = (RuntimeError, ValueError, TypeError, IndexError, UserWarning)


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
            if training:
                enter_train_mode(model)
            else:
                model.eval()
            if transform is not None:
                x, y = _try_transform(transform, x, y)
                targets = None  # they may be others, too
            output = _try_model(model, x, name)
            check_targets(loss, output, y if targets is None else targets, name)
            rows_of(x, y)
            value = _try_loss(loss, output, y, name)
            if training:
                _try_gradient(model, value, output, y, name)
    finally:
        put_back(model.buffers(), buffers)
    if not value.isfinite():
        for what, item in (("inputs", x), ("targets", y)):
            if not all_finite(item):
                after = " after the transform" if transform is not None else ""
                raise ValueError(f"{name}: the {what}{after} hold nan or inf, {where(item)}")


def probe_penalty(regularizer: Callable[[nn.Module], Any], model: nn.Module) -> None:
    """Refuse a function that gives no scalar tensor; a penalty that binds checks itself."""
    if isinstance(regularizer, type):
        name = regularizer.__name__
        raise TypeError(f"regularizer is the class {name}, not an object of it. Hint: {name}(…)")
    if hasattr(regularizer, "bind"):
        return
    with random_state_kept(), torch.no_grad():
        value = regularizer(model)
    if not isinstance(value, Tensor) or value.ndim != 0:
        given = form(value) if isinstance(value, Tensor) else repr(value)
        raise TypeError(f"the regularizer must return a scalar tensor, got {given}")


class FirstChecked:
    """Batches of which the first ever is checked before it is handed out.

    Args:
        batches: gives (inputs, target).
        check: raises if a batch cannot be trained on.
        also_alone: check its first row as a batch of its own, too, since such a one will come.
    """

    def __init__(
        self, batches: Iterable[Batch], check: Callable[[Any, Any], None], also_alone: bool = False
    ) -> None:
        self.batches, self.check, self.checked = batches, check, False
        self.also_alone = also_alone

    def __iter__(self) -> Iterator[Batch]:
        for x, y in self.batches:
            if not self.checked:
                self.check(x, y)
                if self.also_alone:
                    self.check(first_row(x), first_row(y))
                self.checked = True
            yield x, y


def _try_transform(transform: Callable[[Any, Any], Any], x: Any, y: Any) -> Batch:
    """The batch, transformed."""
    batch = transform(x, y)
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise TypeError(f"transform must return a pair (x, y), got {form(batch)}")
    return batch[0], batch[1]


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
        place = f"{label}, {module}," if label else type(module).__name__
        hint = layer_hint(module, given)
        kind = TypeError if "dtype" in hint else ValueError
        raise kind(
            f"{name}: the model cannot take a batch of {form(x)}. {place} was given "
            f"{form(given)}: {hint or error}"
        ) from error
    finally:
        for handle in hooks:
            handle.remove()


def _try_loss(loss: Callable[[Any, Any], Tensor], output: Any, y: Any, name: str) -> Tensor:
    """The loss's value, a scalar tensor."""
    try:
        with AlignmentCheck(output, y, strict=is_of_torch(loss)):
            value = loss(output, y)
    except MISTAKES as error:
        raise loss_error(loss, output, y, name, error) from error
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
        raise loss_error(None, output, y, name, error) from error


OUTPUT, TARGET = 1, 2  # where a tensor comes from; 3 is both

# Those that broadcast and reduce in one operation; of others the result has the broadcast shape
FUSED = ("aten::mse_loss", "aten::smooth_l1_loss", "aten::huber_loss", "aten::dist")


class Misaligned(ValueError):
    """An output met a target of another shape element by element."""


class AlignmentCheck(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is on, an operation on output and target that broadcasts raises `Misaligned`.

    It follows all that is computed from one of them. A target with rows of one element, (N, 1),
    may meet an output (N, K), for then each row meets its own.

    Args:
        output: of the model, N rows.
        target: the target.
        strict: whether (N, 1) with (N, K) is refused, too.
    """

    def __init__(self, output: Any, target: Any, strict: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.strict = strict
        self._origins: dict[
            int, tuple[Tensor, int]
        ] = {}  # the tensor is kept, so its id is its own
        self._unexpanded: dict[
            int, torch.Size
        ] = {}  # shapes before they were expanded to meet others
        for item, origin in ((output, OUTPUT), (target, TARGET)):
            for tensor in _within(item):
                self._mark(tensor, self._origin(tensor) | origin)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation, then compare shapes of what went in and came out."""
        result = function(*args, **(kwargs or {}))
        name = function.name().partition(".")[0]
        given = list(_tensors((args, kwargs)))
        origin = reduce(or_, map(self._origin, given), 0)
        if origin == OUTPUT | TARGET:
            self._compare(name, given, result)
        for tensor in _tensors(result):
            self._mark(tensor, origin)
            self._remember_expansion(name, given, tensor)
        return result

    def _compare(self, name: str, given: list[Tensor], result: Any) -> None:
        """Raise if an output and a target of different shapes met element by element."""
        outputs = [self._shape(t) for t in given if self._origin(t) == OUTPUT]
        targets = [self._shape(t) for t in given if self._origin(t) == TARGET]
        for a, b in ((a, b) for a in outputs for b in targets):
            shape = self._repeating(a, b)
            of_elements = isinstance(result, Tensor) and result.shape == shape
            if shape is not None and (of_elements or name in FUSED):
                raise Misaligned(
                    f"shapes {tuple(a)} and {tuple(b)} meet element by element, as {tuple(shape)}"
                )

    def _repeating(self, a: torch.Size, b: torch.Size) -> torch.Size | None:
        """The shape to which two shapes of rows broadcast, if that repeats a row for another."""
        if a == b or not (a and b) or a[0] != b[0] or (len(a) == len(b) and not self.strict):
            return None
        ends = list(zip_longest(reversed(a), reversed(b), fillvalue=1))
        if all(m == n or 1 in (m, n) for m, n in ends):
            return torch.Size(m if n == 1 else n for m, n in reversed(ends))
        return None

    def _remember_expansion(self, name: str, given: list[Tensor], result: Tensor) -> None:
        """Keep the shape from before an expansion with all that has the expanded one."""
        expanded = [t for t in given if id(t) in self._unexpanded and t.shape == result.shape]
        if id(result) in self._origins and (expanded or name == "aten::expand"):
            self._unexpanded[id(result)] = self._shape((expanded or given)[0])

    def _shape(self, tensor: Tensor) -> torch.Size:
        return self._unexpanded.get(id(tensor), tensor.shape)

    def _origin(self, tensor: Tensor) -> int:
        return self._origins.get(id(tensor), (tensor, 0))[1]

    def _mark(self, tensor: Tensor, origin: int) -> None:
        if origin:
            self._origins[id(tensor)] = (tensor, origin)


def _within(item: Any, depth: int = 4) -> Iterator[Tensor]:
    """The tensors of an item, also those that objects hold, such as a distribution."""
    for leaf in tree_leaves(item):
        if isinstance(leaf, Tensor):
            yield leaf
        elif depth and hasattr(leaf, "__dict__") and not isinstance(leaf, type):
            yield from _within(list(vars(leaf).values()), depth - 1)


def _tensors(item: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(item) if isinstance(leaf, Tensor))
