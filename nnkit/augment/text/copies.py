"""A set of labelled texts with augmented copies, and which of them belong together."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nnkit._checks import whole


def with_copies(
    texts: Sequence[str],
    y: Tensor | Sequence[int],
    transform: Callable[[str], str],
    copies: int = 1,
) -> tuple[list[str], Tensor, Tensor]:
    """Give every text some augmented copies with the same label.

    Args:
        texts: N texts.
        y: their labels, (N, ...).
        transform: makes a copy of one text, such as ``lambda text: delete_words(text, 0.1)``.
        copies: how many of each.

    Returns:
        The originals and after them all their copies; the labels; and the group of each, (N (1 +
        copies),), the number of its original: ``split(..., groups=groups)`` keeps them together.

    Raises:
        TypeError: if texts is one str, or copies no whole number.
        ValueError: if the texts are not as many as the labels, or copies is negative.

    Example:
        >>> import torch
        >>> from nnkit.augment.text import with_copies
        >>> with_copies(["good", "bad"], torch.tensor([1, 0]), str.upper)
        (['good', 'bad', 'GOOD', 'BAD'], tensor([1, 0, 1, 0]), tensor([0, 1, 0, 1]))
    """
    if isinstance(texts, str):
        raise TypeError(f"texts must be a list of texts, got the one text {texts!r}")
    y = torch.as_tensor(y)
    if len(texts) != len(y):
        raise ValueError(f"every text needs a label: got {len(texts)} texts, {len(y)} labels")
    rounds = 1 + whole("copies", copies, at_least=0)
    new = [transform(text) for _ in range(rounds - 1) for text in texts]
    groups = torch.arange(len(texts)).repeat(rounds)
    return [*texts, *new], torch.cat([y] * rounds), groups
