"""``nnkit decks``: the parts as slides that open anywhere, offline; written from their runs."""

import html
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby, product
from pathlib import Path
from typing import Any

from nnkit.course.about import theme
from nnkit.course.core import composed, cores, sources
from nnkit.course.fit import fitted
from nnkit.course.lectures import CourseError, Part, find_parts, in_order, is_part
from nnkit.course.render import Deck, render
from nnkit.course.runs import executed, fingerprint, key, makers
from nnkit.course.theme import stylesheet

DECKS = Path("build", "decks")


def decks(paths: Sequence[Path], out: Path, *, fit: bool = False) -> int:
    """Write each part as one HTML file, each lecture's core, and an index of all in the folder.

    A part that fails is reported on stderr; the others are written all the same. What was written
    before and would be the same again is left as it is.

    Args:
        paths: parts or folders of parts; all lectures if empty.
        out: the folder to write into; a deck is ``18_architecture/1_neuron.html`` there, or
            ``18_architecture.html``, and what the index tells of it a ``.json`` beside it.
        fit: split slides that are too full, or set them smaller, and name them.

    Returns:
        0, or 1 if a part failed.

    Raises:
        CourseError: if the paths hold no part, or the folder cannot be written into.
    """
    parts = find_parts(paths)
    write_index(out)  # fails before anything runs, if it must
    try:
        # a kernel waits for itself alone: a part for each core keeps them busy
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            done = dict(
                zip(parts, pool.map(lambda p: _write(p, parts, out, fit), parts), strict=True)
            )
        for core in cores(parts):  # of the runs that are kept by now
            whole = all(done[part] for part in core.parts)
            done[core] = whole and _write(core, parts, out, fit)
    finally:  # of Ctrl-C, too
        write_index(out)
    print(f"{sum(done.values())} of {len(done)} decks written; open {out / 'index.html'}")
    return 0 if all(done.values()) else 1


def _write(part: Part, parts: Sequence[Part], out: Path, fit: bool) -> bool:
    target = out / f"{part.name}.html"
    facts = target.with_suffix(".json")
    try:
        target.parent.mkdir(exist_ok=True)
        _refuse_namesakes(part, parts)
        made_from = fingerprint(
            [makers(), theme(part.course), part.name, f"{fit}", *map(key, sources(part))], {}
        )
        if _is_made(facts, made_from):
            print(f"{part.name}: as it was\n", end="", flush=True)
            return True
        _remove(part, out)  # rather no deck than one that the source no longer says
        runs = [executed(source.path) for source in sources(part)]
        deck, page, changed = (fitted if fit else _as_it_is)(part, composed(part, runs))
        target.write_bytes(page.encode("utf-8"))
        made = {"made_from": made_from, "page": _content(target)}
        facts.write_text(json.dumps(vars(deck) | made), encoding="utf-8")  # last: now it is a deck
    except Exception as error:  # no text, kernel or full disk shall cost the other decks
        known = isinstance(error, CourseError)
        message = f"{error}" if known else f"{part.path}: {type(error).__name__}: {error}"
        # in one piece: another thread writes as well
        print(f"{message}\n", end="", file=sys.stderr)
        with suppress(OSError):  # which has been told
            _remove(part, out)
        return False
    told = f"{deck.slides} slides, {deck.minutes:g} minutes, ran in {deck.seconds:.1f} s"
    print("\n  ".join([f"{part.name}: {told}", *changed]) + "\n", end="", flush=True)
    return True


def _as_it_is(part: Part, notebook: Any) -> tuple[Deck, str, list[str]]:
    return *render(part, notebook), []


def _remove(part: Part, out: Path) -> None:
    """Remove a deck, and the one of its lecture's core, which shows the same slides."""
    for name, kind in product((part.name, part.path.parent.name), ("json", "html")):
        (out / f"{name}.{kind}").unlink(missing_ok=True)


def _is_made(facts: Path, made_from: str) -> bool:
    """Whether a deck was made from this, and nobody has edited it since."""
    told = _told(facts)
    made = told.get("made_from") == made_from
    return made and told.get("page") == _content(facts.with_suffix(".html"))


def _content(page: Path) -> str:
    return fingerprint([], {page.parent: [page]})


def _refuse_namesakes(part: Part, parts: Sequence[Part]) -> None:
    for other in parts:
        if other.name == part.name and other != part:
            raise CourseError(f"{part.path} would be the same deck as {other.path}; name only one")


def write_index(out: Path) -> Path:
    """Write ``index.html``: every deck in the folder by lecture, with slides and minutes.

    Args:
        out: the folder of the decks.

    Returns:
        The page.

    Raises:
        CourseError: if the folder cannot be written into.
    """
    sources = (facts.with_suffix(".md") for facts in out.glob("*/*.json"))
    parts = sorted(filter(is_part, sources), key=in_order)
    found = [(Part(path), deck) for path in parts if (deck := _read(path.with_suffix(".json")))]
    by_lecture = groupby(found, key=lambda entry: entry[0].path.parent)
    body = "".join(_lecture(list(entries)) for _, entries in by_lecture)
    page = out / "index.html"
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Slides</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{stylesheet('index')}</style></head><body><main><h1>Slides</h1>"
        f"{body or '<p>No deck has been written.</p>'}</main></body></html>\n"
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", errors="xmlcharrefreplace")
    except OSError as error:
        raise CourseError(f"cannot write into {out}: {error}") from None
    return page


def _told(facts: Path) -> dict[str, Any]:
    """Return what was noted of a deck; nothing if it is gone, or this is another one's file."""
    if not (facts.is_file() and facts.with_suffix(".html").is_file()):  # a pipe would never end
        return {}
    try:
        told = json.loads(facts.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _read(facts: Path) -> Deck | None:
    """Return what the index says of a deck."""
    match _told(facts):
        case {
            "title": str(title),
            "slides": int(slides),
            "seconds": float(seconds),
            "minutes": float(minutes),
        }:
            return Deck(title, slides, seconds, minutes)
    return None


def _lecture(entries: Sequence[tuple[Part, Deck]]) -> str:
    first = entries[0][0]
    core = _read(first.path.parent.with_suffix(".json"))
    told = "".join(_entry(*entry) for entry in entries)
    if core:
        link = f'<a href="{html.escape(first.path.parent.name)}.html">In ninety minutes</a>'
        told = f"<li style=\"list-style-type: '→ '\">{link}{_effort(core)}</li>{told}"
    return f"<h2>{html.escape(first.lecture)}</h2><ol>{told}</ol>"


def _entry(part: Part, deck: Deck) -> str:
    link, title = html.escape(f"{part.name}.html"), html.escape(deck.title)
    mark = f"list-style-type: '{part.number}. '"
    return f'<li style="{mark}"><a href="{link}">{title}</a>{_effort(deck)}</li>'


def _effort(deck: Deck) -> str:
    return f"<span>{deck.slides} slides, {deck.minutes:.0f} minutes</span>"
