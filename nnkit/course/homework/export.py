"""``nnkit homework export``: marks per question, students in rows, for any learning platform."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.marks import Marks
from nnkit.course.homework.rules import safe
from nnkit.course.homework.standing import standing


def export(course: Course, file: Path) -> int:
    """Write the marks of all homework: a row per student, a column per question.

    A question's column says what it is worth. A mark still to be given by hand, or a homework that
    was not handed in, is an empty field.

    Args:
        course: the course folder.
        file: the CSV file to write.

    Returns:
        0.
    """
    with course.gradebook() as gradebook:
        people = {s.id: [s.last_name, s.first_name, s.email] for s in gradebook.students}
        people = defaultdict(lambda: ["", "", ""], people)
        names = sorted(assignment.name for assignment in gradebook.assignments)
        tables = standing(course, gradebook, names)
    everybody = sorted({*people}.union(*(table.students for table in tables.values())))
    header = ["student", "last name", "first name", "email"]
    rows = {s: list(map(safe, [s, *(field or "" for field in people[s])])) for s in everybody}
    for name, table in tables.items():
        header += [f"{name} {q} /{p:g}" for q, p in zip(table.tests, table.points, strict=True)]
        header += [f"{name} late penalty", f"{name} total /{table.points.sum() * table.scale:g}"]
        width = len(table.tests) + 2
        fields = dict(zip(table.students, _fields(table), strict=True))
        for student, row in rows.items():
            row += fields.get(student, [""] * width)
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([header, *rows.values()])
    waiting = sum(int(np.isnan(table.scores).sum()) for table in tables.values())
    print(f"{file}: {len(rows)} students, {len(tables)} homeworks")
    if waiting:
        print(
            f"{waiting} answers wait for a mark by hand, or were changed after they had one: open "
            "Formgrader in JupyterLab"
        )
    for name, table in tables.items():
        for row, column in np.argwhere(table.scores > table.points):
            given, most = table.scores[row, column], table.points[column]
            print(f"{name}: {table.students[row]}: {table.tests[column]}: {given:g} of {most:g}")
    return 0


def _fields(table: Marks) -> Sequence[list[str]]:
    return [
        ["" if np.isnan(score) else f"{score:g}" for score in scores]
        + [f"{penalty:g}", f"{total:g}"]
        for scores, penalty, total in zip(
            table.scores, table.penalties, table.totals(), strict=True
        )
    ]
