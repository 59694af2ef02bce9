"""JupyterLab as ``nnkit lab`` starts it, on a copy of a lecture; or as it is, on homework."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOKEN = "a-token-for-the-tests"
PATIENCE = 180  # seconds, on a busy machine


@contextmanager
def lab(lectures: Path, folder: Path) -> Iterator[str]:
    """Start ``nnkit lab`` on a copy of lectures in an empty folder; yield its address; end it."""
    shutil.copytree(lectures, folder / "lectures")
    with serve(["nnkit", "lab"], folder, folder) as address:
        yield address


@contextmanager
def serve(command: list[str], cwd: Path, folder: Path) -> Iterator[str]:
    """Start a server by a command of this environment; yield its address; end it.

    Its settings and its log are in ``folder``, apart from the user's own.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    program = str(Path(sys.executable).with_name(command[0]))
    command = [program, *command[1:], "--no-browser", "--port", str(port)]
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(folder / name.lower()) for name in own}
    with (folder / "log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log)
        try:
            _wait(f"{address}/api/status?token={TOKEN}", server, folder / "log")
            yield address
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text('utf-8')}")
