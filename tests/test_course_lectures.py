"""Where lectures and parts are found, and what is said if they are not."""

from pathlib import Path

import jupytext
import pytest

from nnkit.course.lectures import CourseError, Part, find_lectures, find_parts
from nnkit.course.reading import FORMAT
from tests import systems


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "9_first/1_start",
        "10_second/2_b",
        "10_second/2b_d",
        "10_second/10_c",
        "10_second/homework",
    ):
        path = tmp_path / "lectures" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("---\njupyter: {}\n---\n\n# The title of it\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(parts: list[Part]) -> list[str]:
    return [part.name for part in parts]


@pytest.mark.parametrize("inside", [".", "lectures", "lectures/10_second"])
def test_lectures_are_found_from_anywhere_in_the_course(
    course: Path, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(course / inside)
    assert find_lectures() == course / "lectures"


def test_without_lectures_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"no folder 'lectures' in .* inside the course's folder"):
        find_lectures(tmp_path)


def test_parts_come_in_the_order_of_the_course_and_homework_is_none(course: Path) -> None:
    assert names(find_parts()) == [
        "9_first/1_start",
        "10_second/2_b",
        "10_second/2b_d",
        "10_second/10_c",
    ]


def test_parts_may_be_files_or_folders_and_count_once(course: Path) -> None:
    asked = [Path("lectures/10_second"), Path("lectures/10_second/2_b.md")]
    assert names(find_parts(asked)) == ["10_second/2_b", "10_second/2b_d", "10_second/10_c"]


@systems.posix
def test_a_link_to_a_part_is_a_part_and_a_link_to_a_folder_is_that_folder(course: Path) -> None:
    (course / "lectures/9_first/2_again.md").symlink_to("../10_second/2_b.md")
    (course / "link").symlink_to("lectures/9_first")
    assert names(find_parts([Path("link")])) == ["9_first/1_start", "9_first/2_again"]
    assert names(find_parts([Path("link/2_again.md")])) == ["9_first/2_again"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("lectures/10_second/3_nowhere.md", "does not exist"),
        ("lectures/nowhere.md", "does not exist"),
        ("lectures/10_second/homework.md", "is not a part"),
        ("empty", "holds no part"),
    ],
)
def test_what_is_no_part_is_refused(course: Path, asked: str, told: str) -> None:
    (course / "empty").mkdir()
    with pytest.raises(CourseError, match=f"{asked} {told}"):
        find_parts([Path(asked)])


def test_a_part_knows_its_place(course: Path) -> None:
    part = find_parts([Path("lectures/10_second/2_b.md")])[0]
    assert (part.lecture, part.number) == ("10 Second", "2")
    assert find_parts([Path("lectures/10_second/2b_d.md")])[0].number == "2b"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# The title of it\n\n# Another", "The title of it"),
        ("Words.\n\n## \t A  title \t of it ", "A title of it"),
        ("no heading", "B"),
        ("# \n\n#hash\n\n####### seven", "B"),
        ("---\n# of the header\ntitle: x\n---\n\n# The title\n", "The title"),
        ("```python\n# a comment\n```\n\n# The title\n", "The title"),
        ("```text\n# a comment\n```\n\n# The title\n", "The title"),
        ("~~~\n# a comment\n~~~\n\n# The title\n", "The title"),
    ],
)
def test_the_title_is_the_first_heading(course: Path, text: str, title: str) -> None:
    part = Part(course / "lectures/10_second/2_b.md")
    assert part.title(jupytext.reads(text, fmt=FORMAT)) == title
