"""``nnkit check``: whatever is wrong with a deck is told in a line of its own, with its place."""

import json
from pathlib import Path

import pytest

from nnkit.course import check as checking
from nnkit.course import cli
from nnkit.course.measure import Measured
from tests.test_course_decks import HEAD, cell


def slide(text: str, kind: str = "slide") -> str:
    told = f'slideshow={{"slide_type": "{kind}"}}'
    return f"<!-- #region {told} -->\n{text}\n<!-- #endregion -->\n"


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """A function that writes a deck and gives the status and the lines of the check."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checking, "measure", lambda page: [])

    def check(*texts: str | bytes, name: str = "talk.md", run: bool = False) -> tuple[int, str]:
        content = b"\n".join(t if isinstance(t, bytes) else t.encode() for t in texts)
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)
        status = cli.main(["check", name, *(["--run"] if run else [])])
        out, err = capsys.readouterr()
        return status, out + err

    return check


def test_a_deck_in_order_is_told_so(checked) -> None:
    status, out = checked(HEAD, slide("# Good"), slide("## Better"))
    assert (status, out) == (0, "talk.md: 2 slides, nothing to mend\n")


def test_all_that_is_wrong_is_told_at_once(checked, tmp_path: Path) -> None:
    (tmp_path / "here.png").write_bytes(b"PNG")
    status, out = checked(
        HEAD,
        slide("# Good\n\n![](here.png) ![words](gone.png)"),
        slide("## Far\n\n<img src='https://example.org/a.png' alt='words'>"),
        slide("Nothing", kind="slied"),
        slide("Something", kind="Fragment"),
    )
    assert status == 1
    lines = out.splitlines()
    assert [line.partition(" ")[0] for line in lines[:2]] == ["talk.md:19:", "talk.md:23:"]
    assert "slide_type 'slied'" in lines[0]
    assert "slide_type 'Fragment'" in lines[1]
    assert lines[2].startswith("talk.md:7: slide 1 “Good”: gone.png is no file")
    assert lines[3].startswith("talk.md:7: slide 1 “Good”: here.png has no words")
    assert lines[4].startswith("talk.md:13: slide 2 “Far”: https://example.org/a.png is on the net")
    assert lines[5] == "talk.md: 2 slides, 5 to mend"
    assert len(lines) == 6


def test_what_does_not_fit_is_told_in_pixels(checked, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [Measured(6, 0, []), Measured(258, 31, [r"\frac $x"])]
    monkeypatch.setattr(checking, "measure", lambda page: sizes)
    status, out = checked(HEAD, slide("# Good"), slide("## Full"))
    assert status == 1
    assert "slide 2 “Full”: 258 px too high and 31 px too wide; shorten or split it" in out
    assert r"slide 2 “Full”: a formula that is not typeset: \frac $x" in out
    assert "slide 1" not in out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ((b"\xcf\xf0\xe8\xe2\xe5\xf2",), "talk.md:1: byte 0xcf is not UTF-8"),
        (("---\na: [\n---\n",), "its header or the options of a cell are wrong"),
        (("---\na: 1\n",), "the header has no end"),
        ((HEAD, "# Words"), "has no slide; a cell with slide_type 'slide' opens one"),
        ((HEAD, slide("# Good"), cell("1", 'slideshow={"a"')), "options that cannot be read"),
    ],
)
def test_a_broken_source_is_told(checked, content, told: str) -> None:
    status, out = checked(*content)
    assert status == 1
    assert told in out


def test_code_that_was_not_run_is_told_and_run_if_asked(checked) -> None:
    text = (HEAD, slide("# Good"), cell("import sys\nprint('x' * 3)"), cell("1 / 0"))
    status, out = checked(*text)
    assert status == 0
    assert "2 cells were not run: what they show is not measured (--run)" in out
    status, out = checked(*text, run=True)
    assert status == 1
    assert "raises ZeroDivisionError" in out


def notebook(*cells: dict[str, object]) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": cells})


PICTURE = {"output_type": "display_data", "data": {"image/png": "UE5H"}, "metadata": {}}
CODE = {"cell_type": "code", "source": "plot()", "execution_count": 1, "outputs": [PICTURE]}
TITLE = {"cell_type": "markdown", "source": "# Hi"}


def test_a_notebook_is_checked_with_the_outputs_that_it_holds(checked) -> None:
    opens = {**TITLE, "metadata": {"slideshow": {"slide_type": "slide"}}}
    goes_on = {**CODE, "metadata": {"slideshow": {"slide_type": "-"}}}
    status, out = checked(notebook(opens, goes_on), name="talk.ipynb")
    assert status == 1
    assert out.startswith("talk.ipynb: slide 1 “Hi”: a figure has no words for those who cannot")
    assert "not run" not in out
    status, out = checked('{"nbformat": ', name="talk.ipynb")
    assert status == 1
    assert out.startswith("talk.ipynb is no notebook: ")


def test_in_a_folder_decks_are_found_by_their_slides(checked, capsys) -> None:
    checked(HEAD, slide("# One"), name="talks/one.md")
    checked(notebook({**TITLE, "metadata": {}}), name="talks/no_slides.ipynb")
    checked("# Words", name="talks/README.md")
    checked(HEAD, slide("# Two"), name="talks/.ipynb_checkpoints/one.md")
    assert cli.main(["check", "talks"]) == 0
    assert capsys.readouterr().out == "talks/one.md: 1 slides, nothing to mend\n"
    Path("empty").mkdir()
    for path, told in (("empty", "holds no slides"), ("gone.md", "does not exist")):
        assert cli.main(["check", path]) == 1
        assert told in capsys.readouterr().err
