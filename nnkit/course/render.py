"""From a notebook with outputs to slides: one HTML file that needs no network."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nnkit._extras import install
from nnkit.course.about import theme
from nnkit.course.embed import embed_images
from nnkit.course.lectures import CourseError, Part
from nnkit.course.reading import NOTES, slide_type
from nnkit.course.slides import label_topics, minutes, opener, slides_of
from nnkit.course.theme import HERE, scripts, stylesheet


@dataclass(frozen=True)
class Deck:
    """What the index says of a deck."""

    title: str
    slides: int
    seconds: float
    minutes: float


def render(part: Part, notebook: Any) -> tuple[Deck, str]:
    """Write a part as slides.

    Args:
        part: the part.
        notebook: it with its outputs, as :func:`nnkit.course.runs.executed` returns it; changed.

    Returns:
        What the index needs, and the HTML.

    Raises:
        CourseError: if a picture is missing, or a package that slides are made with.
    """
    deck, page = draw(part, notebook)
    return deck, embed_images(page, part)


def draw(part: Part, notebook: Any) -> tuple[Deck, str]:
    """Write a part as slides whose pictures are still beside it; see :func:`render`."""
    title = part.title(notebook)
    tag_for_styles(notebook)
    label_topics(notebook)
    slides = slides_of(notebook)
    number(slides, part.footer(title))
    notebook.cells = [cell for slide in slides for cell in _notes_first(slide)]
    css = stylesheet("deck") + theme(part.course)
    resources = {
        "deck": {"title": title, "css": css, "js": scripts("stage", "deck")},
        "metadata": {"name": part.path.stem, "path": str(part.path.parent)},
    }
    page, _ = _exporter().from_notebook_node(notebook, resources=resources)
    seconds = float(notebook.metadata.nnkit.seconds)
    return Deck(title, len(slides), seconds, minutes(slides)), page


def number(slides: list[list[Any]], footer: str) -> None:
    """Tell the template, in each cell that opens a slide, number, topic, footer and time.

    Args:
        slides: the cells of each; changed in place.
        footer: one line for the foot of every slide.
    """
    for index, slide in enumerate(slides, start=1):
        cell = opener(slide)
        told = {"number": index, "total": len(slides), "topic": cell.metadata.topic}
        told |= {"footer": footer, "layout": cell.metadata.get("layout", "")}
        if "scale" in cell.metadata:
            told["scale"] = cell.metadata["scale"]
        told["timing"] = round(60 * minutes([slide]))  # seconds, for reveal.js' speaker view
        cell.metadata.setdefault("slideshow", {})["data"] = {k: str(v) for k, v in told.items()}


def _notes_first(slide: list[Any]) -> list[Any]:
    """Set notes before fragments, which the template would make them part of."""
    notes = [cell for cell in slide if slide_type(cell) == NOTES]
    rest = [cell for cell in slide if slide_type(cell) != NOTES]
    first = rest.index(opener(slide)) + 1
    return rest[:first] + notes + rest[first:]


def tag_for_styles(notebook: Any) -> None:
    """Tag the cells that are folded, or hold a blank: a tag becomes a class, other metadata not."""
    for cell in notebook.cells:
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.setdefault("tags", []).append("source_hidden")
        if blank := cell.metadata.get("blank"):
            cell.metadata.setdefault("tags", []).append(f"blank_{blank}")


def _exporter() -> Any:
    from nbconvert import SlidesExporter
    from traitlets.config import Config

    config = Config()
    config.TemplateExporter.extra_template_basedirs = [str(HERE)]
    config.TemplateExporter.extra_template_paths = [
        str(_folder("sphinx_revealjs") / "_static" / "revealjs"),
        str(_folder("sphinx-mathjax-offline") / "static" / "mathjax"),
    ]
    config.SlidesExporter.template_name = "deck"
    config.HTMLExporter.exclude_anchor_links = True
    config.TemplateExporter.exclude_input_prompt = True
    config.TemplateExporter.exclude_output_prompt = True
    # a deck has no kernel: HTML comes before a widget
    config.NbConvertBase.display_data_priority = [
        "text/html",
        "image/svg+xml",
        "image/png",
        "image/jpeg",
        "text/markdown",
        "text/latex",
        "text/plain",
    ]
    exporter: Callable[..., Any] = SlidesExporter  # untyped
    return exporter(config=config)


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise CourseError(f"{package} is not installed; try: {install('decks')}")
    return Path(spec.origin).parent
