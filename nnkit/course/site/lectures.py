"""Parts of lectures as pages: text and outputs, with the slides and the notebook to take away."""

import html
import re
import subprocess
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import groupby
from pathlib import Path
from typing import Any

from nnkit.course.core import cores
from nnkit.course.lectures import CourseError, Part
from nnkit.course.reading import NOTES, read, slide_type
from nnkit.course.runs import executed
from nnkit.course.site.repository import Repository, requirement
from nnkit.course.slides import minutes, of_part, slides_of

SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)
FORMULA = re.compile(r"\$([^$]+)\$")
LECTURER = '<details class="lecturer"><summary>For the lecturer</summary>'
FOLDED = "Show the code of this figure"
SKIPPED = "Show what this needs or checks"


def write_lectures(
    parts: Sequence[Part], source: Path, out: Path, published: Repository | None
) -> None:
    """Write every part as a page and as a notebook to take away, and the lists of both.

    Args:
        parts: in the order of the course.
        source: what Sphinx reads; a page is ``lectures/18_architecture/1_neuron.ipynb`` there.
        out: the site; a notebook is ``notebooks/18_architecture/1_neuron.ipynb`` there.
        published: for the buttons that open it elsewhere.
    """
    for part in parts:
        taken = download(of_part(read(part)), published)
        write(out / "notebooks" / f"{part.name}.ipynb", text_of(taken))
        write(source / "lectures" / f"{part.name}.ipynb", text_of(page(part, published, out)))
    folders = [list(group) for _, group in groupby(parts, key=lambda part: part.lecture)]
    for group in folders:
        names = [part.path.stem for part in group]
        homework = ["homework"] if (group[0].path.parent / "homework.md").is_file() else []
        index = listing(group[0].lecture, [*names, *homework], _in_short(group))
        write(source / "lectures" / group[0].path.parent.name / "index.md", index)
    names = [f"{group[0].path.parent.name}/index" for group in folders]
    write(source / "lectures" / "index.md", listing("Lectures", names))


def page(part: Part, published: Repository | None, out: Path) -> Any:
    """Return a part that has been run as the notebook that Sphinx makes a page of."""
    notebook = of_part(deepcopy(executed(part.path)))
    time = f"{minutes(slides_of(notebook)):.0f} minutes"
    for index, cell in enumerate(notebook.cells):
        _adapt(cell, f"{part.path}: cell {index + 1}")
    slides = f"../../decks/{part.name}.html"
    facts = [time, f"Runs in {notebook.metadata.nnkit.seconds:.0f} s", *changed(part.path)]
    printed = (out / "pdf" / f"{part.name}.pdf").is_file()  # else the reader's browser prints
    on_paper = f"../../pdf/{part.name}.pdf" if printed else f"{slides}?print-pdf"
    links = {"Slides": slides, "PDF of the slides": on_paper}
    first = notebook.cells[0]
    head, *rest = first.source.split("\n", 1)
    told = _links(links, f"{part.name}.ipynb", facts, published)
    first.source = "\n\n".join([head, told, *rest])
    return notebook


def download(notebook: Any, published: Repository | None) -> Any:
    """Put before a notebook without outputs the cell that installs what it needs."""
    import nbformat

    command = f'%pip install --quiet "{requirement(published)}"'
    first = nbformat.v4.new_code_cell(f"# what this notebook needs, unless it is there\n{command}")
    first.id = "install"
    notebook.cells.insert(0, first)
    return notebook


def changed(path: Path) -> Iterator[str]:
    """Say when git saw a file change last; say nothing where git knows nothing of it."""
    command = ["git", "log", "-1", "--format=%cs", "--", path.name]
    try:
        told = subprocess.run(command, cwd=path.parent, capture_output=True, text=True)
    except FileNotFoundError:
        return
    if day := told.stdout.strip():
        yield f"Changed on {day}"


def links_of(notebook: str, facts: Sequence[str], published: Repository | None) -> str:
    """Return the line below a title for a page that has a notebook and no slides."""
    return _links({}, notebook, facts, published)


def _links(
    links: dict[str, str], notebook: str, facts: Sequence[str], published: Repository | None
) -> str:
    elsewhere = published.launchers(notebook) if published else {}
    anchors = [f'<a href="{html.escape(to)}">{name}</a>' for name, to in links.items()]
    anchors.append(f'<a href="../../notebooks/{notebook}" download>Notebook</a>')
    anchors += [
        f'<a href="{html.escape(to)}" rel="external">Open in {name}</a>'
        for name, to in elsewhere.items()
    ]
    spans = [f"<span>{html.escape(fact)}</span>" for fact in facts]
    return f'<p class="part-links">{" ".join(anchors + spans)}</p>'


def _adapt(cell: Any, place: str) -> None:
    """Fold what JupyterLab folds and what slides skip; carry over what MyST-NB does not."""
    if cell.cell_type == "markdown":
        # in a summary, which is raw HTML to MyST, it would leave a formula as it is
        cell.source = SUMMARY.sub(lambda found: _typeset(found[0]), cell.source)
        if slide_type(cell) == NOTES:
            cell.source = f"{LECTURER}\n\n{cell.source}\n\n</details>"
        return
    if cell.cell_type != "code":
        return
    told = {}
    if cell.metadata.get("slideshow", {}).get("slide_type") == "skip":
        told = {"code_prompt_show": SKIPPED, "code_prompt_hide": "Hide it"}
    elif cell.metadata.get("jupyter", {}).get("source_hidden"):
        told = {"code_prompt_show": FOLDED, "code_prompt_hide": "Hide it"}
    if told:
        cell.metadata.setdefault("tags", []).append("hide-input")
    metadata = [output.get("metadata", {}) for output in cell.outputs]
    pictures = [image["image/png"] for image in metadata if "image/png" in image]
    if len(pictures) > 1:  # the cell tells it of all its pictures together, outputs tell nothing
        raise CourseError(f"{place} shows {len(pictures)} pictures; on a page it may show one")
    if pictures:
        image = {"alt": pictures[0]["alt"], "width": f"{pictures[0]['width']}px"}
        told["image"] = image  # type: ignore[assignment]
    if told:
        cell.metadata["mystnb"] = told


def _typeset(text: str) -> str:
    span = r'<span class="math notranslate nohighlight">\({}\)</span>'
    return FORMULA.sub(lambda found: span.format(html.escape(found[1])), text)


def _in_short(parts: Sequence[Part]) -> str:
    """Return the line that leads to the deck of a lecture's core, if there is one."""
    line = '<p class="part-links"><a href="../../decks/{}.html">Slides for ninety minutes</a></p>'
    return "".join(line.format(core.name) for core in cores(parts))


def listing(title: str, pages: Sequence[str], head: str = "") -> str:
    """Return a page that lists others."""
    names = "\n".join(pages)
    return f"# {title}\n\n{head}\n\n```{{toctree}}\n:maxdepth: 2\n\n{names}\n```\n"


def text_of(notebook: Any) -> str:
    """Return a notebook as the text of its file."""
    import nbformat

    text: str = nbformat.writes(notebook)
    return text


def write(path: Path, text: str) -> None:
    """Write a file, and the folder for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
