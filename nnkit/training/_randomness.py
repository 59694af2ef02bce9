"""The random states of torch, NumPy and Python together: kept, saved and set."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader


def get_random_state() -> dict[str, Any]:
    """The states of all global generators, in types that `torch.load` reads safely."""
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        "numpy": _as_lists(np.random.get_state(legacy=False)),
        "python": random.getstate(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Take back what `get_random_state` gave."""
    torch.set_rng_state(state["torch"])
    for index, cuda in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(cuda, index)
    if state["mps"] is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])
    np.random.set_state(state["numpy"])
    random.setstate(state["python"])


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Whatever is drawn inside, afterwards it is as if nothing had been."""
    before = get_random_state()
    try:
        yield
    finally:
        set_random_state(before)


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Inside, all generators start from `seed` and outside nothing is noticed of it.

    With None they are left alone.
    """
    if seed is None:
        yield
        return
    with random_state_kept():
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        yield


GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)

LEAVES = (type(None), str, bytes, int, float, complex, type, ModuleType, Tensor, np.ndarray)

MANY = 100  # a longer list is one of rows, not of transforms


class Sources:
    """The generators that anything in a run holds, and the counters of objects of one's own.

    A sampler or a stream may count its passes and seed itself by that, a loss its calls.

    Args:
        loaders: the data for training and validation, in any form.
        transform: of the batches, or None.
        others: what else may hold generators, such as the loss.
    """

    def __init__(self, loaders: Sequence[Any], transform: Any = None, others: Any = ()) -> None:
        found = list(_reached([*loaders, transform, others]))
        self.generators = [item for item in found if isinstance(item, GENERATORS)]
        self._holders = [item for item in found if _is_own(item)]
        self._before = [_counters(item) for item in self._holders]

    def state(self) -> dict[str, Any]:
        """The states of the generators, and the counters that have moved since the start."""
        pairs = zip(self._holders, self._before, strict=True)
        return {
            "generators": [_get(generator) for generator in self.generators],
            "counters": [dict(_counters(item).items() - old.items()) for item, old in pairs],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        for generator, saved in zip(self.generators, state["generators"], strict=True):
            _set(generator, saved)
        kept = zip(self._holders, self._before, state["counters"], strict=True)
        for item, before, moved in kept:
            for name in _counters(item).keys() - before.keys() - moved.keys():
                del vars(item)[name]  # until it counted, its class said where to start
            vars(item).update(before | moved)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever is drawn and counted inside, afterwards it is as if nothing had been."""
        before = self.state()
        try:
            yield
        finally:
            self.load(before)

    def form(self) -> str:
        """What there is, to tell one run from another."""
        return f"{len(self.generators)}, objects with counters: {len(self._holders)}"


def _reached(items: Any, outside: tuple[type, ...] = ()) -> Iterator[Any]:
    """Every object that can be reached through attributes, lists and functions, once."""
    seen: set[int] = set()
    todo = [items]
    while todo:
        item = todo.pop()
        if isinstance(item, (*LEAVES, *outside)) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if not isinstance(item, GENERATORS):
            todo.extend(_inside(item))


def _inside(item: Any) -> list[Any]:
    """What an object holds."""
    if isinstance(item, Mapping):
        return list(item.values()) if len(item) <= MANY else []
    if isinstance(item, (tuple, list)):
        return list(item) if len(item) <= MANY else []
    if isinstance(item, partial):
        return [item.func, item.args, item.keywords]
    if isinstance(item, MethodType):
        return [item.__self__, item.__func__]
    if isinstance(item, FunctionType):
        used = inspect.getclosurevars(item)
        if str(item.__globals__.get("__name__")).startswith("torch."):  # what it wraps is enough
            compiled = getattr(item, "_torchdynamo_orig_callable", None)
            return [compiled] if compiled else list(used.nonlocals.values())
        return [*used.nonlocals.values(), *used.globals.values()]
    if hasattr(item, "_orig_mod"):  # not what compiles it
        return [item._orig_mod]
    if isinstance(item, DataLoader):  # without the iterator of persistent workers
        names = ("dataset", "sampler", "batch_sampler", "generator", "collate_fn")
        return [getattr(item, name) for name in names]
    return list(vars(item).values()) if hasattr(item, "__dict__") else []


def _is_own(item: Any) -> bool:
    """Whether an object is of a class that is neither Python's nor torch's."""
    home = type(item).__module__.partition(".")[0]
    return hasattr(item, "__dict__") and home not in ("builtins", "functools", "torch", "numpy")


def _counters(item: Any) -> dict[str, Any]:
    return {
        name: value.item() if isinstance(value, np.number) else value
        for name, value in vars(item).items()
        if isinstance(value, (int, float, np.number)) and name != "training"  # the loop's own
    }


def _get(generator: Any) -> Any:
    """The state, in types that `torch.load` reads safely."""
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return generator.getstate()
    is_old = isinstance(generator, np.random.RandomState)
    state = generator.get_state(legacy=False) if is_old else generator.bit_generator.state
    return _as_lists(state)


def _set(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif isinstance(generator, (torch.Generator, np.random.RandomState)):
        generator.set_state(state)
    else:
        generator.bit_generator.state = state  # NumPy takes lists for its arrays


def _as_lists(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _as_lists(part) for name, part in state.items()}
    return state.tolist() if isinstance(state, (np.ndarray, np.generic)) else state
