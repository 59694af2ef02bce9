"""Where the lectures are: a folder is a lecture, a numbered file in it one part."""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LECTURE = re.compile(r"(\d+)_(\w+)")  # 18_architecture
# 1_neuron.md, or 5b_text.md after 5_noise.md; homework.md has no number and is no part
PART = re.compile(r"(\d+)([a-z]?)_(\w+)\.md")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


class CourseError(Exception):
    """What the user can mend; told without a traceback."""


@dataclass(frozen=True)
class Part:
    """One part of a lecture: one notebook, one deck."""

    path: Path

    @property
    def name(self) -> str:
        """Its place among the lectures, as in ``18_architecture/1_neuron``."""
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def lecture(self) -> str:
        """The lecture's number and title, read off the folder: ``18 Architecture``."""
        return _spoken(self.path.parent.name)

    @property
    def number(self) -> str:
        """Which part of the lecture it is: ``5``, or ``5b``."""
        return self.path.stem.split("_")[0]

    @property
    def title(self) -> str:
        """The first heading of the text, or the file's name if there is none."""
        text = CODE.sub("", self.path.read_text("utf-8"))
        heading = re.search(r"^#+ +(.+)$", text, re.MULTILINE)
        return heading[1].strip() if heading else _spoken(self.path.stem).split(" ", 1)[1]


def _spoken(name: str) -> str:
    number, _, words = name.partition("_")
    return f"{number} {words.replace('_', ' ').capitalize()}"


def find_lectures(start: Path | None = None) -> Path:
    """Find the folder ``lectures``, from ``start`` upwards.

    Args:
        start: where to begin; the working directory if None.

    Returns:
        The folder that holds the lectures.

    Raises:
        CourseError: if there is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        for lectures in (folder, folder / "lectures"):
            if lectures.name == "lectures" and lectures.is_dir():
                return lectures
    raise CourseError(
        f"no folder 'lectures' in {start} or above it; run the command inside the course's folder"
    )


def find_parts(paths: Sequence[Path] = ()) -> list[Part]:
    """Find the parts that are asked for, in the order of the course.

    Args:
        paths: parts (``1_neuron.md``), lectures or folders of lectures; all lectures if empty.

    Returns:
        The parts, each once.

    Raises:
        CourseError: if a path does not exist, is not a part or holds none.
    """
    found: set[Path] = set()
    for path in paths or [find_lectures()]:
        inside = sorted(path.glob("**/*.md")) if path.is_dir() else [path]
        parts = {file.resolve() for file in inside if file.is_file() and _is_part(file.resolve())}
        if not parts:
            raise CourseError(f"{path} {_what_is_wrong(path)}")
        found |= parts
    return [Part(path) for path in sorted(found, key=_in_order)]


def _is_part(path: Path) -> bool:
    return bool(PART.fullmatch(path.name) and LECTURE.fullmatch(path.parent.name))


def _what_is_wrong(path: Path) -> str:
    if not path.exists():
        return "does not exist"
    if path.is_dir():
        return "holds no part; parts are named like 18_architecture/1_neuron.md"
    return "is not a part; parts are named like 18_architecture/1_neuron.md"


def order_of(number: str) -> tuple[int, str]:
    """What the numbers of parts are sorted by: 2, 5, 5b, 10."""
    return int(number.rstrip(string.ascii_lowercase)), number


def _in_order(path: Path) -> tuple[int, str, tuple[int, str], str]:
    lecture, part = path.parent.name, path.name
    return int(lecture.split("_")[0]), lecture, order_of(part.split("_")[0]), part
