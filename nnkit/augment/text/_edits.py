"""Words and sentences replaced, left out or reordered; and a set of texts with such copies."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache

import torch
from torch import Tensor

from nnkit._checks import number, whole
from nnkit._devices import check_generator, uniform
from nnkit.data._stored import stored

WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")  # don't, one-legged

NEGATIONS = frozenset({
    "no", "not", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "without",
    "hardly", "barely", "scarcely", "cannot", "can't", "couldn't", "won't", "wouldn't", "shouldn't",
    "ain't", "isn't", "aren't", "wasn't", "weren't", "don't", "doesn't", "didn't", "hasn't",
    "haven't", "hadn't",
})  # fmt: skip
"""Words that turn what a sentence says; for ``keep``."""


def synonyms(word: str) -> list[str]:
    """The synonyms of a word's most frequent sense, [] if none is stored; case does not matter.

    Source: WordNet 3.1 (Miller, 1995), pruned; licence and changes in data/stored/synonyms.

    Example:
        >>> from nnkit.augment.text import synonyms
        >>> synonyms("Awful")
        ['dreadful', 'terrible', 'unspeakable']
        >>> synonyms("nnkit")
        []
    """
    return list(_table().get(checked_text(word).lower(), []))


def replace_synonyms(
    text: str,
    share: float,
    generator: torch.Generator | None = None,
    *,
    keep: Collection[str] = (),
) -> str:
    """Replace words by one of their synonyms.

    A word's sense is not asked for: the most frequent is taken, right or wrong.

    Args:
        text: any English text.
        share: how many of the words that have a synonym are replaced, on average; in [0, 1].
        generator: what draws; None for torch's own state.
        keep: words that stay as they are, whatever their case.

    Returns:
        The text with the rest as it was; a replaced word keeps its capitals.

    Raises:
        TypeError: if text is no str, keep one str, or generator no generator.
        ValueError: if share is not in [0, 1].

    Source: Zhang, Zhao and LeCun, 2015; Wei and Zou, 2019.

    Example:
        >>> from nnkit.augment.text import replace_synonyms
        >>> replace_synonyms("A funny film to purchase!", 1.0, keep=["film"])
        'A comic film to buy!'
    """
    words = list(WORD.finditer(checked_text(text)))
    kept = _kept(keep)
    touched = chosen(len(words), share, generator)
    parts, end = [], 0
    for word, touch in zip(words, touched, strict=True):
        known = synonyms(word.group())
        if touch and known and word.group().lower() not in kept:
            new = known[order(len(known), generator)[0]]
            parts += [text[end : word.start()], _with_case_of(word.group(), new)]
            end = word.end()
    return "".join([*parts, text[end:]])


def delete_words(
    text: str,
    share: float,
    generator: torch.Generator | None = None,
    *,
    keep: Collection[str] = (),
) -> str:
    """Leave out words, each with the probability `share`, but never all.

    A deleted "not" turns what the text says: ``keep=NEGATIONS``.

    Args:
        text: any text; its words stand between spaces.
        share: the probability that a word is left out, in [0, 1].
        generator: what draws; None for torch's own state.
        keep: words that are never left out, whatever their case and the marks around them.

    Returns:
        The other words in their order; the text as it is if none is left out.

    Raises:
        TypeError: if text is no str, keep one str, or generator no generator.
        ValueError: if share is not in [0, 1].

    Source: Wei and Zou, 2019, "EDA".

    Example:
        >>> from nnkit.augment.text import NEGATIONS, delete_words
        >>> delete_words("This is not, by any means, fun.", 1.0, keep=NEGATIONS)
        'not,'
    """
    words = checked_text(text).split()
    kept = _kept(keep)
    out = chosen(len(words), share, generator)
    gone = [is_out and _bare(word) not in kept for word, is_out in zip(words, out, strict=True)]
    return _without(text, words, gone, generator)


@cache
def _table() -> dict[str, list[str]]:
    lines = stored("synonyms", "synonyms.tsv").read_text(encoding="utf-8").splitlines()
    return {word: others.split() for word, others in (line.split("\t") for line in lines)}


def _kept(keep: Collection[str]) -> set[str]:
    if isinstance(keep, str):
        raise TypeError(f"keep must be a set or list of words, got the str {keep!r}")
    return {word.lower() for word in keep}


def _without(
    text: str, parts: list[str], gone: list[bool], generator: torch.Generator | None
) -> str:
    """The parts that are not gone, one at least, or the text as it is."""
    if not any(gone):
        return text
    if all(gone):
        gone[order(len(parts), generator)[0]] = False
    return " ".join(part for part, is_gone in zip(parts, gone, strict=True) if not is_gone)


def _bare(word: str) -> str:
    """Don't, → don't."""
    found = WORD.search(word)
    return found.group().lower().replace("’", "'") if found else word


def _with_case_of(word: str, new: str) -> str:
    if word.isupper() and len(word) > 1:
        return new.upper()
    return new.capitalize() if word[0].isupper() else new


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
    return _without(text, sentences, chosen(len(sentences), share, generator), generator)


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


def checked_text(text: object) -> str:
    """Return the text if it is one, else raise a TypeError."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {text!r}. Hint: for a list, call it for each")
    return text


def chosen(n: int, share: float, generator: torch.Generator | None) -> list[bool]:
    """Draw which of n things are touched: each with the probability `share`.

    Raises:
        TypeError: if share is no number or generator none.
        ValueError: if share is not in [0, 1].
    """
    number("share", share, at_least=0, at_most=1)
    check_generator(generator)
    touched: list[bool] = (uniform((n,), generator, "cpu") < share).tolist()
    return touched


def order(n: int, generator: torch.Generator | None) -> list[int]:
    """Draw an order of n things, each as likely."""
    where = None if generator is None else generator.device
    drawn: list[int] = torch.randperm(n, generator=generator, device=where).tolist()
    return drawn


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
