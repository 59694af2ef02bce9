"""Notes, minutes and the core of a lecture: what parts show, and the deck of ninety minutes."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nnkit.course import cli, decks, handout
from nnkit.course.core import cores
from nnkit.course.lectures import CourseError, Part, find_parts
from nnkit.course.reading import read
from nnkit.course.slides import minutes, of_part, slides_of
from tests.test_course_damage import unrun
from tests.test_course_decks import HEAD, cell


def slide(title: str, options: str = "", kind: str = "slide", text: str = "") -> str:
    told = f'slideshow={{"slide_type": "{kind}"}} {options}'.strip()
    return f"<!-- #region {told} -->\n{title}\n\n{text}\n<!-- #endregion -->\n"


CORE, ONLY = 'tags=["core"]', 'tags=["core-only"]'
FIRST = [
    slide("# First part"),
    slide("# A lecture in short", ONLY),
    slide("Welcome them.", "minutes=3", kind="notes"),
    slide("## Kept", f'topic="1.1" {CORE}'),
    cell("'of what is kept'"),
    slide("More of it.", kind="fragment"),
    slide("Say $x$.", "minutes=1.5", kind="notes"),
    slide("## Left out", kind="subslide"),
    slide("Also that.", "minutes=4", kind="notes"),
    slide("A word between.", ONLY, kind="fragment"),
]
SECOND = [
    slide("# Second part"),
    cell("hidden = 1", 'slideshow={"slide_type": "skip"}'),
    slide("## Opens", 'topic="1.2"'),
    slide("## Below, of the core", CORE, kind="subslide"),
]


@pytest.fixture
def lecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """Two parts, as if they had been run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(decks, "executed", unrun)
    folder = tmp_path / "lectures" / "1_tiny"
    folder.mkdir(parents=True)
    for name, texts in (("1_first", FIRST), ("2_second", SECOND)):
        (folder / f"{name}.md").write_text("\n".join([HEAD, *texts]), encoding="utf-8")
    return find_parts()


def titles(page: str) -> list[str]:
    shown = page[page.index("<main") : page.index("</main>")]
    return re.findall(r"<h[12][^>]*>(.*?)</h", shown)


def written(name: str) -> str:
    return Path("build", "decks", f"{name}.html").read_text("utf-8")


def test_the_core_is_one_deck_and_parts_do_not_show_what_is_its_alone(lecture) -> None:
    assert cli.main(["decks"]) == 0
    core = written("1_tiny")
    assert titles(core) == ["A lecture in short", "Kept", "Below, of the core"]
    assert "<title>A lecture in short</title>" in core
    assert "of what is kept" in core
    assert "Also that." not in core
    first = written("1_tiny/1_first")
    assert titles(first) == ["First part", "Kept", "Left out"]
    for alone in ("A lecture in short", "Welcome them.", "A word between."):
        assert alone not in first
    facts = json.loads(Path("build/decks/1_tiny.json").read_text("utf-8"))
    assert (facts["slides"], facts["minutes"]) == (3, 5.5)
    index = Path("build/decks/index.html").read_text("utf-8")
    assert '<a href="1_tiny.html">In ninety minutes</a><span>3 slides, 6 minutes' in index
    assert '<a href="1_tiny/1_first.html">First part</a><span>3 slides, 6 minutes' in index


def test_a_slide_of_the_core_tells_its_topic_its_time_and_its_place(lecture) -> None:
    """Also one below another that is left out."""
    assert cli.main(["decks"]) == 0
    told = r'data-number="(\d)" data-timing="(\d+)" data-topic="(.*?)" data-total="3"'
    assert list(dict.fromkeys(re.findall(told, written("1_tiny")))) == [
        ("1", "180", ""),
        ("2", "90", "1.1"),
        ("3", "60", "1.2"),
    ]


def test_notes_stand_before_fragments_which_would_hide_them(lecture) -> None:
    assert cli.main(["decks"]) == 0
    page = written("1_tiny/1_first")
    assert page.index("Say $x$.") < page.index('<div class="fragment"')


def test_there_is_no_core_of_half_a_lecture_or_of_one_without_tags(lecture) -> None:
    assert [core.name for core in cores(lecture)] == ["1_tiny"]
    assert cores(lecture[1:]) == []
    for part in lecture:
        part.path.write_text(part.read().replace("core", "nbval-skip"), encoding="utf-8")
    assert cores(lecture) == []


def test_a_part_that_fails_leaves_no_core_of_before(lecture, capsys) -> None:
    assert cli.main(["decks"]) == 0
    lecture[0].path.write_bytes(b"\xff")
    assert cli.main(["decks"]) == 1
    assert not Path("build/decks/1_tiny.html").exists()
    assert "1_tiny.html" not in Path("build/decks/index.html").read_text("utf-8")
    assert "1 of 3 decks written" in capsys.readouterr().out


def test_minutes_are_those_of_the_notes_and_one_for_a_slide_without(lecture) -> None:
    notebook = read(lecture[0])
    assert [minutes([cells]) for cells in slides_of(notebook)] == [1, 3, 1.5, 4]
    assert minutes(slides_of(of_part(notebook))) == 6.5


def test_code_that_no_slide_shows_stays_in_the_part() -> None:
    """A notebook goes on where only the core has a slide."""

    class Cell(dict[str, Any]):
        metadata: dict[str, Any]

    def made(kind: str, *tags: str) -> Cell:
        made = Cell()
        made.metadata = {"slideshow": {"slide_type": kind}, "tags": list(tags)}
        return made

    cells = [made("slide", "core-only"), made("skip"), made("notes"), made("slide")]
    kept = of_part(SimpleNamespace(cells=cells)).cells
    assert [one.metadata["slideshow"]["slide_type"] for one in kept] == ["skip", "slide"]


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        ("minutes=0", "notes", "minutes=0; write a number above 0"),
        ("minutes=-1.5", "notes", "minutes=-1.5; write"),
        ('minutes="2"', "notes", "minutes='2'; write"),
        ("minutes=true", "notes", "minutes=True; write"),
        ("minutes=2", "slide", "the time of a slide stands in its notes"),
        ('blank="all"', "slide", "blank='all'; allowed: formulas, words, results"),
        (CORE, "fragment", "'core' and slide_type 'fragment'; tag the cell that opens the slide"),
        (CORE, "notes", "'core' and slide_type 'notes'"),
    ],
)
def test_what_is_no_time_or_no_slide_is_refused(lecture, options, kind, told) -> None:
    part = lecture[1]
    text = part.read() + "\n" + slide("Odd", options, kind=kind)
    part.path.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=r"2_second\.md:\d+: cell 5 has") as refused:
        read(part)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("option", "kinds"),
    [([], ["lines"]), (["--blanks"], ["blanks", "key"]), (["--notes"], ["notes"])],
)
def test_handouts_are_of_parts_and_of_the_core(lecture, monkeypatch, option, kinds) -> None:
    printed: list[str] = []
    monkeypatch.setattr(handout, "require_browser", lambda: "")
    monkeypatch.setattr(handout, "print_pages", lambda names, out: printed.extend(names))
    assert cli.main(["handout", *option]) == 0
    decks = ("1_tiny/1_first", "1_tiny/2_second", "1_tiny")
    assert printed == [f"{deck}-{kind}" for deck in decks for kind in kinds]
    assert all(f"const KIND = '{name.rsplit('-')[-1]}'" in written(name) for name in printed)
