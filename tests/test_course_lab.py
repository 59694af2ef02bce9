"""``nnkit lab`` starts JupyterLab with the course's settings and leaves the user's alone."""

import json
import os
import sys
from pathlib import Path

import pytest

from nnkit.course import cli, lab


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lectures").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], dict[str, str]]]:
    """What the process would have become; here it ends instead."""
    monkeypatch.setattr(sys, "platform", "linux")
    calls: list[tuple[str, list[str], dict[str, str]]] = []

    def become(*call) -> None:
        calls.append(call)
        raise SystemExit

    monkeypatch.setattr(os, "execve", become)
    return calls


def test_arguments_are_given_to_jupyterlab_as_they_are(course: Path, started) -> None:
    arguments = ["--no-browser", "--port", "8890", "--ServerApp.ip=0.0.0.0", "x.md"]
    with pytest.raises(SystemExit):
        cli.main(["lab", *arguments])
    ((program, command, _),) = started
    assert program == sys.executable
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert command[-len(arguments) :] == arguments
    assert f"--ServerApp.root_dir={course / 'lectures'}" in command


def test_settings_come_before_the_user_s_own(course: Path, started, monkeypatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/theirs")
    with pytest.raises(SystemExit):
        cli.main(["lab"])
    ((_, _, environment),) = started
    first, second = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert second == "/theirs"
    overrides = json.loads(
        (Path(first) / "labconfig/default_setting_overrides.json").read_text("utf-8")
    )
    viewers = overrides["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]
    assert viewers == {"markdown": "Jupytext Notebook"}
    for kept_apart in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
        assert Path(environment[kept_apart]).is_relative_to(course / "build")


def test_overrides_name_settings_that_jupyterlab_has() -> None:
    schemas = Path(sys.prefix) / "share/jupyter"
    known = {
        f"{path.parent.relative_to(schemas / root)}:{path.stem}": json.loads(
            path.read_text("utf-8")
        )
        for root in ("lab/schemas",)
        for path in (schemas / root).rglob("*.json")
    }
    for plugin, values in json.loads(
        (lab.SETTINGS / "labconfig/default_setting_overrides.json").read_text("utf-8")
    ).items():
        assert set(values) <= set(known[plugin]["properties"]), plugin


def test_the_style_sheet_and_the_extension_are_written(tmp_path: Path) -> None:
    for _ in range(2):  # a second time is no error
        lab.prepare(tmp_path)
    assert "Present" in (tmp_path / "custom/custom.css").read_text("utf-8")
    extension = tmp_path / "labextensions" / lab.EXTENSION
    package = json.loads((extension / "package.json").read_text("utf-8"))
    script = extension / package["jupyterlab"]["_build"]["load"]
    notes, other = sorted((extension / "static").iterdir())
    assert other == script
    assert f"NOTES = 'static/{notes.name}'" in script.read_text("utf-8")
    assert "@font-face" in notes.read_text("utf-8")
    assert f'_JUPYTERLAB ??= {{}})["{lab.EXTENSION}"]' in script.read_text("utf-8")


def test_another_script_has_another_name(tmp_path: Path, monkeypatch) -> None:
    """JupyterLab tells browsers to keep the script for ever."""
    folder = lab.prepare(tmp_path) / "labextensions" / lab.EXTENSION / "static"
    *_, before = sorted(folder.iterdir())
    monkeypatch.setattr(lab, "scripts", lambda *names: "// another")
    lab.prepare(tmp_path)
    *_, after = sorted(folder.iterdir())
    assert before.name != after.name


def test_without_lectures_nothing_starts(tmp_path, started, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab"]) == 1
    assert "nnkit lab: no folder 'lectures'" in capsys.readouterr().err
    assert started == []


def test_without_jupyterlab_the_message_names_the_extra(
    course, started, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    assert cli.main(["lab"]) == 1
    assert "nnkit-course[lab]" in capsys.readouterr().err
    assert started == []


def test_settings_that_cannot_be_written_are_told(course: Path, started, capsys) -> None:
    (course / "build").write_text("a file", encoding="utf-8")
    assert cli.main(["lab"]) == 1
    assert "nnkit lab: cannot write JupyterLab's settings: " in capsys.readouterr().err
    assert started == []
