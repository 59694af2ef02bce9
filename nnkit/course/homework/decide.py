"""``nnkit homework deadline``, ``drop`` and ``rescale``: what a teacher decides afterwards."""

from dataclasses import replace

from nnkit.course.homework.attempts import TIME, students
from nnkit.course.homework.course_folder import Course
from nnkit.course.homework.groups import authors
from nnkit.course.homework.marks import question
from nnkit.course.homework.rules import asked, decide, late_days, rules
from nnkit.course.lectures import CourseError


def deadline(
    course: Course,
    name: str,
    time: str | None,
    *,
    student: str | None = None,
    per_day: float | None = None,
    free: int | None = None,
) -> int:
    """Set when a homework is due, for all or for one student, and what being late costs.

    Args:
        course: the course folder.
        name: the homework.
        time: see `asked`; None leaves it as it is, and takes a student's extension back.
        student: whose extension it is.
        per_day: per cent of the points that each day begun costs.
        free: days late that each student has free in the whole course.

    Returns:
        0.

    Raises:
        CourseError: if a number is impossible.
    """
    course.require_released(name)
    if per_day is not None and not 0 <= per_day <= 100:
        raise CourseError(f"{per_day:g} per cent a day; between 0 and 100 are possible")
    if free is not None and free < 0:
        raise CourseError(f"{free} days free; 0 or more are possible")
    rule = rules(course, name)
    stamp = asked(time).strftime(TIME) if time else ""
    if student is not None:
        others = {who: until for who, until in rule.extensions.items() if who != student}
        rule = replace(rule, extensions=others | ({student: stamp} if stamp else {}))
        if authors(course, name).get(student, student) not in students(course, name):
            print(f"{student} has handed in nothing of {name} yet; it is noted all the same")
    elif stamp:
        rule = replace(rule, deadline=stamp)
    if per_day is not None:
        rule = replace(rule, per_day=per_day)
    words = ("deadline", name, stamp or "as it was", student or "", f"{per_day} % a day, {free}")
    decide(course, name, rule, words, free)
    print(
        f"{name}: due {rule.deadline or 'at no time'}, {rule.per_day:g} % a day after it, "
        f"{late_days(course)} days free in the course, {len(rule.extensions)} extensions"
    )
    return 0


def drop(course: Course, name: str, questions: list[str], *, back: bool = False) -> int:
    """Let questions count no more, for anybody; or count again.

    Args:
        course: the course folder.
        name: the homework.
        questions: as the marks are exported, such as ``softmax``.
        back: whether they count again.

    Returns:
        0.

    Raises:
        CourseError: if the homework has no such question.
    """
    course.require_released(name)
    with course.gradebook() as gradebook:
        cells = gradebook.find_notebook(name, name).grade_cells
        known = sorted({question(cell.name) for cell in cells})
    if unknown := [q for q in questions if q not in known]:
        raise CourseError(f"{name} has no question {', '.join(unknown)}; it has {', '.join(known)}")
    rule = rules(course, name)
    dropped = {*rule.dropped} - {*questions} if back else {*rule.dropped, *questions}
    words = ("drop", name, *questions, *(["back"] if back else []))
    decide(course, name, replace(rule, dropped=sorted(dropped)), words)
    print(f"{name}: without {', '.join(sorted(dropped)) or 'nothing'}; export the marks again")
    return 0


def rescale(course: Course, name: str, points: float) -> int:
    """Give the whole homework so many points; 0 gives it the sum of its questions again.

    Raises:
        CourseError: if the points are fewer than 0.
    """
    course.require_released(name)
    if not 0 <= points < float("inf"):
        raise CourseError(f"{points:g} points; a number from 0 on is needed")
    decide(
        course, name, replace(rules(course, name), out_of=points), ("rescale", name, f"{points:g}")
    )
    print(f"{name}: out of {points:g}" if points else f"{name}: out of the sum of its questions")
    return 0
