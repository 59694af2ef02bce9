"""What a worker may use up, and how it binds itself to that for good."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a worker may use up.

    Args:
        memory: bytes of address space, for each process, on top of what the worker has imported.
        together: bytes of memory that all processes hold; whoever grades looks every moment.
        cpu: seconds of processor time, for each process.
        processes: processes and threads at a time.
        disk: bytes of each of the folders in memory, and of a file.
        files: open files, for each process.
    """

    memory: int = 4 << 30
    together: int = 6 << 30
    cpu: int = 600
    processes: int = 64
    disk: int = 128 << 20
    files: int = 256

    def bind(self) -> None:
        """Bind this process and all that it starts.

        Memory counts from here on: PyTorch for CUDA alone maps more than a student may use. The
        limits are hard ones. To raise such a limit takes a privilege over the whole machine,
        CAP_SYS_RESOURCE, which no namespace gives and which is dropped before.

        Raises:
            ValueError: if this process is bound more tightly already.
        """
        import resource  # not on every system

        with open("/proc/self/statm") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
        for kind, bound in (
            (resource.RLIMIT_AS, mapped + self.memory),
            (resource.RLIMIT_CPU, self.cpu),
            (resource.RLIMIT_NPROC, self.processes),
            (resource.RLIMIT_FSIZE, self.disk),
            (resource.RLIMIT_NOFILE, self.files),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(kind, (bound, bound))
