"""Which system calls a sandbox denies: those that would get around its limits.

The first process of a sandbox is bubblewrap's own. No limits bind it, it ends the sandbox when the
grading process ends, and it has the same rights as the student's code, which could take it over. So
no process may look into another or write there. Memory is where limits count it: in what a process
maps, and in its folders. And nothing is left where another sandbox, or the teacher, would find it:
the kernel's keys belong to no sandbox.
"""

import platform
import struct

# what the kernel calls the machine, then the numbers of
# ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, perf_event_open, bpf;
# memfd_create, memfd_secret, shmget, msgget, semget, mq_open, userfaultfd, io_uring_setup;
# add_key, request_key, keyctl
MACHINES = {
    "x86_64": (
        0xC000003E,
        (101, 310, 311, 438, 298, 321, 319, 447, 29, 68, 64, 240, 323, 425, 248, 249, 250),
    ),
    "aarch64": (
        0xC00000B7,
        (117, 270, 271, 438, 241, 280, 279, 447, 194, 186, 190, 180, 282, 425, 217, 218, 219),
    ),
}
LOAD, IF_EQUAL, IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # of the kernel's packet filters
NUMBER, MACHINE = 0, 4  # where a call's description has them
X32 = 0x40000000  # from here on the same calls of another interface
ALLOW, DENY = 0x7FFF0000, 0x00050001  # the latter with EPERM


def filter_of_calls() -> bytes:
    """Return the filter for this machine, as ``bwrap --seccomp`` reads it.

    Calls by another machine's numbers, as of a 32-bit program, are denied, too.
    """
    machine, calls = MACHINES[platform.machine()]
    denied = [(IF_AT_LEAST, X32), *((IF_EQUAL, call) for call in calls)]
    # an instruction: what it does, how many to skip if true and if false, a number
    program = [
        (LOAD, 0, 0, MACHINE),
        (IF_EQUAL, 0, len(denied) + 2, machine),
        (LOAD, 0, 0, NUMBER),
        *((kind, len(denied) - i, 0, number) for i, (kind, number) in enumerate(denied)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, DENY),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)
