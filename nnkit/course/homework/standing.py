"""Marks as they stand: what the gradebook has, by the rules of the teacher."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.grade import handed_in
from nnkit.course.homework.groups import authors, for_members
from nnkit.course.homework.marks import Marks, marks
from nnkit.course.homework.rules import Rules, late_days, rules


def standing(course: Course, gradebook: Any, names: Sequence[str]) -> dict[str, Marks]:
    """Give the marks per question of homework, with what is dropped, late and rescaled.

    Args:
        course: the course folder.
        gradebook: nbgrader's.
        names: all of the course's homework, since days late are free for the course as a whole.

    Returns:
        The marks by homework.
    """
    holds = {name: rules(course, name) for name in names}
    free = late_days(course)
    left: dict[str, int] = defaultdict(lambda: free)
    found = {}
    for name in sorted(names, key=lambda name: (holds[name].deadline, name)):
        table = marks(gradebook, name).by_question().without(holds[name].dropped)
        table = for_members(table, authors(course, name))
        found[name] = _late(course, name, table, holds[name], left)
    return {name: found[name] for name in names}


def _late(course: Course, name: str, table: Marks, rule: Rules, left: dict[str, int]) -> Marks:
    points = float(table.points.sum())
    penalties = table.penalties.copy()  # by a plugin of nbgrader's, if there is no deadline here
    if rule.deadline:
        of = authors(course, name)
        for row, student in enumerate(table.students):
            days = rule.days_late(student, handed_in(course, name, of.get(student, student)))
            given = min(days, left[student])
            left[student] -= given
            penalties[row] = min(points, (days - given) * rule.per_day / 100 * points)
    scale = rule.out_of / points if rule.out_of and points else 1.0
    return replace(table, penalties=np.asarray(penalties), scale=scale)
