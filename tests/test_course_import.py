"""``nnkit import``: a notebook of any kind becomes a part; all that was changed is told."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from nnkit.course import cli, reading
from nnkit.course.lectures import Part
from tests.test_course_check import slide
from tests.test_course_decks import HEAD, cell

PNG = base64.b64encode(b"PNG").decode()


def markdown(source: str, kind: str | None = None, **more: Any) -> dict[str, Any]:
    told = {"slideshow": {"slide_type": kind}} if kind else {}
    return {"cell_type": "markdown", "source": source, "metadata": told} | more


def code(source: str, **metadata: Any) -> dict[str, Any]:
    shown = [{"output_type": "stream", "name": "stdout", "text": "old"}]
    told = {"cell_type": "code", "source": source, "metadata": metadata}
    return told | {"execution_count": 1, "outputs": shown}


def notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": metadata, "cells": cells})


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """A function that imports a text; it gives the status, what was told, and the part's cells."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lectures").mkdir()
    (tmp_path / "old").mkdir()

    def bring(text: str, name: str = "talk.ipynb", *into: str) -> tuple[int, str, list[Any]]:
        Path("old", name).write_text(text, "utf-8")
        status = cli.main(["import", f"old/{name}", *into])
        out, err = capsys.readouterr()
        written = sorted(Path("lectures").glob("*/*.md"))
        return status, out + err, reading.read(Part(written[0])).cells if written else []

    return bring


def test_a_rise_notebook_keeps_its_slides(brought) -> None:
    cells = (
        markdown("# One", "slide"),
        code("1 + 1", slideshow={"slide_type": "-"}, hide_input=True, collapsed=False),
        markdown("Odd", "slied"),
        markdown("A word", "notes"),
        code("2", tags=["remove-input"], scrolled=True),
    )
    kernel = {"name": "conda-env-x", "display_name": "X", "language": "python"}
    status, out, read = brought(notebook(*cells, rise={"scroll": True}, kernelspec=kernel))
    assert status == 0
    assert [reading.slide_type(c) for c in read] == ["slide", None, None, "notes", None]
    assert [c.source for c in read] == ["# One", "1 + 1", "Odd", "A word", "2"]
    assert [c.metadata.get("jupyter") for c in read] == [
        *(None, {"source_hidden": True}, None, None, {"source_hidden": True})
    ]
    lines = out.splitlines()
    assert lines[0] == "old/talk.ipynb → lectures/1_talk/1_talk.md: 1 slides"
    for told in (
        "the outputs of 2 cells are left out",
        "1 cells with slide_type '-'",
        "taken out: old/talk.ipynb: cell 3 has slide_type 'slied'",
        "settings of rise are left out",
        "the kernel 'conda-env-x' is now 'python3'",
        "the code of 2 cells is folded",
        "options that mean nothing here are left out: collapsed, scrolled",
    ):
        assert any(line.startswith(f"  {told}") for line in lines), told


def test_a_notebook_of_format_3_without_slides_opens_them_at_headings(brought) -> None:
    cells = [
        {"cell_type": "heading", "level": 1, "source": ["Title"], "metadata": {}},
        {
            "cell_type": "code",
            "input": ["x = 1"],
            "language": "python",
            "outputs": [],
            "metadata": {},
        },
        {"cell_type": "heading", "level": 3, "source": ["Below"], "metadata": {}},
        {"cell_type": "markdown", "source": ["## Next"], "metadata": {}},
    ]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "x"}}
    status, out, read = brought(json.dumps(old | {"worksheets": [{"cells": cells}]}), "7_old.ipynb")
    assert status == 0
    assert [reading.slide_type(c) for c in read] == ["slide", None, None, "slide"]
    assert read[2].source == "### Below"
    assert "old/7_old.ipynb → lectures/7_old/1_old.md: 2 slides" in out
    assert "nbformat 3 is now 4" in out
    assert "2 cells that begin with # or ## open one each" in out


def test_pictures_and_what_code_reads_come_along(brought, tmp_path: Path) -> None:
    for name in ("old/img/a b.png", "shared/c.png", "old/data.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    text = (
        "# One\n\n![words](img/a%20b.png) <img src='../shared/c.png' alt='words'>\n\n"
        "![words](attachment:d.png) ![words](gone.png) ![words](https://example.org/e.png)"
    )
    attached = {"d.png": {"image/png": PNG}}
    cells = (markdown(text, "slide", attachments=attached), code("open('data.csv')"))
    status, out, read = brought(notebook(*cells))
    assert status == 0
    here = tmp_path / "lectures/1_talk"
    assert {f.relative_to(here).as_posix(): f.read_bytes() for f in here.rglob("*.*")} == {
        "1_talk.md": (here / "1_talk.md").read_bytes(),
        "img/a b.png": b"old/img/a b.png",
        "img/c.png": b"shared/c.png",
        "img/d.png": b"PNG",
        "data.csv": b"old/data.csv",
    }
    assert "<img src='img/c.png' alt='words'>" in read[0].source
    assert "![words](img/d.png)" in read[0].source
    assert "![words](img/a%20b.png)" in read[0].source
    for told in (
        "3 pictures come along",
        "missing: gone.png",
        "on the network, which decks do not ask: https://example.org/e.png",
        "../shared/c.png is now in img",
        "data.csv, which code names, comes along",
    ):
        assert f"  {told}\n" in out


def test_a_text_goes_into_a_lecture_that_is_there(brought) -> None:
    text = "\n".join([HEAD, slide("# One"), cell("1 + 1")])
    assert brought(text, "18_talk.md")[1].startswith("old/18_talk.md → lectures/18_talk/1_talk.md")
    assert "→ lectures/18_talk/2_talk.md:" in brought(text, "talk.md", "lectures/18_talk")[1]
    assert "→ lectures/19_talk/1_talk.md:" in brought(text, "18_talk.md")[1]
    assert "→ lectures/2_x/3b_y.md:" in brought(text, "talk.md", "lectures/2_x/3b_y.md")[1]


@pytest.mark.parametrize(
    ("text", "name", "into", "told"),
    [
        ("x", "talk.py", (), "neither a notebook (.ipynb) nor Jupytext Markdown (.md)"),
        ("{", "talk.ipynb", (), "is no notebook"),
        (notebook(language_info={"name": "R"}), "talk.ipynb", (), "is written in R; decks run Py"),
        (notebook(markdown("# A", "slide")), "talk.ipynb", ("lectures",), "is no name of a part"),
        (notebook(markdown("# A", "slide")), "t.ipynb", ("old/1_a/1_b.txt",), "is no name of a"),
    ],
)
def test_what_cannot_be_imported_is_told(brought, text: str, name: str, into, told: str) -> None:
    status, out, read = brought(text, name, *into)
    assert status == 1
    assert told in out
    assert read == []


def test_nothing_is_overwritten(brought, tmp_path: Path) -> None:
    (tmp_path / "old/a.png").write_bytes(b"one")
    there = tmp_path / "lectures/1_x"
    there.mkdir()
    (there / "a.png").write_bytes(b"another")
    text = notebook(markdown("# A\n\n![words](a.png)", "slide"))
    status, out, _ = brought(text, "talk.ipynb", "lectures/1_x")
    assert status == 1
    assert "a.png is there already, and another" in out
    assert [file.name for file in there.iterdir()] == ["a.png"]
    (there / "1_y.md").write_text("mine", "utf-8")
    assert cli.main(["import", "old/talk.ipynb", "lectures/1_x/1_y.md"]) == 1
    assert (there / "1_y.md").read_text("utf-8") == "mine"
