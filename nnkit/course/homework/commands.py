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
    roster = action("roster", _roster, "say who is in the class")
    collect = action("collect", _collect, "take in what Moodle, Canvas, git or a folder holds")
    groups = action("groups", _groups, "let the groups of the roster hand in together")
    deadline = action("deadline", _deadline, "when it is due, for all or for one student")
    grade = action("grade", _grade, "grade what was handed in; goes on where it was killed")
    drop = action("drop", _drop, "let a faulty question count no more")
    rescale = action("rescale", _rescale, "give the whole another number of points")
    feedback = action("feedback", _feedback, "write a page for each student")
    export = action("export", _export, "write marks per question as CSV")
    back = action("return", _return, "write marks and feedback as Moodle or Canvas takes them")
    stats = action("stats", _stats, "difficulty, discrimination, what was left empty, copies")

    of_one = (release, collect, groups, deadline, grade, drop, rescale, feedback, back, stats)
    for parser in of_one:
        parser.add_argument("lecture", help="its number, as in 18")
    _describe_class(roster, collect, grade)
    _describe_marks(deadline, drop, rescale, back)
    groups.add_argument("--alone", action="store_true", help="each student alone again")
    export.add_argument("file", type=Path, help="as in marks.csv")
    for parser in (grade, feedback):
        jobs = parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
        jobs.help = "students at a time; default: %(default)s"
    for parser in (*of_one, roster, export):
        course = parser.add_argument("--course", type=Path, default=FOLDER)
        course.help = "folder of nbgrader's files; default: %(default)s"
        gradebook = parser.add_argument("--gradebook", metavar="URL")
        gradebook.help = "database of marks, as in postgresql+psycopg://user@host/course"


def _describe_class(
    roster: argparse.ArgumentParser,
    collect: argparse.ArgumentParser,
    grade: argparse.ArgumentParser,
) -> None:
    roster.add_argument("file", type=Path, help="CSV: id, name, group, section, numbers elsewhere")
    for parser in (collect, grade):
        source = parser.add_argument("submissions", type=Path)
        source.help = "zip of Moodle or Canvas, folder, or .txt with addresses of git repositories"
        if parser is grade:
            source.nargs = "?"
            source.help += "; default: what was collected"
    collect.add_argument("--at", metavar="TIME", help="when it came, if its files do not say")
    grade.add_argument("--force", action="store_true", help="grade anew what is graded already")
    grade.add_argument("--student", action="append", default=[], help="this one; may be repeated")
    attempt = grade.add_argument("--attempt", type=_attempt, default="latest")
    attempt.help = "which one counts: latest, best, or its number; default: %(default)s"


def _attempt(text: str) -> str:
    if text not in ("latest", "best") and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is none of: latest, best, a number")
    return text


def _describe_marks(
    deadline: argparse.ArgumentParser,
    drop: argparse.ArgumentParser,
    rescale: argparse.ArgumentParser,
    back: argparse.ArgumentParser,
) -> None:
    deadline.add_argument(
        "time", nargs="?", help="2026-12-01, the end of it, or '2026-12-01 18:00'"
    )
    deadline.add_argument(
        "--student", help="an extension for this one; without a time none any more"
    )
    deadline.add_argument("--per-day", type=float, help="per cent of the points a day late costs")
    deadline.add_argument("--free-days", type=int, help="days late a student has in the course")
    drop.add_argument("questions", nargs="+", help="as the marks are exported, such as softmax")
    drop.add_argument("--back", action="store_true", help="let them count again")
    rescale.add_argument("points", type=float, help="0: the sum of the questions")
    back.add_argument("platform", choices=("moodle", "canvas"))
    back.add_argument("folder", type=Path, help="where to write marks.csv and feedback.zip")


def _validate(args: Any) -> int:
    require_nbgrader()
    from nnkit.course.homework.validate import validate

    return validate(args.file)


def _release(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.release import release

    return release(course, args.lecture)


def _roster(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.roster import enter

    return enter(course, args.file)


def _collect(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.grade import gather
    from nnkit.course.homework.rules import asked

    at = asked(args.at) if args.at else None
    return gather(course, name_of(args.lecture), args.submissions, at)


def _grade(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.grade import grade

    return grade(
        course,
        name_of(args.lecture),
        args.submissions,
        jobs=args.jobs,
        force=args.force,
        only=args.student,
        attempt=args.attempt,
    )


def _groups(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.groups import by_groups

    return by_groups(course, name_of(args.lecture), alone=args.alone)


def _deadline(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.decide import deadline

    days = {"per_day": args.per_day, "free": args.free_days}
    return deadline(course, name_of(args.lecture), args.time, student=args.student, **days)


def _drop(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.decide import drop

    return drop(course, name_of(args.lecture), args.questions, back=args.back)


def _rescale(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.decide import rescale

    return rescale(course, name_of(args.lecture), args.points)


def _return(args: Any) -> int:
    course = open_course(args.course, args.gradebook)
    from nnkit.course.homework.hand_back import hand_back

    return hand_back(course, name_of(args.lecture), args.platform, args.folder)


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
