"""The start page, with a figure from the lectures that can be moved at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnkit.course.lectures import Part
from nnkit.course.runs import executed

PLACE = "{{ figure }}"


def write_start(parts: Sequence[Part], source: Path) -> None:
    """Put the first figure of the course that has sliders into the start page.

    Args:
        parts: where to look for it, in this order.
        source: what Sphinx reads, with ``index.md`` in it.
    """
    page = source / "index.md"
    figures = (figure for part in parts if (figure := _figure(executed(part.path))))
    figure = next(figures, "")
    shown = f"```{{raw}} html\n{figure}\n```" if figure else ""
    page.write_text(page.read_text("utf-8").replace(PLACE, shown), "utf-8")


def _figure(notebook: Any) -> str:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            found: str = output.get("data", {}).get("text/html", "")
            if 'class="explore"' in found:
                return found
    return ""
