"""Words replaced by synonyms, and words left out."""

import re
from collections.abc import Collection
from functools import cache

import torch

from nnkit.augment.text.draws import checked_text, chosen, order
from nnkit.data.files import stored

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
    stay = [not gone or _bare(word) in kept for word, gone in zip(words, out, strict=True)]
    if all(stay):
        return text
    if not any(stay):  # a text keeps one word at least
        stay[order(len(words), generator)[0]] = True
    return " ".join(word for word, stays in zip(words, stay, strict=True) if stays)


@cache
def _table() -> dict[str, list[str]]:
    lines = stored("synonyms", "synonyms.tsv").read_text(encoding="utf-8").splitlines()
    return {word: others.split() for word, others in (line.split("\t") for line in lines)}


def _kept(keep: Collection[str]) -> set[str]:
    if isinstance(keep, str):
        raise TypeError(f"keep must be a set or list of words, got the str {keep!r}")
    return {word.lower() for word in keep}


def _bare(word: str) -> str:
    """Don't, → don't."""
    found = WORD.search(word)
    return found.group().lower().replace("’", "'") if found else word


def _with_case_of(word: str, new: str) -> str:
    if word.isupper() and len(word) > 1:
        return new.upper()
    return new.capitalize() if word[0].isupper() else new
