"""The process that runs a student's code, inside the sandbox, where nothing is worth having.

``sandbox`` starts it. Its standard input is a socket to the grading process. A request is
``["run", source]``, which executes a cell, ``["get", names]``, which asks what names stand for, or
``["call", reference, args, kwargs]``; a reply is ``["value", value]`` or ``["error", type,
message]``. In front of each stands the nonce of the request.

Once it has run a student's code this process is the student's: nothing here is a defence.
"""

import os
import socket
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from nnkit.course.homework.channel import NONCE, receive, send
from nnkit.course.homework.limits import Limits
from nnkit.course.homework.notation import compiled, in_notebooks
from nnkit.course.homework.protocol import ProtocolError, Reference, decode, encode
from nnkit.course.homework.seeds import seed

READY = b"ready"


class Worker:
    """One namespace that cells are executed in, and what calls have left behind in it."""

    def __init__(self) -> None:
        self.module = ModuleType("__main__")
        sys.modules["__main__"] = self.module  # where dataclasses and pickle look for it
        vars(self.module).update(in_notebooks(vars(self.module)))
        self.handles: list[object] = []

    def answer(self, request: bytes) -> bytes:
        """Do what is asked; whatever goes wrong is the reply."""
        try:
            match decode(request, self.resolve):
                case ["run", str(source)]:
                    exec(compiled(source), vars(self.module))
                    value: Any = None
                case ["get", list(names)]:
                    value = {name: self.named(name) for name in names if name in vars(self.module)}
                case ["call", reference, list(args), dict(kwargs)]:
                    value = self.resolve(reference)(*args, **kwargs)
                case _:
                    raise ProtocolError("no request")
            return encode(["value", value], self.refer)
        except BaseException as error:  # a student's code may raise anything
            return encode(["error", type(error).__name__, _message(error)])

    def named(self, name: str) -> object:
        """Give a name's value if it is plain, else the name, which outlives this worker."""
        value = vars(self.module)[name]
        try:
            encode(value)
        except ProtocolError:
            return Named(name)
        return value

    def resolve(self, reference: Reference) -> Any:
        """Give the object that a reference stands for.

        Raises:
            NameError: if there is none.
        """
        if isinstance(reference, int):
            return self.handles[reference]
        if reference not in vars(self.module):
            raise NameError(f"name '{reference}' is not defined")
        return vars(self.module)[reference]

    def refer(self, value: object) -> Reference:
        """Keep an object and give the reference that stands for it."""
        if isinstance(value, Named):
            return value.name
        self.handles.append(value)
        return len(self.handles) - 1


class Named:
    """Stands in a reply for an object that has a name."""

    def __init__(self, name: str) -> None:
        self.name = name


def _message(error: BaseException) -> str:
    try:
        return str(error)[:1000].encode(errors="replace").decode()
    except BaseException:  # the student's own __str__
        return ""


def main(kind: str, *modules: str) -> None:
    """Keep the socket out of the way of prints, import what takes long, and serve.

    Args:
        kind: ``bound:`` and the fields of `Limits`, which hold from the end of the imports, before
            any request; or, without a sandbox, the port to connect to and what to say there.
        modules: what the homework is going to import.
    """
    where, _, rest = kind.partition(":")
    if where == "bound":
        channel = socket.socket(fileno=os.dup(0))
    else:
        channel = socket.create_connection(("127.0.0.1", int(where)))
        channel.sendall(rest.encode())
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    for module in modules:
        import_module(module)  # what goes wrong here the grading process reads on stderr
    if where == "bound":
        Limits(*map(int, rest.split(","))).bind()
    os.dup2(null, 2)
    seed()
    worker = Worker()
    send(channel, READY)
    while True:
        request = receive(channel)
        send(channel, request[:NONCE] + worker.answer(request[NONCE:]))
