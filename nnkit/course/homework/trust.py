"""A worker outside any sandbox: for one's own code, on one's own machine, of whatever system.

It takes the same requests and gives the same answers, so that what is judged here is judged as it
will be when it is graded.
"""

import hmac
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nnkit

WORKER = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from nnkit.course.homework.worker import main; main(*sys.argv[1:])"
)
ENVIRONMENT = {
    **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"},
    "TQDM_DISABLE": "1",
}
TOKEN = 32  # characters: others on this machine could be first to connect


class Trusted:
    """A worker that is started at once and connects when it is ready to.

    Args:
        modules: what it imports before it is ready.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._token = secrets.token_hex(TOKEN // 2)
        # as in a sandbox there are no files around it
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        library = str(Path(nnkit.__file__).parents[1])
        where = f"{self._server.getsockname()[1]}:{self._token}"
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", WORKER, library, where, *modules],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder.name,
            env=os.environ | ENVIRONMENT,
        )

    def connect(self, deadline: float) -> socket.socket:
        """Wait for the worker to come.

        Args:
            deadline: the time of ``time.monotonic`` until which it may take.

        Raises:
            TimeoutError: if it does not come, or has ended.
        """
        self._server.settimeout(0.2)
        with self._server:
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    channel, _ = self._server.accept()
                    channel.settimeout(10)
                    if hmac.compare_digest(channel.recv(TOKEN), self._token.encode()):
                        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        return channel
                    channel.close()
                except OSError:  # nobody yet, or somebody who has gone
                    continue
        raise TimeoutError("no worker")
