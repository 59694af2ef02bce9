"""What a notebook's cell may hold beyond Python: magics, questions, commands, ``display``."""

import subprocess
from types import CodeType
from typing import Any

RUN = ("time", "timeit", "capture", "prun")  # magics around code, which is what counts


def compiled(source: str) -> CodeType:
    """Compile a cell, in IPython's notation where it is no Python.

    Args:
        source: as in ``files = !ls``, ``%matplotlib inline`` or ``mean?``.

    Raises:
        SyntaxError: if it is neither; also ValueError, as `compile` does.
    """
    try:
        return compile(source, "<cell>", "exec")
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        transform: Any = TransformerManager
        return compile(transform().transform_cell(source), "<cell>", "exec")


class Shell:
    """What stands for IPython's shell; what would only show something does nothing.

    Args:
        namespace: where cells are executed.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.user_ns = namespace

    def run_line_magic(self, name: str, line: str, *_: object, **__: object) -> Any:
        """Run the code of ``%time f(3)``; ignore a magic that has no code."""
        if name not in RUN:
            return None
        try:
            return eval(line, self.user_ns)
        except SyntaxError:
            exec(compiled(line), self.user_ns)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """Run the code under ``%%time``; ignore what is no Python."""
        if name in RUN:
            exec(compiled(cell), self.user_ns)

    def getoutput(self, command: str, *_: object, **__: object) -> list[str]:
        """Run a command of the system's and give the lines that it writes."""
        done = subprocess.run(
            command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.stdout.splitlines()

    system = getoutput

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def in_notebooks(namespace: dict[str, Any]) -> dict[str, Any]:
    """Give the functions that a notebook has from the start.

    Args:
        namespace: where cells are executed.
    """
    shell = Shell(namespace)
    return {"get_ipython": lambda: shell, "display": lambda *args, **kwargs: None}
