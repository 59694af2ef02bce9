"""A homework of one's own: what a teacher writes works, or is refused with its place and a hint."""

import json
from pathlib import Path

import nbformat
import pytest

from nnkit.course import cli
from nnkit.course.homework.source import read

KERNEL = "{display_name: P, language: python, name: python3}"
HEAD = f"---\njupyter:\n  kernelspec: {KERNEL}\n---\n\n# Own\n"
HIDDEN = "### BEGIN SOLUTION\nn = 3\n### END SOLUTION"
KINDS = {
    "given": {"locked": True},
    "solution": {"solution": True},
    "test": {"grade": True, "locked": True, "points": 1},
    "by hand": {"grade": True, "solution": True, "points": 1},
    "task": {"task": True, "locked": True, "points": 1},
}
SOLUTION = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
RIGHT = (("solution", SOLUTION), ("test", "assert f(1) == 1"))
COUNTER = """class Counter:
    \"\"\"It counts.\"\"\"

    ### BEGIN SOLUTION
    def __init__(self):
        self.n = 0

    def up(self):
        self.n += 1
        return self.n
    ### END SOLUTION
"""


def homework(*cells: tuple[str, str]) -> str:
    def told(number: int, kind: str, source: str) -> str:
        marks = dict.fromkeys(("grade", "locked", "solution", "task"), False) | KINDS[kind]
        marks |= {"grade_id": f"cell_{number}", "schema_version": 3}
        if kind == "task":
            return f"<!-- #region nbgrader={json.dumps(marks)} -->\n{source}\n<!-- #endregion -->\n"
        return f"```python nbgrader={json.dumps(marks)}\n{source}\n```\n"

    return "\n".join([HEAD, *(told(n, *cell) for n, cell in enumerate(cells))])


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """A function that releases a homework, and gives the status and what was said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lectures/7_own").mkdir(parents=True)

    def release(*cells: tuple[str, str]) -> tuple[int, str]:
        Path("lectures/7_own/homework.md").write_text(homework(*cells), "utf-8")
        status = cli.main(["homework", "release", "7"])
        return status, "".join(capsys.readouterr())

    return release


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([("given", "%matplotlib inline"), *RIGHT], "cell 2 is no Python: invalid syntax"),
        ([("given", "import math\n%matplotlib inline"), *RIGHT], "take out the magic: JupyterLab"),
        ([("by hand", SOLUTION), *RIGHT], "cell 2: code is graded by tests, not by hand; make it"),
        ([("task", "Do it."), *RIGHT], "cell 2: what students answer to a task cell is not graded"),
        ([("solution", "def f(x): return x"), RIGHT[1]], "cell 2 is a solution without BEGIN SOL"),
        ([("given", "import math"), RIGHT[0]], "no test and no essay gives points"),
        (
            [
                ("solution", "### BEGIN SOLUTION\nn = 3\n### END SOLUTION"),
                ("test", "assert n == 3"),
            ],
            "cell 2: tests use n, which only the solution names; write a function's first line",
        ),
        (
            [("given", "text = open('numbers.csv').read()"), *RIGHT],
            "cell 2 names numbers.csv, which is not there when it is graded; write what it holds",
        ),
    ],
    ids=["magic", "magic below", "by hand", "task", "no markers", "no points", "unnamed", "data"],
)
def test_what_cannot_be_graded_is_refused_with_its_place(released, cells, told: str) -> None:
    Path("lectures/7_own/numbers.csv").write_text("1,2", "utf-8")
    status, said = released(*cells)
    assert status == 1
    assert "homework.md: " in said
    assert told in said
    assert not Path("build/homework/release").exists()


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("pass", "these tests pass before anything is written"),
        ("assert True", "these tests pass before anything is written"),
        ("f(1)", "these tests pass if nothing is returned"),
        ("assert f(1) == f(1)", "these tests pass if nothing is returned"),
    ],
)
def test_a_test_that_tests_nothing_is_refused(released, test: str, told: str) -> None:
    status, said = released(*RIGHT, ("test", test))
    assert status == 1
    assert f"{told}, so nothing is released: cell_2; compare what is returned" in said


@pytest.mark.usefixtures("sandbox")
def test_what_does_not_reach_a_test_is_told(released) -> None:
    changed = SOLUTION.replace("return x", "x.append(1)")
    in_place = [("solution", changed), ("test", "x = []\nf(x)\nassert x == [1]")]
    of_a_class = [("solution", COUNTER), ("test", "assert Counter().up() == 1")]
    for cells in (in_place, of_a_class):
        status, said = released(*cells)
        assert status == 1
        assert "An argument changed in place does not come back: return it" in said
        assert "let a function of the solution use it and return numbers" in said


@pytest.mark.usefixtures("sandbox")
def test_a_class_is_asked_for_by_a_function_that_uses_it(released) -> None:
    use = (
        "def ups(times):\n    counter = Counter()\n    return [counter.up() for _ in range(times)]"
    )
    status, said = released(
        ("solution", f"{COUNTER}\n\n{use}"), ("test", "assert ups(2) == [1, 2]")
    )
    assert status == 0, said
    assert "1 tests, 0 essays, 1 points" in said


@pytest.mark.usefixtures("sandbox")
def test_the_homework_of_a_new_course_is_graded(tmp_path: Path, monkeypatch, capsys) -> None:
    assert cli.main(["new", str(tmp_path / "course")]) == 0
    monkeypatch.chdir(tmp_path / "course")
    assert cli.main(["homework", "release", "1"]) == 0
    given = Path("build/homework/release/homework_1/homework_1.ipynb")
    assert "BEGIN" not in given.read_text("utf-8")
    source = read(Path("lectures/1_first/homework.md"))
    answers = {c.metadata.get("nbgrader", {}).get("grade_id"): c.source for c in source.cells}
    solved = nbformat.read(given, as_version=4)
    for cell in solved.cells:
        marks = cell.metadata.get("nbgrader", {})
        cell.source = answers[marks["grade_id"]] if marks.get("solution") else cell.source
    for student, notebook in (("ana", solved), ("ben", nbformat.read(given, as_version=4))):
        file = tmp_path / "in" / student / "homework_1.ipynb"
        file.parent.mkdir(parents=True)
        nbformat.write(notebook, file)
        assert cli.main(["homework", "validate", str(file)]) == (student == "ben")
    assert cli.main(["homework", "grade", "1", str(tmp_path / "in"), "--jobs", "1"]) == 0
    assert cli.main(["homework", "export", "marks.csv"]) == 0
    header, *rows = [line.split(",") for line in Path("marks.csv").read_text().splitlines()]
    marks = [dict(zip(header, row, strict=True)) for row in rows]
    assert [mark["homework_1 slope /1"] for mark in marks] == ["1", "0"]
