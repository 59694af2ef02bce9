"""Which system a test needs, for those that not every system can run; CI runs them all on Linux."""

import sys

import pytest

LINUX = sys.platform.startswith("linux")
WINDOWS = sys.platform == "win32"

NO_SANDBOX = "homework is graded in a sandbox of bubblewrap, which only Linux has"
NO_POSIX = (
    "Windows has no make, no fork, no terminal, no #! of POSIX, and links ask for a privilege"
)
NOT_MEASURED = "memory has been measured on Linux, so its limit holds there"

posix = pytest.mark.skipif(WINDOWS, reason=NO_POSIX)
sandboxed = pytest.mark.skipif(not LINUX, reason=NO_SANDBOX)
measured = pytest.mark.skipif(not LINUX, reason=NOT_MEASURED)
