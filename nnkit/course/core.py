"""The core of a lecture: the slides of its parts that make ninety minutes, as one deck."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from nnkit.course.lectures import CourseError, Part, find_parts
from nnkit.course.reading import read
from nnkit.course.slides import core_of, of_part


@dataclass(frozen=True)
class Core(Part):
    """The deck of a lecture's core. Its path is where its text would be; it stands in the parts."""

    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """Its place among the decks, as in ``18_architecture``."""
        return self.path.parent.name

    def footer(self, title: str) -> str:
        """What stands at the foot of each of its slides."""
        return f"{self.lecture}  ·  The core"


def cores(parts: Sequence[Part]) -> list[Core]:
    """Return the cores of the lectures of which all parts are named, and a slide is tagged.

    Args:
        parts: in the order of the course.
    """
    lectures = [tuple(group) for _, group in groupby(parts, key=lambda part: part.path.parent)]
    whole = (group for group in lectures if [*group] == find_parts([group[0].path.parent]))
    found = [Core(group[0].path.with_name("core.md"), group) for group in whole]
    return [core for core in found if any(map(_is_tagged, core.parts))]


def _is_tagged(part: Part) -> bool:
    try:
        return bool(core_of(read(part)))
    except CourseError:  # told when the part is written
        return False


def sources(deck: Part) -> tuple[Part, ...]:
    """Return the parts that a deck is made of: a part of itself."""
    return deck.parts if isinstance(deck, Core) else (deck,)


def composed(deck: Part, runs: Sequence[Any]) -> Any:
    """Return the notebook that a deck shows.

    Args:
        deck: a part, or a core.
        runs: of its :func:`sources`, as :func:`nnkit.course.runs.executed` returns them; changed.
    """
    notebook = runs[0]
    if not isinstance(deck, Core):
        return of_part(notebook)
    notebook.cells = [cell for run in runs for slide in core_of(run) for cell in slide]
    notebook.metadata.nnkit.seconds = sum(run.metadata.nnkit.seconds for run in runs)
    return notebook
