"""Messages over a socket: a length in four bytes, then the bytes; whoever is late is given up."""

import socket
from collections.abc import Callable

from nnkit.course.homework.protocol import MAX_MESSAGE, ProtocolError

NONCE = 16  # bytes in front of a request, and again in front of its reply
LARGEST = NONCE + MAX_MESSAGE
Clock = Callable[[], float]  # gives the seconds that are left


def send(channel: socket.socket, message: bytes, clock: Clock | None = None) -> None:
    """Send a message.

    Args:
        channel: a connected socket.
        message: what to send.
        clock: tells how long it may still take; None waits.

    Raises:
        TimeoutError: if the other side did not take it in time.
        OSError: if the other side is gone.
    """
    rest = memoryview(len(message).to_bytes(4, "big") + message)
    while rest:
        channel.settimeout(_left(clock))
        try:
            rest = rest[channel.send(rest) :]
        except TimeoutError:
            continue  # unless the clock says so


def receive(channel: socket.socket, clock: Clock | None = None) -> bytes:
    """Receive a message.

    Args:
        channel: a connected socket.
        clock: tells how long it may still take; None waits.

    Returns:
        The message, of at most 64 MiB and a nonce.

    Raises:
        ProtocolError: if a longer one is announced.
        TimeoutError: if it was not complete in time.
        EOFError: if the other side is gone.
    """
    size = int.from_bytes(_exactly(channel, 4, clock), "big")
    if size > LARGEST:
        raise ProtocolError(f"a message of {size:,} bytes is too long")
    return _exactly(channel, size, clock)


def _exactly(channel: socket.socket, size: int, clock: Clock | None) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        channel.settimeout(_left(clock))
        try:
            part = channel.recv(min(size - len(parts), 1 << 20))
        except TimeoutError:
            continue  # unless the clock says so
        except ConnectionError:
            part = b""
        if not part:
            raise EOFError("the other side is gone")
        parts += part
    return bytes(parts)


def _left(clock: Clock | None) -> float | None:
    if clock is None:
        return None
    left = clock()
    if left <= 0:
        raise TimeoutError("out of time")
    return left
