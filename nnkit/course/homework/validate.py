"""``nnkit homework validate``: what the Validate button checks, in words."""

from pathlib import Path
from typing import Any

from nnkit.course.homework.kernel import quiet, run
from nnkit.course.homework.marks import lost_marks
from nnkit.course.lectures import CourseError

NOTEBOOK = "the homework as JupyterLab saved it, a file that ends in .ipynb"
EDITED = "was edited; when it counts, the teacher's own is run"


def validate(file: Path) -> int:
    """Run a student's notebook from its first cell to its last, and report what would cost marks.

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
    failed = lost_marks(run(notebook, file))
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
    from nbgrader.nbgraderformat import MetadataValidator

    if not file.is_file():  # a folder, or a pipe that would never end
        why = "is no file" if file.exists() else "does not exist"
        raise CourseError(f"{file} {why}; give {NOTEBOOK}")
    with quiet():
        try:
            notebook = nbformat.reads(file.read_text("utf-8-sig"), as_version=4)
            nbformat.validate(notebook)
            nbformat.writes(notebook).encode()  # half a surrogate pair is no text
        except Exception as error:  # json's, nbformat's, jsonschema's, and what those run into
            why = _first_line(error)
            raise CourseError(f"{file} is no notebook: {why}; give {NOTEBOOK}") from None
        try:
            for cell in notebook.cells:
                MetadataValidator().validate_cell(cell)
        except Exception as error:  # nbgrader's too
            raise CourseError(
                f"{file}: what nbgrader wrote about its cells is damaged: {_first_line(error)}; "
                "copy your answers into the homework as it was released"
            ) from None
    if not _tests(notebook):
        raise CourseError(f"{file} holds no tests; is it the homework as it was released?")
    return notebook


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


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
