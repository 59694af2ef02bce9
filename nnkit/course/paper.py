"""``nnkit pdf``: the slides on paper, one page a slide, printed by a browser that is there."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from nnkit.course.chromium import ARGUMENTS, LAYOUT, TIMEOUT, require_browser
from nnkit.course.core import cores
from nnkit.course.decks import DECKS, decks
from nnkit.course.lectures import CourseError, find_parts

PDFS = Path("build", "pdf")


def pdf(paths: Sequence[Path], out: Path) -> int:
    """Print parts into PDF files.

    Args:
        paths: parts or folders of parts; all lectures if empty.
        out: the folder to write into; a part is ``18_architecture/1_neuron.pdf`` there, the core
            of a lecture ``18_architecture.pdf``.

    Returns:
        0, or 1 if a part failed.

    Raises:
        CourseError: if there is no browser, the paths hold no part, or the browser fails.
    """
    parts = find_parts(paths)
    require_browser()
    if decks(paths, DECKS):
        return 1
    names = [deck.name for deck in (*parts, *cores(parts))]
    print_pages(names, out)
    print(f"{len(names)} decks printed into {out}")
    return 0


def print_pages(names: Sequence[str], out: Path) -> None:
    """Print decks and handouts, which have been written.

    Args:
        names: as in ``18_architecture/1_neuron``.
        out: the folder to write into.

    Raises:
        CourseError: if there is no browser, or it fails.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(partial(_print, require_browser(), out), names))


def _print(browser: str, out: Path, name: str) -> None:
    page, target = (DECKS / f"{name}.html").resolve(), (out / f"{name}.pdf").resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="nnkit-pdf-") as profile:
        command = [browser, *ARGUMENTS, f"--user-data-dir={profile}", "--no-pdf-header-footer"]
        command += [f"--virtual-time-budget={LAYOUT}", f"--print-to-pdf={target}"]
        command += [f"{page.as_uri()}?print-pdf"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode or not target.is_file():
        raise CourseError(f"{page} was not printed:\n{done.stderr.strip()}")
