"""What `torch.compile` gains: of the model alone, and of a whole training step in one graph."""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value

Pair = tuple[Tensor, Tensor]


def one_graph(
    net: Callable[[], nn.Module], batch_size: int
) -> tuple[Callable[[Pair, Pair, int], None], float]:
    """A loop whose step, Adam included, is one compiled function; and the seconds to compile it."""
    model = net()

    def objective(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(model, weights, (x,)), y)

    def step(weights, means, squares, x, y, lr, correction):  # type: ignore[no-untyped-def]
        gradients, loss = grad_and_value(objective)(weights, x, y)
        for name, g in gradients.items():
            means[name] = 0.9 * means[name] + 0.1 * g
            squares[name] = 0.999 * squares[name] + 0.001 * g * g
            root = squares[name].sqrt() / correction + 1e-8
            weights[name] = weights[name] - lr * means[name] / root
        return weights, means, squares, loss

    compiled = torch.compile(step, fullgraph=True, dynamic=False)

    def train(data: Pair, validation: Pair, epochs: int) -> None:
        x, y = data
        weights = {name: p.detach().clone() for name, p in net().named_parameters()}
        means = {name: torch.zeros_like(p) for name, p in weights.items()}
        squares = {name: torch.zeros_like(p) for name, p in weights.items()}
        count = 0
        for _ in range(epochs):
            order = torch.randperm(len(x))
            total = 0.0
            for a, b in zip(x[order].split(batch_size), y[order].split(batch_size), strict=True):
                count += 1
                lr = torch.tensor(1e-3 / (1 - 0.9**count))
                correction = torch.tensor((1 - 0.999**count) ** 0.5)
                run = compiled if len(a) == batch_size else step
                weights, means, squares, loss = run(weights, means, squares, a, b, lr, correction)
                total += loss.item() * len(a)
            with torch.no_grad():
                objective(weights, *validation).item()

    x, y = torch.randn(batch_size, 64), torch.zeros(batch_size, dtype=torch.long)
    start = time.perf_counter()
    train((x, y), (x, y), 1)
    return train, time.perf_counter() - start
