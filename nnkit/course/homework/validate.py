"""``nnkit homework validate``: what the Validate button checks, told in words."""

from pathlib import Path
from typing import Any

from nnkit.course.homework.release import lost_marks
from nnkit.course.lectures import CourseError

EDITED = "was edited; when it counts, the teacher's own is run"
TIMEOUT = 30  # seconds for a cell, as when it is graded


def validate(file: Path) -> int:
    """Run a student's notebook from its first cell to its last, and tell what would cost marks.

    Args:
        file: the notebook.

    Returns:
        0 if all visible tests pass, none was edited and no essay is empty, else 1.

    Raises:
        CourseError: if the file is no homework.
    """
    notebook = _read(file)
    edited = [_id(cell) for cell in _tests(notebook) if not _is_untouched(cell)]
    empty = [_id(cell) for cell in _essays(notebook) if _is_untouched(cell)]
    failed = lost_marks(_run(notebook, file.resolve().parent))
    for test, why in failed.items():
        print(f"{test}: {why}")
    for test in edited:
        print(f"{test}: {EDITED}")
    for essay in empty:
        print(f"{essay}: not answered yet")
    total = len(_tests(notebook))
    print(f"{total - len(failed)} of {total} tests pass; hidden ones follow when it is graded")
    return 1 if failed or edited or empty else 0


def _read(file: Path) -> Any:
    import nbformat

    try:
        notebook = nbformat.read(file, as_version=4)
    except OSError as error:
        raise CourseError(f"{file}: {error.strerror}") from None
    except Exception as error:  # json's, nbformat's and jsonschema's own
        raise CourseError(f"{file} is no notebook: {str(error).splitlines()[0]}") from None
    if not _tests(notebook):
        raise CourseError(f"{file} holds no tests; is it the homework as it was released?")
    return notebook


def _tests(notebook: Any) -> list[Any]:
    from nbgrader.utils import is_grade, is_solution

    return [c for c in notebook.cells if is_grade(c) and not is_solution(c)]


def _essays(notebook: Any) -> list[Any]:
    from nbgrader.utils import is_grade, is_solution

    return [c for c in notebook.cells if is_grade(c) and is_solution(c)]


def _is_untouched(cell: Any) -> bool:
    from nbgrader.utils import compute_checksum

    return cell.metadata.nbgrader.get("checksum") in (None, compute_checksum(cell))


def _id(cell: Any) -> str:
    return str(cell.metadata.nbgrader.grade_id)


def _run(notebook: Any, folder: Path) -> Any:
    """Run it in a kernel, and drop warnings: they cost nothing when it is graded."""
    from nbgrader.preprocessors import ClearOutput, Execute

    quiet = ["--IPKernelApp.log_level=40"]  # else the kernel warns of its own transport
    for preprocessor in (ClearOutput(), Execute(timeout=TIMEOUT, extra_arguments=quiet)):
        notebook, _ = preprocessor.preprocess(notebook, {"metadata": {"path": str(folder)}})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    return notebook
