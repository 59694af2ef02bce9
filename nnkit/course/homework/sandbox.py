"""Processes that can do no harm: workers under bubblewrap, on Linux.

A worker sees the system's programs and this Python, read-only, and an empty folder of its own in
memory. It has no network, no privileges, no other processes in sight, and limits on all it can use
up. It dies with the process that started it.
"""

import atexit
import os
import platform
import secrets
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import NoReturn

import nnkit
from nnkit.course.homework import trust
from nnkit.course.homework.calls import MACHINES, filter_of_calls
from nnkit.course.homework.channel import NONCE, receive, send
from nnkit.course.homework.limits import Limits
from nnkit.course.homework.protocol import ProtocolError
from nnkit.course.homework.trust import WORKER, Trusted
from nnkit.course.homework.usage import Usage, usage
from nnkit.course.homework.worker import READY
from nnkit.course.lectures import CourseError

START = 120.0  # seconds; a worker is ready in two, unless the machine is very busy
NOBODY = "65534"
SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")  # on most systems links into /usr
LOADER = ("/etc/ld.so.cache", "/etc/alternatives")  # which library is meant
ENVIRONMENT = {
    **{"PATH": "/usr/bin:/bin", "HOME": "/tmp", "USER": "student", "LANG": "C.UTF-8"},
    **trust.ENVIRONMENT,
}
EVERY = 0.25  # seconds between two looks at how much memory a sandbox holds
SLACK = 4  # times its time may pass while a worker waits for the processor


class SandboxError(CourseError):
    """There is no sandbox here, so nothing may be graded."""


class WorkerLost(Exception):
    """A worker died, was too slow or did not keep to the protocol; it is closed."""


class Sandbox:
    """A worker in its sandbox, for the code of one student only.

    Args:
        limits: what it may use up; with None there is no sandbox, for code of one's own.
        modules: what the worker imports before it is ready, most of the time that a start takes.

    Raises:
        SandboxError: if this system has no sandbox; it says what to do.
    """

    def __init__(self, limits: Limits | None, modules: Sequence[str] = ()) -> None:
        self.limits = limits
        self.fault = ""  # why it was ended from here
        self._closed = threading.Event()
        self._seen = Usage()
        self._cpu = 0.0  # seconds that it had used when the clock was started
        if limits is None:
            self._trusted: Trusted | None = Trusted(modules)
            self.process = self._trusted.process
            return
        self._trusted = None
        reader, writer = os.pipe()
        with open(reader, "rb") as rules, open(writer, "wb") as end:
            command = [*_command(limits, rules.fileno()), *modules]
            end.write(filter_of_calls())
            self.channel, inside = socket.socketpair()
            with inside:
                self.process = subprocess.Popen(
                    command,
                    stdin=inside.fileno(),
                    stdout=inside.fileno(),
                    stderr=subprocess.PIPE,
                    pass_fds=[rules.fileno()],
                    process_group=0,
                    cwd="/",
                    env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                )

    def wait(self) -> None:
        """Wait until the worker has imported what takes long.

        Raises:
            SandboxError: if it did not start.
        """
        deadline = time.monotonic() + START
        try:
            if self._trusted:
                self.channel = self._trusted.connect(deadline)
            ready = receive(self.channel, lambda: deadline - time.monotonic()) == READY
        except (EOFError, TimeoutError, ProtocolError):
            ready = False
        if not ready:
            raise SandboxError(_why(self.close()))
        if self.limits:
            threading.Thread(target=self._watch, args=(self.limits.together,), daemon=True).start()

    def _watch(self, allowed: int) -> None:
        """End the sandbox once its processes hold too much; one alone the system holds back."""
        while not self._closed.wait(EVERY):
            self._seen = usage(self.process.pid)
            if self._seen.memory > allowed:
                self.fault = f"more than {allowed / 2**30:g} GiB of memory"
                _kill(self.process)
                return

    def start_clock(self) -> None:
        """Count the worker's processor time from here."""
        self._cpu = self._seen.cpu

    def ask(self, request: bytes, timeout: float) -> bytes:
        """Send a request and give what comes back.

        Args:
            request: what the worker is to do.
            timeout: seconds for all of it. Where other work keeps the processor from the worker
                they are seconds of its own time, as long as four times as many have not passed.

        Returns:
            The reply, in which anything may stand: the student's code can write it.

        Raises:
            WorkerLost: if there is none.
        """
        nonce = secrets.token_bytes(NONCE)  # or a reply could be written before the question
        begun = time.monotonic()

        def late() -> float:
            """Give the seconds that are left."""
            passed = time.monotonic() - begun
            if passed < timeout or passed >= SLACK * timeout:
                return timeout - passed
            used = self._seen.cpu - self._cpu
            return max(timeout - used, 0.0) if used > 0.1 * passed else 0.0

        try:
            send(self.channel, nonce + request, late)
            reply = receive(self.channel, late)
        except TimeoutError:
            self._lose(f"no answer within {timeout:.0f} s")
        except (EOFError, OSError):
            self._lose("the process died")
        except ProtocolError as error:
            self._lose(str(error))
        if reply[:NONCE] != nonce:
            self._lose("the answer belongs to no question")
        return reply[NONCE:]

    def _lose(self, why: str) -> NoReturn:
        self.close()
        raise WorkerLost(self.fault or why) from None

    def is_quiet(self) -> bool:
        """Tell whether nothing has come that was not asked for."""
        return not select.select([self.channel], [], [], 0)[0]

    def close(self) -> str:
        """Kill every process in the sandbox and give what was said on stderr at the start."""
        self._closed.set()
        if hasattr(self, "channel"):
            self.channel.close()
        assert self.process.stderr is not None
        if self.process.stderr.closed:
            return ""
        _kill(self.process)
        self.process.wait()
        with self.process.stderr as stderr:
            if self.limits:  # nor wait for whoever else may hold it
                os.set_blocking(stderr.fileno(), False)
            said = stderr.read() or b""
        if self._trusted:
            self._trusted.folder.cleanup()
        return bytes(said).decode(errors="replace").strip()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        if process.args[0] == sys.executable:  # type: ignore[index]
            process.kill()
        else:
            # the group, because one that is killed while it starts has not yet tied its children
            os.killpg(process.pid, signal.SIGKILL)


def require_sandbox() -> None:
    """Refuse to go on where no worker starts.

    Raises:
        SandboxError: if this system has no sandbox; it says what to do.
    """
    worker = Sandbox(Limits())
    worker.wait()
    worker.close()


_spare: dict[tuple[Limits | None, tuple[str, ...]], Sandbox] = {}


def fresh(limits: Limits | None, modules: tuple[str, ...] = ()) -> Sandbox:
    """Give a worker that has run no student's code, and start the next one meanwhile.

    Args:
        limits: what it may use up; None for one without a sandbox.
        modules: what it has imported already.

    Raises:
        SandboxError: if this system has no sandbox; it says what to do.
    """
    kind = limits, modules
    sandbox = _spare.pop(kind, None)
    if sandbox and sandbox.process.poll() is not None:  # as when the thread that began it has ended
        sandbox.close()
        sandbox = None
    sandbox = sandbox or Sandbox(*kind)
    sandbox.wait()
    if limits:  # on one's own machine there is no class to come
        _spare[kind] = Sandbox(*kind)
    return sandbox


@atexit.register
def close_spare() -> None:
    """Close the workers that were started ahead and that nobody asked for."""
    while _spare:
        _spare.popitem()[1].close()


def _command(limits: Limits, rules: int) -> list[str]:
    """Give the command that starts a worker; from ``rules`` it reads the filter of system calls.

    Raises:
        SandboxError: if a program for it is missing, or it would show what must not be seen.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxError("homework is graded on Linux only, where bubblewrap is; use a container")
    if platform.machine() not in MACHINES:
        known = ", ".join(MACHINES)
        raise SandboxError(f"homework is graded on {known} only; this is {platform.machine()}")
    folders = _folders()
    if around := [folder for folder in folders if Path.cwd().is_relative_to(folder)]:
        raise SandboxError(
            f"students' code can read {around[0]}, so nothing is graded from inside it; "
            "go to the course's folder, and keep that apart from Python's"
        )
    is_root = os.geteuid() == 0
    sources = [f"/mnt/{i}" if is_root else str(folder) for i, folder in enumerate(folders)]
    return [
        *(_as_nobody(folders, sources) if is_root else []),
        *_in_bubblewrap(folders, sources, limits.disk, rules),
        *(sys.executable, "-I", "-c", WORKER, str(Path(nnkit.__file__).parents[1])),
        f"bound:{','.join(map(str, astuple(limits)))}",
    ]


def _folders() -> list[Path]:
    """Name the folders of Python and of this library, those left out that lie in another."""
    python = Path(sys.executable).resolve().parents[1]
    found = {Path(sys.prefix), Path(sys.base_prefix), python, Path(nnkit.__file__).parent}
    known = {Path("/usr"), *found}
    return sorted(f for f in found if not any(f.is_relative_to(k) for k in known - {f}))


def _as_nobody(folders: list[Path], sources: list[str]) -> list[str]:
    """Begin as root, to make the folders accessible, and go on as a user without privileges.

    To root itself limits do not apply; and nobody may have no way into, say, root's own home. Each
    program here becomes the next, so that it is the sandbox itself that is killed in the end.
    """
    mounts = [
        f"mkdir {source}; mount --bind {shlex.quote(str(folder))} {source}"
        for folder, source in zip(folders, sources, strict=True)
    ]
    script = "; ".join(["set -e", "mount -t tmpfs -o mode=755 tmpfs /mnt", *mounts, 'exec "$@"'])
    return [
        *(_program("unshare"), "--mount", "--", _program("sh"), "-c", script, "sh"),
        *(_program("setpriv"), "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"),
        "--inh-caps=-all",
    ]


def _in_bubblewrap(folders: list[Path], sources: list[str], disk: int, rules: int) -> list[str]:
    """Show the system's programs and the folders, nothing else, and leave nothing writable."""
    return [
        *(_program("bwrap"), "--die-with-parent", "--new-session", "--clearenv"),
        *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
        *(part for pair in ENVIRONMENT.items() for part in ("--setenv", *pair)),
        *("--ro-bind", "/usr", "/usr"),
        *(part for path in SYSTEM for part in _system(Path(path))),
        *(part for path in LOADER for part in ("--ro-bind-try", path, path)),
        *("--proc", "/proc", "--dev", "/dev", "--size", str(disk), "--tmpfs", "/tmp"),
        *("--size", str(disk), "--tmpfs", "/dev/shm"),  # for semaphores and arrays that are shared
        *("--seccomp", str(rules), "--size", "4096", "--tmpfs", "/proc/1"),  # its memory is there
        *(part for f, s in zip(folders, sources, strict=True) for part in ("--ro-bind", s, str(f))),
        *("--remount-ro", "/proc/1", "--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/tmp"),
    ]


def _system(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", os.readlink(path), str(path)]
    return ["--ro-bind-try", str(path), str(path)]


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        package = "bubblewrap" if name == "bwrap" else "util-linux"
        raise SandboxError(
            f"nothing is graded without a sandbox, and for that '{name}' is missing; "
            f"on Debian and Ubuntu: sudo apt install {package}"
        )
    return path


def _why(said: str) -> str:
    """Say what to do about a worker that did not start."""
    if "Unknown option" in said:
        advice = "bubblewrap is too old; 0.8 or a later version is needed"
    elif "namespace" in said or "uid map" in said:
        advice = (
            "this system forbids namespaces to users. On Ubuntu 24.04 and later an administrator "
            "permits them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 "
            "(or an AppArmor profile for bwrap); a container needs --security-opt seccomp=… that "
            "permits unshare"
        )
    elif "Error" in said:
        advice = "the worker failed before it had run anything; its last line says why"
    else:
        advice = "this is what it said"
    return f"nothing is graded without a sandbox, and it did not start: {advice}\n{said}"
