"""The committed pictures are what the code draws."""

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest

from nnkit.course.readme_pictures import PICTURES, build

IMG = Path(__file__).parents[1] / "img"


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    return build(tmp_path_factory.mktemp("img"))


def test_folder_holds_these_pictures_and_no_other(rebuilt):
    assert {path.name for path in IMG.iterdir()} == {path.name for path in rebuilt}
    assert len(rebuilt) == len(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_committed_picture_is_the_rebuilt_one(rebuilt, name):
    committed = (IMG / f"{name}.svg").read_text("utf-8")
    (again,) = [path.read_text("utf-8") for path in rebuilt if path.stem == name]
    (version,) = re.findall(r"Matplotlib v([\d.]+)", committed)
    if version == matplotlib.__version__:
        assert again == committed, "rebuild with: python -m nnkit.course.readme_pictures"
    else:  # another version may round another way, but draws the same things
        drawn = [
            [node.tag for node in ElementTree.fromstring(p).iter()] for p in (again, committed)
        ]
        assert abs(len(drawn[0]) - len(drawn[1])) < 0.2 * len(drawn[1])


@pytest.mark.parametrize("name", PICTURES)
def test_picture_stands_alone_and_has_words(name):
    picture = (IMG / f"{name}.svg").read_text("utf-8")
    assert PICTURES[name][1] in picture
    assert "<text" not in picture  # letters are outlines: no font is needed
    assert not re.search(r'(href|src)="(?!#)', picture)
    assert "<dc:date>" not in picture
