"""Plain values as bytes: what passes between the grading process and a worker, without pickle.

A message is one value: the length of its head in four bytes, the head in JSON, then the raw bytes
of arrays and byte strings in the order in which the head names them. In the head a list is a list,
and what JSON lacks is an object with one key: ``{"tuple": […]}``, ``{"dict": [[key, value], …]}``,
``{"bytes": length}``, ``{"array": [dtype, shape]}``, ``{"scalar": dtype}``, ``{"tensor": [dtype,
shape]}``, and ``{"handle": reference}`` for whatever is not plain and stays where it is. A tuple of
a class of its own, such as a named one, is both: ``{"named": [reference, […]]}``.

The reader believes nothing. Whatever the bytes are, it gives values of exactly these types, or
raises ``ProtocolError``.
"""

import json
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

MAX_MESSAGE = 64 << 20  # bytes
MAX_HEAD = 4 << 20  # bytes; as objects of Python they take some thirty times as many
MAX_DEPTH = 32
MAX_DIGITS = 1000  # of an int
MAX_OBJECTS = 20_000  # of the head: arrays, tuples, …; each takes some microseconds to build
MAX_KEYS = 10_000  # of a dict; keys that collide on purpose take quadratic time

DTYPES = {
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
}

Reference = str | int  # a name, or a number that the worker gave out


class ProtocolError(ValueError):
    """A value that cannot be sent, or bytes that are no message."""


class Held(tuple[Any, ...]):
    """A tuple of a class that only the other side knows; sent back it is that object again."""

    origin: object


def encode(value: object, refer: Callable[[Any], Reference] | None = None) -> bytes:
    """Write a value as a message.

    Args:
        value: None, a bool, an int of at most 1000 digits, float, str, bytes, an array or scalar of
            NumPy or a dense tensor with numbers in it, or lists, tuples and dicts of these, at most
            32 deep. Subclasses are written as what they derive from, tensors without their graph.
        refer: gives the reference that stands for any other object; none may occur if None.

    Returns:
        The message, at most 64 MiB.

    Raises:
        ProtocolError: if the value is not of this kind, or too large.
    """
    buffers: list[bytes] = []
    try:
        head = json.dumps(_describe(value, buffers, refer, 0), separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise ProtocolError("a str with half a surrogate pair in it is no text") from None
    if len(head) > MAX_HEAD:
        raise ProtocolError("too many numbers in lists; an array holds more")
    _check_size(4 + len(head) + sum(map(len, buffers)))
    return b"".join([len(head).to_bytes(4, "big"), head, *buffers])


def decode(message: bytes, resolve: Callable[[Reference], Any] | None = None) -> Any:
    """Read a message, which anybody may have written.

    Args:
        message: the bytes.
        resolve: gives the object that a reference stands for; none may occur if None.

    Returns:
        The value, of exactly the types that ``encode`` names, in memory of its own.

    Raises:
        ProtocolError: if the bytes are no message; nothing else is raised.
    """
    try:
        size = int.from_bytes(message[:4], "big")
        if len(message) > MAX_MESSAGE or not 0 < size <= min(MAX_HEAD, len(message) - 4):
            raise ProtocolError(f"{len(message):,} bytes with a head of {size:,} are no message")
        head = json.loads(message[4 : 4 + size].decode(), parse_int=_int)
        reader = _Reader(memoryview(message)[4 + size :], resolve)
        value = reader.value(head, 0)
    except ProtocolError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise ProtocolError(f"no message: {type(error).__name__}") from None
    if len(reader.rest):
        raise ProtocolError(f"{len(reader.rest):,} bytes too many")
    return value


def _describe(
    value: Any, buffers: list[bytes], refer: Callable[[Any], Reference] | None, depth: int
) -> Any:
    """Give the head of a value, and append its bytes to the buffers."""
    if depth > MAX_DEPTH:
        raise ProtocolError(f"nested more than {MAX_DEPTH} deep")

    def inner(parts: Any) -> list[Any]:
        return [_describe(part, buffers, refer, depth + 1) for part in parts]

    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.name in DTYPES:
        _check_size(value.nbytes)
        array = np.asarray(value, dtype=value.dtype.newbyteorder("="))
        buffers.append(array.tobytes())
        name = array.dtype.name
        return {"array": [name, array.shape]} if isinstance(value, np.ndarray) else {"scalar": name}
    if _is_tensor(value):
        return _describe_tensor(value, buffers)
    if isinstance(value, int):
        _check_digits(value.bit_length() // 4)
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        value.encode()  # so that half a surrogate pair is refused
        return str(value)
    if isinstance(value, bytes):
        buffers.append(bytes(value))
        return {"bytes": len(value)}
    if isinstance(value, list):
        return inner(value)
    if isinstance(value, Held) and refer is not None:
        return {"handle": refer(value.origin)}
    if isinstance(value, tuple):
        if type(value) is tuple or refer is None:
            return {"tuple": inner(value)}
        return {"named": [refer(value), inner(value)]}
    if isinstance(value, dict):
        return {"dict": [inner(item) for item in value.items()]}
    if refer is None:
        raise ProtocolError(f"{type(value).__name__} is no plain value: {', '.join(PLAIN)}")
    return {"handle": refer(value)}


PLAIN = ("None", "bool", "int", "float", "str", "bytes", "list", "tuple", "dict", "array", "tensor")


def _is_tensor(value: Any) -> bool:
    """Tell whether it is a tensor that can be sent, without importing torch to find out."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return False
    dense = value.layout == torch.strided and value.device.type != "meta"
    return dense and _name(value.dtype) in {*DTYPES, "bfloat16"}


def _name(dtype: "torch.dtype") -> str:
    return str(dtype).removeprefix("torch.")


def _describe_tensor(value: "torch.Tensor", buffers: list[bytes]) -> Any:
    import torch

    _check_size(value.numel() * value.itemsize)
    tensor = value.detach().as_subclass(torch.Tensor).cpu().resolve_conj().resolve_neg()
    # NumPy lacks bfloat16
    same = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
    buffers.append(same.numpy().tobytes())
    return {"tensor": [_name(tensor.dtype), list(tensor.shape)]}


def _check_size(size: int) -> None:
    """Refuse what would be too many bytes: a view may be vast where its memory is small."""
    if size > MAX_MESSAGE:
        raise ProtocolError(f"{size:,} bytes are too large a value; {MAX_MESSAGE:,} are allowed")


def _int(digits: str) -> int:
    _check_digits(len(digits) - 1)
    return int(digits)


def _check_digits(count: int) -> None:
    if count > MAX_DIGITS:
        raise ProtocolError(f"an int of more than {MAX_DIGITS} digits")


class _Reader:
    """Builds the value that a head describes, taking bytes off the rest as they are named."""

    def __init__(self, rest: memoryview, resolve: Callable[[Reference], Any] | None) -> None:
        self.rest = rest
        self.resolve = resolve
        self.objects = 0

    def value(self, head: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ProtocolError(f"nested more than {MAX_DEPTH} deep")
        if isinstance(head, list):
            return [self.value(part, depth + 1) for part in head]
        if not isinstance(head, dict):
            if isinstance(head, str):
                head.encode()  # half a surrogate pair could not be written into a notebook
            return head
        if len(head) != 1:
            raise ProtocolError("an object of the head has one key")
        self.objects += 1
        if self.objects > MAX_OBJECTS:
            raise ProtocolError(
                f"more than {MAX_OBJECTS:,} arrays and tuples; one array holds more"
            )
        ((kind, content),) = head.items()
        if kind == "tuple" and isinstance(content, list):
            return tuple(self.value(part, depth + 1) for part in content)
        if kind == "dict" and isinstance(content, list) and len(content) <= MAX_KEYS:
            pairs = ((self.key(key), self.value(part, depth + 1)) for key, part in content)
            return dict(pairs)
        if kind == "bytes":
            return bytes(self.take(_size(content)))
        if kind == "scalar":
            return self.array(content, [])[()]
        if kind == "array":
            name, shape = content
            return self.array(name, shape)
        if kind == "tensor":
            name, shape = content
            return self.tensor(name, shape)
        if kind == "named" and self.resolve and isinstance(content, list) and len(content) == 2:
            reference, parts = content
            return self.named(reference, parts, depth)
        if kind == "handle" and self.resolve and type(content) in (str, int):
            return self.resolve(content)
        raise ProtocolError("the head holds an object of no known kind")

    def named(self, reference: Any, parts: Any, depth: int) -> Held:
        if not isinstance(parts, list):
            raise ProtocolError("no parts of a tuple")
        held = Held(self.value(part, depth + 1) for part in parts)
        held.origin = self.value({"handle": reference}, depth)
        return held

    def key(self, head: Any) -> Any:
        """Give the key of a dict: a plain value that can be hashed, tensors left out."""
        if isinstance(head, dict) and set(head) - {"tuple", "bytes", "scalar"}:
            raise ProtocolError("no key of a dict")
        key = self.value(head, MAX_DEPTH - 2)  # room for a tuple
        hash(key)  # raises TypeError
        return key

    def array(self, name: Any, shape: Any) -> np.ndarray[Any, Any]:
        if name not in DTYPES:
            raise ProtocolError("no dtype of an array")
        dtype = np.dtype(name)
        raw = self.take(_size_of(shape, dtype.itemsize))
        if name == "bool" and any(raw.tobytes().translate(None, b"\0\1")):
            raise ProtocolError("a bool that is neither true nor false")
        return np.ndarray(shape, dtype, bytes(raw)).copy()

    def tensor(self, name: Any, shape: Any) -> "torch.Tensor":
        import torch

        if name == "bfloat16":
            return torch.from_numpy(self.array("int16", shape)).view(torch.bfloat16)
        return torch.from_numpy(self.array(name, shape))

    def take(self, size: int) -> memoryview:
        if size > len(self.rest):
            raise ProtocolError(f"{size - len(self.rest):,} bytes too few")
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken


def _size(count: Any) -> int:
    if type(count) is not int or not 0 <= count <= MAX_MESSAGE:
        raise ProtocolError("no size")
    return count


def _size_of(shape: Any, itemsize: int) -> int:
    """Give the number of bytes of an array; a dimension of 0 does not excuse a vast other one."""
    if not isinstance(shape, list) or len(shape) > MAX_DEPTH:
        raise ProtocolError("no shape")
    _size(math.prod(max(_size(length), 1) for length in shape) * itemsize)
    return math.prod(shape) * itemsize
