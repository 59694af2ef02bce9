"""A course folder with the tiny homework released, and students who solve it well or badly."""

import copy
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nnkit.course import cli
from nnkit.course.homework import release
from nnkit.course.homework.course_folder import open_course
from nnkit.course.homework.source import name_of

HERE = Path(__file__).parent / "tiny"  # where `nnkit homework` finds its lectures
NAME = "homework_1"
MEAN = "def mean(values):\n    return sum(values) / len(values)"
FIRST = "def mean(values):\n    return values[0]"  # right for one value only
UNIT = "def unit(x):\n    return x / np.linalg.norm(x)"
POSITIVE = "def unit(x):\n    return abs(x) / np.linalg.norm(x)"  # a hidden test sees it
ESSAY = "When one value is far from the others."
ROSTER = """\
id,name,group,canvas
ada,Ada Lovelace,red,501
jose,José Pérez,red,502
=cmd,Mia Sum,blue,503
ada2,Ada Byron,blue,504
"""


def nnkit(*arguments: object) -> int:
    """Run the command in the folder of the tiny lectures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(HERE)
        return cli.main(["homework", *map(str, arguments)])


def release_unchecked(course: Path, number: str, around: Path) -> Any:
    """Release a homework found around a folder; whether its reference is right is another test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(around)
        patch.setattr(release, "refuse_lost_marks", lambda *_: None)
        release.release(open_course(course), number)
    name = name_of(number)
    return nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)


def released(course: Path) -> Any:
    return nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)


def hand_in(course: Path, file: Path, **answers: str) -> None:
    """Write a submission: the released notebook with some cells replaced."""
    notebook = copy.deepcopy(released(course))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, file)


def zipped(file: Path, *members: tuple[str, str, tuple[int, ...]], course: Path) -> Path:
    """Write a zip of submissions: names, answers to `mean`, times."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, answer, time in members:
            hand_in(course, course / "one.ipynb", mean=answer)
            archive.writestr(zipfile.ZipInfo(name, time), (course / "one.ipynb").read_bytes())
    return file
