"""Files that a notebook shows or reads, taken along when it moves to another folder."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

SHOWN = re.compile(
    r"(?P<before>!\[[^\]]*\]\(\s*<?|<img\b[^>]*?\bsrc\s*=\s*[\"'])(?P<address>[^)\s>\"']+)",
    re.IGNORECASE,
)
READ = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")
ELSEWHERE = re.compile(r"(https?:|data:|//)", re.IGNORECASE)
ATTACHED = "attachment:"
FOLDER = "img"  #: for what did not lie beside the notebook
Files = dict[Path, bytes]


def carried(notebook: Any, source: Path, target: Path) -> tuple[Files, list[str]]:
    """Take along what a notebook needs; its addresses are changed where they must be.

    Args:
        notebook: changed in place; what is attached to a cell becomes a file.
        source: its folder.
        target: the folder that it moves to.

    Returns:
        The files to write, and a line for each thing that was changed or is missing.
    """
    files: Files = {}
    told: dict[str, None] = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            moved = _mover(cell.pop("attachments", {}), source, target, files, told)
            cell.source = SHOWN.sub(moved, cell.source)
        elif cell.cell_type == "code" and source.resolve() != target.resolve():
            for file in read_by(cell.source, source):
                files[target / file] = (source / file).read_bytes()
                told[f"{file}, which code names, comes along"] = None
    pictures = len(files) - sum("comes along" in line for line in told)
    first = [f"{pictures} pictures come along"] if pictures else []
    return files, [*first, *told]


def _mover(
    attached: Any, source: Path, target: Path, files: Files, told: dict[str, None]
) -> Callable[[re.Match[str]], str]:
    def move(found: re.Match[str]) -> str:
        address = found["address"]
        name = unquote(address)
        if name.startswith(ATTACHED):
            name = name.removeprefix(ATTACHED)
            data = next(iter(attached.get(name, {}).values()), None)
            if data is None:
                told[f"missing: {address}"] = None
                return found[0]
            return found["before"] + _put(name, base64.b64decode(data))
        if ELSEWHERE.match(address):
            if not address.lower().startswith("data:"):
                told[f"on the network, which decks do not ask: {address}"] = None
            return found[0]
        file = source / name
        if not file.is_file():
            told[f"missing: {address}"] = None
            return found[0]
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            told[f"{address} is now in {FOLDER}"] = None
            return found["before"] + _put(file.name, file.read_bytes())
        if source.resolve() != target.resolve():
            files[target / name] = file.read_bytes()
        return found[0]

    def _put(name: str, content: bytes) -> str:
        file, count = target / FOLDER / name, 1
        while files.get(file, content) != content:  # cells may attach others of the same name
            count += 1
            file = target / FOLDER / f"{Path(name).stem}_{count}{Path(name).suffix}"
        files[file] = content
        return quote(f"{FOLDER}/{file.name}")

    return move


def read_by(code: str, folder: Path) -> Iterator[str]:
    """Give the files beside a notebook that its code names."""
    for name in READ.findall(code):
        path = PurePosixPath(name)
        inside = not path.is_absolute() and ".." not in path.parts and path.suffix
        if inside and (folder / name).is_file():
            yield name
