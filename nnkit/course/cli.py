"""The command ``nnkit``: one subcommand a module."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import nnkit
from nnkit.course.check import check
from nnkit.course.decks import DECKS, decks
from nnkit.course.handout import BLANKS, HANDOUTS, KEY, LINES, NOTES, handout
from nnkit.course.homework.commands import add_homework
from nnkit.course.importing import bring_in
from nnkit.course.lab import lab
from nnkit.course.lectures import CourseError
from nnkit.course.new import new
from nnkit.course.notebooks import notebooks
from nnkit.course.paper import PDFS, pdf
from nnkit.course.site.build import site
from nnkit.course.update import update

RUN_FIRST = "A part is run if it has not been run yet, or if it or the library has changed since."


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(prog="nnkit", description="The course's own tools.")
    main.add_argument("--version", action="version", version=f"nnkit {nnkit.__version__}")
    commands = main.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, help: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")

    command = add("new", "begin a course of your own")
    command.add_argument("folder", type=Path, help="where to; its name becomes the title")
    command.epilog = (
        "Writes a lecture, a homework, a Makefile and a README.md, which says the rest."
    )
    command.set_defaults(run=lambda args: new(args.folder))

    command = add("lab", "open the lectures in JupyterLab, ready to present")
    command.epilog = "Every argument is given to JupyterLab: --no-browser, --port 8890, …"
    command.set_defaults(run=lambda args: lab(args.jupyter))

    command = add("decks", "write the parts as offline slides")
    _add_parts(command, DECKS, "folder to write into")
    command.add_argument(
        "--fit",
        action="store_true",
        help="split slides that are too full, or set them smaller, and name them",
    )
    command.epilog = RUN_FIRST
    command.set_defaults(run=lambda args: decks(args.parts, args.out, fit=args.fit))

    command = add(
        "check", "say what is wrong with slides: too high, a picture missing, no words for it"
    )
    files = command.add_argument("files", nargs="*", type=Path)
    files.help = "notebooks, Jupytext Markdown, folders; default: all parts"
    command.add_argument(
        "--run", dest="first", action="store_true", help="run the code first; else no code is run"
    )
    command.set_defaults(run=lambda args: check(args.files, run=args.first))

    command = add("import", "make a part of the course from a notebook, and say what changed")
    command.add_argument("source", type=Path, help="RISE's or another notebook, Jupytext Markdown")
    into = command.add_argument("into", nargs="?", type=Path)
    into.help = "lectures/3_trees/1_oak.md, or lectures/3_trees; default: a new lecture"
    command.set_defaults(run=lambda args: bring_in(args.source, args.into))

    command = add("pdf", "print the slides, by a browser that is there")
    _add_parts(command, PDFS, "folder to write into")
    command.epilog = RUN_FIRST
    command.set_defaults(run=lambda args: pdf(args.parts, args.out))

    command = add("handout", "print slides to write on, two a page with lines")
    _add_parts(command, HANDOUTS, "folder to write into")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--blanks", dest="kinds", action="store_const", const=(BLANKS, KEY))
    which.add_argument("--notes", dest="kinds", action="store_const", const=(NOTES,))
    command.epilog = (
        f"--blanks: with what to fill in, and the key. --notes: the speaker's. {RUN_FIRST}"
    )
    command.set_defaults(run=lambda args: handout(args.parts, args.out, args.kinds or (LINES,)))

    command = add("notebooks", "write the parts as notebooks into a zip file")
    _add_parts(command, Path("build/notebooks.zip"), "file to write")
    command.epilog = RUN_FIRST
    command.set_defaults(run=lambda args: notebooks(args.parts, args.out))

    command = add("site", "write the course as pages to read, offline")
    _add_parts(command, Path("build/site"), "folder to write into")
    command.add_argument("--repository", default="", help="https://github.com/owner/name: buttons")
    command.add_argument("--pdf", action="store_true", help="with a PDF of each part's slides")
    command.set_defaults(
        run=lambda args: site(args.out, args.repository, args.parts, on_paper=args.pdf)
    )

    command = add("update", "get the newest lectures, and keep your edits")
    command.set_defaults(run=lambda args: update())

    add_homework(commands)
    return main


def _add_parts(command: argparse.ArgumentParser, out: Path, what: str) -> None:
    """Let a command take parts, and where to write what it makes of them."""
    command.add_argument("parts", nargs="*", type=Path, help="files or folders; default: all parts")
    command.add_argument("--out", type=Path, default=out, help=f"{what}; default: %(default)s")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments after ``nnkit``; those of the process if None.

    Returns:
        The exit status: 0, 1 if something failed and was reported on stderr, 130 after Ctrl-C.
    """
    # what argparse does not know is JupyterLab's (its own REMAINDER stumbles over options)
    commands = parser()
    args, unknown = commands.parse_known_args(argv)
    if args.command == "lab":
        args.jupyter = unknown
    elif unknown:
        commands.error(f"unrecognized arguments: {' '.join(unknown)}")
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may not be in Windows' code page
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return int(args.run(args))
    except CourseError as error:
        print(f"nnkit {args.command}: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # a file that cannot be read or written, a full disk
        told = ": ".join(str(part) for part in (error.filename, error.strerror) if part)
        print(f"nnkit {args.command}: {told or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
