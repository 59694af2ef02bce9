"""A part opens in JupyterLab with the outputs of its kept run, and only with those."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from tornado.web import HTTPError

from nnkit.course import opening, render
from nnkit.course.lectures import Part
from nnkit.course.reading import read
from nnkit.course.runs import keep, key

TEXT = """---
jupyter:
  kernelspec:
    display_name: Python 3
    language: python
    name: python3
---

<!-- #region slideshow={"slide_type": "slide"} -->
# Title
<!-- #endregion -->

```python
print(6 * 7)
```
"""


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Part:
    monkeypatch.chdir(tmp_path)  # where runs are kept
    file = tmp_path / "lectures/1_tiny/1_part.md"
    file.parent.mkdir(parents=True)
    file.write_text(TEXT, encoding="utf-8")
    return Part(file)


@pytest.fixture
def kept(part: Part) -> Part:
    """The part with a run that printed 42, as if it had been run."""
    from nbformat.v4 import new_output

    notebook = read(part)
    notebook.metadata["nnkit"] = {"seconds": 1.0}
    notebook.cells[1].outputs = [new_output("stream", name="stdout", text="42\n")]
    notebook.cells[1].execution_count = 1
    keep(part, key(part), notebook)
    return part


def opened(part: Part):
    """The cells of the part as JupyterLab receives them."""
    manager = opening.OpenedRun(root_dir=str(part.path.parents[1]))
    model = manager.get("1_tiny/1_part.md", type="notebook")
    return model["content"].cells


def test_a_part_opens_as_it_has_been_run(kept: Part) -> None:
    code = opened(kept)[1]
    assert code.outputs[0].text == "42\n"
    assert code.execution_count == 1
    assert code.metadata.trusted


def test_a_part_without_a_run_opens_without_outputs(part: Part) -> None:
    assert opened(part)[1].outputs == []


def test_a_part_that_has_changed_opens_without_outputs(kept: Part) -> None:
    kept.path.write_text(TEXT.replace("6 * 7", "6 * 8"), encoding="utf-8")
    assert opened(kept)[1].outputs == []


def test_what_is_no_part_opens_as_ever(kept: Part) -> None:
    other = kept.path.with_name("notes.md")
    other.write_text(TEXT, encoding="utf-8")
    manager = opening.OpenedRun(root_dir=str(kept.path.parents[1]))
    assert manager.get("1_tiny/notes.md", type="notebook")["content"].cells[1].outputs == []
    assert manager.get("1_tiny/1_part.md", content=False)["content"] is None


def held(part: Part) -> dict[str, Any]:
    """Save a part as it was held, with an output that no run has made."""
    notebook = read(part)
    del notebook.metadata["jupytext"]
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="typed 43")]
    manager = opening.OpenedRun(root_dir=str(part.path.parents[1]))
    model = {"type": "notebook", "format": "json", "content": notebook}
    return manager.save(model, "held/1_tiny/1_part 2026-12-01 09.30.ipynb")


def test_as_it_was_held_it_is_kept_as_notebook_and_slides(part: Part) -> None:
    held(part)
    slides, notebook = sorted((part.path.parents[1] / "held/1_tiny").glob("1_part*"))
    assert slides.name == "1_part 2026-12-01 09.30.html"
    assert "typed 43" in slides.read_text("utf-8")
    assert "typed 43" in notebook.read_text("utf-8")
    assert part.read() == TEXT


def test_without_what_slides_are_made_with_the_notebook_is_kept_and_it_is_told(
    part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "find_spec", lambda name: None)
    with pytest.raises(HTTPError, match=r"only the notebook is saved: .* is not installed"):
        held(part)
    (notebook,) = (part.path.parents[1] / "held/1_tiny").glob("1_part*")
    assert "typed 43" in notebook.read_text("utf-8")
