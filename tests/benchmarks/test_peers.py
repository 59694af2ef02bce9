"""A peer that is broken costs a row of the benchmark, not the benchmark."""

import importlib.metadata
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from torch import nn

from tests.benchmarks import peers


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed package that cannot be imported, as torchvision built for another torch."""
    name = "brokenvision"
    (tmp_path / name).mkdir()
    (tmp_path / name / "part.py").touch()
    code = f"import {name}.part\nraise RuntimeError('operator {name}::nms does not exist')\n"
    (tmp_path / name / "__init__.py").write_text(code)
    (tmp_path / f"{name}-1.0.dist-info").mkdir()
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    (tmp_path / f"{name}-1.0.dist-info/METADATA").write_text(about)
    monkeypatch.syspath_prepend(tmp_path)
    found = importlib.metadata.Distribution.from_name
    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", found)  # to be put back
    yield name
    sys.modules.pop(name)


def test_a_broken_package_is_hidden_from_those_who_import_and_those_who_read_metadata(
    broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert importlib.metadata.version(broken) == "1.0"
    peers.hide_if_broken(broken)
    peers.hide_if_broken(broken)
    assert capsys.readouterr().out.count("nms does not exist") == 1
    assert find_spec(broken) is None
    with pytest.raises(ModuleNotFoundError):
        __import__(broken)
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version(broken)
    assert importlib.metadata.version("torch")


@pytest.mark.parametrize("name", ["skorch", "lightning", "fastai", "keras"])
def test_a_peer_that_cannot_be_imported_is_named_with_the_reason(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(net: object, batch_size: int) -> None:
        raise RuntimeError("built for another torch")

    monkeypatch.setattr(peers, "installed", lambda module: module == name)
    monkeypatch.setattr(peers, name, broken)
    assert peers.prepare(name, nn.Identity, 64) is None
    said = capsys.readouterr().out
    assert name in said
    assert "built for another torch" in said
