"""What a sweep trains: everything but the setting and the seed."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from nnkit.regularizers import Penalty
from nnkit.sweep._result import Settings, Trial
from nnkit.training import NonFiniteLoss, Stack, fit


@dataclass(frozen=True)
class Task:
    """The arguments of `sweep` that are common to all trials; see there."""

    model: Callable[[int], nn.Module]
    data: Any
    loss: Callable[..., Any]
    regularizer: Any
    optimizer: Any
    lr: float
    options: Mapping[str, Any]  # of `fit`, passed on as they are

    def loss_for(self, settings: Settings) -> Callable[..., Any]:
        """The loss of (output, target)."""
        own = taken(self.loss, settings)
        return partial(self.loss, **own) if own else self.loss

    def regularizer_for(self, settings: Settings) -> Any:
        """The regulariser, made with the hyperparameters that it takes."""
        if self.regularizer is None or isinstance(self.regularizer, Penalty):
            return copy.deepcopy(self.regularizer)  # it may learn parameters of its own
        own = taken(self.regularizer, settings)
        return self.regularizer(**own) if own else self.regularizer

    def optimizer_for(self, settings: Settings) -> Any:
        """The factory of the optimiser, with the hyperparameters that it takes."""
        own = taken(self.optimizer, settings) if self.optimizer is not None else {}
        own.pop("lr", None)
        return partial(self.optimizer, **own) if own else self.optimizer

    def check(self, names: Iterable[str]) -> None:
        """Refuse hyperparameters that nothing takes, and an optimiser that is not a factory."""
        if isinstance(self.optimizer, Optimizer):
            raise TypeError(
                "optimizer must be a factory such as torch.optim.SGD, for each model gets its "
                f"own, got {type(self.optimizer).__name__} with parameters"
            )
        if "lr" in names and "lr" in getattr(self.optimizer, "keywords", {}):
            raise ValueError(
                "grid: the optimizer has an lr of its own, so that of the grid would be ignored. "
                "Hint: a factory without lr"
            )
        parts = {"loss": self.loss, "regularizer": self.regularizer, "optimizer": self.optimizer}
        for name in names:
            if name != "lr" and not any(taken(part, {name: 0}) for part in parts.values()):
                raise ValueError(
                    f"grid: nothing takes the hyperparameter {name!r}. It must be 'lr' or an "
                    "argument of the loss, the regularizer or the optimizer, as in "
                    f"regularizer=lambda {name}: …"
                )

    def train(self, settings: Settings, seed: int) -> Trial:
        """Train one model by `fit`."""
        model = self.model(seed)
        options = {"progress": False, **self.options}
        try:
            history = fit(
                model,
                self.data,
                loss=self.loss_for(settings),
                regularizer=self.regularizer_for(settings),
                optimizer=self.optimizer_for(settings),
                lr=float(settings.get("lr", self.lr)),
                seed=seed,
                **options,
            )
        except NonFiniteLoss as fault:
            history = fault.history
        return Trial(settings, seed, model, history)


def train_together(task: Task, pairs: Sequence[tuple[Settings, int]]) -> list[Trial]:
    """Train a model for each pair of settings and seed, all at once.

    Raises:
        ValueError: if something in them cannot be done for all at once; with the reason.
    """
    settings, seeds = zip(*pairs, strict=True)
    regularizers = list(map(task.regularizer_for, settings))
    stack = Stack([task.model(seed) for seed in seeds])
    fit(
        stack,
        task.data,
        loss=list(map(task.loss_for, settings)),
        regularizer=regularizers if any(r is not None for r in regularizers) else None,
        optimizer=task.optimizer_for(settings[0]),
        lr=[float(setting.get("lr", task.lr)) for setting in settings],
        seed=seeds,
        **{"progress": False, **task.options},
    )
    trained = zip(settings, seeds, stack.separate(), stack.histories, strict=True)
    return [Trial(*each) for each in trained]


def taken(function: Any, settings: Settings) -> Settings:
    """Those of the settings that the function has arguments for."""
    if not callable(function) or isinstance(function, (Penalty, Optimizer)):
        return {}
    if isinstance(function, nn.Module):
        function = function.forward
    known = inspect.signature(function).parameters
    return {name: value for name, value in settings.items() if name in known}


def one_thread(train: Callable[..., Any], *args: Any) -> Any:
    """Run in a worker beside others: more threads than cores would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return train(*args)
    finally:
        torch.set_num_threads(before)
