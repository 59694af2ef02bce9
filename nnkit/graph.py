"""Networks of any acyclic shape: named nodes, each a callable on the values of other nodes.

>>> import torch
>>> from torch import nn
>>> from nnkit.graph import Graph, concat
>>> graph = Graph(
...     inputs={"x": 2},
...     nodes={
...         "h": (nn.Linear(2, 8), "x"),
...         "a": (torch.tanh, "h"),
...         "both": (concat, "a", "x"),
...         "y": (nn.Linear(10, 1), "both"),
...     },
...     output="y",
... )
>>> graph(torch.zeros(5, 2)).shape
torch.Size([5, 1])
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import torch
from torch import Tensor, nn

from nnkit._checks import one_of, whole
from nnkit._modes import Function, eval_mode

__all__ = ["Graph", "concat"]

PROBE_ROWS = 3  # rows of the batch of zeros that goes through a new graph


def concat(*tensors: Tensor) -> Tensor:
    """Join tensors (N, F_1, ...), (N, F_2, ...) along their features into (N, F_1 + F_2, ...).

    Example:
        >>> import torch
        >>> from nnkit.graph import concat
        >>> concat(torch.zeros(5, 3), torch.zeros(5, 2)).shape
        torch.Size([5, 5])
    """
    return torch.cat(tensors, dim=1)


class Graph(nn.Module):
    """A network given as an acyclic graph of named nodes.

    Args:
        inputs: for every input its number of features, or its shape without the batch.
        nodes: for every node a callable and the names of the nodes or inputs that it acts on.
            One module at two nodes shares its weights between them.
        output: the node whose value the network returns.

    Attributes:
        nodes: the callables by node as modules, ``nn.ModuleDict``; parameters are named after
            their node, as in ``nodes.h.weight``.
        parents: for every node the names that it acts on.
        order: the nodes in an order in which they can be computed.
        shapes: for every input and node its shape without the batch.
        output: as given.

    Raises:
        TypeError, ValueError: on an unknown name, a cycle, a node that the output does not need,
            or shapes that do not fit, found by sending zeros through the graph.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from nnkit.graph import Graph
        >>> layer, x = nn.Linear(2, 2), torch.ones(5, 2)
        >>> net = Graph({"x": 2}, {"h": (layer, "x"), "y": (torch.add, "h", "x")}, output="y")
        >>> torch.equal(net(x), layer(x) + x)  # a skip connection
        True
    """

    def __init__(
        self,
        inputs: Mapping[str, int | tuple[int, ...]],
        nodes: Mapping[str, tuple[Any, ...]],
        output: str,
    ) -> None:
        super().__init__()
        self.inputs = list(inputs)
        self.output = output
        self.parents = _parents(inputs, nodes)
        self.order = _order(self.inputs, self.parents, output)
        self.nodes = nn.ModuleDict()
        for name, (function, *_) in nodes.items():
            if not name or "." in name or hasattr(self.nodes, name):
                raise ValueError(
                    f"a node cannot be called {name!r}: dots and the names of torch's own module "
                    "methods are taken; choose another"
                )
            self.nodes[name] = function if isinstance(function, nn.Module) else Function(function)
        self.shapes = {name: _input_shape(name, shape) for name, shape in inputs.items()}
        self._probe()

    def forward(self, *tensors: Tensor, **named: Tensor) -> Tensor:
        """Return the output's value for one tensor per input, in their order or by name."""
        values = self._bind(tensors, named)
        for name in self.order:
            values[name] = self.nodes[name](*[values[parent] for parent in self.parents[name]])
        return values[self.output]

    def __repr__(self) -> str:
        lines = [f"{name}: {_show(self.shapes[name])}" for name in self.inputs]
        lines += [f"{self._formula(name)}: {_show(self.shapes[name])}" for name in self.order]
        return "Graph(\n  " + "\n  ".join(lines) + f"\n  output {self.output}\n)"

    def _formula(self, name: str) -> str:
        module = self.nodes[name]
        # a module of many lines is named by its class alone
        label = f"{type(module).__name__}(…)" if len(list(module.children())) else repr(module)
        return f"{name} = {label}({', '.join(self.parents[name])})"

    def _bind(self, tensors: tuple[Tensor, ...], named: dict[str, Tensor]) -> dict[str, Tensor]:
        values = dict(zip(self.inputs, tensors, strict=False)) | named
        if len(tensors) + len(named) != len(self.inputs) or values.keys() != set(self.inputs):
            raise TypeError(
                f"the graph takes one tensor for each of {', '.join(self.inputs)}; "
                f"got {len(tensors)} by position and {list(named)} by name"
            )
        for name, value in values.items():
            if tuple(value.shape[1:]) != self.shapes[name]:
                raise ValueError(
                    f"input {name!r} must be {_show(self.shapes[name])}, got {tuple(value.shape)}"
                )
        return values

    @torch.no_grad()
    def _probe(self) -> None:
        """Send zeros through every node to learn its shape, or say which one does not fit."""
        like = next(self.parameters(), torch.empty(0))
        values = {
            name: torch.zeros(PROBE_ROWS, *shape, dtype=like.dtype, device=like.device)
            for name, shape in self.shapes.items()
        }
        with eval_mode(self):  # running averages and the random state stay untouched
            for name in self.order:
                values[name] = self._probe_node(name, [values[p] for p in self.parents[name]])
                self.shapes[name] = tuple(values[name].shape[1:])

    def _probe_node(self, name: str, arguments: list[Tensor]) -> Tensor:
        module = self.nodes[name]
        met = ", ".join(f"{parent} {_show(self.shapes[parent])}" for parent in self.parents[name])
        try:
            value = module(*arguments)
        except Exception as error:  # whatever the node raises, the message names the node
            takes = (
                f"; it takes (N, {module.in_features})" if hasattr(module, "in_features") else ""
            )
            raise ValueError(f"node {self._formula(name)} met {met}{takes}: {error}") from error
        if not isinstance(value, Tensor):
            raise TypeError(
                f"node {self._formula(name)} must return one tensor, got {type(value).__name__}"
            )
        if value.ndim == 0 or value.shape[0] != PROBE_ROWS:
            raise ValueError(
                f"node {self._formula(name)} met {met} and must keep the rows of the batch, "
                f"N = {PROBE_ROWS} here; it returned {tuple(value.shape)}"
            )
        return value


def _show(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"


def _input_shape(name: str, shape: int | tuple[int, ...]) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, tuple) else (shape,)
    return tuple(whole(f"each size of input {name!r}", size, at_least=1) for size in sizes)


def _parents(
    inputs: Mapping[str, Any], nodes: Mapping[str, tuple[Any, ...]]
) -> dict[str, tuple[str, ...]]:
    both = sorted(inputs.keys() & nodes.keys())
    if both:
        raise ValueError(f"{both[0]!r} is both an input and a node; give it one of the two")
    known = [*inputs, *nodes]
    parents = {}
    for name, node in nodes.items():
        if not isinstance(node, tuple) or len(node) < 2 or not callable(node[0]):
            raise TypeError(
                f"node {name!r} must be (callable, name of an input or node, ...), got {node!r}"
            )
        parents[name] = node[1:]
        for parent in parents[name]:
            one_of(f"input to node {name!r},", parent, known)
    return parents


def _order(inputs: list[str], parents: dict[str, tuple[str, ...]], output: str) -> list[str]:
    one_of("output node", output, parents)
    try:
        order = list(TopologicalSorter(parents).static_order())
    except CycleError as error:
        raise ValueError(
            f"the graph must not have a cycle, but {' → '.join(error.args[1])}"
        ) from None
    needed = {output}
    for name in reversed(order):
        if name in needed:
            needed.update(parents.get(name, ()))
    idle = [name for name in (*inputs, *parents) if name not in needed]
    if idle:
        raise ValueError(f"output {output!r} does not depend on {', '.join(idle)}; leave it out")
    return [name for name in order if name in parents]
