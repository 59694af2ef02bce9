"""How many submissions a minute does `nnkit homework grade` grade?

    python -m tests.benchmarks.grading [--homework 18] [--submissions 300] [--jobs 2]

A class is made up of the answers in tests/grading/answers: stubs, half-done, right and wrong ones,
and one student in fifty who would rather crash the grader. The class is graded once by the command.
Prints submissions a minute, the processor's seconds for each (which other programs on the machine
disturb less) and what two free cores would make of them; fails if that is less than 30 a minute.
"""

import argparse
import ctypes
import json
import os
import platform
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbgrader.utils import is_solution

from nnkit.course.homework.course_folder import open_course
from nnkit.course.homework.grade import grade
from nnkit.course.homework.source import find_homework, name_of, read
from nnkit.course.homework.transplant import names
from tests.grading.course import release_unchecked
from tests.grading.marking import Answer, exercises, read_answers, submission

LECTURES = Path(__file__).parents[2] / "lectures"
WANTED = 30.0  # submissions a minute on two cores
CHILD_SUBREAPER = 36  # of prctl, in Linux
KINDS = {"stub": 15, "half done": 40, "right": 25, "wrong": 18, "hostile": 2}  # in a hundred
HOSTILE = [
    "while True: pass",
    "import os; os._exit(0)",
    "return bytearray(1 << 40)",
    "raise SystemExit",
    "return type('Any', (), {'__eq__': lambda self, other: True})()",
    "import sys; sys.setrecursionlimit(10**9); f = lambda: f(); f()",
]


def answered(kind: str, reference: Any, answers: list[Answer], draw: random.Random) -> Any:
    """Make up one submission of a kind; a student answers each exercise apart."""
    chosen: dict[str, Answer] = {}
    for exercise in exercises(reference):
        there = [answer for answer in answers if answer.exercise == exercise]
        right = [answer for answer in there if answer.is_correct]
        stub = Answer(exercise, False, "stub", "")
        options = {"half done": [stub, *there], "right": right, "wrong": there, "stub": [stub]}
        chosen[exercise] = draw.choice(options.get(kind, right))
    if kind == "hostile":
        cell = draw.choice([cell for cell in reference.cells if cell.cell_type == "code"
                            and is_solution(cell)])  # fmt: skip
        body = draw.choice(HOSTILE)
        code = "".join(f"def {name}(*args):\n    {body}\n" for name in names(cell.source))
        exercise = cell.metadata.nbgrader.grade_id
        chosen[exercise] = Answer(exercise, False, "hostile", code)
    return submission(reference, chosen)


def hand_in(folder: Path, number: str, count: int) -> Counter[str]:
    """Write a class of submissions, the same each time; count the kinds."""
    path = find_homework(number, LECTURES)
    reference, answers = read(path), read_answers(path.parent.name)
    draw = random.Random(0)
    kinds = draw.choices(list(KINDS), list(KINDS.values()), k=count)
    folder.mkdir()
    for i, kind in enumerate(kinds):
        notebook = answered(kind, reference, answers, draw)
        nbformat.write(notebook, folder / f"{i:03}-{kind.replace(' ', '-')}.ipynb")
    return Counter(kinds)


def processor() -> float:
    """Seconds that all processes started here have kept the processor busy, but not this one."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:  # workers whose own parent was killed
            pass
    except ChildProcessError:
        pass
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    there = sum(t.user + t.system + t.children_user + t.children_system for t in alive)
    return gone.ru_utime + gone.ru_stime + there


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--homework", default="18", help="number of the lecture")
    parser.add_argument("--submissions", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        release_unchecked(root / "course", args.homework, LECTURES)
        kinds = hand_in(root / "submissions", args.homework, args.submissions)
        print(", ".join(f"{count} {kind}" for kind, count in kinds.items()))
        course, name = open_course(root / "course"), name_of(args.homework)
        start, busy = time.perf_counter(), processor()
        failed = grade(course, name, root / "submissions", jobs=args.jobs)
        seconds, busy = time.perf_counter() - start, processor() - busy
    each = busy / args.submissions
    rate, free = 60 * args.submissions / seconds, 2 * 60 / each
    print(f"{rate:.0f} submissions a minute, {each:.2f} s of the processor each;")
    print(f"on two cores with nothing else to do: {free:.0f} a minute, wanted: {WANTED:.0f}")
    print(json.dumps({"python": platform.python_version(), "kinds": kinds, "seconds": seconds,
                      "a minute": rate, "processor": each, "failed": bool(failed)}))  # fmt: skip
    sys.exit(free < WANTED or failed)


if __name__ == "__main__":
    main()
