"""A network whose output is the weights of another."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Size, Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.utils import prune

from nnkit._checks import whole
from nnkit._devices import normal
from nnkit._modes import eval_mode
from nnkit.models import MLP, Prediction

SPREAD = 0.5  # of a vector at the start


@dataclass(frozen=True)
class Slot:
    """How one tensor of the target is made from `size` numbers u of the hypernetwork.

    At the start u has variance 1, whatever the context. A weight is u √(2 / fan_in), which has the
    variance of He's initialisation, so that a signal neither grows nor fades in the target. (Chang,
    Flokas and Lipson, 2020, scale the last layer of the hypernetwork instead, which is not
    possible where one chunk serves several layers.) A vector starts about its mean in the target:
    0 for a bias, 1 for the gains of a normalisation.

    Attributes:
        names: the tensor's names in the target, several if it is tied.
        shape: its shape.
        centre: the value about which a vector starts.
        rank: None, or the rank r of a matrix made as a product of (rows, r) and (r, columns).
    """

    names: tuple[str, ...]
    shape: Size
    centre: float
    rank: int | None

    @property
    def size(self) -> int:
        """How many numbers of the hypernetwork it takes."""
        if self.rank is None:
            return self.shape.numel()
        return self.rank * (self.shape[0] + self.shape[1:].numel())

    def build(self, u: Tensor) -> Tensor:
        """Make the tensor: u (N, size) -> (N, *shape)."""
        if len(self.shape) < 2:
            return self.centre + SPREAD * u.view(-1, *self.shape)
        rows, fan_in = self.shape[0], self.shape[1:].numel()
        scale = math.sqrt(2 / fan_in)
        if self.rank is None:
            return scale * u.view(-1, *self.shape)
        left, right = torch.split(u, [rows * self.rank, self.rank * fan_in], dim=1)
        product = left.view(-1, rows, self.rank) @ right.view(-1, self.rank, fan_in)
        return scale / math.sqrt(self.rank) * product.view(-1, *self.shape)


def slots(target: nn.Module, rank: int | None) -> list[Slot]:
    """Return a slot for each parameter of the target, of low rank where that saves numbers."""
    names: dict[nn.Parameter, list[str]] = {}
    for name, parameter in target.named_parameters(remove_duplicate=False):
        names.setdefault(parameter, []).append(name)
    found = []
    for parameter, own in names.items():
        full = Slot(tuple(own), parameter.shape, float(parameter.detach().mean()), None)
        low = Slot(full.names, full.shape, full.centre, rank)
        is_matrix = parameter.dim() > 1
        found.append(low if rank and is_matrix and low.size < full.size else full)
    return found


class Hypernetwork(nn.Module):
    """A net H that makes the weights of a target net F: θ = H(c; φ), ŷ = F(x; θ).

    Only φ is trained: the target serves as a form, and its own weights are left behind. H
    normalises its hidden layers, so that the weights it makes start at the scale of He's
    initialisation whatever the context (see `Slot`).

    Args:
        target: F, any module; it is copied.
        context: numbers in a context c; 0 for a net driven by noise alone.
        hidden: widths of H's hidden layers.
        activation: of H, a name of ``nnkit.activations.ACTIVATIONS``.
        chunks: make θ in that many pieces by one and the same head, which is given an embedding
            of the piece to make (Ha, Dai and Le, 2016). None makes θ in one piece.
        embedding: numbers in the embedding of a chunk.
        rank: make every matrix as a product of two, of this rank, where that takes fewer numbers.
        noise: standard normal numbers added to the context, drawn afresh for every object.
        seed: draws the same φ every time; None draws from torch's random state.

    Attributes:
        network: H, an `MLP`.
        target: the form of F, without weights.
        generated: how many weights it makes for a context.
        stored: how many it is made of.
        compression: generated / stored; below 1 for a plain head, which is larger than its target.

    Raises:
        TypeError, ValueError: on any other argument; a target without parameters, with pruning
            masks, or with statistics over batches, which belong to one set of weights.

    Example:
        >>> import torch
        >>> from nnkit.hypernetworks import Hypernetwork
        >>> from nnkit.models import MLP
        >>> hyper = Hypernetwork(MLP([2, 8, 1]), context=3, seed=0)
        >>> hyper(torch.randn(5, 2), torch.randn(5, 3)).shape  # each object with weights of its own
        torch.Size([5, 1])
        >>> hyper.generated  # weights of the target: (2 + 1) 8 + (8 + 1) 1
        33
    """

    def __init__(
        self,
        target: nn.Module,
        context: int,
        hidden: Sequence[int] = (64,),
        *,
        activation: str = "relu",
        chunks: int | None = None,
        embedding: int = 8,
        rank: int | None = None,
        noise: int = 0,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        _check_target(target)
        self.context = whole("context", context, at_least=0)
        self.noise = whole("noise", noise, at_least=0)
        if self.context + self.noise == 0:
            raise ValueError("a hypernetwork needs an input: context or noise must be at least 1")
        rank = rank if rank is None else whole("rank", rank, at_least=1)
        self.slots = slots(target, rank)
        self.chunks = chunks if chunks is None else whole("chunks", chunks, at_least=1)

        inputs, numbers = self.context + self.noise + 1, sum(slot.size for slot in self.slots)
        if self.chunks is not None:
            if self.chunks > numbers:
                raise ValueError(f"{numbers} numbers cannot be made in {chunks} chunks")
            inputs += whole("embedding", embedding, at_least=1)
            numbers = math.ceil(numbers / self.chunks)
        self.network = MLP([inputs, *hidden, numbers], activation, norm="layer", seed=seed)
        if self.chunks is not None:
            # from another seed than the network's, or the two would hold the same numbers
            generator = None if seed is None else torch.Generator().manual_seed(seed + 1)
            like = next(self.network.parameters())
            self.embedding = nn.Parameter(normal((self.chunks, embedding), generator, like))
        self.batched = _all_linear(target)
        self.target = _form(target, self.batched)
        self.generated = sum(slot.shape.numel() for slot in self.slots)
        self.stored = sum(p.numel() for p in self.parameters())
        self.compression = self.generated / self.stored

    def forward(self, x: Tensor, c: Tensor | None = None, z: Tensor | None = None) -> Tensor:
        """Return ŷ (N, ...) for x (N, ...), each object with the weights of its own context.

        Args:
            x: the objects, as the target takes them.
            c: contexts (N, context), or one for all (context,); None if there are none.
            z: noise (N, noise), or one draw for all (noise,); None draws it for each object.
        """
        if self.noise and z is None:
            z = normal((len(x), self.noise), None, like=next(self.parameters()))
        theta = self.weights(c, z)
        sets = len(next(iter(theta.values())))
        if sets not in (1, len(x)):
            raise ValueError(f"{len(x)} objects need as many contexts, or one, got {sets}")
        return self._run_shared(theta, x) if sets == 1 else self._run_each(theta, x)

    def weights(self, c: Tensor | None = None, z: Tensor | None = None) -> dict[str, Tensor]:
        """Return θ = H(c; φ): every tensor of the target by name, (N, *shape), N sets of weights.

        Args:
            c: contexts (N, context) or (context,).
            z: noise (N, noise) or (noise,).
        """
        u = self._numbers(self._inputs(c, z))  # (N, numbers)
        parts = torch.split(u, [slot.size for slot in self.slots], dim=1)
        made = [(slot, slot.build(part)) for slot, part in zip(self.slots, parts, strict=True)]
        return {name: tensor for slot, tensor in made for name in slot.names}

    @torch.no_grad()
    def predict(
        self, x: Tensor, c: Tensor | None = None, samples: int = 100, seed: int | None = None
    ) -> Prediction:
        """Return mean and standard deviation of an ensemble, one member per draw of the noise.

        A member keeps its noise for all objects. The network is run in evaluation mode.

        Args:
            x: the objects (N, ...).
            c: contexts (N, context) or (context,); None if there are none.
            samples: how many members.
            seed: draws the same members every time; None draws from torch's random state.

        Raises:
            ValueError: a hypernetwork without noise, or fewer than 2 samples.
        """
        if not self.noise:
            raise ValueError("without noise all members are equal: build with noise=1 or more")
        size = whole("samples", samples, at_least=2), self.noise
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        draws = normal(size, generator, like=next(self.parameters()))
        with eval_mode(self):
            members = torch.stack([self(x, c, z) for z in draws])  # (samples, N, ...)
        return Prediction(members.mean(dim=0), members.std(dim=0))

    def extra_repr(self) -> str:
        """How many weights are made of how many."""
        return f"generated={self.generated}, stored={self.stored}"

    def _inputs(self, c: Tensor | None, z: Tensor | None) -> Tensor:
        given = [("c", c, self.context), ("z", z, self.noise)]
        parts = [_rows(*each) for each in given if each[1] is not None or each[2] > 0]
        rows = max(len(part) for part in parts)
        if any(len(part) not in (1, rows) for part in parts):
            raise ValueError(f"c and z must have as many rows, or one, got {[*map(len, parts)]}")
        # beside a constant 1 the normalisation leaves the length of a context to be seen
        parts.append(torch.ones_like(parts[0][:1, :1]))
        return torch.cat([part.expand(rows, -1) for part in parts], dim=1)

    def _numbers(self, inputs: Tensor) -> Tensor:
        u: Tensor
        if self.chunks is None:
            u = self.network(inputs)  # (N, numbers)
        else:
            piece = self.embedding.expand(len(inputs), -1, -1)  # (N, chunks, embedding)
            same = inputs.unsqueeze(1).expand(-1, self.chunks, -1)  # (N, chunks, inputs)
            u = self.network(torch.cat([same, piece], dim=2)).flatten(1)
        return u[:, : sum(slot.size for slot in self.slots)]  # the last chunk may be too long

    def _run_shared(self, theta: dict[str, Tensor], x: Tensor) -> Tensor:
        if self.batched:
            y: Tensor = functional_call(self.target, theta, x.unsqueeze(0))  # (1, N, features)
            return y.squeeze(0)
        y = functional_call(self.target, {name: value[0] for name, value in theta.items()}, x)
        return y

    def _run_each(self, theta: dict[str, Tensor], x: Tensor) -> Tensor:
        if self.batched:
            y: Tensor = functional_call(self.target, theta, x.unsqueeze(1))  # (N, 1, features)
            return y.squeeze(1)

        def run_one(weights: dict[str, Tensor], row: Tensor) -> Tensor:
            y: Tensor = functional_call(self.target, weights, row.unsqueeze(0))
            return y.squeeze(0)

        y = vmap(run_one, randomness="different")(theta, x)
        return y


class _BatchedLinear(nn.Module):
    """A linear layer for several sets of weights at once, about ten times a loop over them."""

    weight: Tensor  # (sets, out, in)
    bias: Tensor  # (sets, out)

    def __init__(self) -> None:
        super().__init__()
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)

    def forward(self, x: Tensor) -> Tensor:
        """Map (sets, N, in) to (sets, N, out)."""
        return torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.mT)


def _all_linear(target: nn.Module) -> bool:
    """Whether it is an `MLP` with all parameters in its linear layers: no PReLU, no norm."""
    return type(target) is MLP and not [*target.after.parameters()]


def _form(target: nn.Module, batched: bool) -> nn.Module:
    """Copy the target without its weights, in training mode as a new module is."""
    form = copy.deepcopy(target).train()
    if batched:
        assert isinstance(form, MLP)
        form.layers = nn.ModuleList(_BatchedLinear() for _ in form.layers)
    for module in form.modules():
        for name, _ in [*module.named_parameters(recurse=False)]:
            setattr(module, name, None)  # stays a place that functional_call fills
    return form


def _check_target(target: nn.Module) -> None:
    if not isinstance(target, nn.Module):
        raise TypeError(f"target must be a torch.nn.Module, got {target!r}")
    if not [*target.parameters()]:
        raise ValueError(f"target has no parameters to generate: {target}")
    if prune.is_pruned(target):
        raise ValueError("target carries pruning masks: make them final by nnkit.pruning.finalize")
    for name, module in target.named_modules():
        in_batch = isinstance(module, _BatchNorm)
        if in_batch or (isinstance(module, _NormBase) and module.track_running_stats):
            raise ValueError(
                f"the target's {name or 'whole'} is a {type(module).__name__}: it takes statistics "
                "over objects of one set of weights, in its buffers, but here each object has its "
                'own; normalise every object by itself: nn.LayerNorm, MLP(..., norm="layer")'
            )


def _rows(name: str, value: Tensor | None, width: int) -> Tensor:
    """Check contexts or noise and return them as (rows, width)."""
    shape = None if value is None else tuple(value.shape)
    if value is None or value.dim() not in (1, 2) or value.shape[-1] != width:
        raise ValueError(f"{name} must have the shape (N, {width}) or ({width},), got {shape}")
    if not value.is_floating_point():
        raise TypeError(
            f"{name} must hold floating-point numbers, got {value.dtype}; for task numbers give "
            "K**0.5 * F.one_hot(c, K)"
        )
    return value.reshape(-1, width)
