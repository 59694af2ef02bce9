"""Run a part from its first cell to its last, and refuse what nobody should see on a slide."""

import asyncio
import os
import re
import time
from dataclasses import dataclass
from typing import Any

from nnkit.course.lectures import CourseError, Part

TIMEOUT = 300  # seconds for one cell; a whole part should take less than 60
ENVIRONMENT = {
    "NNKIT_EXPORT": "1",  # interact.explore() then writes frames instead of a widget
    "TQDM_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
SLIDE_TYPES = (None, "slide", "subslide", "fragment", "notes", "skip")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Executed:
    """A notebook with its outputs, and the seconds that the run took."""

    notebook: Any
    seconds: float


def execute(part: Part) -> Executed:
    """Run a part in a fresh kernel, in its own folder.

    Args:
        part: the part to run.

    Returns:
        The notebook with outputs.

    Raises:
        CourseError: if a cell raises, warns, writes to stderr or takes too long; it names the
            file, the line and the cell.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = read(part)
    begun: list[int] = []
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(part.path.parent)}},
        on_cell_start=lambda cell, cell_index: begun.append(cell_index),
        extra_arguments=["--IPKernelApp.log_level=40"],  # else it warns of its own transport
        store_widget_state=False,
    )
    started = time.perf_counter()
    try:
        asyncio.run(client.async_execute(env=os.environ | ENVIRONMENT))
    except CellExecutionError as error:
        trace = ANSI.sub("", error.traceback).strip()
        place = _place(part, notebook, begun[-1])
        raise CourseError(f"{place} raises {error.ename}: {error.evalue}\n{trace}") from None
    except CellTimeoutError:
        place = _place(part, notebook, begun[-1])
        raise CourseError(f"{place} takes more than {TIMEOUT} s") from None
    except DeadKernelError:
        raise CourseError(f"{_place(part, notebook, begun[-1])} killed the kernel") from None
    seconds = time.perf_counter() - started
    _refuse_stderr(part, notebook)
    return Executed(notebook, seconds)


def read(part: Part) -> Any:
    """Read a part as a notebook without outputs.

    Raises:
        CourseError: if a cell has a slide type that decks and JupyterLab treat differently.
    """
    import jupytext

    notebook = jupytext.read(part.path)
    for index, cell in enumerate(notebook.cells):
        slide_type = cell.metadata.get("slideshow", {}).get("slide_type")
        if slide_type not in SLIDE_TYPES:
            place = _place(part, notebook, index)
            raise CourseError(
                f"{place} has slide_type {slide_type!r}, with which JupyterLab leaves the cell out "
                f"of its slides; allowed: {', '.join(filter(None, SLIDE_TYPES))}, or no slide_type "
                "for a cell that belongs to the slide above"
            )
    return notebook


def _refuse_stderr(part: Part, notebook: Any) -> None:
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output.output_type == "stream" and output.name == "stderr":
                place = _place(part, notebook, index)
                raise CourseError(f"{place} warns or writes to stderr:\n{output.text.rstrip()}")


def _place(part: Part, notebook: Any, index: int) -> str:
    """Name a cell by file, line and number, in the form that editors make a link of."""
    text = part.path.read_text("utf-8")
    line = text[: max(text.find(notebook.cells[index].source), 0)].count("\n") + 1
    return f"{part.path}:{line}: cell {index + 1}"
