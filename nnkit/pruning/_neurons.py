"""Remove neurons and channels from a net, whose tensors get smaller; the result is tried out."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import takewhile
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nnkit._checks import indices, number, one_of, whole
from nnkit._precision import agree
from nnkit.models import MLP
from nnkit.pruning._chain import SPACE, Link, Parts, chain, links
from nnkit.symmetry._moves import duplicate

Net = TypeVar("Net", bound=nn.Module)

OUT = ("out_features", "out_channels", "num_features", "num_parameters")
IN = ("in_features", "in_channels")


def prune_neurons(
    model: Net,
    amount: float,
    *,
    by: str = "weights",
    scope: str = "layer",
    multiple_of: int = 1,
) -> Net:
    """Return a smaller net without a share of the neurons of each hidden layer, or channels.

    Args:
        model: an `MLP` without skips, or an ``nn.Sequential`` of linear and convolutional layers,
            batch normalisation, and what is known to act on each channel alone: activations,
            dropout, pooling. Its inputs are batches (N, ...).
        amount: the share of neurons to go, in [0, 1]; each layer keeps one at least.
        by: the lowest scores go. "weights": the norm of a neuron's incoming weights times that of
            its outgoing ones, which no rescaling of a ReLU changes. "incoming": the sum of |w|
            that come in (Li et al., 2017). "gamma": |γ| of its batch normalisation (network
            slimming; Liu et al., 2017); at γ = 0 a neuron still gives the constant h(β), which
            goes with it, so train on a little.
        scope: "layer" for the same share of each layer; "global" to rank all together, which
            makes sense where scores are comparable, as γ is.
        multiple_of: round the number of neurons that stay to a multiple of this, such as 8 or 16,
            with which processors are faster.

    Raises:
        TypeError, ValueError: a net that is not such a chain; a share out of range; no γ.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import prune_neurons
        >>> prune_neurons(MLP([64, 100, 100, 10]), 0.75).sizes
        [64, 25, 25, 10]
        >>> prune_neurons(MLP([64, 100, 100, 10]), 0.7, multiple_of=8).sizes
        [64, 32, 32, 10]
    """
    share = number("amount", amount, at_least=0, at_most=1)
    score = SCORES[one_of("by", by, SCORES)]
    one_of("scope", scope, ("layer", "global"))
    step = whole("multiple_of", multiple_of, at_least=1)
    with torch.no_grad():
        chain = links(model)
        scores = [score(link) for link in chain]
    for link, own in zip(chain, scores, strict=True):
        if own.isnan().any():
            raise ValueError(f"weights of layer {link.name} hold nan: no neuron is the least")
    if scope == "layer":
        counts = [(1 - share) * len(s) for s in scores]
    else:
        together = torch.cat(scores)
        top = together.topk(round((1 - share) * len(together))).indices
        kept = torch.zeros(len(together)).index_fill(0, top.cpu(), 1.0)
        parts = torch.split(kept, [len(s) for s in scores])
        counts = [float(part.sum()) for part in parts]
    keep = []
    for s, count in zip(scores, counts, strict=True):
        left = max(1, round(count / step)) * step
        keep.append(s.topk(min(left, len(s))).indices)
    return shrink(model, keep)


def shrink(model: Net, keep: Sequence[Sequence[int] | Tensor]) -> Net:
    """Return a net with only the given neurons of each hidden layer, or channels.

    It computes, in evaluation mode, what the net does in which the other neurons give 0 to the
    next layer, which is tried on random inputs. A neuron is an output of the layer with all that
    is done to it before the next one: normalisation, activation, pooling. (To silence it before
    them would be something else: a batch normalisation makes β - γμ/σ of 0, a sigmoid 1/2.)

    Args:
        model: as for :func:`prune_neurons`; left as it is.
        keep: for each hidden layer the numbers of the neurons to keep, in any order.

    Raises:
        TypeError, ValueError: another kind of net, or numbers that are no neurons.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import shrink
        >>> net, x = MLP([4, 3, 2]), torch.randn(5, 4)
        >>> net.layers[1].weight.data[:, 1] = 0.0  # nobody listens to neuron 1
        >>> small = shrink(net, [[0, 2]])
        >>> small.sizes, torch.allclose(small(x), net(x), atol=1e-6)
        ([4, 2, 2], True)
    """
    small = duplicate(model)
    chain = links(small)
    if len(keep) != len(chain):
        names = ", ".join(link.name for link in chain)
        raise ValueError(f"keep must be a list for each of {names}, got {len(keep)} of them")
    chosen = [_chosen(link, given) for link, given in zip(chain, keep, strict=True)]
    for link, kept in zip(chain, chosen, strict=True):
        _cut(link, kept)
    for module in small.modules():
        if isinstance(module, MLP):
            widths = [layer.get_parameter("weight").shape[0] for layer in module.layers]
            module.sizes = [module.layers[0].get_parameter("weight").shape[1], *widths]
    check_on_probes(model, small, chosen)
    return small


def _chosen(link: Link, given: Sequence[int] | Tensor) -> Tensor:
    """The numbers of the neurons to keep, in order and each once."""
    rule = f"layer {link.name} keeps some of neurons 0 to {link.width - 1}"
    chosen = sorted(set(indices(rule, given, link.width)))
    if not chosen:
        raise ValueError(f"{rule}, got none")
    return torch.tensor(chosen)


@torch.no_grad()
def _cut(link: Link, keep: Tensor) -> None:
    """Shrink a layer, what normalises it and the inputs of what follows, in place."""
    width, inputs, wide = link.width, link.inputs, link.columns(keep)
    _select(link.layer, keep, width, 0)
    for _, module in link.between:
        for size, index in ((width, keep), (inputs, wide)):
            _select(module, index, size, 0)
    _select(link.following, wide, inputs, 1)


def _select(module: nn.Module, keep: Tensor, size: int, dim: int) -> None:
    """Keep some entries, along a dimension, of all tensors of a module that have so many there."""
    for name, tensor in [*module.named_parameters(recurse=False)]:
        if tensor.dim() > dim and tensor.shape[dim] == size:
            fewer = tensor.index_select(dim, keep.to(tensor.device))
            setattr(module, name, nn.Parameter(fewer, requires_grad=tensor.requires_grad))
    for name, buffer in [*module.named_buffers(recurse=False)]:
        if buffer.dim() > dim and buffer.shape[dim] == size:
            setattr(module, name, buffer.index_select(dim, keep.to(buffer.device)))
    for name in (OUT, IN)[dim]:
        if getattr(module, name, None) == size:
            setattr(module, name, len(keep))


def _norms(link: Link) -> Tensor:
    incoming = link.layer.get_parameter("weight").flatten(1)  # (width, ...)
    outgoing = link.following.get_parameter("weight").transpose(0, 1).reshape(link.width, -1)
    norm = torch.linalg.vector_norm
    product: Tensor = norm(incoming, dim=1) * norm(outgoing, dim=1)
    return product


def _incoming(link: Link) -> Tensor:
    return link.layer.get_parameter("weight").flatten(1).abs().sum(1)


def _gamma(link: Link) -> Tensor:
    for _, module in link.between:
        if isinstance(module, _BatchNorm) and module.affine:
            return module.weight.abs().view(link.width, -1).mean(1)
    raise ValueError(f"layer {link.name} has no batch normalisation, whose γ would be its score")


SCORES: dict[str, Callable[[Link], Tensor]] = {
    "weights": _norms,
    "incoming": _incoming,
    "gamma": _gamma,
}


ROWS = 3
LARGEST = 2**16  # pixels along an image that are tried


@torch.no_grad()
def check_on_probes(net: nn.Module, small: nn.Module, keep: Sequence[Tensor]) -> None:
    """Compare the two from their first layer to their last, in evaluation mode and on the CPU.

    Raises:
        ValueError: they differ, or no input was found with which they run.
    """
    net, small = (duplicate(n).cpu().double().eval() for n in (net, small))
    parts, chained, silent = chain(net), links(net), {}
    for link, kept in zip(chained, keep, strict=True):
        gone = torch.ones(link.width, dtype=torch.bool).index_fill(0, kept, False)
        silent[link.following] = link.columns(gone.nonzero().flatten())
    x, (_, last) = _probe(parts, chained), parts[-1]
    into_last = _run(parts[:-1], x, silent)
    wanted = _run(parts[-1:], into_last, silent)
    got = _run(chain(small), x, {})
    terms = float(into_last.abs().max() * last.get_parameter("weight").abs().max())
    if not agree(got, wanted, terms, wanted.dtype):
        raise ValueError(
            f"the smaller net would be another function, off by {(got - wanted).abs().max():.2g} "
            f"on random inputs: some layer of {type(net).__name__} ties its neurons together"
        )


def _run(parts: Parts, x: Tensor, silent: dict[nn.Module, Tensor]) -> Tensor:
    """The output of the parts; some inputs of some of them are 0."""
    for _, part in parts:
        if part in silent:
            x = x.index_fill(1, silent[part], 0.0)
        x = part(x)
    return x


def _probe(parts: Parts, chained: list[Link]) -> Tensor:
    """Random inputs (rows, features), or images on which the parts run, faint and strong."""
    weight = parts[0][1].get_parameter("weight")
    shape = (ROWS, weight.shape[1], *_image(parts, chained))
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=weight.dtype)
    strength = torch.logspace(-1, 1, ROWS, dtype=x.real.dtype)
    return x * strength.view(-1, *[1] * (x.dim() - 1))


def _image(parts: Parts, chained: list[Link]) -> list[int]:
    """The sides of the smallest image that the parts take in; none if the first is linear."""
    space, weight = SPACE[type(parts[0][1])], parts[0][1].get_parameter("weight")
    if not space:
        return []
    before = takewhile(lambda part: type(part[1]) is not nn.Flatten, parts)
    in_space = duplicate(nn.Sequential(*(part for _, part in before))).to("meta")

    @cache
    def left(pixels: int) -> tuple[int, ...]:
        """The sides of what an image of so many pixels a side becomes, 0 if it is too small."""
        x = torch.empty(1, weight.shape[1], *[pixels] * space, dtype=weight.dtype, device="meta")
        try:
            return tuple(in_space(x).shape[2:])
        except (RuntimeError, ValueError):
            return (0,) * space

    def along(axis: int, pixels: int) -> int:
        return left(pixels)[axis]

    blocks = [k.inputs // k.width for k in chained if k.flattens]
    for sides in _factors(blocks[0], space) if blocks else [(1,) * space]:
        # what is left of one side depends on that side alone, and grows with it
        reach = range(1, LARGEST)  # without a pixel there is an output, too, where padding is
        image = [
            1 + bisect_left(reach, side, key=partial(along, k)) for k, side in enumerate(sides)
        ]
        found = [along(k, pixels) for k, pixels in enumerate(image)]
        if found == list(sides) or (not blocks and min(found) > 0):
            return image
    raise ValueError(
        f"no image was found on which the net runs: after its Flatten {blocks} numbers of each "
        "channel go into the next layer"
    )


def _factors(number: int, count: int) -> list[tuple[int, ...]]:
    """All ways to make a number of so many factors, the most alike first."""
    if count == 1:
        return [(number,)]
    found = [
        (first, *others)
        for first in range(1, number + 1)
        if number % first == 0
        for others in _factors(number // first, count - 1)
    ]
    return sorted(found, key=max)
