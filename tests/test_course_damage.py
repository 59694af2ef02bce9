"""``nnkit decks`` never stops for one part: it is named with the reason, the others are written."""

import io
import json
import os
import re
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnkit.course import cli, decks
from nnkit.course.execute import settle
from nnkit.course.lectures import Part
from nnkit.course.reading import read
from nnkit.course.render import Deck, render

KERNEL = "kernelspec: {display_name: P, language: python, name: python3}"
HEAD = f"---\njupyter:\n  {KERNEL}\n---\n\n"
SLIDE = '<!-- #region slideshow={"slide_type": "slide"} -->\n# {}\n<!-- #endregion -->\n'
GOOD = HEAD + SLIDE.replace("{}", "Good")
CELL = "\n```python {}\n1\n```\n"


class Links(HTMLParser):
    """The links of a page and what stands on them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.link: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.link = str(dict(attrs)["href"])
            self.found[self.link] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.link = None

    def handle_data(self, data: str) -> None:
        if self.link:
            self.found[self.link] += data


def index(out: Path) -> dict[str, str]:
    return Links((out / "index.html").read_text("utf-8")).found


def unrun(path: Path) -> Any:
    """The part as if it had run, without outputs."""
    notebook = read(Part(path))
    settle(notebook, seconds=1.0)
    return notebook


@pytest.fixture(autouse=True)
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is run, and the good parts are written once."""
    kept: dict[str, tuple[Deck, str]] = {}

    def rendered(part: Part, notebook: Any) -> tuple[Deck, str]:
        text = part.path.read_text("utf-8-sig")
        if text != GOOD:
            return render(part, notebook)
        return kept.get(text) or kept.setdefault(text, render(part, notebook))

    monkeypatch.setattr(decks, "executed", unrun)
    monkeypatch.setattr(decks, "render", rendered)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with a good part before and one after; the damaged one comes in between."""
    monkeypatch.chdir(tmp_path)
    return lecture(tmp_path)


def lecture(root: Path) -> Path:
    folder = root / "lectures/1_tiny"
    folder.mkdir(parents=True)
    for name in ("1_before", "3_after"):
        (folder / f"{name}.md").write_text(GOOD, encoding="utf-8")
    return folder


def run(*arguments: str) -> tuple[int, str]:
    """The exit status, and what is told of what went wrong."""
    told = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(told):
        status = cli.main(["decks", *arguments])
    return status, told.getvalue()


def check_that_others_are_written(folder: Path) -> tuple[int, str]:
    """Only the part between the good ones may be missing, and is told then."""
    status, told = run("--out", "out")
    written = {str(path.relative_to("out").as_posix()) for path in Path("out").glob("*/*.html")}
    assert {"1_tiny/1_before.html", "1_tiny/3_after.html"} <= written
    assert set(index(Path("out"))) == written
    assert status == (len(written) < 3)
    assert bool(status) == (str(folder / "2_odd.md") in told)
    assert "Traceback" not in told
    return status, told


ODD = {
    "open YAML": ("---\njupyter: [open\n---\n" + GOOD, "header or the options"),
    "header without end": ("---\njupyter:\n" + SLIDE, "header"),
    "header without end, before words": ("---\ntitle\n\n", "the header has no end"),
    "header of words": ("---\njust words\n---\n", "pairs, it is 'just words'"),
    "header of a list": ("---\n- a\n- b\n---\n", r"pairs, it is \['a', 'b'\]"),
    "jupyter: a number": ("---\njupyter: 5\n---\n" + SLIDE, "the header has jupyter: 5"),
    "jupyter: nothing": ("---\njupyter:\n---\n" + SLIDE, "header"),
    "kernelspec: a word": ("---\njupyter:\n  kernelspec: python3\n---\n" + SLIDE, "header"),
    "another language": (HEAD.replace("python,", "R,") + SLIDE, "the kernel 'python3' and R"),
    "Latin-1": ("é".join([HEAD, SLIDE]).encode("latin-1"), r"2_odd.md:6: byte 0xe9 is not UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), "byte 0xff is not UTF-8"),
    "UTF-16, no mark": (GOOD.encode("utf-16-le"), "NUL character"),
    "a NUL": (GOOD + "\0", r"2_odd.md:9: a NUL character"),
    "empty": ("", "has no slide"),
    "no slide": (HEAD + "# A\n\nwords\n" + CELL, "has no slide"),
    "notes only": (GOOD.replace('"slide"}', '"notes"}'), "has no slide"),
    "slideshow: a word": (GOOD + CELL.format('slideshow="slide"'), "cell 2 has slideshow='slide'"),
    "slideshow: a list": (GOOD + CELL.format("slideshow=[]"), r"cell 2 has slideshow=\[\]"),
    "slideshow: null": (GOOD + CELL.format("slideshow=null"), "cell 2 has slideshow=None"),
    "slide_type: a list": (GOOD.replace(' "slide"', ' ["slide"]'), r"slide_type \['slide'\]"),
    "open options": (GOOD + CELL.format('slideshow={"slide_type": '), "cell 2 .*cannot be read"),
    "tags: a word": (GOOD + CELL.format('tags="x"'), "options of a cell.*'x' is not of type"),
    "jupyter: a word": (GOOD + CELL.format('jupyter="x"'), "options of a cell.*'x' is not of type"),
    "half a character": (GOOD.replace(" -->", r' topic="\ud800" -->'), "surrogates not allowed"),
    "missing picture": (
        GOOD.replace("Good", "A\n\n<img src='no.png'>"),
        "no.png, which is no file",
    ),
    "picture's name": (GOOD.replace("Good", f"A\n\n![x]({'n' * 999}.png)"), "[Tt]oo long|no file"),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_part_is_told_with_its_reason(course: Path, odd: str) -> None:
    content, reason = ODD[odd]
    data = content if isinstance(content, bytes) else content.encode()
    (course / "2_odd.md").write_bytes(data)
    status, told = check_that_others_are_written(course)
    assert status == 1
    assert re.search(reason, told, re.DOTALL), told


NO_FILES = [Path.mkdir]
if hasattr(os, "mkfifo"):  # not on Windows, where a link asks for a privilege as well
    NO_FILES += [os.mkfifo, lambda path: path.symlink_to("nowhere")]


@pytest.mark.parametrize("make", NO_FILES)
def test_what_is_named_like_a_part_and_is_no_file_is_told(course: Path, make) -> None:
    make(course / "2_odd.md")
    _, told = check_that_others_are_written(course)
    assert "2_odd.md is no file" in told


def test_a_file_that_may_not_be_read_is_told(course: Path, monkeypatch) -> None:
    (course / "2_odd.md").write_text(GOOD, encoding="utf-8")
    reading = Path.read_text

    def refuse(path: Path, *arguments: str) -> str:
        if path.name == "2_odd.md":
            raise PermissionError(13, "Permission denied", str(path))
        return reading(path, *arguments)

    monkeypatch.setattr(Path, "read_text", refuse)
    _, told = check_that_others_are_written(course)
    assert "2_odd.md cannot be read: Permission denied" in told


@pytest.mark.parametrize(
    "fine",
    [
        f"\ufeff{GOOD}",
        GOOD.replace("\n", "\r\n"),
        SLIDE,
        f"---\ntitle: not a slide\n{HEAD.removeprefix('---')}{SLIDE}",
        GOOD.replace("name: python3", "name: conda-env-of-another"),
    ],
)
def test_what_is_only_unusual_is_written(course: Path, fine: str) -> None:
    (course / "2_odd.md").write_bytes(fine.encode())
    assert check_that_others_are_written(course) == (0, "")
    page = Path("out/1_tiny/2_odd.html").read_text("utf-8")
    assert not re.search("not a slide|kernelspec", page[page.index("<main") :])


def test_two_parts_of_one_name_are_not_one_deck(course: Path) -> None:
    for folder in (course, course.parent / "old/1_tiny"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "2_odd.md").write_text(GOOD, encoding="utf-8")
    _, told = check_that_others_are_written(course)
    assert "old/1_tiny/2_odd.md would be the same deck as" in told.replace(os.sep, "/")


HEADING = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\"'<>&\\{}%$`#\r\t"))
YAML = st.text("jupyter:kernelspec{}[]&*!|>'\"#%@`,-? \n\t0a\\é")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["-", "slide"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["slide_type", "data", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
DAMAGE = st.one_of(
    st.binary(),
    HEADING.map(lambda text: HEAD + SLIDE.replace("{}", text)),
    YAML.map(lambda text: f"---\n{text}\n---\n{SLIDE}"),
    YAML.map(lambda text: f"---\njupyter:\n  {text}\n---\n{SLIDE}"),
    YAML.map(lambda text: GOOD + CELL.format(text.replace("\n", " "))),
    st.builds(
        lambda name, value: GOOD + CELL.format(f"{name}={json.dumps(value)}"),
        st.sampled_from(["slideshow", "tags", "jupyter", "topic", "name"]),
        JSON,
    ),
    st.builds(
        lambda text, encoding: (text + GOOD).encode(encoding, "replace"),
        HEADING,
        st.sampled_from(["latin-1", "utf-16", "utf-16-be", "utf-32", "utf-8-sig", "cp1251"]),
    ),
    st.builds(lambda end: GOOD.encode()[:end], st.integers(0, len(GOOD))),
)


@given(damage=DAMAGE)
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_a_part_the_others_are_written(damage: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as root, chdir(root):
        folder = lecture(Path(root).resolve())
        (folder / "2_odd.md").write_bytes(damage if isinstance(damage, bytes) else damage.encode())
        check_that_others_are_written(folder)


@given(heading=HEADING)
@settings(max_examples=20, deadline=None)
def test_the_index_says_what_the_heading_says(heading: str) -> None:
    heading = " ".join(f"A {heading}".replace("\0", "").split())
    with tempfile.TemporaryDirectory() as root, chdir(root):
        folder = lecture(Path(root).resolve())
        (folder / "2_odd.md").write_text(HEAD + SLIDE.replace("{}", heading), encoding="utf-8")
        assert check_that_others_are_written(folder) == (0, "")
        assert index(Path("out"))["1_tiny/2_odd.html"] == heading


FOREIGN = st.one_of(
    st.binary(),
    JSON.map(json.dumps).map(str.encode),
    st.builds(
        lambda *facts: json.dumps(dict(zip(("title", "slides", "seconds"), facts, strict=True))),
        JSON | st.just("\ud800"),
        JSON,
        JSON | st.floats(),
    ).map(str.encode),
)


@given(foreign=FOREIGN)
@settings(max_examples=100, deadline=None)
def test_foreign_files_do_no_harm(foreign: bytes) -> None:
    with tempfile.TemporaryDirectory() as root:
        out = Path(root)
        for name in ("1_tiny/2_odd", "1_tiny/about", "other/page", "1_tiny/1_good"):
            (out / name).parent.mkdir(exist_ok=True)
            (out / f"{name}.html").write_bytes(foreign)
            (out / f"{name}.json").write_bytes(foreign)
        facts = {"title": "Good", "slides": 1, "seconds": 2.0, "minutes": 1.0}
        (out / "1_tiny/1_good.json").write_text(json.dumps(facts), encoding="utf-8")
        decks.write_index(out)
        assert set(index(out)) - {"1_tiny/2_odd.html"} == {"1_tiny/1_good.html"}


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize("kind", ["html", "json"])
def test_what_is_no_file_is_no_deck(make, kind: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        out = Path(root)
        (out / "1_tiny").mkdir()
        facts = json.dumps({"title": "Good", "slides": 1, "seconds": 2.0, "minutes": 1.0})
        for suffix in {"html", "json"} - {kind}:
            (out / f"1_tiny/1_odd.{suffix}").write_text(facts, encoding="utf-8")
        make(out / f"1_tiny/1_odd.{kind}")
        decks.write_index(out)
        assert index(out) == {}


def test_a_deck_whose_file_is_gone_is_forgotten(course: Path) -> None:
    assert run("--out", "out") == (0, "")
    Path("out/1_tiny/1_before.html").unlink()
    assert run("--out", "out", str(course / "3_after.md")) == (0, "")
    assert index(Path("out")) == {"1_tiny/3_after.html": "Good"}


@pytest.mark.parametrize("out", ["file", "file/below", "folder"])
def test_a_folder_that_cannot_be_written_into_is_told_at_once(course: Path, out: str) -> None:
    Path("file").write_text("a file", encoding="utf-8")
    Path("folder/index.html").mkdir(parents=True)
    with mock.patch.object(decks, "executed") as never:
        status, told = run("--out", out)
    assert status == 1
    assert re.fullmatch(f"nnkit decks: cannot write into {re.escape(str(Path(out)))}: .*\n", told)
    never.assert_not_called()
    assert Path("file").read_text("utf-8") == "a file"


def test_a_lecture_that_cannot_be_written_costs_only_its_own_decks(course: Path) -> None:
    (course.parent / "2_large").mkdir()
    (course.parent / "2_large/1_part.md").write_text(GOOD, encoding="utf-8")
    Path("out").mkdir()
    Path("out/1_tiny").write_text("a file", encoding="utf-8")
    status, told = run("--out", "out")
    assert status == 1
    assert len(re.findall(r"1_tiny.(1_before|3_after)\.md: \w+Error: ", told)) == 2
    assert list(index(Path("out"))) == ["2_large/1_part.html"]


def test_the_index_is_right_after_ctrl_c(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("--out", "out") == (0, "")

    def interrupted(path: Path) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(decks, "executed", interrupted)
    part = course / "1_before.md"
    part.write_text(f"{GOOD}\nMore.\n", encoding="utf-8")  # else it would be the same again
    assert run("--out", "out", str(part))[0] == 130
    assert list(index(Path("out"))) == ["1_tiny/3_after.html"]
