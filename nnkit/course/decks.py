"""``nnkit decks``: run the parts and write them as slides that open anywhere, offline."""

import html
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from nnkit.course.execute import execute
from nnkit.course.lectures import CourseError, Part, find_parts, order_of
from nnkit.course.render import Deck, render
from nnkit.course.theme import stylesheet


def decks(paths: Sequence[Path], out: Path) -> int:
    """Run parts, write each as one HTML file, and an index of all decks in the folder.

    A part that fails is told on stderr; the others are written all the same.

    Args:
        paths: parts or folders of parts; all lectures if empty.
        out: the folder to write into; a deck is ``18_architecture/1_neuron.html`` there.

    Returns:
        0, or 1 if a part failed.

    Raises:
        CourseError: if the paths hold no part.
    """
    parts = find_parts(paths)
    # a kernel waits for itself alone: two parts at a time keep two cores busy
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        written = list(pool.map(lambda part: _write(part, out), parts))
    write_index(out)
    print(f"{sum(written)} of {len(parts)} decks written; open {out / 'index.html'}")
    return 0 if all(written) else 1


def _write(part: Part, out: Path) -> bool:
    target = out / f"{part.name}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # rather no deck than one that the source no longer says
    try:
        deck, page = render(part, execute(part))
    except CourseError as error:
        print(error, file=sys.stderr)
        return False
    target.write_text(page, encoding="utf-8")
    print(f"{part.name}: {deck.slides} slides, ran in {deck.seconds:.1f} s", flush=True)
    return True


def write_index(out: Path) -> Path:
    """Write ``index.html``: every deck in the folder by lecture, with slides and run time.

    Args:
        out: the folder of the decks.

    Returns:
        The page.
    """
    found = [(Deck.read(path), path.relative_to(out)) for path in out.glob("*/*.html")]
    found.sort(key=lambda entry: (int(entry[0].lecture.split()[0]), order_of(entry[0].part)))
    by_lecture = groupby(found, key=lambda entry: entry[0].lecture)
    body = "".join(_lecture(title, entries) for title, entries in by_lecture)
    page = out / "index.html"
    page.write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Slides</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{stylesheet('index')}</style></head><body><main><h1>Slides</h1>"
        f"{body or '<p>No deck has been written.</p>'}</main></body></html>\n",
        encoding="utf-8",
    )
    return page


def _lecture(title: str, entries: Iterable[tuple[Deck, Path]]) -> str:
    return f"<h2>{html.escape(title)}</h2><ol>{''.join(_entry(*entry) for entry in entries)}</ol>"


def _entry(deck: Deck, path: Path) -> str:
    link, title = html.escape(path.as_posix()), html.escape(deck.title)
    effort = f"{deck.slides} slides, runs in {deck.seconds:.0f} s"
    mark = f"list-style-type: '{deck.part}. '"
    return f'<li style="{mark}"><a href="{link}">{title}</a><span>{effort}</span></li>'
