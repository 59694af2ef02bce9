"""Monte Carlo: the output under some random masks."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import whole
from nnkit._devices import brought
from nnkit._masks import drop
from nnkit._modes import eval_mode
from nnkit._precision import widened
from nnkit.dropout._layers import Head, hooked, random_layers
from nnkit.models import Prediction
from nnkit.training._randomness import seeded


def mc_predict(
    model: nn.Module,
    x: Any,
    samples: int = 20,
    *,
    head: Head | None = None,
    seed: int | None = None,
) -> Prediction:
    """Return mean and standard deviation over random dropout masks (Gal and Ghahramani, 2016).

    Args:
        model: any module with dropout layers; all else is in evaluation mode. Dropout called as a
            function inside a module is not seen.
        x: inputs (N, ...), or a tuple for a model of several; brought to where the model is. Each
            row has masks of its own.
        samples: how many masks, at least 2.
        head: applied to each output before the average: ``lambda f: f.softmax(1)``, say.
        seed: draws the same masks every time and leaves torch's random state alone.

    Raises:
        ValueError: no dropout layer, or none that the model goes through.

    Example:
        >>> import torch
        >>> from nnkit.dropout import mc_predict
        >>> from nnkit.models import MLP
        >>> net, x = MLP([2, 64, 1], dropout=0.2, seed=0), torch.tensor([[1.0, 1.0], [9.0, 9.0]])
        >>> mean, std = mc_predict(net, x, samples=200, seed=0)
        >>> bool(std[1] > std[0])  # less sure, the farther out
        True
    """
    whole("samples", samples, at_least=2)
    outputs = mc_samples(model, x, samples, head=head, seed=seed)
    mean = outputs.mean(0)
    # some thirty times faster than outputs.std(0), and no less precise: the mean is subtracted
    apart = widened(outputs).sub(mean)
    std = apart.square_().sum(0).div_(samples - 1).sqrt_()
    return Prediction(mean, std.to(mean.dtype))


@torch.no_grad()
def mc_samples(
    model: nn.Module,
    x: Any,
    samples: int = 20,
    *,
    head: Head | None = None,
    seed: int | None = None,
) -> Tensor:
    """Return the output under each of several random masks: (samples, N, out).

    Faster than passes in train mode: what comes before the first mask is computed once, and masks
    of ``nn.Dropout`` come from random bits, with p rounded to a multiple of 1/65536.

    Args:
        model: as for :func:`mc_predict`.
        x: as there.
        samples: how many masks, at least 1.
        head: as there.
        seed: as there.

    Raises:
        ValueError: no dropout layer, or none that the model goes through.

    Example:
        >>> import torch
        >>> from nnkit.dropout import mc_samples
        >>> from nnkit.models import MLP
        >>> net, x = MLP([2, 64, 3], dropout=0.2), torch.randn(5, 2)
        >>> mc_samples(net, x, samples=10, head=lambda f: f.softmax(1)).shape
        torch.Size([10, 5, 3])
    """
    whole("samples", samples, at_least=1)
    layers = random_layers(model)
    fast = [layer for layer in layers if isinstance(layer, nn.Dropout)]
    x = brought(x, model)
    with seeded(seed), eval_mode(model):
        for layer in layers:
            layer.train(layer not in fast)
        with hooked(fast, lambda layer, _, output: drop(output, layer.p)):
            outputs = list(_passes(model, x, samples, layers))
    return torch.stack(outputs if head is None else [head(output) for output in outputs])


class Answer:
    """What a module gave, given again: a copy only if something changes it in place."""

    def __init__(self, output: Tensor) -> None:
        self.output, self.value = output, output.clone()
        self.changes = None if output.is_inference() else output._version

    def __call__(self, *_: Any, **__: Any) -> Tensor:
        """Return the value of then."""
        changed = self.changes is None or self.output._version != self.changes
        return self.value.clone() if changed else self.output


def _passes(model: nn.Module, x: Any, samples: int, layers: list[nn.Module]) -> Iterator[Tensor]:
    """Outputs of several passes; a module that ends before the first random layer runs once."""
    known: dict[nn.Module, Answer] = {}
    calls: Counter[nn.Module] = Counter()
    parts = [part for layer in layers for part in layer.modules()]  # of the random layers

    def remember(module: nn.Module, _: Any, output: Any) -> None:
        calls[module] += 1
        if any(calls[part] for part in parts):
            return
        for inner in module.modules():
            known.pop(inner, None)
        if isinstance(output, Tensor) and "forward" not in vars(module):
            known[module] = Answer(output)

    with hooked(model.modules(), remember):
        first = _forward(model, x)
    if not any(calls[layer] for layer in layers):
        raise ValueError("the model has dropout layers, but does not go through any of them")
    yield first
    once = {module: answer for module, answer in known.items() if calls[module] == 1}
    try:
        for module, answer in once.items():
            module.forward = answer
        for _ in range(samples - 1):
            yield _forward(model, x)
    finally:
        for module in once:
            vars(module).pop("forward", None)


def _forward(model: nn.Module, x: Any) -> Tensor:
    output: Tensor = model(*x) if isinstance(x, tuple) else model(x)
    return output
