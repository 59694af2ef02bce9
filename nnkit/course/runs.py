"""Parts that have been run: kept in ``build/runs``, and run anew when what they stand on changes.

A run is a notebook with outputs. Its ``metadata.nnkit`` holds the ``seconds`` that it took, the
``key`` of what it was made from, and a ``digest`` of all its content. One whose key is out of date,
or that somebody has edited, is as good as none.
"""

import hashlib
import json
import os
import platform
import site
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nnkit
from nnkit.course import execute
from nnkit.course.lectures import Part

if TYPE_CHECKING:
    from nbformat import NotebookNode

RUNS = Path("build", "runs")
NNKIT = Path(nnkit.__file__).parent
COURSE = NNKIT / "course"
#: Of the course's tools only these have a say in what a part shows: no part imports any.
RUNNERS = (Path(execute.__file__), Path(__file__))
#: Files in a part's folder that it does not read: parts, their notebooks, what is made of them.
BESIDE = {".md", ".ipynb", ".pyc"}
#: By which torch and its libraries are told to compute in another way.
COMPUTING = ("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "MKL_CBWR")


def executed(source: Path) -> "NotebookNode":
    """Return a part with its outputs: the run that is kept, or a new one, which is kept then.

    Args:
        source: the part's file, such as ``lectures/18_architecture/1_neuron.md``.

    Returns:
        The notebook; ``metadata.nnkit.seconds`` is how long it ran.

    Raises:
        CourseError: if the part cannot be read, or a cell raises, warns, writes to stderr or takes
            too long; it names the file, the line and the cell.
    """
    part = Part(source)
    made_from = key(part)
    kept = find(part, made_from)
    if kept is None:
        kept = keep(part, made_from, execute.execute(part))
    return kept


def key(part: Part) -> str:
    """Name all that the outputs of a part depend on, in 64 digits.

    That is its text, what else lies in its folder, the library with its data, every package that
    is installed, Python, and the machine.

    Raises:
        CourseError: if the part cannot be read.
    """
    folder = part.path.parent
    return fingerprint([_surroundings(), part.read()], {NNKIT: _library(), folder: beside(part)})


def fingerprint(texts: Iterable[str], folders: Mapping[Path, Iterable[Path]]) -> str:
    """Name texts and files in 64 digits: other ones have another name.

    Args:
        texts: in order.
        folders: files in order, and the folder to which their names are relative.
    """
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}\0{text}".encode())
    for folder, files in folders.items():
        for file in files:
            told = f"\0{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0"
            digest.update(told.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def makers() -> str:
    """Name what turns runs into slides and pages: all of ``nnkit``, and what is installed."""
    files = sorted(file for file in NNKIT.rglob("*") if file.is_file() and file.suffix != ".pyc")
    return fingerprint([_surroundings()], {NNKIT: files})


def find(part: Part, made_from: str) -> "NotebookNode | None":
    """Return the run of a part that is kept under a key; None if there is none, or not as it ran.

    Args:
        part: the part.
        made_from: its key now.
    """
    import nbformat

    try:
        text = _file(part).read_text("utf-8")
        run = json.loads(text)
        told = run["metadata"]["nnkit"]
        genuine = told["key"] == made_from and told["digest"] == _digest(run)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # nothing is kept, or what no run has written
    return nbformat.reads(text, as_version=4) if genuine else None


def keep(part: Part, made_from: str, notebook: "NotebookNode") -> "NotebookNode":
    """Keep a run that went well, unless the part or the library has changed in the meantime.

    Args:
        part: the part.
        made_from: its key before it ran.
        notebook: the part with its outputs, and with ``metadata.nnkit.seconds``.

    Returns:
        The run as :func:`find` will return it.

    Raises:
        OSError: if ``build/runs`` cannot be written into.
    """
    import nbformat

    notebook.metadata["nnkit"]["key"] = made_from
    notebook.metadata["nnkit"]["digest"] = _digest(json.loads(nbformat.writes(notebook)))
    text = nbformat.writes(notebook)
    if key(part) == made_from:
        _write(_file(part), text.encode())
    kept: NotebookNode = nbformat.reads(text, as_version=4)
    return kept


def beside(part: Part) -> list[Path]:
    """List the files in a part's folder and below that it may read."""
    below = sorted(part.path.parent.rglob("*"))
    return [file for file in below if file.is_file() and file.suffix not in BESIDE]


def _file(part: Part) -> Path:
    return RUNS / f"{part.name}.ipynb"


def _write(file: Path, content: bytes) -> None:
    """Write a file at once, as another process may be reading it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    try:
        new.write_bytes(content)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _digest(run: dict[str, Any]) -> str:
    """Name the content of a notebook file, the digest in it left out."""
    told = {name: value for name, value in run["metadata"]["nnkit"].items() if name != "digest"}
    content = {**run, "metadata": {**run["metadata"], "nnkit": told}}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _library() -> Iterator[Path]:
    for file in sorted(NNKIT.rglob("*")):
        tool = file.is_relative_to(COURSE) and file not in RUNNERS
        if file.is_file() and file.suffix != ".pyc" and not tool:
            yield file


def _installed() -> Iterable[Distribution]:
    """The packages that every process of this Python finds.

    Not those of ``sys.path``: it also holds where a process was started, and what its packages
    have added, as setuptools does with those it carries.
    """
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    places = [*filter(None, named), *site.getsitepackages(), site.getusersitepackages()]
    return distributions(path=places)


@cache
def _surroundings() -> str:
    """Describe the machine and what is installed on it; the same for all parts of a process."""
    packages = sorted({f"{package.name} {package.version}" for package in _installed()})
    machine = [sys.version, sys.platform, platform.machine(), platform.processor()]
    told = [f"{name}={os.environ.get(name, '')}" for name in COMPUTING]
    return "\n".join([*packages, *machine, *told])
