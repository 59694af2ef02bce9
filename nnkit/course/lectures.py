"""Where the lectures are: a folder is a lecture, a numbered file in it one part."""

import os
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LECTURE = re.compile(r"(\d+)_(\w+)")  # 18_architecture
# 1_neuron.md, or 5b_text.md after 5_noise.md; homework.md has no number and is no part
PART = re.compile(r"(\d+)([a-z]?)_(\w+)\.md")
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.*)$", re.MULTILINE)
CODE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


class CourseError(Exception):
    """An error the user can fix; shown without a traceback."""


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
    def course(self) -> Path:
        """The folder of its course, which holds ``lectures``."""
        return self.path.resolve().parent.parent.parent

    def footer(self, title: str) -> str:
        """What stands at the foot of each of its slides."""
        return f"{self.lecture}  ·  Part {self.number}: {title}"

    def title(self, notebook: Any) -> str:
        """The first heading of the notebook's texts, or the file's name if there is none."""
        return heading(notebook.cells) or _spoken(self.path.stem).split(" ", 1)[1]

    def read(self) -> str:
        """Return the text of its file.

        Raises:
            CourseError: if there is no such file, it may not be read, or is no text in UTF-8.
        """
        if not self.path.is_file():  # a folder, a link to nowhere, a pipe that would never end
            raise CourseError(f"{self.path} is no file")
        try:
            text = self.path.read_text("utf-8-sig")
        except OSError as error:
            raise CourseError(f"{self.path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise CourseError(
                f"{self.path}:{line}: byte 0x{error.object[error.start]:02x} is not UTF-8; "
                "save the file in that encoding"
            ) from None
        if "\0" in text:
            line = text[: text.index("\0")].count("\n") + 1
            raise CourseError(f"{self.path}:{line}: a NUL character; save the file as UTF-8 text")
        return text


def heading(cells: Sequence[Any]) -> str:
    """Return the first heading in the texts of cells; nothing if they have none."""
    texts = (cell.source for cell in cells if cell.cell_type == "markdown")
    headings = (HEADING.search(CODE.sub("", text)) for text in texts)
    found = next(filter(None, headings), None)
    return " ".join(found[1].split()) if found else ""


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
        inside = path.glob("**/*.md") if path.is_dir() and not is_part(_placed(path)) else [path]
        parts = {_placed(file) for file in inside if os.path.lexists(file)}
        parts = {file for file in parts if is_part(file)}  # a folder, too: reported later
        if not parts:
            raise CourseError(f"{path} {_what_is_wrong(path)}")
        found |= parts
    return [Part(path) for path in sorted(found, key=in_order)]


def _placed(path: Path) -> Path:
    """Name a file in full: a link to a folder by what it leads to, a link to a part by its own."""
    return path.parent.resolve() / path.name


def is_part(path: Path) -> bool:
    """Return whether a file has the name and the place of a part."""
    return bool(PART.fullmatch(path.name) and LECTURE.fullmatch(path.parent.name))


def _what_is_wrong(path: Path) -> str:
    if not path.exists():
        return "does not exist"
    if path.is_dir():
        return "holds no part; parts are named like 18_architecture/1_neuron.md"
    return "is not a part; parts are named like 18_architecture/1_neuron.md"


def in_order(path: Path) -> tuple[int, str, int, str]:
    """What the files of parts are sorted by: lecture 9 before 10; part 2, 5, 5b, 10."""
    lecture, part = path.parent.name, path.name
    number = part.split("_")[0].rstrip(string.ascii_lowercase)
    return int(lecture.split("_")[0]), lecture, int(number), part
