"""``nnkit lab``: JupyterLab on the lectures, ready to present."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePath

import nnkit
from nnkit._extras import install
from nnkit.course.about import theme
from nnkit.course.lectures import CourseError, find_lectures
from nnkit.course.theme import HERE, colours, fonts, scripts, stylesheet

EXTENSION = "nnkit-present"
SETTINGS = HERE / "lab"  # labconfig/default_setting_overrides.json


def lab(arguments: Sequence[str] = ()) -> int:
    """Become JupyterLab; Ctrl-C and signals reach it as if it had been started itself.

    Args:
        arguments: given on to JupyterLab, as in ``["--no-browser", "--port", "8890"]``.

    Returns:
        JupyterLab's exit status.

    Raises:
        CourseError: if there are no lectures, JupyterLab is not installed, or its settings cannot
            be written beside the lectures.
    """
    lectures = find_lectures()
    if find_spec("jupyterlab") is None:
        raise CourseError(f"JupyterLab is not installed; try: {install('lab')}")
    try:
        folder = prepare(lectures.parent / "build" / "lab", theme(lectures.parent))
    except OSError as error:
        raise CourseError(f"cannot write JupyterLab's settings: {error}") from None
    sys.stdout.flush()
    return become(command(lectures, folder, arguments), environment(folder))


def become(command: list[str], environment: Mapping[str, str]) -> int:
    """Replace this process by a program; wait for its end where that is not possible.

    Args:
        command: a program and its arguments.
        environment: all its variables.

    Returns:
        The program's exit status.
    """
    if sys.platform != "win32":
        os.execve(command[0], command, environment)
    # Windows would start another process and end this one, as if JupyterLab were closed
    program = subprocess.Popen(command, env=environment)
    while True:
        try:
            return program.wait()
        except KeyboardInterrupt:  # the program has had it too, and says goodbye in its own time
            continue


def prepare(folder: Path, own: str = "") -> Path:
    """Write what JupyterLab is given for presenting: a style sheet, and an extension.

    Args:
        folder: where JupyterLab keeps the course's things, apart from the user's own settings.
        own: the course's own style sheet.

    Returns:
        The folder.
    """
    custom = folder / "custom"
    custom.mkdir(parents=True, exist_ok=True)
    (custom / "custom.css").write_text(stylesheet("lab") + own, encoding="utf-8")
    _write_extension(folder / "labextensions" / EXTENSION)
    return folder


def _write_extension(folder: Path) -> None:
    """Write the extension that presents: a script and the speaker's window, no build."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "static").mkdir(parents=True)
    notes = (HERE / "stage" / "notes.html").read_text("utf-8")
    window = _write_named(folder, "notes.html", notes.replace("/* theme */", fonts() + colours()))
    script = f"const NOTES = '{window}';\n{scripts('stage', 'notes', 'held', 'lab')}"
    file = _write_named(folder, "present.js", f"(() => {{\n{script}}})();\n")
    build = {"load": file, "extension": "./extension"}
    package: dict[str, object] = {"name": EXTENSION, "version": nnkit.__version__, "license": "MIT"}
    package |= {"jupyterlab": {"extension": True, "_build": build}}
    (folder / "package.json").write_text(json.dumps(package), encoding="utf-8")


def _write_named(folder: Path, name: str, text: str) -> str:
    """Write a file that JupyterLab tells browsers never changes: another text, another name."""
    stem, kind = name.split(".")
    file = f"static/{stem}.{hashlib.sha256(text.encode()).hexdigest()[:16]}.{kind}"
    (folder / file).write_text(text, encoding="utf-8")
    return file


def command(lectures: PurePath, folder: PurePath, arguments: Sequence[str]) -> list[str]:
    """Return the command line that starts JupyterLab."""
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={lectures}",
        # JupyterLab looks for custom.css in the user's configuration only, unless told so deep down
        f"--ServerApp.tornado_settings={ {'static_custom_path': [str(folder / 'custom')]} }",
        "--ServerApp.contents_manager_class=nnkit.course.opening.OpenedRun",
        "--LabApp.custom_css=True",
        f"--LabApp.extra_labextensions_path={folder / 'labextensions'}",
        "--LabApp.news_url=None",
        *arguments,
    ]


def environment(folder: Path) -> dict[str, str]:
    """Return the environment: the course's settings first, the user's own left alone."""
    paths = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return os.environ | {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths)),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
