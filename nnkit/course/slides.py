"""A notebook as slides: those that a part shows, those of its lecture's core, and their minutes.

A slide is the cell that opens it with all cells up to the next one that does. The core of a lecture
is what is tagged ``core``; what is tagged ``core-only`` leads from one of them to the next, and no
part shows it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from nnkit.course.reading import CORE, CORE_ONLY, NOTES, OPENS_A_SLIDE, slide_type

NEVER_SHOWN = (NOTES, "skip")
MINUTE = 1.0  # for a slide without notes


def slides_of(notebook: Any) -> list[list[Any]]:
    """Return the cells of a notebook slide by slide; what comes before the first belongs to it."""
    slides: list[list[Any]] = []
    for cell in notebook.cells:
        opens = slide_type(cell) in OPENS_A_SLIDE
        if not slides or (opens and any(map(is_shown, slides[-1]))):
            slides.append([])
        slides[-1].append(cell)
    return slides


def shown_of(notebook: Any) -> list[list[Any]]:
    """Return the cells that are shown, slide by slide; the first of each is its opener."""
    return [[cell for cell in slide if is_shown(cell)] for slide in slides_of(notebook)]


def is_shown(cell: Any) -> bool:
    """Whether a cell is on a slide."""
    return slide_type(cell) not in NEVER_SHOWN


def opener(slide: Sequence[Any]) -> Any:
    """Return the first cell of a slide that is shown; the first of all if there is none."""
    return next(filter(is_shown, slide), slide[0])


def tags(cell: Any) -> list[str]:
    """Return the tags of a cell."""
    found: list[str] = cell.metadata.get("tags", [])
    return found


def minutes(slides: Iterable[Sequence[Any]]) -> float:
    """Return how long slides take by their notes; one without a time counts one minute."""
    times = ([cell.metadata.get("minutes", 0) for cell in slide] for slide in slides)
    return float(sum(sum(time) or MINUTE for time in times))


def of_part(notebook: Any) -> Any:
    """Leave out of a notebook what only the core of the lecture shows.

    Args:
        notebook: changed in place; code that no slide shows stays.

    Returns:
        The notebook.
    """
    notebook.cells = [
        cell
        for slide in slides_of(notebook)
        for cell in slide
        if slide_type(cell) == "skip" or CORE_ONLY not in tags(cell) + tags(opener(slide))
    ]
    return notebook


def core_of(notebook: Any) -> list[list[Any]]:
    """Return the slides of a notebook that are of the core, each below no other, with its topic."""
    label_topics(notebook)
    slides = [s for s in slides_of(notebook) if {CORE, CORE_ONLY} & set(tags(opener(s)))]
    for slide in slides:
        opener(slide).metadata["slideshow"]["slide_type"] = OPENS_A_SLIDE[0]
    return slides


def label_topics(notebook: Any) -> None:
    """Tell the topic in each cell that opens a slide; a slide below another stays with its topic.

    Args:
        notebook: changed in place.
    """
    topic = ""
    for cell in map(opener, slides_of(notebook)):
        if slide_type(cell) != "subslide":
            topic = ""
        topic = cell.metadata["topic"] = cell.metadata.get("topic", topic)
