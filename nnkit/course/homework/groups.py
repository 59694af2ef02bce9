"""``nnkit homework groups``: one submission for a group of the roster, marks for all its members.

What any of them hands in is kept, and graded once, under the first of the group on the roster. Who
has no group is alone.
"""

from dataclasses import replace

from nnkit.course.homework.attempts import students
from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.marks import Marks
from nnkit.course.homework.roster import FILE, Roster, read_roster
from nnkit.course.homework.rules import decide, rules
from nnkit.course.lectures import CourseError


def authors(course: Course, name: str) -> dict[str, str]:
    """Give for each student who is in a group under whom its submission is kept.

    Args:
        course: the course folder.
        name: the homework; empty unless it is handed in by groups.
    """
    return rules(course, name).groups  # as it was when that was said, whoever leaves since


def members(course: Course, name: str, author: str) -> list[str]:
    """Name those who have made what is kept under a student, in the order of the roster."""
    return [s for s, first in authors(course, name).items() if first == author] or [author]


def for_members(table: Marks, of: dict[str, str]) -> Marks:
    """Give each member of a group the row of its submission.

    Args:
        table: the marks of what was handed in.
        of: see `authors`.
    """
    groups: dict[str, list[str]] = {}
    for student, first in of.items():
        groups.setdefault(first, []).append(student)
    rows = [
        (student, row)
        for row, author in enumerate(table.students)
        for student in groups.get(author, [author])
    ]
    rows.sort()
    order = [row for _, row in rows]
    return replace(
        table,
        students=[student for student, _ in rows],
        scores=table.scores[order],
        penalties=table.penalties[order],
    )


def by_groups(course: Course, name: str, *, alone: bool = False) -> int:
    """Let groups hand in a homework together, or each student alone again.

    Args:
        course: the course folder.
        name: the homework.
        alone: each student alone.

    Returns:
        0.

    Raises:
        CourseError: if the roster has no groups, or members have handed in one by one already:
            whose of it would count, nobody has said.
    """
    course.require_released(name)
    roster = read_roster(course)
    of = _firsts(roster) if roster else {}
    if not of and not alone:
        raise CourseError(f"no group in {course.root / FILE}; {course.hint('roster', 'class.csv')}")
    there = {*students(course, name)}
    if kept := sorted(there & ({*of.values()} if alone else {s for s in of if of[s] != s})):
        raise CourseError(
            f"{name}: {', '.join(kept)} handed in before this was said; say it first, or take "
            f"{course.root / 'attempts' / name} away and collect again"
        )
    gone = (
        {s: by for s, by in rules(course, name).groups.items() if s not in roster.people}
        if roster
        else {}
    )
    words = ("groups", name, "alone" if alone else "together")
    decide(course, name, replace(rules(course, name), groups={} if alone else gone | of), words)
    count = len({*of.values()})
    print(f"{name}: {'each student alone' if alone else f'{count} groups hand in together'}")
    return 0


def _firsts(roster: Roster) -> dict[str, str]:
    first: dict[str, str] = {}
    for person in roster.people.values():
        if person.group:
            first.setdefault(person.group, person.id)
    return {p.id: first[p.group] for p in roster.people.values() if p.group}
