"""The text form of outputs: what is shown, what counts as equal, what is stored."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnkit.interact import explore
from nnkit.plots import lines
from tests.notebooks.figures import MARK
from tests.notebooks.outputs import ON_DEMAND, Stored, agree, digests, read, text_of, trained, write


def data(kind: str, value: str, **others: object) -> dict[str, object]:
    return {"output_type": "display_data", "data": {kind: value}, **others}


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"output_type": "stream", "name": "stdout", "text": "a  \nb\n"}, "a\nb"),
        (data("text/plain", "tensor(1.)"), "tensor(1.)"),
        (data("image/png", "iVBO", metadata={"image/png": {"alt": "A line."}}), "[image] A line."),
        (
            data("text/html", "<table><tr><th>n</th><td>1</td></tr><tr><td>2</td></tr></table>"),
            "n  1\n2",
        ),
        (
            data("text/html", "<style>p {}</style><p>Drag:<img alt='x &lt; 1' src='data:'></p>"),
            "Drag:\n[image] x < 1",
        ),
        (
            data(
                "text/html",
                "<table><tr><th>loss</th><th>seconds</th></tr><tr><td>1</td><td>0.2</td></tr></table>"
                "<p>0.3 seconds</p>",
            ),
            "loss  seconds\n1  …\n0.3 seconds",
        ),
        ({"output_type": "error", "ename": "ValueError", "evalue": "no"}, "ValueError: no"),
        (data("text/html", "<img src='data:'>"), "[image] without alt text"),
    ],
)
def test_text_of(output: dict[str, object], text: str) -> None:
    assert text_of([output]) == text


@pytest.mark.parametrize("frames", ["0", "1"])  # live, as in `make noavx`; or all drawn
def test_a_figure_with_sliders_shows_its_repr(monkeypatch: pytest.MonkeyPatch, frames: str) -> None:
    monkeypatch.setenv("NNKIT_EXPORT", frames)
    figure = explore(lambda x: lines([0, x], {"y": [0, 1]}), alt="A line to {x}.", x=[1, 2])
    shown = {"output_type": "execute_result", "data": figure._repr_mimebundle_()}
    said, *drawn = text_of([shown]).splitlines()
    assert said == "[widget] explore(<lambda>, x=1…2 (2))"
    assert drawn == ([ON_DEMAND] if frames == "0" else [])  # nothing is described outside a kernel


def test_frames_that_are_drawn_on_demand_are_not_missed() -> None:
    with_frames = f"[widget] explore(x)\n{MARK}axes a | b | c"
    assert agree(with_frames, f"[widget] explore(x)\n{ON_DEMAND}")
    assert not agree(with_frames, f"[widget] explore(y)\n{ON_DEMAND}")
    assert not agree(with_frames, f"[widget] explore(x)\n{MARK}axes a | b | d")


def test_a_widget_needs_a_kernel_and_is_refused() -> None:
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1f"}}
    with pytest.raises(ValueError, match="widget-view"):
        text_of([{"output_type": "display_data", "data": view}])


def test_an_unknown_kind_of_output_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="application/pdf"):
        text_of([data("application/pdf", "%PDF")])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("loss 0.42351", "loss 0.42349"),  # beyond four digits processors differ
        ("off by 1.2e-07", "off by 3.0e-08"),  # rounding errors are noise
        ("  a   1.5", "a 1.5"),
        ("−2.00001", "-2.0"),
    ],
)
def test_the_same_to_four_digits(a: str, b: str) -> None:
    assert agree(a, b)
    assert agree(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("loss 0.4235", "loss 0.4234"),
        ("12345 parameters", "12346 parameters"),
        ("1 layer", "1.0 layer"),
        ("w1 = 2", "w2 = 2"),
        ("2.5", "-2.5"),
        ("nan", "0.5"),
        ("1.0 2.0", "1.0"),
        ("", "1"),
    ],
)
def test_a_difference_is_seen(a: str, b: str) -> None:
    assert not agree(a, b)
    assert not agree(b, a)


@given(st.integers(1, 9999), st.integers(1, 9999), st.integers(-2, 5))
def test_floats_of_four_digits_agree_only_if_equal(a: int, b: int, exponent: int) -> None:
    x, y = (f"{n / 1000:.3f}e{exponent:+d}" for n in (a, b))
    assert agree(x, y) == (a == b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("−9.0 ± 2.7", "−9.1 ± 2.6"),
        ("accuracy 0.997", "accuracy 0.998"),
        ("+0.0", "-0.1"),
        ("1.2e-03", "1.3e-03"),
        ("0.5", "0.49"),
        ("99.99 %", "100.0 %"),
    ],
)
def test_the_last_digit_may_be_the_next_where_something_is_trained(a: str, b: str) -> None:
    assert agree(a, b, trained=True)
    assert agree(b, a, trained=True)
    assert not agree(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("−9.0 ± 2.7", "−9.2 ± 2.7"),
        ("1.2e-03", "1.2e-04"),
        ("0.5", "0.48"),
        ("12 of 20 right", "13 of 20 right"),
        ("97 %", "98 %"),
        ("tensor([1., 0.])", "tensor([0., 0.])"),
        ("1.0", "1"),
        ("1.5", "-1.5"),
        ("better by 0.1", "worse by 0.1"),
        ("nan", "0.1"),
        ("0.1 0.2", "0.1"),
    ],
)
def test_a_real_change_is_seen_where_something_is_trained(a: str, b: str) -> None:
    assert not agree(a, b, trained=True)
    assert not agree(b, a, trained=True)


@given(st.integers(-999, 999), st.integers(-999, 999), st.integers(1, 3))
def test_of_what_is_trained_only_neighbours_agree(a: int, b: int, decimals: int) -> None:
    x, y = (f"{n / 10**decimals:.{decimals}f}" for n in (a, b))
    assert agree(x, y, trained=True) == (abs(a - b) <= 1)


def test_what_comes_after_a_training_cell_may_come_of_training() -> None:
    sources = ["import torch", "def steps(): ...", "history = fit(model, data)", "w = 1", "fit(m)"]
    assert trained(sources) == [False, False, True, True, True]
    for code in ("sweep(f, X)", "loss.backward()", "optimizer.step()", "StandardScaler().fit(X)"):
        assert trained(["x = 1", code]) == [False, True]
    assert trained(["benefit(x)", "fit"]) == [False, False]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"])))
def test_any_text_agrees_with_itself(text: str) -> None:
    assert agree(text, text)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one, two, three = digests(["x = 1", "y", "x = 1"])
    cells = {
        one: Stored("Cell 0: A title: with a colon [and brackets]", "one\n\ntwo"),
        two: Stored("Cell 1: Ein Titel mit ‖w‖", ""),
        three: Stored("Cell 2: Last", "3"),
    }
    path = tmp_path / "lecture" / "part.txt"
    write(path, "lectures/lecture/part.md", cells)
    assert read(path) == cells
    assert list(read(path)) == list(cells)
    assert read(tmp_path / "none.txt") == {}
