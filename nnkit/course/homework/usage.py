"""What a process and all that it has started use up, as Linux tells in ``/proc``."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100  # a second, in the kernel's own
HELD = ("RssAnon", "RssShmem")  # what is mapped from files, such as libraries, costs nothing more


@dataclass(frozen=True)
class Usage:
    """What processes have used."""

    cpu: float = 0.0  # seconds of processor time, those that have ended included
    memory: int = 0  # bytes; what two processes share counts twice


def usage(pid: int) -> Usage:
    """Add up what a process and its descendants use.

    Args:
        pid: the process; it may have ended.

    Returns:
        Their processor time and memory.
    """
    parents: dict[int, tuple[int, float]] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            # the second field is the program's name, which may hold blanks and brackets
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(folder.name)] = int(fields[1]), sum(map(int, fields[11:15])) / TICKS
    family = {pid} & parents.keys()
    while more := {p for p, (parent, _) in parents.items() if parent in family} - family:
        family |= more
    return Usage(sum(parents[p][1] for p in family), sum(map(_held, family)))


def _held(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    found = [fields[name] for name in HELD if name in fields] or [fields.get("VmRSS", "0")]
    return sum(int(field.split()[0]) << 10 for field in found)
