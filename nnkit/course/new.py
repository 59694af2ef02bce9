"""``nnkit new``: a course of one's own, with a lecture and a homework that work at once."""

import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

from nnkit.course.lectures import CourseError
from nnkit.course.site.repository import DISTRIBUTION

TEMPLATE = Path(__file__).parent / "template"


def new(folder: Path) -> int:
    """Write a course: a lecture, a homework, and what presents, tests and publishes them.

    Args:
        folder: where to; its name becomes the course's title.

    Returns:
        0.

    Raises:
        CourseError: if the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder} holds something already; name a folder that is not there")
    title = " ".join(folder.resolve().name.replace("-", " ").replace("_", " ").split())
    title = title[:1].upper() + title[1:]
    words = {"TITLE": title, "AUTHOR": _author() or f"The authors of {title}"}
    words |= {"VERSION": version(DISTRIBUTION), "YEAR": str(date.today().year)}
    words = {name: word.replace('"', "'") for name, word in words.items()}
    for file in sorted(path for path in TEMPLATE.rglob("*") if path.is_file()):
        text = file.read_text("utf-8")
        for name, word in words.items():
            text = text.replace(f"@{name}@", word)
        target = folder / file.relative_to(TEMPLATE)
        if target.name == "gitignore":
            target = target.with_name(".gitignore")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    print(
        f"{title}: a course in {folder}. Go on there with: nnkit lab, nnkit decks, or its README.md"
    )
    return 0


def _author() -> str:
    """Ask git for the name of its user; nothing without git or a name."""
    try:
        told = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return told.stdout.strip()
