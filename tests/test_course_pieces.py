"""Where a slide may be split: never within a formula, HTML, or a list that would count anew."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nnkit.course.pieces import cut, pieces


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("## Title\n\nWords\nand words.\n\nMore.", [0, 2, 5]),
        ("Words:\n\n- one\n- two\n  - below\n- three", [0, 2, 3, 5]),
        ("1. one\n2. two\n3. three", [0, 1, 2]),
        ("1. one\n1. two\n1. three", [0]),
        ("4. four\n5. five", [0, 1]),
        ("Words\n\n$$\na\n\n- b\n$$\n\nMore", [0, 2, 8]),
        ("$$\n\\begin{aligned}\na\n\n\\end{aligned}$$\n\nMore", [0, 6]),
        ("<div>\n\nWords\n\n</div>\n\nMore", [0, 6]),
        ("```python\na\n\nb\n```\n\nMore", [0, 6]),
        ("| a |\n|---|\n| 1 |\n\nMore", [0, 4]),
        ("<div>\n\nnever closed", [0]),
        ("", [0]),
    ],
)
def test_pieces_of_a_text(text: str, starts: list[int]) -> None:
    cell = new_markdown_cell(text)
    found = pieces([cell])
    assert [piece.start for piece in found] == starts
    together = "\n".join(piece.text for piece in found)
    assert together == text


def test_a_cut_loses_nothing_and_repeats_the_title() -> None:
    first, code = new_markdown_cell("## Title\n\nOne.\n\nTwo."), new_code_cell("1 + 1")
    notebook = new_notebook(cells=[first, code])
    cut(notebook, [first, code], pieces([first])[2], {"number": 1, "title": "Title"})
    assert [cell.source for cell in notebook.cells] == ["## Title\n\nOne.", "", "Two.", "1 + 1"]
    assert notebook.cells[1].metadata["continues"] == "title"
    assert notebook.cells[1].metadata["slideshow"] == {"slide_type": "subslide"}


def test_a_cut_before_a_cell_and_before_a_title() -> None:
    code, last = new_code_cell("1"), new_markdown_cell("## Other\n\nWords")
    code.metadata["slideshow"] = {"slide_type": "fragment"}
    notebook = new_notebook(cells=[new_markdown_cell("Words"), code, last])
    cut(notebook, notebook.cells, pieces([last])[0], {"number": 1, "title": "T"})
    cut(notebook, notebook.cells, pieces([code])[0], {"number": 1, "title": ""})
    assert len(notebook.cells) == 3
    assert [cell.metadata.get("continues") for cell in notebook.cells] == [None, *["itself"] * 2]
