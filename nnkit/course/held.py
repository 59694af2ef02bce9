"""A part as it was held: what was typed and shown in JupyterLab, kept for students as slides."""

from pathlib import Path

from nnkit.course.lectures import Part
from nnkit.course.render import render
from nnkit.course.slides import of_part

HELD = "held"  # a folder among the lectures: stage/held.js saves notebooks there


def is_held(path: str) -> bool:
    """Whether JupyterLab saves there what was held, as ``held/1_tiny/1_part 2026-12-01.ipynb``."""
    return path.strip("/").startswith(f"{HELD}/") and path.endswith(".ipynb")


def write_slides(file: Path) -> Path:
    """Write the slides of a notebook that was held, beside it.

    Args:
        file: the notebook.

    Returns:
        The slides.

    Raises:
        CourseError: if a package that slides are made with is missing, or a picture.
    """
    import nbformat

    notebook = of_part(nbformat.read(file, as_version=4))
    notebook.metadata["nnkit"] = {"seconds": 0}
    lectures, lecture, name = file.parents[2], file.parent.name, file.stem.split(" ")[0]
    _, page = render(Part(lectures / lecture / f"{name}.md"), notebook)
    slides = file.with_suffix(".html")
    slides.write_text(page, encoding="utf-8")
    return slides
