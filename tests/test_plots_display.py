"""Showing a figure: with words, sharp, once; and figures that show themselves."""

import io

import IPython
import matplotlib.pyplot as plt
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure
from PIL import Image

from nnkit.plots import lines, show


@pytest.fixture
def notebook(monkeypatch):
    """Make ``get_ipython`` answer as it does in a notebook."""
    shell = InteractiveShell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr(InteractiveShell, "initialized", classmethod(lambda cls: True))
    monkeypatch.setattr(InteractiveShell, "instance", classmethod(lambda cls: shell))
    return shell


@pytest.mark.usefixtures("notebook")
def test_a_picture_comes_with_its_words_and_its_size():
    with capture_output() as shown:
        show(Figure(figsize=(4, 3)), alt="A straight line")
    (output,) = shown.outputs
    assert output.data["text/plain"] == "A straight line"
    assert output.metadata["image/png"] == {"alt": "A straight line", "width": 440, "height": 330}
    with Image.open(io.BytesIO(output.data["image/png"])) as picture:
        assert picture.size == (880, 660)  # twice as sharp


@pytest.mark.usefixtures("notebook")
def test_a_figure_of_pyplot_is_closed():
    figure, _ = plt.subplots()
    with capture_output():
        show(figure, alt="An empty figure")
    assert not plt.get_fignums()


def test_a_plain_script_stays_silent(monkeypatch, capsys):
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    figure, _ = plt.subplots()
    show(figure, alt="An empty figure")
    assert capsys.readouterr() == ("", "")
    assert not plt.get_fignums()


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_a_picture_without_words_is_refused(alt):
    with pytest.raises(ValueError, match="say in a sentence what the figure shows"):
        show(Figure(), alt=alt)


def test_a_figure_shows_itself_and_leaks_nothing():
    figure = lines([0, 1], {"a": [0, 1]})
    with Image.open(io.BytesIO(figure._repr_png_())) as picture:
        assert picture.size == (1100, 550)
    assert not plt.get_fignums()
