"""Translate the stored sentences anew: ``python -m nnkit.course.translations [FILE]``.

Needs the program apertium; writes the Catalan and the English it comes back as, a line for each
sentence, over what is stored, or into FILE.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nnkit.augment.text import translate
from nnkit.data._stored import sentences, stored


def main(file: Path) -> None:
    """Write the translations of all the stored sentences into the file."""
    # one text a call: within one, a sentence may change the translation of the next
    with ThreadPoolExecutor(2) as pool:
        lines = list(pool.map(_line, sentences()[0]))
    file.write_text("".join(lines), encoding="utf-8")


def _line(text: str) -> str:
    catalan = translate(text, "eng-cat", live=True)
    return f"{catalan}\t{translate(catalan, 'cat-eng', live=True)}\n"


if __name__ == "__main__":
    main(Path(*sys.argv[1:] or [str(stored("sentences", "translations.tsv"))]))
