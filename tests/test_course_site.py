"""What pages are made from, and what no page may have; the browser tests open the site itself."""

import inspect
import re
import runpy
import shutil
import subprocess
import sys
import types
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnkit.course import chromium, cli
from nnkit.course.homework.source import read as read_homework
from nnkit.course.lectures import CourseError, find_parts
from nnkit.course.reading import read
from nnkit.course.site import build, docstrings, lectures, mending, reference, start
from nnkit.course.site.checks import offences
from nnkit.course.site.homework import released
from nnkit.course.site.repository import BRANCH, Repository
from tests.test_course_damage import unrun

ROOT = Path(__file__).parents[1]
FEATURES = ROOT / "tests/browser/lectures"
HOMEWORK = sorted((ROOT / "lectures").glob("*/homework.md"))
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}[A-Za-z0-9]", fullmatch=True)


def test_nnkit_does_not_need_sphinx() -> None:
    code = "import nnkit, nnkit.course.cli, sys; sys.exit('sphinx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# Buttons that open a notebook elsewhere


@pytest.mark.parametrize(
    "address",
    [
        "github.com/owner/name",
        "https://example.org/owner/name",
        "https://github.com/owner",
        "https://github.com/owner/name/tree/main",
        'https://github.com/owner/name"onclick="',
    ],
)
def test_what_is_no_repository_is_refused_before_anything_runs(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["site", "--out", str(tmp_path / "out"), "--repository", address]) == 1
    assert "write https://github.com/owner/name" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@given(owner=NAMES, name=NAMES, part=st.sampled_from(find_parts([ROOT / "lectures"])))
def test_the_links_name_a_notebook_of_the_branch(owner: str, name: str, part) -> None:
    published = Repository.at(f"https://github.com/{owner}/{name}/")
    assert published is not None
    name = published.name  # without .git
    notebook = f"{part.name}.ipynb"
    links = {place: urlsplit(to) for place, to in published.launchers(notebook).items()}
    assert list(links) == ["Colab", "Binder", "JupyterHub"]
    assert unquote(links["Colab"].path) == f"/github/{owner}/{name}/blob/{BRANCH}/{notebook}"
    assert links["Binder"].path == f"/v2/gh/{owner}/{name}/{BRANCH}"
    assert parse_qs(links["Binder"].query) == {"urlpath": [f"lab/tree/{notebook}"]}
    assert parse_qs(links["JupyterHub"].query) == {
        "repo": [f"https://github.com/{owner}/{name}"],
        "branch": [BRANCH],
        "urlpath": [f"lab/tree/{name}/{notebook}"],
    }


def test_a_page_has_buttons_only_if_the_address_is_known() -> None:
    assert "Open in" not in lectures.links_of("a/b.ipynb", [], None)
    line = lectures.links_of("a/b.ipynb", [], Repository("owner", "name"))
    assert line.count("Open in") == 3


def test_the_branch_is_what_the_site_writes(tmp_path: Path) -> None:
    Repository("owner", "name").write_binder(tmp_path)
    needed = (tmp_path / "binder" / "requirements.txt").read_text("utf-8")
    assert needed == "nnkit-course[lab] @ git+https://github.com/owner/name\n"
    workflow = (ROOT / ".github/workflows/site.yml").read_text("utf-8")
    assert "path: build/site/notebooks" in workflow
    assert f"git push --force origin {BRANCH}\n" in workflow


# Notebooks to take away


def test_the_first_cell_of_a_notebook_installs_what_the_others_need(tmp_path: Path) -> None:
    part = find_parts([FEATURES])[0]
    notebook = lectures.download(read(part), None)
    first = notebook.cells[0].source.splitlines()[-1]
    assert first.startswith('%pip install --quiet "nnkit-course[lab]==')
    published = lectures.download(read(part), Repository("owner", "name")).cells[0].source
    assert published.endswith('"nnkit-course[lab] @ git+https://github.com/owner/name"')
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)


@pytest.mark.parametrize("path", HOMEWORK, ids=lambda path: path.parent.name)
def test_homework_pages_hold_no_solution_and_no_hidden_test(path: Path) -> None:
    given = "\n".join(cell.source for cell in released(path).cells)
    assert "NotImplementedError" in given
    secret = hidden("\n".join(cell.source for cell in read_homework(path).cells))
    assert len(secret) > 20
    told = {line.strip() for line in given.splitlines()}
    assert not {line for line in secret if line in told}
    assert not any(cell.get("outputs") for cell in released(path).cells)


def hidden(text: str) -> set[str]:
    """The lines between the marks for solutions and hidden tests that stand nowhere else."""
    inside: set[str] = set()
    outside: set[str] = set()
    within = False
    for line in map(str.strip, text.splitlines()):
        if "BEGIN SOLUTION" in line or "BEGIN HIDDEN TESTS" in line:
            within = True
        elif "END SOLUTION" in line or "END HIDDEN TESTS" in line:
            within = False
        else:
            (inside if within else outside).add(line)
    return inside - outside


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Sphinx reads of the part with everything, and of a lecture with homework."""
    for module in (lectures, start):
        monkeypatch.setattr(module, "executed", unrun)
    parts = find_parts([FEATURES, ROOT / "lectures/18_architecture/1_neuron.md"])
    published = Repository("owner", "name")
    build._write_sources(parts, ROOT, tmp_path / "source", tmp_path / "out", published)
    return tmp_path


def test_every_notebook_that_a_button_opens_is_on_the_branch(written: Path) -> None:
    notebooks = written / "out" / "notebooks"
    opened = set()
    for page in written.glob("source/lectures/*/*.ipynb"):
        first = nbformat.read(page, as_version=4).cells[0].source
        opened |= set(re.findall(rf"/blob/{BRANCH}/([^\"]+)", first))
        assert first.startswith("# ")
    there = {path.relative_to(notebooks).as_posix() for path in notebooks.rglob("*.ipynb")}
    assert opened == there
    assert "18_architecture/homework.ipynb" in there
    assert (notebooks / "binder" / "requirements.txt").is_file()


def test_code_is_folded_where_jupyterlab_folds_it_or_slides_skip_it(written: Path) -> None:
    (page,) = written.glob("source/lectures/18_architecture/1_neuron.ipynb")
    for cell in nbformat.read(page, as_version=4).cells:
        skipped = cell.metadata.get("slideshow", {}).get("slide_type") == "skip"
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        if cell.cell_type == "code":
            assert ("hide-input" in cell.metadata.get("tags", ())) == (skipped or folded)


def test_pages_of_one_lecture_stand_in_the_order_of_the_course(written: Path) -> None:
    index = (written / "source/lectures/18_architecture/index.md").read_text("utf-8")
    assert index.splitlines()[-3:-1] == ["1_neuron", "homework"]
    assert "{{" not in (written / "source/index.md").read_text("utf-8")


def test_notes_are_folded_and_the_core_has_a_page_of_neither_part_nor_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lectures, "executed", unrun)
    parts = find_parts([FEATURES])
    lectures.write_lectures(parts, tmp_path / "source", tmp_path / "out", None)
    (page,) = tmp_path.glob("source/lectures/*/*.ipynb")
    cells = nbformat.read(page, as_version=4).cells
    notes = [cell.source for cell in cells if "lecturer" in cell.source]
    assert [note.splitlines()[0] for note in notes] == [lectures.LECTURER]
    assert "the bias is a weight" in notes[0]
    assert "<span>11 minutes</span>" in cells[0].source
    for told in (page, *tmp_path.glob("out/notebooks/*/*.ipynb")):
        assert "In short" not in told.read_text("utf-8")
    index = (tmp_path / "source/lectures/1_features/index.md").read_text("utf-8")
    assert '<a href="../../decks/1_features.html">Slides for ninety minutes</a>' in index


def test_a_formula_in_a_summary_is_typeset() -> None:
    cell = nbformat.v4.new_markdown_cell("<summary>Is $a < b$?</summary> $c$")
    lectures._adapt(cell, "here")
    assert r'<span class="math notranslate nohighlight">\(a &lt; b\)</span>' in cell.source
    assert cell.source.endswith("</summary> $c$")


def test_the_start_page_shows_the_first_figure_with_sliders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = '<figure class="explore">one</figure>'
    output = nbformat.v4.new_output("display_data", {"text/html": figure})
    cell = nbformat.v4.new_code_cell("explore()", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A"), cell])
    monkeypatch.setattr(start, "executed", lambda path: notebook)
    (tmp_path / "index.md").write_text(f"before\n{start.PLACE}\nafter", "utf-8")
    start.write_start(find_parts([FEATURES]), tmp_path)
    assert figure in (tmp_path / "index.md").read_text("utf-8")


# The reference


def test_the_reference_names_what_modules_export_and_nothing_else() -> None:
    found = reference.modules()
    names = [module.__name__ for module in found]
    assert "nnkit.training" in names
    assert "nnkit.augment.images" in names
    assert not [name for name in names if "._" in name or name.startswith("nnkit.course")]
    for module in found:
        things = {n for n in module.__all__ if not isinstance(getattr(module, n), types.ModuleType)}
        assert set(reference.members(module)) == things


def test_members_stand_in_the_order_of_their_source() -> None:
    for module in reference.modules():
        files: dict[str, list[int]] = {}
        for name in reference.members(module):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                file = inspect.getsourcefile(thing)
                files.setdefault(str(file), []).append(inspect.getsourcelines(thing)[1])
        assert all(lines == sorted(lines) for lines in files.values()), (module, files)


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("the sum of |w|", r"the sum of \|w\|"),
        ("`a|b` and **bold**, 2 * 3", r"`a|b` and **bold**, 2 \* 3"),
        ("no `MLP`s", r"no `MLP`\ s"),
        (":param a, b: as given", ":param a: as given\n:param b: as given"),
        ("As in\n\n    fit(x)", "As in\n\n::\n\n    fit(x)"),
        ("As in::\n\n    fit(x)", "As in::\n\n    fit(x)"),
    ],
)
def test_docstrings_for_help_become_markup(written: str, made: str) -> None:
    lines = written.split("\n")
    docstrings.process(None, "function", "f", None, None, lines)  # type: ignore[arg-type]
    assert "\n".join(lines) == made


def test_sphinx_is_told_of_nothing_outside() -> None:
    settings = runpy.run_path(str(build.HERE / "conf.py"))
    assert settings["nb_ipywidgets_js"] == {}
    assert settings["mathjax_path"] in {Path(path).name for path in settings["html_static_path"]}
    assert settings["codeautolink_inventory_map"]["nnkit.models.MLP"] == "nnkit.models.MLP"


def test_what_axe_finds_fault_with_is_mended(tmp_path: Path) -> None:
    page = (
        '<th class="head"><p></p></th><dt class="sig x"><dl><dd>a</dd></dl></dt><dl><dd>b</dd></dl>'
    )
    for name in ("a", "search", "genindex", "py-modindex"):
        (tmp_path / f"{name}.html").write_text(page, "utf-8")
    builder = types.SimpleNamespace(
        format="html", get_outfilename=lambda name: tmp_path / f"{name}.html"
    )
    app = types.SimpleNamespace(builder=builder, env=types.SimpleNamespace(found_docs=["a"]))
    mending.mend(app, None)  # type: ignore[arg-type]
    lines = '<span class="sig-params"><span class="sig-line">a</span></span>'
    mended = f'<td></td><dt class="sig x">{lines}</dt><dl><dd>b</dd></dl>'
    assert (tmp_path / "a.html").read_text("utf-8") == mended


def test_codeautolink_reads_the_code_of_a_page_alone() -> None:
    block = '<div class="{}"><div class="highlight"><pre>{}</pre></div>\n</div>'
    code = [
        block.format("highlight-ipython3 notranslate", "fit()\n"),
        block.format("doctest highlight-default notranslate", "&gt;&gt;&gt; fit()\n"),
    ]
    figure = '<figure class="explore"><script>{"sources": []}</script></figure>'
    for body in (f"{figure}\n{code[0]}\n<p>{code[1]}</p>{figure}", "<p>no code</p>", ""):
        context, alone = {"body": body}, mending.CodeAlone()
        alone.set_aside(None, "page", "page.html", context, None)
        assert "figure" not in context["body"]
        assert context["body"].count("fit()") == body.count("fit()")
        context["body"] = context["body"].replace("fit", '<a href="#fit">fit</a>')
        alone.put_back(None, "page", "page.html", context, None)
        assert context["body"] == body.replace("fit", '<a href="#fit">fit</a>')


# What no page may have


@pytest.mark.parametrize(
    ("body", "offence"),
    [
        ('<a href="gone.html">x</a>', "a link to gone.html, which is not there"),
        ('<a href="#gone">x</a>', "a link to #gone, which is not there"),
        ('<a href="other.html#gone">x</a>', "a link to other.html#gone, which is not there"),
        ('<img src="data:,">', "a picture without words: data:,"),
        ('<img src="data:," alt=" ">', "a picture without words: data:,"),
        ('<img src="gone.png" alt="x">', "asks for gone.png, which is not there"),
        ('<script src="https://example.org/x.js"></script>', "asks for https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x">', "asks for //example.org/x"),
        ('<a href="https://example.org/">x</a>', None),
        ('<a href="other.html#there">x</a>', None),
        ('<a href="folder/?print-pdf">x</a>', None),
        ('<img src="data:," alt="" role="presentation">', None),
    ],
)
def test_broken_pages_are_told(tmp_path: Path, body: str, offence: str | None) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "index.html").write_text("", "utf-8")
    (tmp_path / "other.html").write_text('<p id="there">', "utf-8")
    (tmp_path / "index.html").write_text(body, "utf-8")
    assert offences(tmp_path) == ([f"index.html: {offence}"] if offence else [])


def test_a_folder_that_holds_something_else_is_not_emptied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work", "utf-8")
    assert cli.main(["site", "--out", str(tmp_path)]) == 1
    assert "name another folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_old_site_is_replaced(tmp_path: Path) -> None:
    build._clear(tmp_path)
    (tmp_path / "old.html").write_text("", "utf-8")
    build._clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [build.MARK]


def test_a_site_that_would_be_the_same_again_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    out, lecture = tmp_path / "site", tmp_path / "1_tiny"
    shutil.copytree(FEATURES / "1_features", lecture)
    written = []

    def pages(source: Path, out: Path) -> bool:
        written.append(out)
        (out / "index.html").write_text("<p>A page</p>", "utf-8")
        return False

    monkeypatch.setattr(build, "decks", lambda *_: 0)
    monkeypatch.setattr(build, "_copy_decks", lambda *_: None)
    monkeypatch.setattr(build, "_write_sources", lambda *_: None)
    monkeypatch.setattr(build, "_sphinx", pages)
    monkeypatch.setattr(build, "print_pages", lambda *_: None)
    monkeypatch.setattr(build, "require_browser", lambda: "browser")

    def count(*options: str) -> int:
        assert cli.main(["site", str(lecture), "--out", str(out), *options]) == 0
        return len(written)

    assert (count(), count()) == (1, 1)
    (out / "index.html").write_text("<p>Another page</p>", "utf-8")
    assert (count(), count()) == (2, 2)
    (out / "index.html").unlink()
    assert (count(), count()) == (3, 3)
    assert (count("--pdf"), count("--pdf"), count()) == (4, 4, 5)
    assert count("--repository", "https://github.com/owner/name") == 6
    for change, sixth in enumerate(("1_everything.md", "homework.md"), start=7):
        with (lecture / sixth).open("a", encoding="utf-8") as file:
            file.write("\nMore.\n")
        repository = ("--repository", "https://github.com/owner/name")
        assert (count(*repository), count(*repository)) == (change, change)
    monkeypatch.setattr(build, "makers", lambda: "a new theme")
    assert (count(), count()) == (9, 9)


def test_slides_are_not_printed_without_a_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chromium, "find_browser", lambda: None)
    part = str(FEATURES / "1_features/1_everything.md")
    for command in ("pdf", "site"):
        options = ["--pdf"] if command == "site" else []
        assert cli.main([command, part, "--out", str(tmp_path / "out"), *options]) == 1
        assert "printed and measured by Chromium or Chrome, and none" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()  # told before anything is run


def test_a_page_leads_to_the_pdf_or_lets_the_reader_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lectures, "executed", unrun)
    (part,) = find_parts([FEATURES])
    printed = tmp_path / "pdf" / f"{part.name}.pdf"
    link = '<a href="../../{}">PDF of the slides</a>'
    page = lectures.page(part, None, tmp_path).cells[0].source
    assert link.format(f"decks/{part.name}.html?print-pdf") in page
    printed.parent.mkdir(parents=True)
    printed.write_bytes(b"%PDF")
    page = lectures.page(part, None, tmp_path).cells[0].source
    assert link.format(f"pdf/{part.name}.pdf") in page


def test_a_cell_with_two_pictures_is_refused() -> None:
    picture = {"image/png": {"alt": "a cat", "width": 10}}
    output = nbformat.v4.new_output("display_data", {"image/png": ""}, metadata=picture)
    cell = nbformat.v4.new_code_cell("show()", outputs=[output])
    lectures._adapt(cell, "here")
    assert cell.metadata.mystnb.image == {"alt": "a cat", "width": "10px"}
    cell = nbformat.v4.new_code_cell("show()", outputs=[output, output])
    with pytest.raises(CourseError, match="here shows 2 pictures"):
        lectures._adapt(cell, "here")
