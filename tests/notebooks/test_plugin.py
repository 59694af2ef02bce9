"""The plugin that tests the lectures, on a tiny lecture of its own: it must be able to fail."""

import base64
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nnkit.course import execute, runs
from nnkit.course.lectures import Part
from tests.notebooks import lectures

pytest_plugins = ["pytester"]

DRAWN = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/=]+")  # PNGs in base 64
PART = "lectures/01_tiny/1_sums.md"
KEPT = "build/runs/01_tiny/1_sums.ipynb"
FEATURES = Path(__file__).parents[1] / "browser" / "lectures"
LECTURES = Path(__file__).parents[2] / "lectures"
REFERENCE = "tests/notebooks/references/01_tiny/1_sums.txt"
SOURCE = """\
---
jupyter:
  jupytext:
    text_representation:
      extension: .md
      format_name: markdown
      format_version: '1.3'
  kernelspec:
    display_name: Python 3 (ipykernel)
    language: python
    name: python3
---

<!-- #region slideshow={"slide_type": "slide"} topic="1.1" -->
# One and one
<!-- #endregion -->

```python
total = 1 + 1
print(f"{total / 8:.4f} of {total}")
```

<!-- #region slideshow={"slide_type": "slide"} topic="1.2" -->
# The claim
<!-- #endregion -->

```python
assert total == 2
total
```
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Write the lecture with a change (old, new) and run the plugin on it, as outside CI."""
    monkeypatch.setattr(lectures, "CI", False)
    monkeypatch.setattr(lectures, "TIMED", False)
    monkeypatch.setattr(lectures, "NATIVE", True)
    pytester.makeini("[pytest]\nfilterwarnings = error")
    part = pytester.path / PART
    part.parent.mkdir(parents=True)

    def run(*options: str, change: tuple[str, str] = ("", "")) -> pytest.RunResult:
        part.write_text(SOURCE.replace(*change), encoding="utf-8")
        settings = ("--nbval", "-vv", "-p", "no:cacheprovider", "--color=no")
        return pytester.runpytest_inprocess(*settings, *options, "lectures", plugins=[lectures])

    return run


def failures(result: pytest.RunResult) -> dict[str, str]:
    """The failed tests of a run: what follows the :: of the id, and what pytest printed of it."""
    text = result.stdout.str()
    pieces = re.split(r"^_{3,} (.+?) _{3,}$", text.partition("= FAILURES =")[2], flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_a_rebuilt_reference_is_readable_and_then_passes(
    run: Run, pytester: pytest.Pytester
) -> None:
    run("--rebuild-references").assert_outcomes(passed=3)
    stored = (pytester.path / REFERENCE).read_text(encoding="utf-8")
    assert re.fullmatch(
        r"What the cells of lectures/01_tiny/1_sums.md print.*\n\n"
        r"=== Cell 0: One and one \[[0-9a-f]{8}\]\n0.2500 of 2\n\n"
        r"=== Cell 1: The claim \[[0-9a-f]{8}\]\n2\n",
        stored,
    )
    (pytester.path / KEPT).unlink()
    for said in (
        "took * s, * s of the processor",
        "has not changed since it took * s: *build?runs",
    ):
        result = run()
        result.assert_outcomes(passed=3)
        result.stdout.fnmatch_lines(
            [
                f"{PART}::Cell 0: One and one PASSED*",
                f"{PART}::Cell 1: The claim PASSED*",
                f"{PART}::Whole part PASSED*",
                f"{PART} {said}",
            ]
        )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("assert total == 2", "assert total == 3", r"AssertionError"),
        ("assert total == 2", "1 / 0", r"ZeroDivisionError"),
        ("assert total == 2", "import warnings; warnings.warn('old')", r"writes to stderr.*old"),
    ],
    ids=["assert", "exception", "warning"],
)
def test_a_broken_claim_is_named(run: Run, old: str, new: str, message: str) -> None:
    result = run("--rebuild-references", change=(old, new))
    failed = failures(result)
    assert list(failed) == ["Cell 1: The claim"]
    assert re.search(message, failed["Cell 1: The claim"], re.DOTALL)
    assert f"{PART}:28: " in failed["Cell 1: The claim"], "the line of the source is not told"
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_changed_number_fails(run: Run, pytester: pytest.Pytester) -> None:
    run("--rebuild-references")
    reference = pytester.path / REFERENCE
    reference.write_text(reference.read_text().replace("0.2500", "0.2501"))
    failed = failures(run())
    assert list(failed) == ["Cell 0: One and one"]
    assert re.search(r"-0.2501 of 2\n\+0.2500 of 2", failed["Cell 0: One and one"])


def test_a_neighbour_of_a_number_passes_only_where_a_cell_trains(
    run: Run, pytester: pytest.Pytester
) -> None:
    trains = ("total = 1 + 1", "total = 1 + 1\nstep = print\nstep()")
    run("--rebuild-references", change=trains)
    reference = pytester.path / REFERENCE
    stored = reference.read_text("utf-8")
    for number, passes in (("0.2501", True), ("0.2499", True), ("0.2502", False)):
        reference.write_text(stored.replace("0.2500", number), "utf-8")
        assert list(failures(run(change=trains))) == ([] if passes else ["Cell 0: One and one"])


def test_a_stale_reference_asks_for_a_new_one(run: Run, pytester: pytest.Pytester) -> None:
    run("--rebuild-references")
    failed = failures(run(change=("assert total == 2", "assert total == 2  # now")))
    assert list(failed) == ["Cell 1: The claim", "Whole part"]
    assert all("make references" in text for text in failed.values())

    removed = SOURCE[SOURCE.index("```python", SOURCE.index("# The claim")) :]
    failed = failures(run(change=(removed, "")))
    assert list(failed) == ["Whole part"]
    assert "gone: ['Cell 1: The claim']" in failed["Whole part"]

    (pytester.path / REFERENCE).unlink()
    assert list(failures(run())) == ["Cell 0: One and one", "Cell 1: The claim"]


def test_a_failed_run_leaves_the_reference_alone(run: Run, pytester: pytest.Pytester) -> None:
    run("--rebuild-references")
    before = (pytester.path / REFERENCE).read_text()
    run("--rebuild-references", change=("assert total == 2", "assert total == 3"))
    assert (pytester.path / REFERENCE).read_text() == before


def test_a_cell_selected_alone_finds_what_came_before(run: Run) -> None:
    run("--rebuild-references")
    run("-k", "claim").assert_outcomes(passed=1, deselected=2)


def test_the_time_limit_can_fail(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lectures, "SECONDS", 0.001)
    monkeypatch.setattr(lectures, "TIMED", True)
    failed = failures(run("--rebuild-references"))
    assert list(failed) == ["Whole part"]
    assert "a part may take 0.001 s" in failed["Whole part"]


def test_a_slow_machine_fails_no_part(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lectures, "SECONDS", 0.001)
    monkeypatch.setattr(lectures, "TIMED", False)
    run("--rebuild-references").assert_outcomes(passed=3)


def test_homework_runs_but_nothing_is_stored_of_it(run: Run, pytester: pytest.Pytester) -> None:
    homework = pytester.path / "lectures/01_tiny/homework.md"
    run("--rebuild-references")
    homework.write_text(SOURCE.replace("{total / 8:.4f}", "{total / 9:.4f}"), encoding="utf-8")
    run("--rebuild-references").assert_outcomes(passed=6)
    run().assert_outcomes(passed=6)
    assert [path.name for path in pytester.path.glob("tests/notebooks/references/*/*")] == [
        "1_sums.txt"
    ]
    homework.write_text(SOURCE.replace("assert total == 2", "assert total == 3"), encoding="utf-8")
    assert list(failures(run())) == ["Cell 1: The claim"]


def test_what_trains_most_is_begun_first_and_can_be_chosen(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lectures, "TRAINING", {"01_tiny/2_more"})
    run("--rebuild-references")
    (pytester.path / PART).with_name("2_more.md").write_text(SOURCE, encoding="utf-8")
    for options, parts in (
        ((), ["2_more.md", "1_sums.md"]),
        (("-m", "trains"), ["2_more.md"]),
    ):
        listed = run("--rebuild-references", "--collect-only", *options).stdout.str()
        assert re.findall(r"<Part (.*)>", listed) == parts


def test_the_parts_that_train_most_are_there() -> None:
    there = {f"{path.parent.name}/{path.stem}" for path in LECTURES.glob("*/*.md")}
    assert there >= lectures.TRAINING
    assert lectures.TRAINING


# The run that is kept

COUNTS = ("total = 1 + 1", "total = 1 + 1\nopen('../../count', 'a').write('x')")


@pytest.fixture
def count(run: Run, pytester: pytest.Pytester) -> Callable[..., tuple[int, dict[str, str]]]:
    """Run the plugin; how often the lecture has been executed then in all, and what failed."""

    def count(*options: str) -> tuple[int, dict[str, str]]:
        failed = failures(run(*options, change=COUNTS))
        return len((pytester.path / "count").read_text("utf-8")), failed

    return count


def test_what_has_passed_is_not_executed_again_but_judged_again(
    count: Any, pytester: pytest.Pytester
) -> None:
    assert count("--rebuild-references") == (1, {})
    assert count() == (1, {})
    reference = pytester.path / REFERENCE
    reference.write_text(reference.read_text("utf-8").replace("0.2500", "0.2501"), "utf-8")
    executed, failed = count()
    assert (executed, list(failed)) == (1, ["Cell 0: One and one"])


def test_in_ci_and_for_new_references_it_is_executed(
    count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert count("--rebuild-references") == (1, {})
    assert count("--rebuild-references") == (2, {})
    monkeypatch.setattr(lectures, "CI", True)
    assert count() == (3, {})


def test_a_run_that_was_edited_makes_nothing_pass(count: Any, pytester: pytest.Pytester) -> None:
    assert count("--rebuild-references") == (1, {})
    for path in (pytester.path / REFERENCE, pytester.path / KEPT):
        text = path.read_text("utf-8")
        assert "0.2500 of 2" in text
        path.write_text(text.replace("0.2500 of 2", "0.2501 of 2"), "utf-8")
    executed, failed = count()
    assert executed == 2, "the edited run was judged"
    assert list(failed) == ["Cell 0: One and one"]


def test_a_run_for_decks_is_not_judged(count: Any, pytester: pytest.Pytester) -> None:
    """Its figures do not tell what they show."""
    assert count("--rebuild-references") == (1, {})
    (pytester.path / KEPT).unlink()
    runs.executed(pytester.path / PART)
    assert (pytester.path / KEPT).exists()
    assert count() == (3, {})
    assert count() == (3, {})


def test_what_an_update_has_set_beside_is_no_part(run: Run, pytester: pytest.Pytester) -> None:
    run("--rebuild-references")
    beside = (pytester.path / PART).with_suffix(".mine.md")
    beside.write_text(SOURCE.replace("total == 2", "total == 3"), "utf-8")
    assert failures(run()) == {}


def test_a_run_of_another_source_makes_nothing_pass(run: Run, pytester: pytest.Pytester) -> None:
    run("--rebuild-references")
    kept = (pytester.path / KEPT).read_text("utf-8")
    broken = ("assert total == 2", "assert total == 3")
    for told in (kept, kept.replace(*broken)):
        (pytester.path / KEPT).write_text(told, "utf-8")
        assert "AssertionError" in failures(run(change=broken))["Cell 1: The claim"]


@pytest.mark.parametrize(
    "new", ["assert total == 3", "import warnings; warnings.warn('old')"], ids=["raises", "warns"]
)
def test_what_fails_is_not_kept(run: Run, pytester: pytest.Pytester, new: str) -> None:
    for _ in range(2):
        assert failures(run("--rebuild-references", change=("assert total == 2", new)))
        assert not (pytester.path / KEPT).exists()


def test_what_prints_something_else_or_is_not_all_run_is_not_kept(
    run: Run, pytester: pytest.Pytester
) -> None:
    kept = pytester.path / KEPT
    assert len(failures(run())) == 2  # no references
    assert not kept.exists()
    run("--rebuild-references", "-k", "One")
    assert not kept.exists()
    run("--rebuild-references")
    assert kept.exists()


def test_what_was_computed_in_another_way_is_not_kept(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lectures, "NATIVE", False)
    run("--rebuild-references").assert_outcomes(passed=3)
    assert not (pytester.path / KEPT).exists()


def test_what_a_cell_shows_is_kept_in_its_order(run: Run, pytester: pytest.Pytester) -> None:
    code = (
        "for word in 'ab':\n    print(word, flush=True)\n    display(total)\nprint('b')\nprint(2)"
    )
    run("--rebuild-references", change=("assert total == 2", code)).assert_outcomes(passed=3)
    kept = nbformat.read(pytester.path / KEPT, as_version=4)
    shown = [out.get("text") or out.data["text/plain"] for out in kept.cells[3].outputs]
    assert shown == ["a\n", "2", "b\n", "2", "b\n2\n", "2"]


@pytest.mark.parametrize(
    "changing", ["clear_output()", "display(1, display_id='x').update(2)"], ids=["clear", "update"]
)
def test_what_nbval_does_not_follow_is_told(run: Run, changing: str) -> None:
    code = f"from IPython.display import clear_output, display\n{changing}"
    failed = failures(run("--rebuild-references", change=("assert total == 2", code)))
    assert "changes what it has shown" in failed["Cell 1: The claim"]


def test_it_is_the_run_that_decks_would_make_themselves(
    run: Run, pytester: pytest.Pytester
) -> None:
    """On a part with everything that a slide can hold."""
    shutil.copytree(FEATURES, pytester.path / "lectures", dirs_exist_ok=True)
    run("--rebuild-references", "-k", "1_everything")
    (source,) = pytester.path.glob("lectures/1_features/*.md")
    part = Part(source)
    kept = runs.find(part, runs.key(part))
    assert kept, "nothing was kept"
    assert alike(kept) == alike(execute.execute(part))
    assert "application/json" in json.dumps(kept), "no frames to drag through"


def without_text(data: str) -> str:
    """A PNG in base 64 without the text that `figures` has added."""
    png = base64.b64decode(data)
    start = png.find(b"iTXtfigure") - 4
    return data if start < 0 else base64.b64encode(png[:start] + png[-12:]).decode()


def alike(notebook: Any) -> Any:
    """A notebook without its time, random names of cells, and what its figures say for tests."""
    written = DRAWN.sub(lambda png: without_text(png[0]), nbformat.writes(notebook))
    plain = json.loads(written)
    plain["metadata"].pop("nnkit")
    for cell in plain["cells"]:
        cell.pop("id")
    return plain
