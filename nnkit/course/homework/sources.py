"""What platforms export: files in zips, in folders, in git repositories, whoever named them."""

import os
import stat
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from nnkit.course.lectures import CourseError

LARGEST = 32 << 20  # bytes of a notebook; without outputs the longest has a hundredth
MANY = 200_000  # files
GIT = (  # reads what is there, runs nothing of it, asks for nothing
    *("git", "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never"),
    *("-c", "core.symlinks=false", "-c", "filter.lfs.smudge=", "-c", "credential.helper="),
)
GIT_LIMIT = 120  # seconds for one repository


@dataclass(frozen=True)
class Entry:
    """A file of somebody's, or what is wrong with it."""

    parts: tuple[str, ...]  # its path
    read: Callable[[], bytes]
    time: datetime | None = None  # when it was handed in, as far as the source knows
    problem: str = ""


def entries(source: Path) -> Iterator[Entry]:
    """Give the files of a source, hidden ones and checkpoints left out.

    Args:
        source: a zip, a folder, or a text file with the address of a git repository in each line,
            after the student's id if the address does not end in it.

    Raises:
        CourseError: if it is none of these.
    """
    if source.is_dir():
        found = _in_folder(source)
    elif zipfile.is_zipfile(source):
        found = _in_zip(source)
    elif source.is_file() and source.suffix in (".txt", ".list"):
        found = _in_repositories(source)
    else:
        is_there = "is no folder, no zip and no list" if source.exists() else "does not exist"
        raise CourseError(
            f"{source} {is_there}; give a folder with a notebook for each student, the zip that "
            "Moodle or Canvas exports, or a .txt with the address of a git repository in each line"
        )
    for number, entry in enumerate(found):
        if number >= MANY:
            raise CourseError(f"{source} holds more than {MANY:,} files; is it the right one?")
        if not any(part.startswith((".", "__MACOSX")) for part in entry.parts):
            yield entry


def _none() -> bytes:
    return b""


# Folders


def _in_folder(folder: Path) -> Iterator[Entry]:
    for around, folders, files in os.walk(folder.resolve()):
        folders.sort()
        here = Path(around)
        above = here.relative_to(folder.resolve()).parts
        for name in sorted({*files, *(f for f in folders if (here / f).is_symlink())}):
            parts = (*above, name)
            path = here / name
            try:
                info = path.lstat()
            except OSError as error:
                yield Entry(parts, _none, problem=error.strerror or "cannot be read")
                continue
            if stat.S_ISLNK(info.st_mode):
                yield Entry(parts, _none, problem="is a link, which is not followed")
            elif not stat.S_ISREG(info.st_mode):
                yield Entry(parts, _none, problem="is no ordinary file")
            else:
                time = datetime.fromtimestamp(info.st_mtime, UTC)
                yield Entry(parts, partial(_read, path), time)


def _read(path: Path) -> bytes:
    """Read an ordinary file, whatever has been put in its place meanwhile."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise CourseError("is no ordinary file")
        return _bounded(file.read(LARGEST + 1))


def _bounded(content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise CourseError(f"larger than {LARGEST >> 20} MB; without outputs it would be small")
    return content


# Zips


def _in_zip(file: Path) -> Iterator[Entry]:
    try:
        archive = zipfile.ZipFile(file)  # open as long as an entry may want to read
    except zipfile.BadZipFile as error:
        raise CourseError(f"{file} is a damaged zip: {error}") from None
    for info in archive.infolist():
        parts = tuple(part for part in info.filename.split("/") if part not in ("", ".", ".."))
        if info.is_dir() or not parts:
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            yield Entry(parts, _none, problem="is a link, which is not followed")
        else:
            yield Entry(parts, partial(_unzip, archive, info), _zip_time(info))


def _zip_time(info: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*info.date_time).astimezone()  # a zip has local time
    except ValueError:
        return None


def _unzip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as file:
            return _bounded(file.read(LARGEST + 1))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise CourseError(f"cannot be unpacked: {error}") from None
    except Exception as error:  # of zlib, lzma or bz2
        raise CourseError(f"cannot be unpacked: {type(error).__name__}") from None


# Git


def _in_repositories(file: Path) -> Iterator[Entry]:
    for line in file.read_text("utf-8-sig").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        address = words[-1]
        student = words[0] if len(words) > 1 else address.rstrip("/").rpartition("/")[2]
        yield from _in_repository(student.removesuffix(".git"), address)


def _in_repository(student: str, address: str) -> Iterator[Entry]:
    """Give a repository's files; its times are the student's own, so there are none."""
    with tempfile.TemporaryDirectory() as folder:
        if address.startswith("-") or "::" in address:
            yield Entry((student,), _none, problem=f"{address!r} is no address of a repository")
            return
        try:
            _git("clone", "--quiet", "--bare", "--depth", "1", "--", address, folder)
            listed = _git("-C", folder, "ls-tree", "-r", "-l", "-z", "HEAD").split(b"\0")
        except CourseError as error:
            yield Entry((student,), _none, problem=str(error))
            return
        for item in filter(None, listed):
            facts, _, path = item.partition(b"\t")
            mode, _, blob, size = facts.decode().split()
            parts = (student, *path.decode(errors="replace").split("/"))
            if mode == "120000":
                yield Entry(parts, _none, problem="is a link, which is not followed")
            elif size != "-" and int(size) > LARGEST:
                yield Entry(parts, _none, problem=f"larger than {LARGEST >> 20} MB")
            elif size != "-":
                content = _git("-C", folder, "cat-file", "blob", blob)  # gone with the folder
                yield Entry(parts, partial(bytes, content))


def _git(*arguments: str) -> bytes:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true"}
    try:
        done = subprocess.run(
            [*GIT, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment,
            timeout=GIT_LIMIT,
        )
    except FileNotFoundError:
        raise CourseError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise CourseError(f"git did not end within {GIT_LIMIT} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CourseError(f"git: {said[-1] if said else 'no reason given'}")
    return done.stdout
