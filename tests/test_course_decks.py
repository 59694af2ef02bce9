"""``nnkit decks``: a tiny lecture is run and written; what goes wrong is told with its place."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from nnkit.course import cli, decks, execute, reading, render
from nnkit.course.embed import embed_images
from nnkit.course.lectures import CourseError, Part
from tests.test_course_damage import unrun

HEAD = "---\njupyter:\n  kernelspec: {display_name: P, language: python, name: python3}\n---\n"
TITLE = (
    '<!-- #region slideshow={"slide_type": "slide"} topic="1.1" -->\n# Good\n<!-- #endregion -->\n'
)
NOTES = '<!-- #region slideshow={"slide_type": "notes"} -->\nA word aside.\n<!-- #endregion -->\n'
BELOW = '<!-- #region slideshow={"slide_type": "subslide"} -->\n## Below\n<!-- #endregion -->\n'
SHOW = """
import base64, os
from pathlib import Path
from IPython.display import HTML, display
picture = {"image/png": base64.b64encode(b"PNG"), "text/plain": "words"}
told = {"image/png": {"alt": "A <b> & c", "width": 40, "height": 30}}
display(picture, metadata=told, raw=True)
print(Path.cwd().name, os.environ["NNKIT_EXPORT"], os.environ["TQDM_DISABLE"])
"""


def cell(source: str, options: str = "") -> str:
    return f"\n```python {options}\n{source.strip()}\n```\n"


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that writes a part."""
    monkeypatch.chdir(tmp_path)

    def write(*texts: str, name: str = "1_tiny/1_good") -> Part:
        path = tmp_path / "lectures" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([HEAD, *texts]), encoding="utf-8")
        return Part(path)

    return write


def test_decks_and_index_are_written(part, tmp_path: Path, capsys) -> None:
    part(TITLE, NOTES, cell(SHOW), BELOW, cell("1 + 1"), name="1_tiny/1_good")
    part(TITLE.replace("Good", "Bad"), cell("x = 1\n1 / 0"), name="1_tiny/2_bad")
    assert cli.main(["decks"]) == 1  # one part fails, the other is written all the same
    out, err = capsys.readouterr()
    assert "1_tiny/1_good: 2 slides" in out
    assert "1 of 2 decks written" in out
    assert re.search(r"2_bad\.md:\d+: cell 2 raises ZeroDivisionError: division by zero", err)
    assert "\x1b" not in err

    deck = (tmp_path / "build/decks/1_tiny/1_good.html").read_text("utf-8")
    assert not (tmp_path / "build/decks/1_tiny/2_bad.html").exists()
    assert 'alt="A &lt;b&gt; &amp; c"' in deck
    assert 'height="30"' in deck
    assert "1_tiny 1 1" in deck  # ran in its own folder, with the settings for export
    assert '<aside class="notes">' in deck
    assert re.findall(r'data-number="(\d)" .*?data-topic="(.*?)" data-total="2"', deck) == [
        ("1", "1.1"),  # of the stack and of the slide
        ("1", "1.1"),
        ("2", "1.1"),  # a slide below stays with its topic
    ]

    index = (tmp_path / "build/decks/index.html").read_text("utf-8")
    entry = '<a href="1_tiny/1_good.html">Good</a>'
    assert f"<h2>1 Tiny</h2><ol><li style=\"list-style-type: '1. '\">{entry}" in index
    assert "2 slides, 2 minutes" in index
    assert "2_bad" not in index


def test_nothing_in_a_deck_comes_from_outside(part) -> None:
    tiny = part(TITLE, cell("1 + 1"))
    _, page = render.render(tiny, execute.execute(tiny))
    scripts = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href)="(?!data:)', scripts)
    assert "<link" not in scripts


def test_one_part_written_again_leaves_the_others_in_the_index(part, tmp_path: Path) -> None:
    first = part(TITLE, name="1_tiny/1_good")
    part(TITLE.replace("Good", "Better & <best>"), name="2_large/1_better")
    assert cli.main(["decks"]) == 0
    assert cli.main(["decks", str(first.path)]) == 0
    index = (tmp_path / "build/decks/index.html").read_text("utf-8")
    assert index.index("Good") < index.index("Better &amp; &lt;best&gt;")


def test_a_part_that_fails_leaves_no_deck_of_before(part, tmp_path: Path) -> None:
    old = tmp_path / "slides/1_tiny/1_good.html"
    old.parent.mkdir(parents=True)
    old.write_text("of yesterday", encoding="utf-8")
    bad = part(TITLE, cell("import warnings; warnings.warn('careful')"))
    assert cli.main(["decks", str(bad.path), "--out", "slides"]) == 1
    assert not old.exists()
    assert "No deck" in (tmp_path / "slides/index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import sys; print('hm', file=sys.stderr)", "cell 2 warns or writes to stderr:\nhm"),
        ("import warnings; warnings.warn('careful')", "cell 2 warns or writes to stderr:"),
        ("import os; os._exit(1)", "cell 2 killed the kernel"),
    ],
)
def test_what_nobody_should_see_is_refused(part, source: str, told: str) -> None:
    with pytest.raises(CourseError) as refused:
        execute.execute(part(TITLE, cell(source)))
    assert told in str(refused.value)
    assert re.search(r"1_good\.md:\d+: ", str(refused.value))


def test_a_cell_that_never_ends_is_stopped(part, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "TIMEOUT", 1)
    with pytest.raises(CourseError, match="cell 2 takes more than 1 s"):
        execute.execute(part(TITLE, cell("import time; time.sleep(60)")))


def test_the_place_of_a_cell_is_its_line(part) -> None:
    bad = part(TITLE, cell("fine = 1"), cell("unknown"))
    line = bad.path.read_text("utf-8").splitlines().index("unknown") + 1
    with pytest.raises(CourseError, match=rf"1_good\.md:{line}: cell 3 raises NameError"):
        execute.execute(bad)


def test_the_place_of_a_cell_that_says_what_another_begins_with_is_its_own(part) -> None:
    tiny = part(TITLE, cell("n = 2"), cell("n"), cell("n"))
    first, second = (i for i, line in enumerate(tiny.read().splitlines(), start=1) if line == "n")
    notebook = reading.read(tiny)
    assert reading.place(tiny, notebook, 2) == f"{tiny.path}:{first}: cell 3"
    assert reading.place(tiny, notebook, 3) == f"{tiny.path}:{second}: cell 4"


def test_a_slide_type_that_jupyterlab_does_not_show_is_refused(part) -> None:
    hidden = part(TITLE, cell("1", 'slideshow={"slide_type": "Slide"}'))
    with pytest.raises(CourseError, match=r"cell 2 has slide_type 'Slide'.*allowed: slide, sub"):
        reading.read(hidden)


@pytest.mark.parametrize("untyped", ["-", "", None])
def test_no_slide_type_may_be_written_as_classic_notebooks_do(part, untyped: str | None) -> None:
    options = f"slideshow={json.dumps({'slide_type': untyped})}"
    tiny = part(TITLE, cell("above = 1", options), BELOW, cell("beneath = 1", options))
    deck, page = render.render(tiny, unrun(tiny.path))
    assert deck.slides == 2
    slides = page[page.index("<main") :]
    assert slides.index("above") < slides.index("Below") < slides.index("beneath")
    assert slides.count("<section") == 3  # one stack of two


def test_a_folded_input_is_there_and_told_from_the_others(part) -> None:
    """The scripts of the page fold it, and lay it over the slide when asked."""
    tiny = part(TITLE, cell("'shown'"), cell("'folded'", 'jupyter={"source_hidden": true}'))
    _, page = render.render(tiny, execute.execute(tiny))
    assert page.count('class="highlight') == 2
    slides = page[page.index("<main") : page.index("</main>")]
    assert slides.count("celltag_source_hidden") == 1
    assert slides.index("shown") < slides.index("celltag_source_hidden") < slides.index("folded")


def test_the_layout_of_a_slide_is_one_word_of_the_cell_that_opens_it(part) -> None:
    tiny = part(TITLE.replace('topic="1.1"', 'topic="1.1" layout="split"'))
    _, page = render.render(tiny, execute.execute(tiny))
    assert 'data-layout="split"' in page[page.index("<main") :]


def test_an_answer_behind_a_click_stays_behind_it(part) -> None:
    tiny = part(
        TITLE.replace("# Good", "# Good\n\n<details><summary>Why?</summary>\n\nSo.\n\n</details>")
    )
    _, page = render.render(tiny, execute.execute(tiny))
    assert re.search(r"<summary>Why\?</summary>\s*<p>So\.</p>\s*</details>", page)


@pytest.mark.parametrize(
    "tag",
    [
        '<img alt="x" src="a%20b.svg">',
        "<img alt='x' src='./a b.svg'/>",
        '<IMG alt=x\n SRC = "a&#32;b.svg">',
        '<img alt="x" src=a%20b.svg>',
    ],
)
def test_pictures_are_put_into_the_page(tmp_path: Path, tag: str) -> None:
    (tmp_path / "a b.svg").write_text("<svg/>", encoding="utf-8")
    before = '<img src="head.png"><main>\n<p>über "</p>'
    after = (
        "<!-- <img src='note.png'> --><script>'<img src=\"x.png\">'</script></main>"
        '<script>"<img src=" + x</script>'
    )
    data = base64.b64encode(b"<svg/>").decode()
    assert embed_images(f"{before}{tag}{after}", Part(tmp_path / "1_x.md")) == (
        f'{before}<img alt="x" src="data:image/svg+xml;base64,{data}">{after}'
    )


def test_words_of_a_picture_stay_what_they_are(tmp_path: Path) -> None:
    page = '<main><img alt="5 > 3 &amp; &quot;so&quot;" src="data:image/png;base64,AA"></main>'
    embedded = embed_images(page, Part(tmp_path / "1_x.md"))
    assert embedded == page.replace(">", "&gt;", 2).replace("&gt;", ">", 1)


@pytest.mark.parametrize("address", ["lost.png", "https://example.org/x.png"])
def test_a_picture_that_is_not_there_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(CourseError, match=f"1_x.md: a slide shows {address}, which is no file"):
        embed_images(f"<main><img src='{address}'></main>", Part(tmp_path / "1_x.md"))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match=r"sphinx_revealjs is not .*nnkit-course\[decks\]"):
        render._exporter()


def test_unknown_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["decks", "--fast"])
    assert "unrecognized arguments: --fast" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        cli.main([])


def test_what_is_printed_in_pieces_is_shown_as_one(part) -> None:
    tiny = part(TITLE, cell("import time\nprint('a', flush=True)\ntime.sleep(0.5)\nprint('b')"))
    _, page = render.render(tiny, execute.execute(tiny))
    assert re.search(r"<pre>a\nb\n?</pre>", page)


# What would be the same again is left as it is


def test_a_deck_is_written_once(part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = part(TITLE)
    deck = tmp_path / "build/decks/1_tiny/1_good.html"
    count = 0

    def counted(*told: Any) -> Any:
        nonlocal count
        count += 1
        return render.render(*told)

    monkeypatch.setattr(decks, "executed", unrun)
    monkeypatch.setattr(decks, "render", counted)

    def write() -> int:
        assert cli.main(["decks"]) == 0
        assert "2 slides" in (tmp_path / "build/decks/index.html").read_text("utf-8")
        return count

    part(TITLE, BELOW)
    assert (write(), write()) == (1, 1)
    deck.write_text(deck.read_text("utf-8").replace("Good", "Bad"), encoding="utf-8")
    assert (write(), write()) == (2, 2)  # somebody has edited it
    assert "Good" in deck.read_text("utf-8")
    deck.with_suffix(".json").write_text("[]", encoding="utf-8")
    assert (write(), write()) == (3, 3)
    monkeypatch.setattr(decks, "makers", lambda: "a new theme")
    assert (write(), write()) == (4, 4)
    part(TITLE.replace("Good", "Better"), BELOW)
    assert (write(), write()) == (5, 5)
    assert "Better" in deck.read_text("utf-8")
    tiny.path.write_bytes(b"\xff")
    assert cli.main(["decks"]) == 1
    assert not deck.exists()
