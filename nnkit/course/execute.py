"""Run a part from its first cell to its last, and refuse what nobody should see on a slide."""

import asyncio
import os
import re
import tempfile
import time
from typing import Any

from nnkit.course.lectures import CourseError, Part
from nnkit.course.reading import place, read

TIMEOUT = 300  # seconds for one cell; a whole part should take less than 60
ENVIRONMENT = {
    "NNKIT_EXPORT": "1",  # interact.explore() then writes frames instead of a widget
    "TQDM_DISABLE": "1",
    "OMP_NUM_THREADS": "1",  # contended threads cost up to fifty times more than they gain
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3", "file_extension": ".py"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def execute(part: Part) -> Any:
    """Run a part in a fresh kernel, in its own folder, without the user's own IPython settings.

    Args:
        part: the part to run.

    Returns:
        The notebook with outputs; ``metadata.nnkit.seconds`` is how long it ran.

    Raises:
        CourseError: if the part cannot be read, or a cell raises, warns, writes to stderr or takes
            too long; it names the file, the line and the cell.
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
        record_timing=False,
    )
    started = time.perf_counter()
    try:
        # ZeroMQ does not get along with the loop that is Windows' default
        with (
            tempfile.TemporaryDirectory(prefix="ipython-") as ipython,
            asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner,
        ):
            environment = os.environ | ENVIRONMENT | {"IPYTHONDIR": ipython}
            runner.run(client.async_execute(env=environment))
    except CellExecutionError as error:
        trace = ANSI.sub("", error.traceback).strip()
        where = place(part, notebook, begun[-1])
        raise CourseError(f"{where} raises {error.ename}: {error.evalue}\n{trace}") from None
    except CellTimeoutError:
        where = place(part, notebook, begun[-1])
        raise CourseError(f"{where} takes more than {TIMEOUT} s") from None
    except DeadKernelError:
        raise CourseError(f"{place(part, notebook, begun[-1])} killed the kernel") from None
    settle(notebook, time.perf_counter() - started)
    _refuse_stderr(part, notebook)
    return notebook


def settle(notebook: Any, seconds: float) -> None:
    """Make a notebook the same whichever client ran it: prints in one piece, cells numbered.

    Args:
        notebook: with outputs; changed in place.
        seconds: how long it ran; noted in its metadata.
    """
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    for number, cell in enumerate(code, start=1):
        join_prints(cell)
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    notebook.metadata["language_info"] = LANGUAGE
    notebook.metadata["nnkit"] = {"seconds": round(seconds, 1)}


def join_prints(cell: Any) -> None:
    """Join what a cell prints in a row: it arrives in as many pieces as the machine pleases."""
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    CoalesceStreamsPreprocessor().preprocess_cell(cell, {}, 0)


def _refuse_stderr(part: Part, notebook: Any) -> None:
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output.output_type == "stream" and output.name == "stderr":
                where = place(part, notebook, index)
                raise CourseError(f"{where} warns or writes to stderr:\n{output.text.rstrip()}")
