"""The output under every mask there is, with the probability of each."""

from typing import NamedTuple

import torch
from torch import Size, Tensor, nn

from nnkit._devices import brought
from nnkit._modes import eval_mode
from nnkit._precision import widened
from nnkit.dropout._layers import Head, hooked, random_layers

UNITS = 20  # of which all masks are a million
ROWS = 2**15  # in one pass


class AllMasks(NamedTuple):
    """Every mask of a net with M units that may be dropped.

    Attributes:
        kept: (2^M, M), whether a unit is kept; on the CPU.
        probabilities: (2^M,), float64, which not every device has, so on the CPU, too:
            p^k (1 - p)^(M - k) for k units dropped with one p.
        outputs: (2^M, N, out), what the net gives under each mask, where the net is.

    Example:
        >>> import torch
        >>> from nnkit.dropout import all_masks
        >>> from nnkit.models import MLP
        >>> masks = all_masks(MLP([2, 3, 1], dropout=0.5), torch.ones(1, 2))
        >>> masks.kept.shape, masks.outputs.shape  # 2³ masks of three units, an output for each
        (torch.Size([8, 3]), torch.Size([8, 1, 1]))
        >>> round(masks.probabilities.sum().item(), 6)
        1.0
    """

    kept: Tensor
    probabilities: Tensor
    outputs: Tensor

    @property
    def mean(self) -> Tensor:
        """The exact average over masks (N, out), by their probabilities."""
        return self._average(self.outputs)

    @property
    def std(self) -> Tensor:
        """The exact standard deviation over masks (N, out)."""
        apart = widened(self.outputs) - self.mean
        return self._average(apart.square()).sqrt().to(self.outputs.dtype)

    def _average(self, values: Tensor) -> Tensor:
        wide = widened(values)
        weight = self.probabilities.to(wide).view(-1, *[1] * (values.dim() - 1))
        return (weight * wide).sum(0).to(values.dtype)


@torch.no_grad()
def all_masks(model: nn.Module, x: Tensor, *, head: Head | None = None) -> AllMasks:
    """Return the outputs under all 2^M masks of a small net, with their probabilities.

    Args:
        model: a module whose ``nn.Dropout`` layers have M units in all, at most 20; in it a row
            must not depend on the others in evaluation mode. Each mask is shared by all rows.
        x: inputs (N, ...), brought to where the model is.
        head: applied to each output.

    Raises:
        ValueError: no dropout layer, one of another kind, or too many units.

    Example:
        >>> import torch
        >>> from nnkit.dropout import all_masks
        >>> from nnkit.models import MLP
        >>> net, x = MLP([2, 8, 1], dropout=0.2), torch.randn(5, 2)
        >>> torch.allclose(all_masks(net, x).mean, net.eval()(x), atol=1e-5)  # as behind one layer
        True
    """
    layers, x = _dropouts(model), brought(x, model)
    with eval_mode(model):
        shapes = _shapes(model, x, layers)
        units = sum(shape.numel() for shape in shapes)
        if units > UNITS:
            raise ValueError(f"{units} units have 2^{units} masks, at most {UNITS}: use mc_predict")
        numbers = torch.arange(2**units, device="cpu")
        kept = (numbers[:, None] >> torch.arange(units, device="cpu")) & 1  # (masks, units)
        outputs = [
            _under(masks, model, x, layers, shapes)
            for masks in torch.split(kept, max(1, ROWS // max(1, len(x))))
        ]
    values = torch.cat(outputs) if head is None else torch.cat([head(f) for f in outputs])
    pairs = zip(layers, shapes, strict=True)
    rates = [rate for layer, shape in pairs for rate in [layer.p] * shape.numel()]
    p = torch.tensor(rates, dtype=torch.float64, device="cpu")  # (units,)
    probabilities = torch.where(kept == 1, 1 - p, p).prod(1)
    return AllMasks(kept == 1, probabilities, values.view(len(kept), len(x), *values.shape[1:]))


def _under(
    masks: Tensor, model: nn.Module, x: Tensor, layers: list[nn.Dropout], shapes: list[Size]
) -> Tensor:
    """One pass for masks (K, units) and x (N, ...): outputs (K N, ...), mask by mask."""
    columns = torch.split(masks.to(x.device), [shape.numel() for shape in shapes], dim=1)
    scaled = {
        layer: mask.repeat_interleave(len(x), 0).view(-1, *shape) / ((1 - layer.p) or 1.0)
        for layer, mask, shape in zip(layers, columns, shapes, strict=True)
    }
    with hooked(layers, lambda layer, _, a: a * scaled[layer].to(a)):
        output: Tensor = model(x.repeat(len(masks), *[1] * (x.dim() - 1)))
    return output


def _dropouts(model: nn.Module) -> list[nn.Dropout]:
    layers = random_layers(model)
    for layer in layers:
        if not isinstance(layer, nn.Dropout):
            raise ValueError(f"all masks are known for nn.Dropout only, got {layer}")
    return [layer for layer in layers if isinstance(layer, nn.Dropout)]


def _shapes(model: nn.Module, x: Tensor, layers: list[nn.Dropout]) -> list[Size]:
    """The shape of what each dropout layer is given, without the rows."""
    shapes: dict[nn.Module, list[Size]] = {layer: [] for layer in layers}

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        shapes[layer].append(output.shape)

    with hooked(layers, note):
        model(x)
    for layer, seen in shapes.items():
        if len(seen) != 1 or seen[0][0] != len(x):
            raise ValueError(f"{layer} must be called once with a row per input, was with {seen}")
    return [seen[0][1:] for seen in shapes.values()]
