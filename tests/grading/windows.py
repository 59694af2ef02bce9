"""The command ``nnkit`` as on Windows, as far as that is nnkit's own business.

nnkit finds no module that only Unix has, no alarm, no fork, and is told that this is Windows. The
packages that it stands on find what they find. The arguments are commands, each in one string.
"""

import builtins
import importlib
import os
import pkgutil
import shlex
import signal
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

UNIX = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
genuine = builtins.__import__


def find(name: str, globals: Any = None, *rest: Any, **more: Any) -> Any:
    """Import as on Windows, where the importer is a module of nnkit's."""
    importer = (globals or {}).get("__name__") or ""
    if name in UNIX and importer.partition(".")[0] == "nnkit":
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)
    return genuine(name, globals, *rest, **more)


class Windows(ModuleType):
    """A module with some of its names missing or changed."""

    def __init__(self, module: ModuleType, missing: Sequence[str] = (), **changed: object) -> None:
        super().__init__(module.__name__)
        vars(self).update({k: v for k, v in vars(module).items() if k not in missing} | changed)


def pretend() -> None:
    """Import every module of nnkit's as on Windows, and let it see Windows when it runs."""
    import nnkit

    builtins.__import__ = find
    seen = {
        "sys": Windows(sys, platform="win32"),
        "os": Windows(os, ["fork", "forkpty", "killpg", "getuid", "geteuid", "register_at_fork"]),
        "signal": Windows(signal, ["SIGALRM", "SIGKILL", "setitimer", "ITIMER_REAL", "alarm"]),
    }
    for found in pkgutil.walk_packages(nnkit.__path__, "nnkit."):
        module = importlib.import_module(found.name)
        for name in seen.keys() & vars(module).keys():
            setattr(module, name, seen[name])


if __name__ == "__main__":
    pretend()
    from nnkit.course import cli

    for command in sys.argv[1:]:
        print(cli.main(shlex.split(command)), command)
