"""Text augmentation: plain functions from one text to another that ought to mean the same.

    replace_synonyms("A funny film.", 0.5)          words by synonyms of their first sense
    delete_words("A truly funny film.", 0.2, keep=NEGATIONS)
    delete_sentences(text, 0.3), reorder_sentences(text)
    back_translate(text)                            there and back through another language

What is random takes a `share`, how much of the text is touched, and a `generator`. ``with_copies``
makes a training set with its copies, and says which belong together.
"""

from nnkit.augment.text._edits import (
    NEGATIONS,
    delete_sentences,
    delete_words,
    reorder_sentences,
    replace_synonyms,
    split_sentences,
    synonyms,
    with_copies,
)
from nnkit.augment.text._translation import back_translate, translate

__all__ = [
    "NEGATIONS", "back_translate", "delete_sentences", "delete_words", "reorder_sentences",
    "replace_synonyms", "split_sentences", "synonyms", "translate", "with_copies",
]  # fmt: skip
