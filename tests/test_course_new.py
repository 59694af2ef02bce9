"""``nnkit new``: a course of one's own works at once, and no command takes it for this one."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest

from nnkit.course import chromium, cli, reading
from nnkit.course.about import about, theme
from nnkit.course.lectures import CourseError, Part
from nnkit.course.theme import stylesheet


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Path:
    """A new course, around the working directory."""
    folder = tmp_path / "trees-and_woods"
    assert cli.main(["new", str(folder)]) == 0
    assert "Trees and woods: a course in" in capsys.readouterr().out
    monkeypatch.chdir(folder)
    return folder


def test_a_course_says_what_it_is(course: Path) -> None:
    told = about(course)
    assert told.title == "Trees and woods"
    assert told.authors
    assert told.licences == "CC-BY-4.0, MIT"
    files = [file for file in course.rglob("*") if file.is_file()]
    assert not [file for file in files if re.search(r"@[A-Z]+@", file.read_text("utf-8"))]
    assert (
        f"nnkit-course[site]=={version('nnkit-course')}\n" in Path("requirements.txt").read_text()
    )
    assert (course / ".gitignore").is_file()


def test_its_colours_are_variables_of_the_theme() -> None:
    template = Path(cli.__file__).parent / "template"
    css = stylesheet("deck")
    for name in re.findall(r"(--[\w-]+):", theme(template)):
        assert f"{name}:" in css


def test_a_course_is_not_written_over_another(course: Path, capsys) -> None:
    assert cli.main(["new", str(course)]) == 1
    assert "holds something already" in capsys.readouterr().err


def test_its_slides_pass_and_carry_its_colours(course: Path, capsys) -> None:
    Path("theme.css").write_text(":root { --ground: #123456; }", "utf-8")
    assert cli.main(["decks"]) == 0
    assert "--ground: #123456" in Path("build/decks/1_first/1_line.html").read_text("utf-8")
    if chromium.find_browser():
        assert cli.main(["check"]) == 0
    assert cli.main(["notebooks"]) == 0
    run = [sys.executable, "-m", "zipfile", "-e", "build/notebooks.zip", "build/notebooks"]
    subprocess.run(run, check=True)
    test = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval-lax", "-n0"]
    done = subprocess.run([*test, "build/notebooks"], capture_output=True, text=True)
    assert "3 passed" in done.stdout, done.stdout
    Path("theme.css").write_text(":root { --ground: #654321; }", "utf-8")
    assert cli.main(["decks"]) == 0  # made anew of what is kept
    assert "--ground: #654321" in Path("build/decks/1_first/1_line.html").read_text("utf-8")


def test_its_makefile_names_commands_that_there_are(course: Path) -> None:
    used = set(re.findall(r"\$\(NNKIT\) (\w+)", Path("Makefile").read_text("utf-8")))
    for command in used:
        with pytest.raises(SystemExit) as end:
            cli.main([command, "--help"])
        assert end.value.code == 0
    assert {"lab", "decks", "check", "site", "homework"} <= used


@pytest.mark.filterwarnings("ignore")  # of Sphinx's extensions about one another
def test_its_pages_are_its_own(course: Path, capsys) -> None:
    address = "https://github.com/someone/trees"
    assert cli.main(["site", "--repository", address]) == 0, capsys.readouterr().err
    page = Path("build/site/index.html").read_text("utf-8")
    assert "<title>Trees and woods" in page
    assert "CC-BY-4.0, MIT" in page
    assert "theme.css" in page
    assert "nnkit" not in re.sub(r"<script.*?</script>|<[^>]*>", "", page, flags=re.DOTALL)
    given = nbformat.read("build/site/notebooks/1_first/1_line.ipynb", as_version=4)
    # the course's repository holds no library
    assert f'"nnkit-course[lab]=={version("nnkit-course")}"' in given.cells[0].source
    homework = Path("build/site/lectures/1_first/homework.html").read_text("utf-8")
    assert "y.mean()" not in homework


def test_a_citation_that_cannot_be_read_is_told(course: Path) -> None:
    for text in ("title: [", "authors: 3", "- a", "title: x\nauthors: [x]"):
        (course / "CITATION.cff").write_text(text, "utf-8")
        with pytest.raises(CourseError, match=r"CITATION\.cff"):
            about(course)
    (course / "CITATION.cff").unlink()
    assert about(course).title == "trees-and_woods"


def test_its_first_part_is_read_without_a_fault(course: Path) -> None:
    _, faults = reading.examine(Part(course / "lectures/1_first/1_line.md"))
    assert faults == []
