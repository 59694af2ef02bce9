"""Sentences about films and products and from editorials, rated by people."""

import torch
from torch import Tensor

from nnkit._checks import one_of
from nnkit.data.files import stored

SOURCES = ("film", "product", "editorial")


def sentences(source: str | None = None) -> tuple[list[str], Tensor]:
    """Return 565 short English texts and how they are rated: from -4, bad, to 4, good.

    A rating is the mean of some 20 people's; none of those here is between -1.2 and 1.2, so
    ``(ratings > 0).long()`` makes classes. About a sixth of the texts are several sentences.

    Args:
        source: "film", "product" or "editorial" for these alone; None for all.

    Returns:
        The texts, a list, and the ratings, (N,) float32.

    Source: Hutto and Gilbert, 2014; their licence and the way here in stored/sentences.

    Example:
        >>> from nnkit.data import sentences
        >>> texts, ratings = sentences("film")
        >>> len(texts), (ratings > 0).float().mean().round(decimals=2)
        (340, tensor(0.5400))
    """
    if source is not None:
        one_of("source", source, SOURCES)
    lines = stored("sentences", "sentences.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    rows = [row for row in rows if source in (None, row[0])]
    return [text for _, _, text in rows], torch.tensor([float(rating) for _, rating, _ in rows])
