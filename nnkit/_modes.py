"""Modules in general: train and eval mode, changed for a while; a function as a module."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn


class Function(nn.Module):
    """A plain function of tensors as a module."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Tensor:
        """Apply the function."""
        return self.function(*tensors)

    def __repr__(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """Afterwards every submodule is in train or eval mode as it was before."""
    before = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def enter_train_mode(model: nn.Module) -> None:
    """Put a model that is wholly in evaluation mode in train mode, as it was just used to predict.

    A submodule that alone is in evaluation mode was put there on purpose, and stays in it.
    """
    if not any(module.training for module in model.modules()):
        model.train()


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Put the model in evaluation mode; afterwards every submodule has its old mode again."""
    with modes_kept(model):
        model.eval()
        yield


def stay_in_evaluation(module: nn.Module, _: object) -> None:
    """The hook on a frozen normalisation, whatever mode the model is in."""
    module.eval()
