"""Run a command with the network cut off: `python -m tests.notebooks.offline COMMAND…`.

Linux gives it a network namespace of its own that holds nothing but the loopback interface, which
Jupyter's kernels talk over. Where the system does not permit that, the command runs as it is, and
a line says so; with OFFLINE=required in the environment that is a failure.
"""

import os
import shutil
import subprocess
import sys

ALONE = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])  # as root, as anyone else
INSIDE = [sys.executable, "-m", "tests.notebooks.offline", "--inside"]


def loopback_up() -> None:
    """Switch on the loopback interface, as `ip link set lo up` does where there is an `ip`."""
    import fcntl  # not there on Windows, where this is never called
    import socket
    import struct

    get_flags, set_flags, up = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP of Linux
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        answer = fcntl.ioctl(channel, get_flags, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", answer)[1] | up
        fcntl.ioctl(channel, set_flags, struct.pack("16sh14x", b"lo", flags))


def permitted() -> list[str] | None:
    """Find the command prefix that cuts the network off here, if there is one."""
    if shutil.which("unshare"):
        for prefix in ALONE:
            if not subprocess.run([*prefix, *INSIDE], capture_output=True).returncode:
                return prefix
    return None


def main(command: list[str]) -> int:
    """Run the command, cut off where that is permitted, and give its exit status."""
    if command[:1] == ["--inside"]:
        loopback_up()
        return subprocess.call(command[1:]) if command[1:] else 0
    prefix = permitted()
    if prefix is None:
        print("The network stays on: this system lets no user cut it off.", file=sys.stderr)
        if os.environ.get("OFFLINE") == "required":
            return 1
        return subprocess.call(command)
    return subprocess.call([*prefix, *INSIDE, *command])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
