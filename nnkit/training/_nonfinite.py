"""The mean losses of an epoch, gathered without waiting for the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nnkit.training._callbacks import Run
from nnkit.training._history import History, Row
from nnkit.training._pytree import Batch, all_finite

Numbers = npt.NDArray[np.float64]
MeanOver = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class LossMeter:
    """The means over the rows of the losses of an epoch's batches, for one model or M at once.

    Reading a number waits for the device, so `add` only remembers and `read` fetches, in one go,
    all that has gathered since the last time.

    Args:
        models: how many.
        least: the least finite losses (M,) so far.
        mean_over: makes losses and rows those of all processes, if there are several.

    Attributes:
        count: the number of batches read.
        first_bad: the number, from 1, of the first batch whose loss is not finite (M,), 0 if none.
        bad: that loss.
        last: the last loss before that, nan at first.
    """

    def __init__(
        self,
        models: int = 1,
        least: Numbers | None = None,
        mean_over: MeanOver | None = None,
    ) -> None:
        self.count, self._rows, self.mean_over = 0, 0.0, mean_over
        self.least = np.full(models, np.inf) if least is None else least
        self._sum, self.first_bad = np.zeros(models), np.zeros(models, int)
        self.bad, self.last = np.full(models, np.nan), np.full(models, np.nan)
        self._waiting: list[Tensor] = []
        self._sizes: list[int] = []

    def add(self, losses: Tensor, size: int) -> None:
        """Remember the losses, a scalar or (M,), of a batch of `size` rows."""
        self._waiting.append(losses)
        self._sizes.append(size)

    def read(self) -> bool:
        """Fetch what waits; whether all losses so far are finite."""
        if self._waiting:
            values, sizes = torch.stack(self._waiting), torch.tensor(self._sizes, device="cpu")
            if self.mean_over is not None:
                values, sizes = self.mean_over(values, sizes.to(values.device))
            numbers = values.cpu().double().numpy().reshape(len(values), -1)
            self._take(numbers, sizes.cpu().double().numpy())
        self._waiting, self._sizes = [], []
        return not self.first_bad.any()

    def _take(self, losses: Numbers, sizes: Numbers) -> None:
        """Add the losses (B, M) of B batches, of `sizes` rows, one after the other.

        So the sums do not depend on how often one has looked.
        """
        columns, open_ = np.arange(losses.shape[1]), self.first_bad == 0
        with np.errstate(all="ignore"):
            terms = np.concatenate([self._sum[None], losses * sizes[:, None]])
            self._sum = np.add.accumulate(terms)[-1]
        self._rows += float(sizes.sum())
        sound = np.logical_and.accumulate(np.isfinite(losses)) & open_  # before the first bad one
        count = sound.sum(0)  # (M,)
        new = open_ & (count < len(losses))
        self.last = np.where(count > 0, losses[count - 1, columns], self.last)
        self.least = np.minimum(self.least, np.where(sound, losses, np.inf).min(0))
        self.first_bad = np.where(new, self.count + count + 1, self.first_bad)
        self.bad = np.where(new, losses[count.clip(max=len(losses) - 1), columns], self.bad)
        self.count += len(losses)

    @property
    def mean(self) -> Numbers:
        """The means over the rows read so far (M,), nan before the first."""
        return self._sum / self._rows if self._rows else np.full_like(self._sum, np.nan)


SEARCH = 1000  # so many batches more than there were are searched for nan; a stream has no end

GROWTH = 10.0  # a loss this many times its least value says that the steps are too long


class NonFiniteLoss(FloatingPointError):
    """The training loss became nan or inf; the model has the weights of the last good epoch.

    Args:
        message: epoch, batch, likely cause and remedy.
        history: the epochs finished before.

    Example:
        >>> import torch
        >>> from nnkit.training import NonFiniteLoss, fit
        >>> X, sgd = torch.randn(64, 3), torch.optim.SGD
        >>> try:
        ...     fit(torch.nn.Linear(3, 1), (X, X[:, :1]), optimizer=sgd, lr=1e9, epochs=50,
        ...         loss=torch.nn.functional.mse_loss)
        ... except NonFiniteLoss as error:
        ...     print("lower lr" in str(error), error.history.stop_reason)
        True non-finite loss
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class Watch:
    """The losses of the epoch, looked at now and then and at its end.

    Args:
        runs: that of the model, or those of the models in a stack, where one that diverges stops
            none of the others.
        batches: gives the epoch's batches once more, to search them when something went wrong.
        mean_over: makes losses and rows those of all processes, if there are several.

    Attributes:
        diverged: the numbers of the stack's models whose losses or weights are not finite.
    """

    def __init__(
        self, runs: Sequence[Run], batches: Iterable[Batch], mean_over: MeanOver | None = None
    ) -> None:
        self.runs, self.batches, self.mean_over = runs, batches, mean_over
        self.least: Numbers | None = None

    def open(self) -> None:
        """Begin an epoch."""
        self.losses = LossMeter(len(self.runs), self.least, self.mean_over)
        self.penalties = LossMeter()
        self.diverged: set[int] = set()

    def add(self, losses: Tensor, penalty: Tensor | None, size: int) -> None:
        """Remember what a batch of `size` rows gave."""
        self.losses.add(losses, size)
        if penalty is not None and len(self.runs) == 1:
            self.penalties.add(penalty, size)

    def look(self, last: bool = False) -> None:
        """Raise NonFiniteLoss if there was a batch whose loss or penalty is not finite."""
        if self.mean_over is not None and not last:
            return  # the other processes look at the end
        if self.penalties.read() & self.losses.read() or len(self.runs) > 1:
            return
        loss, penalty = (int(meter.first_bad[0]) for meter in (self.losses, self.penalties))
        if penalty and (not loss or penalty <= loss):
            cause = "The loss of the data was finite until then: look at the regularizer"
            self._stop(penalty, f"the penalty is {self.penalties.bad[0]}", cause)
        self._stop(loss, f"the loss is {self.losses.bad[0]}", self._cause())

    def close(self, model: nn.Module, penalties: Sequence[float | None]) -> list[Row]:
        """Look for the last time, at the weights and penalties, too; the rows of the epoch.

        Args:
            model: what is in training.
            penalties: of each run, None of one without; or nothing at all.
        """
        self.look(last=True)
        self.least = self.losses.least
        count, first = self.losses.count, self.runs[0]
        if count == 0:
            raise ValueError(f"epoch {first.epoch}: the loader gave no batch")
        rows: list[Row] = [{"loss": float(loss)} for loss in self.losses.mean]
        for row, penalty in zip(rows, penalties, strict=False):
            row |= {} if penalty is None else {"penalty": penalty}
        if len(self.runs) == 1:
            groups = first.optimizer.param_groups
            trained = [p for group in groups for p in group["params"]]
            if not all_finite([*model.parameters(), *trained]):
                self._stop(count, "its update made weights nan or inf", self._cause())
            if not math.isfinite(rows[0].get("penalty", 0.0)):
                cause = "The loss of the data was finite: look at the regularizer"
                self._stop(count, f"the penalty is {penalties[0]}", cause)
            return rows
        sound = torch.stack([p.detach().flatten(1).isfinite().all(1) for p in model.parameters()])
        for number, (row, fine) in enumerate(zip(rows, sound.all(0).tolist(), strict=True)):
            if not (fine and all(map(math.isfinite, row.values()))):
                self.diverged.add(number)
        return rows

    def _stop(self, batch: int, what: str, cause: str) -> None:
        first = self.runs[0]
        text = f"epoch {first.epoch}, batch {batch}: {what}. {cause}"
        raise NonFiniteLoss(text, first.history)

    def _cause(self) -> str:
        what = bad_batch(islice(self.batches, self.losses.count + SEARCH))
        if what is not None:
            return f"The {what} of a batch hold nan or inf. Hint: look at the data and transform"
        first, last = self.runs[0], float(self.losses.last[0])
        if math.isnan(last) and first.history.rows:
            last = first.history.rows[-1]["loss"]
        return likely_cause(
            None if math.isnan(last) else last, float(self.losses.least[0]), first.lr
        )


def likely_cause(last: float | None, least: float, lr: float) -> str:
    """Why a loss is no longer finite.

    Args:
        last: the loss before it, or None if it is the first.
        least: the least loss of the run.
        lr: the step size.
    """
    if last is None:
        return (
            "It was so before any update: on this data the model or the loss takes, say, "
            "the logarithm of 0 or divides by 0"
        )
    remedy = f"Hint: lower lr (it is {lr:g}), or limit the gradient, clip_norm=1.0"
    if last > GROWTH * least > 0:
        growth = f"The loss had grown from {least:.3g} to {last:.3g}"
        return f"{growth}: the steps are too long. {remedy}"
    return (
        f"It was {last:.3g} before: a logarithm of 0 or a division by 0 in the loss or the "
        "model (give raw scores to cross_entropy or binary_cross_entropy_with_logits), "
        f"or a step that was far too long. {remedy}"
    )


def bad_batch(batches: Iterable[Batch]) -> str | None:
    """What of the first batch that is not finite is so: "inputs" or "targets"; None if all are."""
    for x, y in batches:
        for what, item in (("inputs", x), ("targets", y)):
            if not all_finite(item):
                return what
    return None
