"""``nnkit handout``: slides on paper to write on, two a page; with blanks, or with notes.

What the source marks by ``blank="formulas"``, ``"words"`` or ``"results"`` in the metadata of a
cell is left out of the one with blanks, and stands out in its key.
"""

from collections.abc import Sequence
from pathlib import Path

from nnkit.course.chromium import require_browser
from nnkit.course.core import cores
from nnkit.course.decks import DECKS, decks
from nnkit.course.lectures import find_parts
from nnkit.course.paper import print_pages
from nnkit.course.theme import HERE

HANDOUTS = Path("build", "handouts")
LINES, BLANKS, KEY, NOTES = "lines", "blanks", "key", "notes"


def handout(paths: Sequence[Path], out: Path, kinds: Sequence[str] = (LINES,)) -> int:
    """Print handouts of parts and of lectures' cores.

    Args:
        paths: parts or folders of parts; all lectures if empty.
        out: the folder to write into; a part is ``18_architecture/1_neuron-lines.pdf`` there.
        kinds: what to print: ``lines``, ``blanks``, their ``key``, ``notes`` of the speaker.

    Returns:
        0, or 1 if a part failed.

    Raises:
        CourseError: if there is no browser, the paths hold no part, or the browser fails.
    """
    parts = find_parts(paths)
    require_browser()
    if decks(paths, DECKS):
        return 1
    names = [f"{deck.name}-{kind}" for deck in (*parts, *cores(parts)) for kind in kinds]
    for name in names:
        write_page(*name.rsplit("-", 1))
    print_pages(names, out)
    print(f"{len(names)} handouts printed into {out}")
    return 0


def write_page(name: str, kind: str) -> Path:
    """Write a deck that lays itself out as a handout when it is printed.

    Args:
        name: of a deck that has been written, as in ``18_architecture/1_neuron``.
        kind: of the handout.

    Returns:
        The page, beside the deck.
    """
    style, script = ((HERE / f"handout.{suffix}").read_text("utf-8") for suffix in ("css", "js"))
    deck = (DECKS / f"{name}.html").read_text("utf-8")
    before, _, after = deck.rpartition("</body>")
    added = f"<style>{style}</style><script>const KIND = '{kind}';\n{script}</script></body>"
    page = DECKS / f"{name}-{kind}.html"
    page.write_text(before + added + after, encoding="utf-8")
    return page
