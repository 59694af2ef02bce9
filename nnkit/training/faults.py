"""A loss that is no longer a number: say where, and why it may be so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from torch import Tensor

from nnkit.training.history import History, Row
from nnkit.training.meter import LossMeter
from nnkit.training.nested import Batch, all_finite
from nnkit.training.run import Run

SEARCH = 1000  # so many batches more than there were are searched for nan; a stream has no end
GROWTH = 10.0  # a loss this many times its least value says that the steps are too long


class NonFiniteLoss(FloatingPointError):
    """The training loss became nan or inf; the model has the weights of the last good epoch.

    Args:
        message: epoch, batch, likely cause and remedy.
        history: the epochs finished before.
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class Watch:
    """The losses of the epoch, looked at now and then and at its end.

    Args:
        run: the run.
        batches: gives the epoch's batches once more, to search them when something went wrong.
    """

    def __init__(self, run: Run, batches: Iterable[Batch]) -> None:
        self.run, self.batches = run, batches
        self.losses, self.penalties = LossMeter(), LossMeter()

    def open(self) -> None:
        """Begin an epoch."""
        self.losses, self.penalties = LossMeter(self.losses.least), LossMeter()

    def add(self, loss: Tensor, penalty: Tensor | None, size: int) -> None:
        """Remember what a batch of `size` rows gave."""
        self.losses.add(loss, size)
        if penalty is not None:
            self.penalties.add(penalty, size)

    def look(self) -> None:
        """Raise NonFiniteLoss if there was a batch whose loss or penalty is not finite."""
        penalty, loss = self.penalties.read(), self.losses.read()
        if penalty is not None and (loss is None or penalty <= loss):
            cause = "The loss of the data was finite until then: look at the regularizer"
            self._stop(penalty, f"the penalty is {self.penalties.bad}", cause)
        if loss is not None:
            self._stop(loss, f"the loss is {self.losses.bad}", self._cause())

    def close(self, params: Sequence[Tensor]) -> Row:
        """Look for the last time, at the weights, too; the epoch's mean loss and penalty."""
        self.look()
        count = self.losses.count
        if count == 0:
            raise ValueError(f"epoch {self.run.epoch}: the loader gave no batch")
        if not all_finite(params):
            self._stop(count, "its update made weights nan or inf", self._cause())
        row = {"loss": self.losses.mean}
        return row | {"penalty": self.penalties.mean} if self.penalties.count else row

    def _stop(self, batch: int, what: str, cause: str) -> None:
        text = f"epoch {self.run.epoch}, batch {batch}: {what}. {cause}"
        raise NonFiniteLoss(text, self.run.history)

    def _cause(self) -> str:
        what = bad_batch(islice(self.batches, self.losses.count + SEARCH))
        if what is not None:
            return f"The {what} of a batch hold nan or inf. Hint: look at the data and transform"
        last = self.losses.last
        if last is None and self.run.history.rows:
            last = self.run.history.rows[-1]["loss"]
        return likely_cause(last, self.losses.least, self.run.lr)


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
