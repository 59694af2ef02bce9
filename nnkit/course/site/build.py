"""Write what Sphinx reads, let it write the pages, and refuse those that nobody should see."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from nnkit._extras import install
from nnkit.course.about import CITATION, THEME
from nnkit.course.chromium import require_browser
from nnkit.course.core import cores
from nnkit.course.decks import DECKS, decks, write_index
from nnkit.course.homework.source import FILE
from nnkit.course.lectures import CourseError, Part, find_lectures, find_parts
from nnkit.course.paper import print_pages
from nnkit.course.runs import fingerprint, key, makers
from nnkit.course.site.checks import offences
from nnkit.course.site.lectures import changed
from nnkit.course.site.repository import Repository

HERE = Path(__file__).parent
NEEDED = ("sphinx", "myst_nb", "pydata_sphinx_theme", "sphinx_codeautolink")
#: A file that says that a folder is a site of ours, and whether it is complete.
MARK = ".nnkit-site"
COMPLETE = "complete"
#: Files of a course that pages are made of, and what they are called there.
BESIDE = {"CHANGELOG.md": "changelog.md", CITATION: CITATION, THEME: THEME}


def site(
    out: Path, repository: str = "", paths: Sequence[Path] = (), *, on_paper: bool = False
) -> int:
    """Build the site from parts that have been run; those that have not are run first.

    Args:
        out: the folder to write into; ``index.html`` is its start page. An older site there is
            replaced, unless it would be the same again.
        repository: the address of the course on GitHub, for the buttons that open a notebook
            elsewhere; there are none if it is empty.
        paths: parts or folders of parts; all lectures if empty.
        on_paper: print the slides of every part into a PDF, too.

    Returns:
        0, or 1 if a part failed or Sphinx warned.

    Raises:
        CourseError: if the address is not GitHub's, a package is missing, there is no browser to
            print with, the folder holds something else, or a page has a broken link, a picture
            without words or asks for something from outside.
    """
    if any(find_spec(package) is None for package in NEEDED):
        raise CourseError(f"the packages that pages are made with are missing: {install('site')}")
    parts, course = find_parts(paths), find_lectures().parent
    published = Repository.at(repository, library=(course / "nnkit").is_dir())
    if on_paper:
        require_browser()
    made_from = _made_from(parts, course, f"{repository} {on_paper}")
    if _is_made(out, made_from):
        print(f"the site is as it was; open {out / 'index.html'}")
        return 0
    _clear(out)
    if decks(paths, DECKS):
        return 1
    shown = [*parts, *cores(parts)]
    _copy_decks(shown, out / "decks")
    if on_paper:
        print_pages([deck.name for deck in shown], out / "pdf")
    with tempfile.TemporaryDirectory(prefix="nnkit-site-") as made:
        source = Path(made, "source")
        _write_sources(parts, course, source, out, published)
        failed = _sphinx(source, out)
    if found := offences(out):
        raise CourseError("pages that nobody should see\n  " + "\n  ".join(found))
    if not failed:
        (out / MARK).write_text(f"{COMPLETE} {made_from} {_content(out)}", "utf-8")
        print(f"a site of {len(parts)} parts; open {out / 'index.html'}")
    return int(failed)


def _made_from(parts: Sequence[Part], course: Path, options: str) -> str:
    """Name all that the pages depend on.

    Raises:
        CourseError: if a part cannot be read.
    """
    homework = sorted({part.path.with_name(FILE) for part in parts})
    pages = sorted((course / "pages").rglob("*.md"))
    sources = [*homework, *pages, *(course / name for name in BESIDE)]
    texts = [source.read_text("utf-8") for source in sources if source.is_file()]
    days = [
        day for source in (*(part.path for part in parts), *homework) for day in changed(source)
    ]
    names = [part.name for part in parts]
    return fingerprint([makers(), options, *names, *map(key, parts), *texts, *days], {})


def _is_made(out: Path, made_from: str) -> bool:
    """Whether a site was made from this, and nobody has edited it since."""
    mark = out / MARK
    told = mark.read_text("utf-8").split() if mark.is_file() else []
    return told[:2] == [COMPLETE, made_from] and told[2:] == [_content(out)]


def _content(out: Path) -> str:
    files = sorted(file for file in out.rglob("*") if file.is_file() and file.name != MARK)
    return fingerprint([], {out: files})


def _copy_decks(parts: Sequence[Part], out: Path) -> None:
    for part in parts:
        for kind in ("html", "json"):
            target = out / f"{part.name}.{kind}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(DECKS / f"{part.name}.{kind}", target)
    write_index(out)


def _clear(out: Path) -> None:
    """Make an empty folder of an old site; refuse to empty any other."""
    if out.is_dir() and any(out.iterdir()):
        if not (out / MARK).is_file():
            raise CourseError(f"{out} holds something that is no site; name another folder")
        shutil.rmtree(out)  # no page of a part that is gone
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text("not complete", "utf-8")


def _write_sources(
    parts: Sequence[Part], course: Path, source: Path, out: Path, published: Repository | None
) -> None:
    from nnkit.course.site.homework import write_homework
    from nnkit.course.site.lectures import write_lectures
    from nnkit.course.site.reference import write_reference
    from nnkit.course.site.start import write_start

    own = course / "pages"
    shutil.copytree(own if own.is_dir() else HERE / "pages", source)
    for name, target in BESIDE.items():
        if (course / name).is_file():
            shutil.copy(course / name, source / target)
    write_lectures(parts, source, out, published)
    write_homework(parts, source, out, published)
    write_start(parts, source)
    if not own.is_dir():  # pages of another course are about that
        write_reference(source / "reference")
    if published:
        published.write_binder(out / "notebooks")


def _sphinx(source: Path, out: Path) -> bool:
    """Run Sphinx; return whether it failed or warned, which it has then told on stderr."""
    from sphinx.cmd.build import build_main

    arguments = ["-b", "html", "-j", "2", "-n", "-W", "--keep-going", "-q", "-c", str(HERE)]
    arguments += ["-d", str(source.parent / "doctrees"), str(source), str(out)]
    sys.stdout.flush()
    return bool(build_main(arguments))
