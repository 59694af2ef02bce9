"""A shrunk net tried on random inputs: it must give what the net with silent neurons gives."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache, partial
from itertools import takewhile

import torch
from torch import Tensor, nn

from nnkit._precision import agree
from nnkit.pruning.chain import SPACE, Link, Parts, chain, links
from nnkit.symmetry.moves import duplicate

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
