"""Homework as pages: what students are given, without solutions and hidden tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnkit.course.homework.source import FILE, master
from nnkit.course.homework.source import read as read_homework
from nnkit.course.lectures import Part
from nnkit.course.site.lectures import changed, download, links_of, text_of, write
from nnkit.course.site.repository import Repository


def write_homework(
    parts: Sequence[Part], source: Path, out: Path, published: Repository | None
) -> None:
    """Write the homework of every lecture as a page and as a notebook to take away.

    Args:
        parts: of the lectures whose homework is wanted.
        source: what Sphinx reads.
        out: the site.
        published: for the buttons that open it elsewhere.
    """
    for folder in dict.fromkeys(part.path.parent for part in parts):
        if not (folder / FILE).is_file():
            continue
        name = f"{folder.name}/homework"
        given = released(folder / FILE)
        write(out / "notebooks" / f"{name}.ipynb", text_of(download(given, published)))
        page = released(folder / FILE)
        for cell in page.cells:
            if cell.metadata.get("jupyter", {}).get("source_hidden"):
                cell.metadata["tags"] = ["hide-input"]
        head, *rest = page.cells[0].source.split("\n", 1)
        told = links_of(f"{name}.ipynb", list(changed(folder / FILE)), published)
        page.cells[0].source = "\n\n".join([head, told, *rest])
        write(source / "lectures" / f"{name}.ipynb", text_of(page))


def released(path: Path) -> Any:
    """Return a homework as ``nnkit homework release`` hands it out.

    Args:
        path: its source.

    Returns:
        The notebook, without solutions, hidden tests and outputs.
    """
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearOutput

    from nnkit.course.homework.enclose import Enclose

    notebook = master(read_homework(path))
    for preprocessor in (ClearHiddenTests(), ClearMarkScheme(), ClearOutput(), Enclose()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return notebook
