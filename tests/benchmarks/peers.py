"""The same training in other libraries, each set up as its documentation advises, logs off."""

import importlib
import importlib.metadata
import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

Pair = tuple[Tensor, Tensor]
Train = Callable[[Pair, Pair, int], None]


def installed(module: str) -> bool:
    """Whether a library can be imported."""
    return importlib.util.find_spec(module) is not None


def hide_if_broken(module: str) -> None:
    """Make as if a package were not installed if it cannot be imported, and say why.

    torchvision built for another torch would take Lightning down with it: what Lightning is built
    on does not try to import torchvision, it believes the package's metadata.
    """
    if not installed(module):
        return
    try:
        importlib.import_module(module)
    except Exception as error:
        print(f"{module} cannot be imported and is hidden from the others: {error!r}")
        for name in [name for name in sys.modules if name.split(".")[0] == module]:
            del sys.modules[name]
        sys.modules[module] = None  # type: ignore[assignment]
        known = importlib.metadata.Distribution.from_name

        def from_name(name: str) -> importlib.metadata.Distribution:
            if name == module:
                raise importlib.metadata.PackageNotFoundError(name)
            return known(name)

        importlib.metadata.Distribution.from_name = staticmethod(from_name)  # type: ignore


def skorch(net: Callable[[], nn.Module], batch_size: int) -> Train:
    """Train with skorch's classifier."""
    from skorch import NeuralNetClassifier
    from skorch.dataset import Dataset
    from skorch.helper import predefined_split

    def train(data: Pair, validation: Pair, epochs: int) -> None:
        NeuralNetClassifier(
            net(),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=1e-3,
            max_epochs=epochs,
            batch_size=batch_size,
            iterator_train__shuffle=True,
            train_split=predefined_split(Dataset(*validation)),
            verbose=0,
        ).fit(*data)

    return train


def lightning(net: Callable[[], nn.Module], batch_size: int) -> Train:
    """Train with Lightning's Trainer."""
    import lightning

    for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def training_step(self, batch: Pair, index: int) -> Tensor:
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch: Pair, index: int) -> None:
            self.log("val_loss", F.cross_entropy(self.net(batch[0]), batch[1]))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    def train(data: Pair, validation: Pair, epochs: int) -> None:
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        loaders = (
            DataLoader(TensorDataset(*data), batch_size, shuffle=True),
            DataLoader(TensorDataset(*validation), len(validation[0])),
        )
        trainer.fit(Module(), *loaders)

    return train


def fastai(net: Callable[[], nn.Module], batch_size: int) -> Train:
    """Train with fastai's Learner."""
    import fastai.callback.progress  # noqa: F401 - it gives the Learner no_bar
    from fastai.basics import DataLoader, DataLoaders, Learner

    def train(data: Pair, validation: Pair, epochs: int) -> None:
        loaders = DataLoaders(
            DataLoader(TensorDataset(*data), bs=batch_size, shuffle=True, device="cpu"),
            DataLoader(TensorDataset(*validation), bs=len(validation[0]), device="cpu"),
        )
        learner = Learner(loaders, net(), loss_func=F.cross_entropy)  # its default is Adam
        with learner.no_bar(), learner.no_logging():
            learner.fit(epochs, 1e-3)

    return train


def keras(net: Callable[[], nn.Module], batch_size: int) -> Train:
    """Train the same layers with Keras on torch."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    def train(data: Pair, validation: Pair, epochs: int) -> None:
        dense = [layer for layer in net().modules() if isinstance(layer, nn.Linear)]
        last = dense[-1].out_features
        model = keras.Sequential(
            [keras.layers.Input((dense[0].in_features,))]
            + [keras.layers.Dense(layer.out_features, "relu") for layer in dense[:-1]]
            + [keras.layers.Dense(last)]
        )
        model.compile(
            keras.optimizers.Adam(1e-3),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        model.fit(
            *data, batch_size=batch_size, epochs=epochs, validation_data=validation, verbose=0
        )

    return train


def prepare(name: str, net: Callable[[], nn.Module], batch_size: int) -> Train | None:
    """A peer's training function, quiet; None, with a note, if it is not installed or broken."""
    if not installed(name):
        print(f"{name} is not installed, its row is left out: pip install -e '.[bench]'")
        return None
    hide_if_broken("torchvision")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train: Train = globals()[name](net, batch_size)
    except Exception as error:  # whatever one of its own packages raises
        print(f"{name} cannot be imported, its row is left out: {error!r}")
        return None

    def quiet(data: Pair, validation: Pair, epochs: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train(data, validation, epochs)

    return quiet
