"""Run a homework in a Jupyter kernel, as on a student's own machine: trusted, without a sandbox."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnkit.course.lectures import CourseError

TIMEOUT = 30  # seconds for a cell, as when it is graded


def run(notebook: Any, file: Path) -> Any:
    """Run a notebook from its first cell to its last; an error in one cell stops no other.

    Args:
        notebook: what to run; it is changed.
        file: where it comes from; the kernel runs in that folder.

    Returns:
        The notebook. Of its outputs errors are left, since nothing else costs marks.

    Raises:
        CourseError: if there is no kernel, or it does not live until the end.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from nbgrader.preprocessors import ClearOutput, Execute

    begun = ["before the first cell"]
    execute = Execute(
        timeout=TIMEOUT,
        extra_arguments=["--IPKernelApp.log_level=40"],  # else it warns of its own transport
        on_cell_start=lambda cell, cell_index: begun.append(f"in {_name(cell, cell_index)}"),
    )
    resources = {"metadata": {"path": str(file.resolve().parent)}}
    try:
        with quiet():
            for step in (ClearOutput(), execute):
                notebook, resources = step.preprocess(notebook, resources)
    except NoSuchKernel as error:
        raise CourseError(
            f"{file} wants the kernel {error.name!r}, which is not installed here; open it in "
            "JupyterLab, choose Python 3 under Kernel, Change Kernel, and save"
        ) from None
    except DeadKernelError:
        raise CourseError(
            f"{file}: the kernel died {begun[-1]} or just before; run all cells in JupyterLab to "
            "see why: too much memory, or a call that ends Python?"
        ) from None
    except CellTimeoutError:
        raise CourseError(
            f"{file}: no end within {TIMEOUT} s {begun[-1]}, which cannot be interrupted; "
            "mend that cell"
        ) from None
    except Exception as error:  # whatever a kernel that does not start runs into
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise CourseError(
            f"{file}: the kernel failed {begun[-1]}: {why}; does the notebook run in JupyterLab, "
            "with the kernel Python 3?"
        ) from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.output_type == "error"]
    return notebook


def _name(cell: Any, index: int) -> str:
    """Name a cell by its ``grade_id``, else by its number."""
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
    return f"the cell {grade_id}" if grade_id else f"cell {index + 1}"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Jupyter logs and warns of off the screen; what matters is raised."""
    logging.disable()
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(logging.NOTSET)
