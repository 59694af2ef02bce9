"""What is sent arrives, and nothing else does."""

import json
import math
import pickle
import socket
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nnkit.course.homework import channel
from nnkit.course.homework.protocol import (
    DTYPES,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_KEYS,
    MAX_MESSAGE,
    ProtocolError,
    decode,
    encode,
)

dtypes = st.sampled_from(sorted(DTYPES)).map(np.dtype)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, shapes))
scalars = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, ())).map(lambda array: array[()])
tensors = arrays.map(torch.from_numpy) | arrays.map(
    lambda array: torch.from_numpy(np.asarray(array != 0)).bfloat16()
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.binary()
values = st.recursive(
    keys | st.floats() | arrays | scalars | tensors,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys | st.tuples(keys, keys), inner)
    ),
    max_leaves=6,
)


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit, nan included, and of exactly the same types."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        if a.dtype == b.dtype == torch.bfloat16:
            a, b = a.view(torch.int16), b.view(torch.int16)
        return bool(a.dtype == b.dtype) and same(a.numpy(), b.numpy())
    if isinstance(a, np.ndarray | np.generic):
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or str(a) == str(b)
    return bool(a == b)


@given(values)
def test_a_value_arrives_as_it_was(value: Any) -> None:
    assert same(decode(encode(value)), value)


@given(arrays)
def test_an_array_arrives_in_memory_of_its_own(array: np.ndarray[Any, Any]) -> None:
    arrived = decode(encode([array, array]))
    assert all(a.flags.owndata and a.flags.writeable for a in arrived)


def test_subclasses_arrive_as_what_they_derive_from() -> None:
    class Liar(float):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = float.__hash__

    class Array(np.ndarray[Any, Any]):
        pass

    sent = [Liar(1.0), np.zeros(2).view(Array), torch.nn.Parameter(torch.ones(2))]
    types = [float, np.ndarray, torch.Tensor]
    assert [type(value) for value in decode(encode(sent))] == types


def test_views_arrive_as_they_look() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    tensor = torch.arange(6).reshape(2, 3)
    complex_view = torch.tensor([1 + 2j]).conj()
    for view in (array.T, array[:, ::-1, ::2], array.astype(">f8"), np.broadcast_to(1.5, (3, 2))):
        np.testing.assert_array_equal(decode(encode(view)), view, strict=view.dtype.isnative)
    for seen in (tensor.T, tensor[:, 1], tensor.expand(4, 2, 3), complex_view):
        assert torch.equal(decode(encode(seen)), seen)


# Whatever the bytes are


def only_protocol_errors(message: bytes) -> None:
    try:
        value = decode(message)
    except ProtocolError:
        return
    plain = (type(None), bool, int, float, str, bytes, list, tuple, dict)
    numbers = (np.ndarray, np.generic, torch.Tensor)
    assert type(value) in plain or isinstance(value, numbers)
    assert same(decode(encode(value)), value)  # what is accepted can be sent on


def message(head: object, rest: bytes = b"") -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return len(text).to_bytes(4, "big") + text + rest


@given(st.binary())
@example(b"")
@example(pickle.dumps([print]))
def test_arbitrary_bytes_raise_nothing_else(data: bytes) -> None:
    only_protocol_errors(data)
    only_protocol_errors(message(data))


tags = st.sampled_from(["tuple", "dict", "bytes", "array", "scalar", "tensor", "handle", "object"])
names = st.sampled_from([*sorted(DTYPES), "bfloat16", "object", "O", "<U9", "V8", "datetime64"])
sizes = st.integers(-2, 9) | st.sampled_from([2**31, 2**62, 2**64, 10**30, True, 1.0, None, "1"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | names | sizes,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(tags, inner, max_size=2)
        | st.tuples(names, st.lists(sizes, max_size=3)).map(lambda pair: {"array": [*pair]})
        | st.tuples(names, st.lists(sizes, max_size=3)).map(lambda pair: {"tensor": [*pair]})
    ),
    max_leaves=12,
)


@given(json_values, st.binary(max_size=64))
def test_arbitrary_heads_raise_nothing_else(head: Any, rest: bytes) -> None:
    only_protocol_errors(message(head, rest))


@given(values, st.data())
def test_a_damaged_message_raises_nothing_else(value: Any, data: st.DataObject) -> None:
    damaged = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.integers(0, len(damaged) - 1))
        damaged[where] = data.draw(st.integers(0, 255))
    only_protocol_errors(bytes(damaged))
    only_protocol_errors(bytes(damaged)[: data.draw(st.integers(0, len(damaged)))])


REFUSED = {
    "nothing": b"",
    "no head": bytes(4),
    "a head longer than the message": b"\0\0\0\5{}",
    "bytes too many": message(1, b"x"),
    "bytes too few": message({"bytes": 2}, b"x"),
    "a head that is no text": message(b"\xff\xfe"),
    "a head that is no JSON": message(b"[1,"),
    "an unknown kind": message({"object": 1}),
    "two kinds": message({"bytes": 0, "tuple": []}),
    "a kind of no content": message({"array": None}),
    "a tuple of no list": message({"tuple": {"tuple": []}}),
    "a dict of no pairs": message({"dict": [[1, 2, 3]]}),
    "a key that cannot be hashed": message({"dict": [[[], 1]]}),
    "an array as a key": message({"dict": [[{"array": ["int8", [1]]}, 1]]}, b"x"),
    "a handle as a key": message({"dict": [[{"handle": 1}, 1]]}),
    "too many keys": message({"dict": [[key, 0] for key in range(MAX_KEYS + 1)]}),
    "a negative length": message({"bytes": -1}),
    "a length that is true": message({"bytes": True}, b"x"),
    "an array of objects": message({"array": ["object", [1]]}, bytes(8)),
    "an array of text": message({"array": ["<U2", [1]]}, bytes(8)),
    "a dtype that is none": message({"array": [["int8"], [1]]}, b"x"),
    "a shape that is none": message({"array": ["int8", 1]}, b"x"),
    "a dimension that is none": message({"array": ["int8", [1.0]]}, b"x"),
    "a negative dimension": message({"array": ["int8", [-1, -1]]}, b"x"),
    "a vast shape": message({"array": ["int8", [2**62, 4]]}),
    "a vast shape without elements": message({"array": ["int8", [0, 2**62, 2**62]]}),
    "a vast tensor without elements": message({"tensor": ["bfloat16", [0, 2**62, 2**62]]}),
    "too many dimensions": message({"array": ["int8", [1] * 65]}, b"x"),
    "a bool of two": message({"array": ["bool", [1]]}, b"\2"),
    "a tensor of a bool of two": message({"tensor": ["bool", [1]]}, b"\2"),
    "half a surrogate pair": message(b'"\\ud800"'),
    "half a surrogate pair as a key": message(b'{"dict":[["\\ud800",1]]}'),
    "a handle": message({"handle": 1}),
    "too deep": message(json.loads("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))),
    "far too deep": message(b"[" * 100_000),
    "too many digits": message(b"9" * (MAX_DIGITS + 2)),
    "far too many digits": message(b"9" * 1_000_000),
    "a head too long": message(b" " * (5 << 20) + b"1"),
    "a message too long": message(1, bytes(MAX_MESSAGE)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_message_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        decode(REFUSED[name])


def test_a_handle_is_a_name_or_a_number() -> None:
    assert decode(message([{"handle": 1}, {"handle": "f"}]), str) == ["1", "f"]
    for head in (None, True, 1.0, [1], {"handle": 1}):
        with pytest.raises(ProtocolError):
            decode(message({"handle": head}), str)


# What cannot be sent


def test_what_is_not_plain_goes_by_reference_or_not_at_all() -> None:
    sparse = torch.eye(2).to_sparse()
    objects = (print, object(), {1}, np.array([None]), np.array("text"), sparse, 1j, range(3))
    for value in objects:
        with pytest.raises(ProtocolError, match="no plain value: None, bool"):
            encode(value)
        assert decode(encode([value], id), lambda number: number) == [id(value)]


def test_a_tensor_without_memory_is_not_plain() -> None:
    with pytest.raises(ProtocolError, match="no plain value"):
        encode(torch.empty(3, device="meta"))


def test_too_much_is_not_sent() -> None:
    endless: list[Any] = []
    endless.append(endless)
    vast = np.broadcast_to(np.int8(0), (10**6, 10**6)), torch.zeros(1).expand(10**6, 10**6)
    for value in (endless, *vast, "x" * (5 << 20), bytes(MAX_MESSAGE), 10**1500, "\ud800"):
        with pytest.raises(ProtocolError):
            encode(value)


# The channel


def until(seconds: float) -> channel.Clock:
    """A clock that runs out."""
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()


def test_messages_keep_their_bounds() -> None:
    here, there = socket.socketpair()
    with here, there:
        sent = [b"", b"a", bytes(3_000_000)]
        sender = threading.Thread(target=lambda: [channel.send(here, m) for m in sent])
        sender.start()
        assert [channel.receive(there, until(60)) for _ in sent] == sent
        sender.join()


def test_whoever_is_late_or_gone_or_boundless_is_given_up() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(b"\0\0\0\5half")
        for left in (0.01, -1.0):
            with pytest.raises(TimeoutError):
                channel.receive(there, until(left))
        here.sendall(b"\xff" * 4)
        with pytest.raises(ProtocolError, match="too long"):
            channel.receive(there)
        with pytest.raises(TimeoutError):
            channel.send(there, bytes(5_000_000), until(0.05))
    gone, right = socket.socketpair()
    gone.close()
    with right, pytest.raises(EOFError):
        channel.receive(right)
