"""Whether things are equal, so that what holds for one may be done for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from itertools import zip_longest
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.utils import parametrize, prune

from nnkit.activations import ACTIVATIONS
from nnkit.models import MLP
from nnkit.training._history import History
from nnkit.training._pytree import forward

PLAIN = (str, int, float, complex, torch.device, set, frozenset)


def alike(a: Any, b: Any) -> bool:
    """Whether two things are equal all the way down; False if in doubt."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, partial):
        return alike((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if isinstance(a, PLAIN):
        return bool(a == b)
    if isinstance(a, (FunctionType, type, nn.Module)) or not hasattr(a, "__dict__"):
        return False
    return alike(vars(a), vars(b))


def grouped(items: Sequence[Any]) -> list[list[int]]:
    """The numbers of the items, those of equal ones together."""
    groups: list[list[int]] = []
    for number, item in enumerate(items):
        known = next((group for group in groups if alike(items[group[0]], item)), None)
        if known is None:
            groups.append([number])
        else:
            known.append(number)
    return groups


class Stack(nn.Module):
    """M models that differ in their weights alone, as one: inputs (N, …) give outputs (M, N, …).

    Its parameters and buffers are those of the models along a new first axis. The models get
    views of them as their own: a change of one changes the other, so that they are trained, too.

    Args:
        models: modules of one form.

    Raises:
        ValueError: they differ in more than their weights, share what training changes, or carry
            masks of pruning.

    Example:
        >>> import torch
        >>> from nnkit.training import Stack
        >>> stack = Stack([torch.nn.Linear(3, 1) for _ in range(5)])
        >>> stack(torch.randn(8, 3)).shape
        torch.Size([5, 8, 1])
        >>> [tuple(p.shape) for p in stack.parameters()]
        [(5, 1, 3), (5, 1)]
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        if not models or not all(isinstance(model, nn.Module) for model in models):
            raise TypeError(f"a stack is made of one or more modules, got {models!r}")
        if prune.is_pruned(models[0]):
            raise ValueError("a model with masks of pruning computes its weights in a hook")
        check_one_form(models)
        check_apart(models)
        self.models = tuple(models)  # in a tuple: no parts of the module
        self.histories: list[History] = []  # of the last training
        self.net = deepcopy(models[0])
        self._modes = [module.training for module in models[0].modules()]
        self.batched = is_plain_mlp(self.net)
        for held in HELD[:2]:
            stacked: dict[int, Tensor] = {}
            places = zip(*(_places(model, held) for model in (self.net, *models)), strict=True)
            for (owner, name), *own in places:
                tensors = [vars(module)[held][key] for module, key in own]
                known = stacked.setdefault(id(tensors[0]), _stacked(tensors))
                vars(owner)[held][name] = known
        self._share()

    def __len__(self) -> int:
        return len(self.models)

    def forward(self, x: Any, own: bool = False) -> Tensor:
        """The outputs (M, N, …).

        Args:
            x: the inputs (N, …), or a tuple or dict of several.
            own: whether each model has inputs of its own, (M, N, …).
        """
        if self.batched and isinstance(x, Tensor):
            return self._batched(x if own else x.expand(len(self), *x.shape))

        def one(parameters: Any, buffers: Any, inputs: Any) -> Any:
            return forward(
                lambda *args, **named: functional_call(
                    self.net, (parameters, buffers), args, named or None
                ),
                inputs,
            )

        tensors = dict(self.net.named_parameters()), dict(self.net.named_buffers())
        outputs = vmap(one, (0, 0, 0 if own else None), randomness="different")(*tensors, x)
        return outputs  # type: ignore[no-any-return]

    def _batched(self, x: Tensor) -> Tensor:
        """As forward, of MLPs: each layer is one batched product; x (M, N, in)."""
        net = self.net
        assert isinstance(net, MLP)
        layers: Any = zip(net.layers, net.after, net.skips, strict=True)
        for layer, after, skip in layers:
            bias = layer.bias.unsqueeze(1)  # (M, 1, out)
            a = after(torch.baddbmm(bias, x, layer.weight.mT))
            x = x + a if skip else a
        return x

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Stack:
        """Move or convert the stack; the models follow."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._share()
        return self

    def check_followed(self) -> None:
        """Refuse what was frozen or put in eval mode in a model alone: the stack does not see it.

        Raises:
            ValueError: with the number of the model.
        """
        for number, model in enumerate(self.models):
            modes = [module.training for module in model.modules()]
            trained = [p.requires_grad for p in model.parameters()]
            other = modes != self._modes and any(modes) and (any(self._modes) or not all(modes))
            if trained != self._trained or other:
                raise ValueError(
                    f"parameters of model {number} were frozen or unfrozen, or modules put in "
                    "another mode, in it alone, which the stack does not see. Hint: the same on "
                    "stack.net is for all models"
                )

    def separate(self) -> tuple[nn.Module, ...]:
        """Give the models memory of their own, for what is to outlive the stack; the models."""
        self._hand_out(lambda stacked, number: stacked[number].clone())
        return self.models

    def _share(self) -> None:
        """Let the models' tensors be views of the stack's."""
        self._hand_out(lambda stacked, number: stacked[number])
        self._trained = [p.requires_grad for p in self.net.parameters()]

    def _hand_out(self, own: Callable[[Tensor, int], Tensor]) -> None:
        """Give each model parameters and buffers made from the stack's."""
        for held in HELD[:2]:
            for number, model in enumerate(self.models):
                made: dict[int, Tensor] = {}  # tensors that stand in two places stay one
                places = zip(_places(self.net, held), _places(model, held), strict=True)
                for (source, key), (module, name) in places:
                    stacked = vars(source)[held][key]
                    if id(stacked) not in made:
                        tensor = own(stacked.detach(), number)
                        made[id(stacked)] = _like(tensor, stacked)
                    vars(module)[held][name] = made[id(stacked)]


def check_one_form(models: Sequence[nn.Module]) -> None:
    """Refuse models that differ in more than the values of their parameters and buffers.

    Raises:
        ValueError: with the module that differs.
    """
    for model in models[1:]:
        pairs = zip_longest(models[0].named_modules(), model.named_modules(), fillvalue=("", None))
        for (name, one), (other_name, other) in pairs:
            if name != other_name or not _same_settings(one, other):
                raise ValueError(f"the models differ in more than their weights: in {name!r}")


def check_apart(models: Sequence[nn.Module]) -> None:
    """Refuse models that share what training changes: alone, one would spoil the other's.

    Raises:
        ValueError: if they do.
    """
    seen: set[int] = set()
    for model in models:
        own = {id(tensor) for tensor in _changing(model)}
        if seen & own:
            raise ValueError(
                "the models share parameters or running statistics, which each would change for "
                "the others. Hint: make every model anew, or freeze what they share"
            )
        seen |= own


def _changing(model: nn.Module) -> Iterator[Tensor]:
    """The parameters that are trained, and the running statistics."""
    yield from (p for p in model.parameters() if p.requires_grad)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase) and module.training:
            yield from module.buffers()


def is_plain_mlp(model: nn.Module) -> bool:
    """Whether its layers can be batched products: an MLP with nothing else that it learns."""
    if type(model) is not MLP or model.activation not in ACTIVATIONS:
        return False
    inner = list(model.after.modules())
    has_own = any(list(m.parameters(False)) or list(m.buffers(False)) for m in inner)
    return not has_own and not any(isinstance(m, nn.Dropout) for m in inner)


HELD = ("_parameters", "_buffers", "_modules")

FILES = ("_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks",
         "_load_state_dict_post_hooks")  # fmt: skip  # hooks that do not compute


def _same_settings(one: nn.Module | None, other: nn.Module | None) -> bool:
    """Whether two modules are of one kind, with equal options and tensors of equal shapes."""
    if one is None or other is None or _kind(one) != _kind(other):
        return False
    for held in HELD[:2]:
        ours, theirs = vars(one)[held], vars(other)[held]
        if [(k, _form(t)) for k, t in ours.items()] != [(k, _form(t)) for k, t in theirs.items()]:
            return False
    apart = (*HELD, *FILES)
    options = [{k: v for k, v in vars(m).items() if k not in apart} for m in (one, other)]
    return alike(*options)


def _kind(module: nn.Module) -> Any:
    """The class; a parametrised module has one of its own, made from its first."""
    return type(module).__bases__ if parametrize.is_parametrized(module) else type(module)


def _form(tensor: Tensor | None) -> Any:
    return None if tensor is None else (tensor.shape, tensor.dtype, tensor.requires_grad)


def _places(model: nn.Module, held: str) -> Iterator[tuple[nn.Module, str]]:
    """Where a model's tensors are: module and name, in a fixed order."""
    for module in model.modules():
        yield from ((module, name) for name, t in vars(module)[held].items() if t is not None)


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    return _like(torch.stack([t.detach() for t in tensors]), tensors[0])


def _like(tensor: Tensor, other: Tensor) -> Tensor:
    """A parameter if the other is one."""
    if isinstance(other, nn.Parameter):
        return nn.Parameter(tensor, requires_grad=other.requires_grad)
    return tensor
