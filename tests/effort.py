"""How much work a call is, counted instead of timed: the same on every machine, however busy."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations of torch, forward and backward, while it is on."""

    count = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Count and run."""
        self.count += 1
        return function(*args, **(kwargs or {}))


def operations(call: Callable[[], Any]) -> int:
    """How many operations of torch a call runs."""
    with Operations() as mode:  # type: ignore[no-untyped-call]
        call()
    return int(mode.count)


def python_calls(call: Callable[[], Any]) -> int:
    """How many functions of Python and C a call makes the interpreter enter."""
    count = 0

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    gc.disable()  # what it collects, and when, is not the call's doing
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def of_an_epoch(train: Callable[[int], Any], effort: Callable[[Callable[[], Any]], int]) -> int:
    """What one more epoch costs, without what is done once: `train` takes the number of epochs."""
    train(1)  # what the first training imports and caches
    return effort(lambda: train(3)) - effort(lambda: train(2))
