"""The training loop of a stack of models: `fit`'s, with a first axis more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional as F

from nnkit.sweep.alike import grouped
from nnkit.sweep.penalties import StackedPenalty
from nnkit.sweep.result import Settings, Trial
from nnkit.sweep.stack import Stack, is_plain_mlp
from nnkit.sweep.task import Task
from nnkit.training import History, checks
from nnkit.training.batches import make_batches
from nnkit.training.probe import probe
from nnkit.training.randomness import seeded
from nnkit.training.regularized import MEASURED
from nnkit.training.setup import check_devices, choose_device, default_adam, moved
from nnkit.training.steps import StepSizes

Pairs = Sequence[tuple[Settings, int]]  # (settings, seed) of each trial
# Rules that act on every weight by itself, with a step proportional to lr
RULES = ("FusedAdam", "SGD", "Adam", "AdamW", "Adamax", "AdaMax", "NAdam", "Nadam", "RAdam",
         "RMSprop", "Adagrad", "Momentum", "Nesterov")  # fmt: skip
# Losses whose mean over rows is all that joins these; others go through vmap, which is slower
MEANS = (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.cross_entropy, F.nll_loss,
         F.binary_cross_entropy, F.binary_cross_entropy_with_logits)  # fmt: skip


def train_together(task: Task, pairs: Pairs) -> list[Trial]:
    """Train a model for each pair of settings and seed, all at once.

    Raises:
        ValueError: if something in them cannot be done for all at once; with the reason.
    """
    run = _Run(task, pairs)
    with seeded(pairs[0][1]):  # dropout draws for all models from one state
        for _ in range(task.options.get("epochs", 10)):
            if not run.epoch():
                break
    return run.trials()


class _Run:
    """The models in training, and the rows of their histories."""

    def __init__(self, task: Task, pairs: Pairs) -> None:
        self.task, self.pairs = task, pairs
        options = task.options
        for settings, _ in pairs:
            lr, size = task.lr_for(settings), options.get("batch_size", 32)
            checks.check_settings(options.get("epochs", 10), size, lr, None, "epoch", None)
        models = [task.model(seed) for _, seed in pairs]
        self.device = choose_device(task.options.get("device"), models[0])
        held = {"data": task.data, "validation": options.get("validation"), "loss": task.loss}
        check_devices(self.device, None, {"model": models[0], **held})
        models = [moved(model, self.device) for model in models]
        self.stack = Stack(models, "batched" if is_plain_mlp(models[0]) else "vmap")
        losses = [moved(task.loss_for(settings), self.device) for settings, _ in pairs]
        self.losses = _Losses(losses)
        penalties = [task.regularizer_for(settings) for settings, _ in pairs]
        self.penalty = None
        if any(penalty is not None for penalty in penalties):
            if None in penalties:
                raise ValueError("some of the trials have a regularizer and some have none")
            self.penalty = StackedPenalty(penalties, self.stack)
        self.measured = torch.zeros(len(pairs), device=self.device)  # the penalties
        self._make_optimizer()
        self.batches = _Batches(task, [seed for _, seed in pairs], self.device)
        self._try_out()
        self.histories = [History() for _ in pairs]

    def _try_out(self) -> None:
        """Refuse data and a loss that do not fit, as `fit` does."""
        loss, _ = self.losses.groups[0]
        for name, data in (
            ("data", self.task.data),
            ("validation", self.task.options["validation"]),
        ):
            if data is not None:
                checks.check_data(name, data)
                held = make_batches(data, self.batches.size, self.device, shuffle=False)
                x, y = held.peek(self.batches.size)
                probe(self.stack.first, loss, x, y, targets=held.targets, name=name)

    def _make_optimizer(self) -> None:
        """One optimiser for all; those with a smaller lr go part of its way."""
        task, settings = self.task, [s for s, _ in self.pairs]
        self.lrs = [task.lr_for(s) for s in settings]
        base = max(self.lrs)
        params = list(self.stack.params.values())
        factory = task.optimizer_for(settings[0])
        made = (
            default_adam(self.stack.first, base, params)
            if factory is None
            else factory(params, lr=base)
        )
        if type(made).__name__ not in RULES:
            raise ValueError(f"{type(made).__name__} does not treat every weight by itself")
        self.optimizer, self.steps = made, StepSizes(made)
        for column in self.penalty.after if self.penalty else ():
            if column.first.needs_steps:
                self.steps.check(type(column.first).__name__)
        self.ratios = torch.tensor([lr / base for lr in self.lrs], device=self.device)
        self.ratios = self.ratios.to(params[0].dtype)
        self.equal = min(self.lrs) == base

    def epoch(self) -> bool:
        """One pass over the data and the validation; whether any model is still sound."""
        started, before = time.perf_counter(), self.stack.state()
        values, sizes = [], []
        for number, (x, y) in enumerate(self.batches):
            values.append(self.update(x, y, number))
            sizes.append(y.shape[1] / self.batches.rows)
        # summed up on the CPU, since not every device has float64: (batches) · (batches, 2, M)
        shares = torch.tensor(sizes, dtype=torch.float64, device="cpu")
        means = torch.tensordot(shares, torch.stack(values).cpu().double(), dims=1)
        loss, penalty = means.tolist()  # of each model
        scores = self.validate()
        sound = self._sound(means)
        seconds = (time.perf_counter() - started) / len(self.stack)
        for number, history in enumerate(self.histories):
            if history.stopped:
                continue
            if not sound[number]:
                history.stopped = "non-finite loss"
                self.stack.unstack(number, before)
                continue
            row = {"epoch": len(history) + 1, "loss": loss[number]}
            row |= {"penalty": penalty[number]} if self.penalty else {}
            row |= {name: values[number] for name, values in scores.items()}
            history.rows.append(row | {"lr": self.lrs[number], "seconds": seconds})
        return not all(history.stopped for history in self.histories)

    def update(self, x: Tensor, y: Tensor, number: int) -> Tensor:
        """One step on the batches x (M, N, …) and y; losses and penalties before it (2, M).

        As in `fit`, `number` (that of the batch in its epoch) says whether penalties are measured.
        """
        params = self.stack.params.values()
        for p in params:
            p.grad = None
        losses = self.losses(self.stack(x), y)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        if self.penalty is not None:
            self.penalty.add_gradients()
            if number % MEASURED == 0:
                self.measured = self.penalty.values()
        before = [] if self.equal else [p.detach().clone() for p in params]
        self.optimizer.step()
        with torch.no_grad():
            for p, old in zip(params, before, strict=False):
                p.copy_(old.lerp(p, self.ratios.view(-1, *[1] * (p.ndim - 1))))
        if self.penalty is not None:
            self.penalty.after_step(self.steps, self.ratios)
        return torch.stack([losses.detach(), self.measured])

    @torch.no_grad()
    def validate(self) -> Mapping[str, list[float]]:
        """The columns of the validation, each with a number per model."""
        data = self.task.options.get("validation")
        if data is None:
            return {}
        x, y = (tensor.to(self.device) for tensor in data)
        size, outputs = 8 * self.batches.size, []
        total = torch.zeros((), device=self.device)
        for a, b in zip(torch.split(x, size), torch.split(y, size), strict=True):
            output = self.stack(a.expand(len(self.stack), *a.shape), training=False)
            total = total + len(a) * self.losses(output, b.expand(len(self.stack), *b.shape))
            outputs.append(output)
        columns = {"val_loss": (total / len(x)).tolist()}
        metrics = self.task.options.get("metrics") or {}
        if metrics:
            output = torch.cat(outputs, 1)
        for name, metric in metrics.items():
            columns[name] = [float(metric(one, y)) for one in output]
        return columns

    def _sound(self, means: Tensor) -> list[bool]:
        """Of which models losses and penalties (2, M) and weights are finite."""
        sound = means.isfinite().all(0)
        for p in self.stack.params.values():
            sound &= p.detach().flatten(1).isfinite().all(1).cpu()
        found: list[bool] = sound.tolist()
        return found

    def trials(self) -> list[Trial]:
        """The models with their weights, and their histories."""
        for number, history in enumerate(self.histories):
            if not history.stopped:
                self.stack.unstack(number)
        return [
            Trial(settings, seed, model, history)
            for (settings, seed), model, history in zip(
                self.pairs, self.stack.models, self.histories, strict=True
            )
        ]


class _Losses:
    """The losses (M,) of outputs (M, N, …) and targets."""

    def __init__(self, losses: Sequence[Callable[..., Any]]) -> None:
        groups = grouped([getattr(loss, "keywords", None) for loss in losses])
        self.groups = [(losses[group[0]], group) for group in groups]  # and whose it is

    def __call__(self, output: Tensor, y: Tensor) -> Tensor:
        if len(self.groups) == 1:
            ((loss, _),) = self.groups
            return losses_of(loss, output, y)
        values = output.new_empty(len(output))
        for loss, numbers in self.groups:
            values[numbers] = losses_of(loss, output[numbers], y[numbers])
        return values


def losses_of(loss: Callable[..., Any], output: Tensor, y: Tensor) -> Tensor:
    """The loss of each model: outputs (M, N, …) and targets (M, N, …) give (M,)."""
    if loss in MEANS:
        rows = loss(output.flatten(0, 1), y.flatten(0, 1), reduction="none")
        losses: Tensor = rows.view(len(output), -1).mean(1)
    else:
        losses = vmap(loss)(output, y)
    return losses


@dataclass
class _Batches:
    """The batches that `fit` would draw with each seed, stacked."""

    task: Task
    seeds: Sequence[int]
    device: torch.device

    def __post_init__(self) -> None:
        self.x, self.y = (tensor.to(self.device) for tensor in self.task.data)
        self.size, self.rows = self.task.options.get("batch_size", 32), len(self.y)
        different = dict.fromkeys(self.seeds)
        self.generators = {seed: torch.Generator().manual_seed(seed) for seed in different}
        number = {seed: n for n, seed in enumerate(different)}
        self.which = torch.tensor([number[seed] for seed in self.seeds], device=self.device)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        orders = [
            torch.randperm(self.rows, generator=g, device="cpu") for g in self.generators.values()
        ]
        order = torch.stack(orders).to(self.device)[self.which]  # (M, rows)
        for rows in torch.split(order, self.size, dim=1):
            yield self.x[rows], self.y[rows]
