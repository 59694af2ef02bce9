"""Back-translation: English to Catalan and back, by Apertium where it is installed.

Apertium (Forcada et al., 2011) translates by rules, so the same text always comes back the same.
For the stored sentences its results are stored, too.
"""

import shutil
import subprocess
from functools import cache

from nnkit._checks import one_of
from nnkit.augment.text._edits import checked_text
from nnkit.data._stored import sentences, stored

PAIRS = ("eng-cat", "cat-eng")
INSTALL = "apt install apertium-eng-cat"


def back_translate(text: str, *, live: bool | None = None) -> str:
    """Translate an English text into Catalan and back: often another wording, at times nonsense.

    Args:
        text: an English text.
        live: True asks the program apertium, False looks among the stored results, those for the
            texts of ``nnkit.data.sentences()``; None asks the program if it is there.

    Raises:
        TypeError: if text is no str.
        ValueError: if the result is neither stored nor can be had.
        RuntimeError: if the program fails.

    Source: Sennrich, Haddow and Birch, 2016.

    Example:
        >>> from nnkit.augment.text import back_translate
        >>> back_translate("the battery life is amazing.", live=False)
        'the life of battery is surprising.'
    """
    return translate(translate(text, "eng-cat", live=live), "cat-eng", live=live)


def translate(text: str, pair: str, *, live: bool | None = None) -> str:
    """Translate a text, ``pair`` being "eng-cat" or "cat-eng"; otherwise like back_translate.

    Example:
        >>> from nnkit.augment.text import translate
        >>> translate("The film is full of charm.", "eng-cat", live=False)
        "La pel·lícula és plena d'encís."
    """
    one_of("pair", pair, PAIRS)
    checked_text(text)
    program = None if live is False else shutil.which("apertium")
    if program:
        return _live(program, text, pair)
    if live:
        raise ValueError(f"live=True needs the program apertium on PATH. Hint: {INSTALL}")
    if text not in _stored()[pair]:
        raise ValueError(
            f"no stored translation {pair} of {text!r}. Hint: take texts of "
            f"nnkit.data.sentences(), or install the translator: {INSTALL}"
        )
    return _stored()[pair][text]


def _live(program: str, text: str, pair: str) -> str:
    # -u: a word that it does not know passes as it is, without a mark
    done = subprocess.run(
        [program, "-u", pair], input=text, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"apertium {pair} failed: {done.stderr.strip() or done.stdout.strip()}. Hint: {INSTALL}"
        )
    return done.stdout.rstrip("\n")


@cache
def _stored() -> dict[str, dict[str, str]]:
    """For each pair what is translated into what."""
    lines = stored("sentences", "translations.tsv").read_text(encoding="utf-8").splitlines()
    there = dict(zip(sentences()[0], (line.split("\t")[0] for line in lines), strict=True))
    return {"eng-cat": there, "cat-eng": dict(line.split("\t") for line in lines)}
