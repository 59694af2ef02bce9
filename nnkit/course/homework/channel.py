"""Messages over a socket: a length in four bytes, then the bytes; whoever is late is given up."""

import socket
import time

from nnkit.course.homework.protocol import MAX_MESSAGE, ProtocolError

NONCE = 16  # bytes in front of a request, and again in front of its reply
LARGEST = NONCE + MAX_MESSAGE


def send(channel: socket.socket, message: bytes, deadline: float | None = None) -> None:
    """Send a message.

    Args:
        channel: a connected socket.
        message: what to send.
        deadline: the time of ``time.monotonic`` until which it must be taken; None waits.

    Raises:
        TimeoutError: if the other side did not take it in time.
        OSError: if the other side is gone.
    """
    channel.settimeout(_left(deadline))
    channel.sendall(len(message).to_bytes(4, "big") + message)


def receive(channel: socket.socket, deadline: float | None = None) -> bytes:
    """Receive a message.

    Args:
        channel: a connected socket.
        deadline: the time of ``time.monotonic`` until which it must be there; None waits.

    Returns:
        The message, of at most 64 MiB and a nonce.

    Raises:
        ProtocolError: if a longer one is announced.
        TimeoutError: if it was not complete in time.
        EOFError: if the other side is gone.
    """
    size = int.from_bytes(_exactly(channel, 4, deadline), "big")
    if size > LARGEST:
        raise ProtocolError(f"a message of {size:,} bytes is too long")
    return _exactly(channel, size, deadline)


def _exactly(channel: socket.socket, size: int, deadline: float | None) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        channel.settimeout(_left(deadline))
        try:
            part = channel.recv(min(size - len(parts), 1 << 20))
        except ConnectionError:
            part = b""
        if not part:
            raise EOFError("the other side is gone")
        parts += part
    return bytes(parts)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("out of time")
    return left
