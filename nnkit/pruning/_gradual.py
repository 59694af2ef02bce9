"""Pruning while a net is trained, and rewinding: the weights of the start, the masks of the end."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from nnkit._checks import number, whole
from nnkit.pruning._weights import prune_weights
from nnkit.training import Callback, Run


def gradual(step: int, *, begin: int, end: int, initial: float = 0.0, final: float) -> float:
    """Return the sparsity after a step: fast at first, then ever slower (Zhu and Gupta, 2017).

    final + (initial - final) (1 - (step - begin) / (end - begin))³ from begin to end; `initial`
    before, `final` after.

    Raises:
        TypeError, ValueError: steps that are no whole numbers, an end that is not after begin, or
            a share out of [0, 1].

    Example:
        >>> from nnkit.pruning import gradual
        >>> [round(gradual(step, begin=0, end=100, final=0.8), 2) for step in (0, 25, 50, 75, 100)]
        [0.0, 0.46, 0.7, 0.79, 0.8]
    """
    begin = whole("begin", begin, at_least=0)
    end = whole("end, which is after begin,", end, at_least=begin + 1)
    first = number("initial", initial, at_least=0, at_most=1)
    last = number("final", final, at_least=0, at_most=1)
    left = min(1.0, max(0.0, (end - whole("step", step, at_least=0)) / (end - begin)))
    return last + (first - last) * left**3


class GradualPruning(Callback):
    """Prune by magnitude while a net is trained.

        fit(net, data, callbacks=[GradualPruning(net, 0.9, begin=100, end=1000)], ...)

    With begin = end the net is pruned once, at that step: early in training, for example.

    Args:
        model: the net to be trained. Masks of ones are put on it now.
        amount: the share of the weights out at the end.
        begin: the first update after which to prune.
        end: the update at which the share is reached.
        every: updates between one pruning and the next.
        initial: the share out at begin.
        scope: "global" or "layer", as for :func:`prune_weights`.
        skip: names of layers to leave alone.

    Raises:
        TypeError, ValueError: as :func:`prune_weights`; or begin after end.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import GradualPruning, sparsity
        >>> from nnkit.training import fit
        >>> net, data = MLP([10, 20, 1]), (torch.randn(320, 10), torch.randn(320, 1))
        >>> prune = GradualPruning(net, 0.5, begin=10, end=90)
        >>> run = fit(net, data, loss=torch.nn.functional.mse_loss, callbacks=[prune])
        >>> sparsity(net)
        0.5
    """

    def __init__(
        self,
        model: nn.Module,
        amount: float,
        *,
        begin: int,
        end: int,
        every: int = 10,
        initial: float = 0.0,
        scope: str = "global",
        skip: Sequence[str] = (),
    ) -> None:
        self.amount = number("amount", amount, at_least=0, at_most=1)
        self.initial = number("initial", initial, at_least=0, at_most=1)
        self.begin = whole("begin", begin, at_least=1)
        self.end = whole("end, which is not before begin,", end, at_least=begin)
        self.every = whole("every", every, at_least=1)
        self.scope, self.skip = scope, tuple(skip)
        # now, so that the model has the same tensors from before the run to its end
        prune_weights(model, 0.0, scope=scope, skip=skip)

    def on_batch_end(self, run: Run) -> None:
        """Prune, if it is time."""
        due = self.begin <= run.step < self.end and (run.step - self.begin) % self.every == 0
        if due or run.step == self.end:
            prune_weights(run.model, self._share(run.step), scope=self.scope, skip=self.skip)

    def _share(self, step: int) -> float:
        if step == self.end:  # which may be the begin
            return self.amount
        return gradual(
            step, begin=self.begin, end=self.end, initial=self.initial, final=self.amount
        )


@torch.no_grad()
def rewind(model: nn.Module, start: Mapping[str, Tensor]) -> None:
    """Give a pruned net the values of an earlier moment; its masks stay (Frankle and Carbin, 2019).

        start = copy.deepcopy(net.state_dict())
        fit(net, ...); prune_weights(net, 0.8); rewind(net, start); fit(net, ...)

    As a control take the state of a net of another seed: the same masks, other weights.

    Args:
        model: a net with masks, changed in place; biases and normalisation are rewound, too.
        start: a state dictionary of the net before it was pruned, or of another of its build.

    Raises:
        ValueError: the state is not of such a net, or is no copy; nothing has been changed.

    Example:
        >>> import copy
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import prune_weights, rewind, sparsity
        >>> net = MLP([64, 10])
        >>> start = copy.deepcopy(net.state_dict())
        >>> prune_weights(net, 0.8)  # after training
        >>> rewind(net, start)
        >>> sparsity(net)  # the old weights under the new mask
        0.8
    """
    own = {name: t for name, t in model.state_dict().items() if not name.endswith("weight_mask")}
    earlier = {name: start.get(name.removesuffix("_orig"), start.get(name)) for name in own}
    for name, value in own.items():
        old = earlier[name]
        if old is None or old.shape != value.shape:
            got = "nothing" if old is None else tuple(old.shape)
            raise ValueError(f"start must have {name} of shape {tuple(value.shape)}, has {got}")
        if old.data_ptr() == value.data_ptr() and value.numel():
            raise ValueError(
                f"start holds {name} of the net itself, which training has changed. "
                "Hint: start = copy.deepcopy(net.state_dict())"
            )
    for name, value in own.items():
        value.copy_(earlier[name])
