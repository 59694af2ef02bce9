"""``nnkit update``: what is new comes, and no edit is lost, whatever both have changed."""

import os
import subprocess
from pathlib import Path

import pytest

from nnkit.course import cli
from tests.test_course_core import slide
from tests.test_course_decks import HEAD, cell

PART = "lectures/1_tiny/1_good.md"
TEXT = "\n".join([HEAD, slide("# Good"), cell("a = 1"), slide("## Next"), cell("b = 1")])


def git(folder: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Course:
    """What is published, and a student's clone of it."""

    def __init__(self, folder: Path) -> None:
        self.origin, self.clone = folder / "origin", folder / "clone"
        git(folder, "init", "--quiet", "--initial-branch", "main", "origin")
        self.publish(TEXT)
        git(folder, "clone", "--quiet", "origin", "clone")

    def publish(self, text: str | None, file: str = PART) -> None:
        path = self.origin / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8") if text is not None else path.unlink()
        git(self.origin, "add", "--all")
        who = ("-c", "user.name=Teacher", "-c", "user.email=teacher@example.org")
        git(self.origin, *who, "commit", "--quiet", "--message", "new")

    def edit(self, text: str, file: str = PART) -> None:
        (self.clone / file).write_text(text, encoding="utf-8")

    def text(self, file: str = PART) -> str:
        return (self.clone / file).read_text("utf-8")


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """As on a machine on which git knows nobody."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    course = Course(tmp_path)
    monkeypatch.chdir(course.clone)
    return course


def update() -> int:
    return cli.main(["update"])


def test_who_has_edited_nothing_gets_the_newest(course: Course, capsys) -> None:
    assert update() == 0
    assert "nothing is new" in capsys.readouterr().out
    course.publish(TEXT.replace("b = 1", "b = 2"))
    assert update() == 0
    assert "b = 2" in course.text()
    assert git(course.clone, "status", "--porcelain") == ""


def test_edits_of_other_cells_are_merged(course: Course) -> None:
    course.edit(TEXT.replace("a = 1", "a = 3  # mine"))
    course.edit(TEXT, "lectures/1_tiny/2_own.md")
    course.publish(TEXT.replace("b = 1", "b = 2"))
    assert update() == 0
    assert course.text() == TEXT.replace("a = 1", "a = 3  # mine").replace("b = 1", "b = 2")
    assert course.text("lectures/1_tiny/2_own.md") == TEXT
    assert not list(course.clone.rglob("*.mine*"))


@pytest.mark.parametrize("committed", [False, True])
def test_of_the_same_cell_the_newest_counts_and_the_edited_part_stands_beside(
    course: Course, capsys, committed: bool
) -> None:
    mine = TEXT.replace("a = 1", "a = 3  # mine")
    course.edit(mine)
    if committed:
        who = ("-c", "user.name=Student", "-c", "user.email=student@example.org")
        git(course.clone, *who, "commit", "--quiet", "--all", "--message", "mine")
    newest = TEXT.replace("a = 1", "a = 2")
    course.publish(newest)
    course.publish("new", "lectures/1_tiny/picture.txt")
    assert update() == 0
    assert course.text() == newest
    assert course.text("lectures/1_tiny/1_good.mine.md") == mine
    assert course.text("lectures/1_tiny/picture.txt") == "new"
    assert "yours stands beside it: 1_good.mine.md" in capsys.readouterr().out
    # and the next time, with another conflict
    course.edit(newest.replace("a = 2", "a = 4  # again"))
    course.publish(TEXT.replace("a = 1", "a = 5"))
    assert update() == 0
    assert "a = 5" in course.text()
    assert course.text("lectures/1_tiny/1_good.mine.md") == mine
    assert "a = 4  # again" in course.text("lectures/1_tiny/1_good.mine1.md")


def test_a_part_of_one_s_own_makes_room_for_a_new_one_of_its_name(course: Course) -> None:
    course.edit("of my own", "lectures/1_tiny/2_next.md")
    course.publish(TEXT, "lectures/1_tiny/2_next.md")
    assert update() == 0
    assert course.text("lectures/1_tiny/2_next.md") == TEXT
    assert course.text("lectures/1_tiny/2_next.mine.md") == "of my own"


def test_a_part_that_is_gone_stays_for_who_has_edited_it(course: Course) -> None:
    mine = TEXT.replace("a = 1", "a = 3")
    course.edit(mine)
    course.publish(None)
    assert update() == 0
    assert not (course.clone / PART).exists()
    assert course.text("lectures/1_tiny/1_good.mine.md") == mine


def test_a_merged_part_that_is_no_notebook_is_set_beside(course: Course) -> None:
    far = "\n".join(f"line {n}" for n in range(9))
    good = f"{HEAD}\n{slide('# Good')}\n{far}\n\nend\n"
    course.publish(good)
    assert update() == 0
    mine = good.replace("jupyter:", "jupyter: [", 1)
    course.edit(mine)
    course.publish(good.replace("end", "the end"))
    assert update() == 0
    assert "the end" in course.text()
    assert course.text("lectures/1_tiny/1_good.mine.md") == mine


def test_a_file_in_the_way_is_told_and_nothing_is_lost(course: Course, capsys) -> None:
    course.edit(TEXT.replace("a = 1", "a = 3"))
    (course.clone / "notes.txt").write_text("mine", encoding="utf-8")
    course.publish("theirs", "notes.txt")
    assert update() == 1
    assert "notes.txt" in capsys.readouterr().err
    assert (course.clone / "notes.txt").read_text("utf-8") == "mine"
    assert "a = 3" in course.text()


def test_what_is_no_clone_is_refused(course: Course, capsys) -> None:
    git(course.clone, "branch", "--unset-upstream")
    assert update() == 1
    assert "git clone the course" in capsys.readouterr().err


def test_a_merge_under_way_is_refused(course: Course, capsys) -> None:
    head = git(course.clone, "rev-parse", "HEAD")
    (course.clone / ".git" / "MERGE_HEAD").write_text(head + "\n", encoding="utf-8")
    assert update() == 1
    assert "a merge is under way" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["lectures/1_tiny/3_größe und λ.md", 'lectures/1_tiny/3_"q".md'])
def test_names_may_hold_any_letter(course: Course, file: str) -> None:
    course.publish(TEXT, file)
    assert update() == 0
    course.edit(TEXT.replace("a = 1", "a = 3  # mine"), file)
    course.publish(TEXT.replace("a = 1", "a = 2"), file)
    assert update() == 0
    assert course.text(file) == TEXT.replace("a = 1", "a = 2")
    assert course.text(file.replace(".md", ".mine.md")) == TEXT.replace("a = 1", "a = 3  # mine")
