"""From a submission the solutions are taken, and nothing else."""

import copy
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nbconvert.filters import markdown2html

from nnkit.course.homework import source
from nnkit.course.homework.transplant import (
    COMMANDS,
    MAX_ESSAY,
    MAX_SOURCE,
    UNSEEN,
    is_solution,
    is_test,
    names,
    transplant,
)

REFERENCE = source.read(Path(__file__).parent / "tiny.md")
RELEASE = source.master(REFERENCE)
DOUBLE = "def double(x):\n    return x + x"


def grade_id(cell: Any) -> Any:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def taken(cells: list[Any], name: str = "double") -> str:
    """What a release takes for one of its cells from a submission of these cells."""
    graft = transplant(RELEASE, {"cells": cells})
    (cell,) = (cell for cell in graft.cells if grade_id(cell) == name)
    return str(cell.source)


def code(text: Any, name: object = None, kind: str = "code") -> dict[str, Any]:
    metadata = {"nbgrader": {"grade_id": name}} if name else {}
    return {"cell_type": kind, "source": text, "metadata": metadata}


def stub(name: str) -> str:
    return taken([], name)


def test_the_reference_is_taken_whole() -> None:
    graft = transplant(RELEASE, REFERENCE)
    for mine, theirs in zip(graft.cells, REFERENCE.cells, strict=True):
        assert mine.source == theirs.source


def test_nothing_is_taken_but_solutions() -> None:
    submission = copy.deepcopy(REFERENCE)
    for cell in submission.cells:
        cell.source += "\n# of the student"
        cell.metadata["mine"] = True
        cell.attachments = {"picture.png": {"image/png": "eA=="}}
        cell.outputs = [{"output_type": "stream", "name": "stderr", "text": "x"}]
    submission.metadata = {"kernelspec": {"name": "mine"}}
    graft = transplant(RELEASE, submission)
    for cell, original in zip(graft.cells, RELEASE.cells, strict=True):
        assert cell.source.endswith("# of the student") == is_solution(original)
        assert {**cell, "source": ""} == {**original, "source": ""}
    assert graft.metadata == RELEASE.metadata


def test_neither_notebook_is_changed() -> None:
    before = copy.deepcopy([RELEASE, REFERENCE])
    transplant(RELEASE, REFERENCE).cells[0].source = "other"
    assert before == [RELEASE, REFERENCE]


def test_what_is_written_where() -> None:
    kinds = {grade_id(cell): (is_solution(cell), is_test(cell)) for cell in RELEASE.cells}
    assert kinds["imports"] == (False, False)
    assert kinds["double"] == kinds["essay_learned"] == (True, False)
    assert kinds["double_test_1"] == (False, True)


def test_names_are_those_of_the_top_level() -> None:
    text = (
        "import os\ndef f(): g = 1\nclass A: b = 2\na, (c, *d) = e = 1, (2, 3)\nx: int = 3\nf = 2"
    )
    assert names(text) == ["f", "A", "a", "c", "d", "e", "x"]


# Which cell is the solution


def test_of_copies_the_last_definition_counts() -> None:
    first, last = "def double(x): return 0", DOUBLE
    namespace: dict[str, Any] = {}
    exec(taken([code(first, "double"), code("no(", "double"), code(last, "double")]), namespace)
    assert namespace["double"](2) == 4


def test_a_cell_that_was_split_is_joined() -> None:
    text = taken([code("factor = 2", "double"), code("def double(x): return factor * x", "double")])
    assert text == "factor = 2\n\ndef double(x): return factor * x"


def test_a_copy_that_is_not_python_is_left_out_unless_there_is_no_other() -> None:
    assert taken([code("def double(", "double"), code(DOUBLE, "double")]) == DOUBLE
    assert taken([code("def double(", "double")]) == "def double("
    assert taken([code("(", "double"), code(")", "double")]) == ")"
    assert taken([code("-" * 100_000 + "1", "double"), code(DOUBLE, "double")]) == DOUBLE


@pytest.mark.parametrize(
    "text",
    [DOUBLE, "import os\nasync def double(x): pass", "double = lambda x: 2 * x", "class double: 1"],
)
def test_without_an_id_the_name_decides(text: str) -> None:
    assert taken([code("def triple(x): pass"), code(text)]) == text
    assert taken([code(text, "root_test_1")]) == text  # the id of a test is no solution's
    assert taken([code(text, "double_copy")]) == text


@pytest.mark.parametrize(
    "text", ["double(3)", "double == 3", "    double = 3", "redouble = 3", "#"]
)
def test_a_use_of_the_name_is_no_definition(text: str) -> None:
    assert taken([code(text)]) == stub("double")


def test_the_id_goes_before_the_name() -> None:
    assert taken([code("def double(x): pass"), code(DOUBLE, "double")]) == DOUBLE
    assert taken([code(DOUBLE, "root")]) == stub("double")  # taken for another one


def test_text_is_no_code_and_code_no_text() -> None:
    assert taken([code(DOUBLE, "double", "markdown")]) == stub("double")
    assert taken([code(DOUBLE, kind="raw")]) == stub("double")
    assert taken([code("print()", "essay_learned")], "essay_learned") == "print()"


def test_an_emptied_cell_is_the_stub() -> None:
    assert taken([code("", "double")]) == stub("double")
    assert "NotImplementedError" in stub("double")


# Essays


def test_an_essay_without_an_id_is_found_by_what_stands_above() -> None:
    cells = [code(cell.source, kind=cell.cell_type) for cell in RELEASE.cells]
    cells[-1]["source"] = "A lot."
    assert taken(cells, "essay_learned") == "A lot."
    assert taken(cells[::-1], "essay_learned") == stub("essay_learned")


def test_an_essay_in_two_cells_is_joined() -> None:
    cells = [code(text, "essay_learned", "markdown") for text in ("One.", "Two.")]
    assert taken(cells, "essay_learned") == "One.\n\nTwo."


def transplant_again(text: str) -> str:
    return taken([code(text, "essay_learned", "markdown")], "essay_learned")


class Active(HTMLParser):
    """Finds in a page what acts when it is looked at or clicked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("class", "anchor-link") in attrs:
            return  # of a heading, by nbconvert
        self.found += [tag] if tag in ("script", "img", "iframe", "svg", "a", "style") else []
        kinds = ("href", "id", "name", "src", "style")
        self.found += [name for name, _ in attrs if name.startswith("on") or name in kinds]


PIECES = [
    *("<script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "</p>", "<!--", "<?"),
    *(
        "[a](",
        "![a](",
        "javascript:alert(1)",
        "java&#115;cript:x",
        ")",
        "[a]: ",
        "[a]",
        "<a\thref=",
    ),
    *("`", "```\n", "$", "$$", "\n", "\n\n", "    ", "\\", "<", ">", "a", "&lt;", "\\href{", "}"),
    *("#", "## a", "> # a", "- # a", "1. # a", "===", "---", "http://example.org"),
    *("HTTPS://a.b", "[^a]"),
    *("[^a]: ", "<1@a.b>", "a@b.c", "//a.b", "mailto:a@b.c", "www.a.b", "\t", "> ", "- "),
    *("<javascript:x>", "![[", "\\(", "\\begin{a}", "\\end{a}", "|", "-", "*", "# ", "<\n"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
@example("<script>alert(1)</script>")
@example("[a](javascript:alert(1))")
@example("[a]\n\n[a]: javascript:alert(1)")
@example("a <b>$<b>$ `<b>`")
def test_an_essay_does_nothing_in_the_grader_s_browser(essay: str) -> None:
    text = taken([code(essay, "essay_learned", "markdown")], "essay_learned")
    assert not Active(markdown2html(text)).found, text
    assert not re.search(rf"\\({COMMANDS})", text)
    assert "//" not in text
    assert not re.search(r"url\(|javascript:", text, re.IGNORECASE)
    assert transplant_again(text) == text


def test_the_examples_would_act_otherwise() -> None:
    for essay in (
        *("<script>alert(1)</script>", "[a](javascript:alert(1))", "<img src=x onerror=a>"),
        *("# test_sigmoid", "> # a", "- # a", "a\n===", "a\n---", "<1@a.b>"),
        "see http://example.org",
    ):
        assert Active(markdown2html(essay)).found


def test_an_honest_essay_reads_as_it_was_written() -> None:
    essay = (
        "For $a < b$ and *x*: `w <= 1`, see [1]; **if** x[0] > 2,\n\n- then\n- else \\frac{1}{2}"
    )
    assert taken([code(essay, "essay_learned", "markdown")], "essay_learned") == essay


def test_code_in_an_essay_looks_as_it_was_written() -> None:
    essay = "```python\n# halves\nx = a // b\n```\n# A heading"
    text = taken([code(essay, "essay_learned", "markdown")], "essay_learned")
    assert text.replace(UNSEEN, "") == essay


def test_an_essay_that_was_not_written_is_the_stub() -> None:
    release = copy.deepcopy(RELEASE)
    release.cells[-1].source = "# Your answer, see http://example.org"
    assert transplant(release, release).cells[-1].source == release.cells[-1].source


@pytest.mark.parametrize(
    "sign", [" ", "[", "`", "*a ", "> ", "$", "<", "![", "\n\n", "- ", "# a\n"]
)
def test_an_essay_that_would_take_long_to_show_is_cut(sign: str) -> None:
    text = taken([code(sign * 190_000, "essay_learned", "markdown")], "essay_learned")
    assert len(text) <= 2 * MAX_ESSAY + 100


def test_the_answer_in_a_cell_of_one_s_own_counts_if_the_given_one_is_as_it_was() -> None:
    assert taken([code(stub("double"), "double"), code(DOUBLE)]) == DOUBLE
    assert taken([code("", "double"), code(DOUBLE)]) == DOUBLE
    assert taken([code("def double(x): return 2", "double"), code(DOUBLE)]) != DOUBLE


# Whatever a file can hold

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()) | st.just(DOUBLE),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "source", "metadata", "nbgrader", "grade_id", "cell_type", "double"]
            ),
            inner | st.sampled_from(["double", "code", "markdown"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values | st.lists(json_values).map(lambda cells: {"cells": cells}))
@example(
    {"cells": [{"cell_type": [], "source": "x = 1", "metadata": {"nbgrader": {"grade_id": {}}}}]}
)
@example({"cells": [{"cell_type": "code", "source": [DOUBLE, 3], "metadata": None}]})
@example({"cells": [code("\ud800\0", "double"), code(DOUBLE, "double")]})
def test_whatever_comes_back_a_release_comes_out(submission: Any) -> None:
    graft = transplant(RELEASE, submission)
    assert len(graft.cells) == len(RELEASE.cells)
    nbformat.validate(graft)
    nbformat.writes(graft).encode()  # no half surrogate pairs


def test_sources_in_lines_are_joined() -> None:
    assert taken([code(["def double(x):\n", "    return x + x"], "double")]) == DOUBLE


def test_a_cell_that_nobody_can_have_written_is_left_out() -> None:
    assert taken([code("#" * (MAX_SOURCE + 1), "double")]) == stub("double")
