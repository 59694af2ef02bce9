"""What a course says of itself in ``CITATION.cff``, and its look, ``theme.css``."""

from pathlib import Path
from typing import Any, NamedTuple

from nnkit.course.lectures import CourseError

CITATION = "CITATION.cff"
THEME = "theme.css"


class About(NamedTuple):
    """What pages tell of a course."""

    title: str
    authors: str
    licences: str


def about(course: Path) -> About:
    """Read a course's ``CITATION.cff``; without one the folder's name is its title.

    Args:
        course: the folder that holds ``lectures``.

    Raises:
        CourseError: if the file is no YAML, or has no title.
    """
    import yaml

    file = course / CITATION
    if not file.is_file():
        return About(course.resolve().name, "", "")
    try:
        told: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
        authors = [_name(author) for author in told.get("authors", [])]
        licences = told.get("license", [])
        licences = [licences] if isinstance(licences, str) else licences
        title = str(told["title"]).partition(":")[0]
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise CourseError(f"{file}: {type(error).__name__}: {error}") from None
    return About(title, ", ".join(authors), ", ".join(map(str, licences)))


def _name(author: dict[str, str]) -> str:
    given = [author.get("given-names", ""), author.get("family-names", "")]
    return author.get("name") or " ".join(filter(None, given))


def theme(course: Path) -> str:
    """Return the course's own style sheet; nothing if it has none."""
    file = course / THEME
    return file.read_text("utf-8") if file.is_file() else ""
