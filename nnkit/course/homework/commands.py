"""``nnkit homework …``: the command line; nothing heavy is imported before it is needed."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnkit.course.homework.course_folder import FOLDER, open_course, require_nbgrader
from nnkit.course.homework.source import name_of


def add_homework(commands: Any) -> None:
    """Describe ``nnkit homework`` to the parser of the command ``nnkit``.

    Args:
        commands: what ``ArgumentParser.add_subparsers`` has returned.
    """
    homework = commands.add_parser("homework", help="release, validate and grade homework")
    actions = homework.add_subparsers(dest="action", required=True, metavar="action")

    def action(name: str, run: Callable[[Any], int], help: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(name, help=help)
        parser.set_defaults(run=run)
        return parser

    validate = action("validate", _validate, "check a notebook before it is handed in")
    validate.add_argument("file", type=Path)

    release = action("release", _release, "make the notebook that students get")
    grade = action("grade", _grade, "grade a folder of submissions; goes on where it was killed")
    feedback = action("feedback", _feedback, "write a page for each student")
    export = action("export", _export, "write marks per question as CSV")
    stats = action("stats", _stats, "difficulty, discrimination, what was left empty, copies")

    for parser in (release, grade, feedback, stats):
        parser.add_argument("lecture", help="its number, as in 18")
    folder = grade.add_argument("submissions", type=Path)
    folder.help = "folder with a notebook per student (ana.ipynb), or a folder per student"
    grade.add_argument("--force", action="store_true", help="grade anew what is graded already")
    export.add_argument("file", type=Path, help="as in marks.csv")
    for parser in (grade, feedback):
        jobs = parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
        jobs.help = "students at a time; default: %(default)s"
    for parser in (release, grade, feedback, export, stats):
        course = parser.add_argument("--course", type=Path, default=FOLDER)
        course.help = "folder of nbgrader's files; default: %(default)s"
        gradebook = parser.add_argument("--gradebook", metavar="URL")
        gradebook.help = "database of marks, as in postgresql+psycopg://user@host/course"


def _validate(args: Any) -> int:
    require_nbgrader()
    from nnkit.course.homework.validate import validate

    return validate(args.file)


def _release(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.release import release

    return release(course, args.lecture)


def _grade(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.grade import grade

    name = name_of(args.lecture)
    return grade(course, name, args.submissions, jobs=args.jobs, force=args.force)


def _feedback(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.feedback import feedback

    return feedback(course, name_of(args.lecture), jobs=args.jobs)


def _export(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.export import export

    return export(course, args.file)


def _stats(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.stats import stats

    return stats(course, name_of(args.lecture))
