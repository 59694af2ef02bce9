"""The pictures in ``img/``, every one drawn by code: ``python -m nnkit.course.readme_pictures``.

The same versions write the same bytes on any machine: training runs in float64 and its weights
are rounded, so that the last bits, in which processors differ, reach no picture.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from nnkit.data import two_moons
from nnkit.models import MLP
from nnkit.plots import network, surface, use_style
from nnkit.plots._canvas import Picture


def build(folder: Path) -> list[Path]:
    """Write every picture into ``folder`` as SVG and return the files."""
    use_style()
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, (draw, words) in PICTURES.items():
        path = folder / f"{name}.svg"
        draw().savefig(path, metadata={"Date": None, "Title": words})
        files.append(path)
    return files


def from_neuron_to_network() -> Figure:
    """Draw a neuron and a network with what each makes of the two moons below it."""
    X, y = _moons()
    figure = Picture(figsize=(11, 7))
    halves: Any = figure.subfigures(1, 2, wspace=0.04)
    for half, sizes, title in zip(
        halves,
        ([2, 1], [2, 8, 8, 1]),
        ("One neuron: a straight border", "17 neurons: a border that bends"),
        strict=True,
    ):
        model = _trained(MLP(sizes, "tanh", head="sigmoid", seed=3), X, y)
        half.suptitle(title, x=0.13, ha="left")
        diagram, plane = half.subplots(2, 1, height_ratios=(1, 1.3))
        network(model, diagram, inputs=["$x_1$", "$x_2$"], outputs=["$y$"])
        surface(model, X, y, plane, resolution=120)
    return figure


def neuron() -> Figure:
    """Draw a single neuron from above and in relief."""
    w, b = torch.tensor([1.2, 0.7], dtype=torch.float64), -0.4
    return surface(
        lambda x: torch.sigmoid(x.double() @ w + b),
        normal=(w.tolist(), b),
        relief=True,
        title="A neuron rises along w, and along w only",
    )


PICTURES: dict[str, tuple[Callable[[], Figure], str]] = {
    "from-neuron-to-network": (
        from_neuron_to_network,
        "One neuron separates two crescents of points by a straight line and makes mistakes; "
        "a network with two hidden layers bends its border around them.",
    ),
    "neuron": (
        neuron,
        "The output of a neuron with two inputs, from above and in relief: straight level lines "
        "at right angles to the weight vector w.",
    ),
}


def _moons() -> tuple[Tensor, Tensor]:
    X, y = two_moons(240, noise=0.12, seed=1)
    return X.double().round(decimals=3), y


def _trained(model: MLP, X: Tensor, y: Tensor) -> MLP:
    """Train on all of X at once, in float64, and round the weights."""
    model.double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03, foreach=False)
    for _ in range(200):
        loss = nn.functional.binary_cross_entropy(model(X)[:, 0], y.double())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.round(decimals=3))
    return model


if __name__ == "__main__":
    for file in build(Path(sys.argv[1] if len(sys.argv) > 1 else "img")):
        print(file)
