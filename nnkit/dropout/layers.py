"""The layers of a net that drop something, and hooks on them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from nnkit.layers import DropConnect

Head = Callable[[Tensor], Tensor]


def random_layers(model: nn.Module) -> list[nn.Module]:
    """The layers that are random in train mode and nothing else."""
    found: list[nn.Module] = [
        module
        for module in model.modules()
        if isinstance(module, _DropoutNd | DropConnect)
        or (isinstance(module, nn.MultiheadAttention | nn.RNNBase) and module.dropout > 0)
    ]
    if not found:
        raise ValueError(
            "the model has no dropout layer, so that every mask would give the same output. "
            "Hint: MLP(..., dropout=0.5), or nn.Dropout modules"
        )
    return found


@contextmanager
def hooked(modules: Iterable[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """Within the block a hook sees and may replace the output of each of the modules."""
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
