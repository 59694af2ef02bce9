"""In JupyterLab a student solves and validates the homework, and the teacher finds the marks."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.utils import is_solution
from playwright.sync_api import Browser, Page, expect

from nnkit.course.homework.source import find_homework, name_of, read
from tests.grading.conftest import sandbox  # noqa: F401
from tests.grading.course import ESSAY, FIRST, MEAN, NAME, UNIT, hand_in, nnkit, release_unchecked

from .conftest import LECTURES
from .jupyter import PATIENCE, TOKEN, serve

IDLE = ".jp-NotebookPanel-toolbar .jp-Notebook-ExecutionIndicator[data-status=idle]"
SERVER = ["jupyter", "lab", "--LabApp.news_url=None"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    page.close()


def write(page: Page, index: int, source: str) -> None:
    """Replace what stands in a cell, and run it."""
    cell = page.locator(".jp-Notebook .jp-Cell").nth(index)
    if cell.locator(".jp-MarkdownOutput").is_visible():
        cell.dblclick()
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")


def validate(page: Page) -> str:
    """Press the button, and give what the dialog says."""
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog", has_text="Validation Results")
    said = dialog.inner_text()
    dialog.get_by_role("button", name="Ok").click()
    dialog.wait_for(state="detached")
    return said


@pytest.mark.parametrize("number", ["18", "19"])
def test_a_student_solves_the_homework_and_validates_it(
    page: Page, tmp_path: Path, number: str
) -> None:
    notebook: Any = release_unchecked(tmp_path / "course", number, LECTURES)
    solutions = read(find_homework(number, LECTURES)).cells
    own = tmp_path / "own"
    own.mkdir()
    file = own / f"{name_of(number)}.ipynb"
    nbformat.write(notebook, file)
    with serve(SERVER, own, tmp_path) as address:
        page.goto(f"{address}/lab/tree/{file.name}?token={TOKEN}")
        page.locator(IDLE).wait_for()
        assert "NotImplementedError" in validate(page)
        for index, cell in enumerate(notebook.cells):
            if is_solution(cell):
                write(page, index, solutions[index].source)
        page.locator(IDLE).wait_for()
        assert "Success! Your notebook passes all the tests." in validate(page)
    saved = nbformat.read(file, as_version=4)
    assert [cell.source for cell in saved.cells if is_solution(cell)] == [
        cell.source for cell in solutions if is_solution(cell)
    ]


@pytest.mark.usefixtures("sandbox")
def test_the_teacher_finds_the_marks_in_formgrader(page: Page, tmp_path: Path) -> None:
    course = tmp_path / "course"
    assert nnkit("release", 1, "--course", course) == 0
    folder = tmp_path / "submissions"
    hand_in(course, folder / "ana.ipynb", mean=MEAN, unit=UNIT, essay_mean=ESSAY)
    hand_in(course, folder / "bob.ipynb", mean=FIRST)
    assert nnkit("grade", 1, folder, "--course", course) == 0
    shutil.rmtree(folder)
    with serve(SERVER, course, tmp_path) as address:
        page.goto(f"{address}/lab?token={TOKEN}")
        page.get_by_role("menuitem", name="Nbgrader", exact=True).click()
        page.get_by_role("menuitem", name="Formgrader", exact=True).click()
        formgrader = page.frame_locator("iframe")
        formgrader.get_by_role("link", name=NAME, exact=True).first.wait_for()
        page.goto(f"{address}/formgrader/manage_submissions/{NAME}")
        rows = page.locator("tbody tr")
        expect(rows.filter(has_text="ana")).to_contain_text("5 / 8")
        expect(rows.filter(has_text="ana")).to_contain_text("needs manual grading")
        expect(rows.filter(has_text="bob")).to_contain_text("1 / 8")
        page.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
        page.locator("tbody tr", has_text="5 / 8").get_by_role("link").first.click()
        expect(page.locator("body")).to_contain_text(ESSAY)
