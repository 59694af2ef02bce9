"""``nnkit notebooks``: the parts as Jupyter notebooks with all that they show, in one zip file."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnkit.course.lectures import CourseError, find_parts
from nnkit.course.runs import beside, executed
from nnkit.course.slides import of_part


def notebooks(paths: Sequence[Path], out: Path) -> int:
    """Write parts with their outputs, and the files that they read, into a zip file.

    Args:
        paths: parts or folders of parts; all lectures if empty.
        out: the file to write; a part is ``18_architecture/1_neuron.ipynb`` in it.

    Returns:
        0.

    Raises:
        CourseError: if the paths hold no part, a part fails, or two are of the same name; the file
            is left as it was.
    """
    parts = find_parts(paths)
    files: dict[str, bytes] = {}
    for part in parts:
        name = f"{part.name}.ipynb"
        if name in files:
            raise CourseError(f"{part.path} would be a second {name}; name only one")
        files[name] = _plain(of_part(executed(part.path)))
        for file in beside(part):
            files[file.relative_to(part.path.parents[1]).as_posix()] = file.read_bytes()
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    print(f"{len(parts)} notebooks written into {out}")
    return 0


def _plain(run: Any) -> bytes:
    """A run as a notebook file, without what is noted of the run."""
    import nbformat

    del run.metadata["nnkit"]
    return str(nbformat.writes(run)).encode()
