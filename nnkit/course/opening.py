"""What JupyterLab opens as a notebook: a part with the outputs of its kept run, if there is one."""

from pathlib import Path
from typing import Any

from jupytext import TextFileContentsManager
from tornado.web import HTTPError

from nnkit.course.held import is_held, write_slides
from nnkit.course.lectures import CourseError, Part, is_part
from nnkit.course.runs import find, key


class OpenedRun(TextFileContentsManager):  # type: ignore[misc]  # untyped
    """Jupytext's contents manager, whose parts open as they have been run.

    Outputs are shown at once and no kernel has run yet. Nothing of this is saved: a part is text.
    What was shown is kept where a part is saved as it was held.
    """

    def get(self, path: str, content: bool = True, *args: Any, **options: Any) -> dict[str, Any]:
        """Read a file; of a part, with outputs."""
        model: dict[str, Any] = super().get(path, content, *args, **options)
        if content and model["type"] == "notebook":
            show_kept(Path(self.root_dir, path.strip("/")), model["content"])
        return model

    def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Save a file; of a notebook as it was held, slides, too."""
        file = Path(self.root_dir, path.strip("/"))
        if is_held(path):
            file.parent.mkdir(parents=True, exist_ok=True)
        saved: dict[str, Any] = super().save(model, path)
        if is_held(path):
            try:
                write_slides(file)
            except CourseError as error:
                raise HTTPError(500, f"only the notebook is saved: {error}") from None
        return saved


def show_kept(file: Path, notebook: Any) -> None:
    """Put the outputs of a part's kept run into its notebook, if both have the same cells.

    Args:
        file: where the notebook comes from.
        notebook: changed in place.
    """
    if not is_part(file):
        return
    part = Part(file)
    try:
        run = find(part, key(part))
    except CourseError:  # what is wrong with the part is told when it is run
        return
    if run is None or [c.source for c in run.cells] != [c.source for c in notebook.cells]:
        return
    for cell, kept in zip(notebook.cells, run.cells, strict=True):
        if cell.cell_type == "code" and not cell.outputs:
            cell.outputs, cell.execution_count = kept.outputs, kept.execution_count
            # the course's own code has made them here: JupyterLab may show sliders and sounds
            cell.metadata["trusted"] = True
