"""From a notebook with outputs to slides: one HTML file that needs no network."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nnkit._extras import install
from nnkit.course.embed import embed_images
from nnkit.course.lectures import CourseError, Part
from nnkit.course.reading import slide_type, slides
from nnkit.course.theme import HERE, scripts, stylesheet


@dataclass(frozen=True)
class Deck:
    """What the index says of a deck."""

    title: str
    slides: int
    seconds: float


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
    tag_hidden(notebook)
    footer = f"{part.lecture}  ·  Part {part.number}: {title}"
    count = number_slides(notebook, footer)
    resources = {
        "deck": {"title": title, "css": stylesheet("deck"), "js": scripts("stage", "deck")},
        "metadata": {"name": part.path.stem, "path": str(part.path.parent)},
    }
    page, _ = _exporter().from_notebook_node(notebook, resources=resources)
    return Deck(title, count, float(notebook.metadata.nnkit.seconds)), page


def number_slides(notebook: Any, footer: str) -> int:
    """Write number, total, topic and footer into the cells that open a slide, for the template.

    Args:
        notebook: changed in place.
        footer: one line for the foot of every slide.

    Returns:
        How many slides there are.
    """
    openers = [cells[0] for cells in slides(notebook)]
    topic = ""
    for number, cell in enumerate(openers, start=1):
        if slide_type(cell) != "subslide":  # which stays with the topic above it
            topic = ""
        topic = cell.metadata.get("topic", topic)
        told: dict[str, Any] = {"number": number, "total": len(openers)}
        told |= {"topic": topic, "footer": footer}
        told["layout"] = cell.metadata.get("layout", "")
        if "scale" in cell.metadata:
            told["scale"] = cell.metadata["scale"]
        cell.metadata.setdefault("slideshow", {})["data"] = {k: str(v) for k, v in told.items()}
    return len(openers)


def tag_hidden(notebook: Any) -> None:
    """Tag the cells whose inputs JupyterLab folds away: a tag becomes a class, their state not."""
    for cell in notebook.cells:
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.setdefault("tags", []).append("source_hidden")


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
