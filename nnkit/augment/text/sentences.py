"""Whole sentences left out or put in another order."""

import re

import torch

from nnkit.augment.text.draws import checked_text, chosen, order

BETWEEN = re.compile(r"(?<=[.!?])\s+")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text: what ends with . ! or ? before a space ("Mr. X" is taken for two).

    Example:
        >>> from nnkit.augment.text import split_sentences
        >>> split_sentences("See it. Debate it!")
        ['See it.', 'Debate it!']
    """
    return BETWEEN.split(checked_text(text).strip())


def delete_sentences(text: str, share: float, generator: torch.Generator | None = None) -> str:
    """Leave out sentences, each with the probability `share`, but never all.

    Args:
        text: some sentences.
        share: the probability that a sentence is left out, in [0, 1].
        generator: what draws; None for torch's own state.

    Returns:
        The other sentences in their order; the text as it is if none is left out.

    Raises:
        TypeError: if text is no str or generator no generator.
        ValueError: if share is not in [0, 1].

    Example:
        >>> from nnkit.augment.text import delete_sentences, split_sentences
        >>> text = "See it. Debate it! Who knows?"
        >>> delete_sentences(text, 1.0) in split_sentences(text)  # one stays, whichever it is
        True
    """
    sentences = split_sentences(text)
    gone = chosen(len(sentences), share, generator)
    if not any(gone):
        return text
    if all(gone):  # a text keeps one sentence at least
        gone[order(len(sentences), generator)[0]] = False
    return " ".join(s for s, is_gone in zip(sentences, gone, strict=True) if not is_gone)


def reorder_sentences(
    text: str, share: float = 1.0, generator: torch.Generator | None = None
) -> str:
    """Put sentences in a random order.

    Args:
        text: some sentences.
        share: the probability that a sentence may leave its place, in [0, 1]; those that may
            change places with each other.
        generator: what draws; None for torch's own state.

    Returns:
        The same sentences; the text as it is if none has moved.

    Raises:
        TypeError: if text is no str or generator no generator.
        ValueError: if share is not in [0, 1].

    Example:
        >>> from nnkit.augment.text import reorder_sentences, split_sentences
        >>> text = "See it. Debate it! Who knows?"
        >>> sorted(split_sentences(reorder_sentences(text)))  # the same sentences
        ['Debate it!', 'See it.', 'Who knows?']
    """
    sentences = split_sentences(text)
    touched = chosen(len(sentences), share, generator)
    places = [i for i, touch in enumerate(touched) if touch]
    moved = list(sentences)
    for place, turn in zip(places, order(len(places), generator), strict=True):
        moved[place] = sentences[places[turn]]
    return text if moved == sentences else " ".join(moved)
