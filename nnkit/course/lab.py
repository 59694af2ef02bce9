"""``nnkit lab``: JupyterLab on the lectures, ready to present."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from nnkit._extras import install
from nnkit.course.lectures import CourseError, find_lectures
from nnkit.course.theme import HERE, stylesheet

SETTINGS = HERE / "lab"  # labconfig/default_setting_overrides.json


def lab(arguments: Sequence[str] = ()) -> int:
    """Become JupyterLab; Ctrl-C and signals reach it as if it had been started itself.

    Args:
        arguments: given on to JupyterLab, as in ``["--no-browser", "--port", "8890"]``.

    Returns:
        Never, unless it cannot start.

    Raises:
        CourseError: if there are no lectures or JupyterLab is not installed.
    """
    lectures = find_lectures()
    if find_spec("jupyterlab") is None:
        raise CourseError(f"JupyterLab is not installed; try: {install('lab')}")
    folder = prepare(lectures.parent / "build" / "lab")
    sys.stdout.flush()
    os.execve(sys.executable, command(lectures, folder, arguments), environment(folder))


def prepare(folder: Path) -> Path:
    """Write the style sheet, and forget that the last session ended in the middle of a talk.

    Args:
        folder: where JupyterLab keeps the course's things, apart from the user's own settings.

    Returns:
        The folder.
    """
    custom = folder / "custom"
    custom.mkdir(parents=True, exist_ok=True)
    (custom / "custom.css").write_text(stylesheet("lab"), encoding="utf-8")
    # jupyterlab-slideshow stores that it is presenting and would start the next session with it
    (folder / "settings/jupyterlab-slideshow/plugin.jupyterlab-settings").unlink(missing_ok=True)
    return folder


def command(lectures: Path, folder: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command line that starts JupyterLab."""
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={lectures}",
        # JupyterLab looks for custom.css in the user's configuration only, unless told so deep down
        f"--ServerApp.tornado_settings={ {'static_custom_path': [str(folder / 'custom')]} }",
        "--LabApp.custom_css=True",
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
