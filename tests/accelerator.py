"""A device that is not there: its tensors lie in ordinary memory and behave as those of a GPU.

Tensors of two devices in one operation are refused, as by CUDA, and so is float64, as by MPS;
numbers leave the device by `.cpu()`, `.item()` and `.tolist()` alone. Torch calls it "lazy", a type
of device that has no kernels of its own here and takes part in autograd without a driver.

What it does not show: speed, other roundings, a random state of its own (it draws from the CPU's).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

CPU, DEVICE = torch.device("cpu"), torch.device("lazy:0")
NOT_THERE = (torch.float64, torch.complex128)
aten = torch.ops.aten
COPIES = (aten.copy_.default, aten._to_copy.default)  # these alone go between devices
INDEXED = (aten.index.Tensor, aten.index_put_.default, aten._index_put_impl_.default)
JOINED = (aten.cat.default, aten.stack.default)  # these take no number of the CPU, either


class FakeTensor(Tensor):
    """A tensor on the device; `held` is the tensor that computes."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> FakeTensor:
        """Make what autograd sees: shape and type, but no memory."""
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined,no-any-return]
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )

    def __init__(self, held: Tensor) -> None:
        if held.dtype in NOT_THERE:
            raise TypeError(f"the device {DEVICE} has no {held.dtype}")
        self.held = held

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute with what is held."""
        kwargs = dict(kwargs or {})
        check_devices(func, args, kwargs)
        leaves_device = func in COPIES and _goes_to_cpu(func, args, kwargs)
        if "device" in kwargs:
            kwargs["device"] = "cpu"
        result = func(*tree_map(_held, args), **tree_map(_held, kwargs))
        if torch.Tag.inplace_view in func.tags:  # what autograd sees gets the new shape, too
            args[0].data = FakeTensor(args[0].held)
        if (changed := _changed(func, args, kwargs)) is not None:
            return changed
        return result if leaves_device else tree_map(_wrapped, result)

    @property
    def data(self) -> Tensor:
        """What it holds, without a graph; may be given other values, as pruning does."""
        return Tensor.data.__get__(self)  # type: ignore[attr-defined,no-any-return]

    @data.setter
    def data(self, new: FakeTensor) -> None:
        Tensor.data.__set__(self, new)  # type: ignore[attr-defined]
        self.held = new.held

    def tolist(self) -> Any:
        """The numbers."""
        return self.held.tolist()

    def data_ptr(self) -> int:
        """Where its memory begins."""
        return self.held.data_ptr()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """In a file its values, as `torch.load(…, map_location="cpu")` gives them back."""
        return self.held.detach().__reduce_ex__(protocol)

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        """By this `module.to` keeps a parameter and changes what is in it, as with a GPU."""
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(inner: Any, meta: Any, size: Any, stride: Any) -> FakeTensor:
        """The way back."""
        return FakeTensor(inner["held"])


def check_devices(func: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Refuse a tensor of the CPU beside those of the device, unless it is a mere number."""
    if func in COPIES:
        if kwargs.get("non_blocking") and _goes_to_cpu(func, args, kwargs):
            raise RuntimeError("a copy to the CPU that nobody waits for may be read too early")
        return
    for item in tree_leaves((args, kwargs)):
        if isinstance(item, torch.Generator):
            raise RuntimeError(f"{func}: expected a generator of {DEVICE}, got one of the CPU")
        if not isinstance(item, Tensor) or isinstance(item, FakeTensor):
            continue
        if func in INDEXED and isinstance(args[0], FakeTensor) and not item.is_floating_point():
            continue  # indices may be of the CPU
        if item.ndim or func in JOINED or item is _changed(func, args, kwargs):
            raise RuntimeError(
                f"{func}: expected all tensors on the device {DEVICE}, one is on cpu"
            )


def _changed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The argument that is changed in place and returned, if any."""
    if "out" in kwargs:
        return kwargs["out"]
    return args[0] if func.overloadpacket.__name__.endswith("_") else None


def _goes_to_cpu(func: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    if func is aten.copy_.default:
        return not isinstance(args[0], FakeTensor)
    device = kwargs.get("device")
    return device is not None and torch.device(device).type == "cpu"


def _held(item: Any) -> Any:
    return item.held if isinstance(item, FakeTensor) else item


def _wrapped(item: Any) -> Any:
    return FakeTensor(item) if type(item) is Tensor else item


# What torch calls without a tensor of the device in hand, to make one
def _empty(size: Sequence[int], **options: Any) -> Tensor:
    return FakeTensor(torch.empty(tuple(size), dtype=options.get("dtype"), device="cpu"))


def _empty_strided(size: Sequence[int], stride: Sequence[int], **options: Any) -> Tensor:
    dtype = options.get("dtype")
    return FakeTensor(torch.empty_strided(tuple(size), tuple(stride), dtype=dtype, device="cpu"))


def _zeros(size: Sequence[int], **options: Any) -> Tensor:
    return _empty(size, **options).zero_()


def _copy_from(source: Tensor, to: Tensor, non_blocking: bool = False) -> Tensor:
    _held(to).copy_(_held(source))
    return to


def _item(number: Tensor) -> Any:
    return _held(number).item()


LIBRARY = torch.library.Library("aten", "IMPL", "Lazy")  # kept, or torch forgets the kernels
LIBRARY.impl("empty.memory_format", _empty)
LIBRARY.impl("empty_strided", _empty_strided)
LIBRARY.impl("_efficientzerotensor", _zeros)
LIBRARY.impl("_copy_from", _copy_from)
LIBRARY.impl("_local_scalar_dense", _item)


# What tests ask


def where(module: nn.Module) -> set[torch.device]:
    """The devices of parameters and buffers."""
    return {t.device for t in (*module.parameters(), *module.buffers())}


def close(a: Any, b: Any) -> None:
    """Assert that two tensors, or numbers, agree wherever they are."""
    a, b = (torch.as_tensor(value).detach().cpu().double() for value in (a, b))
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def same_state(there: nn.Module, here: nn.Module) -> None:
    """Assert that two modules have the same parameters and buffers."""
    ours, theirs = there.state_dict(), here.state_dict()
    assert ours.keys() == theirs.keys()
    for name in ours:
        close(ours[name], theirs[name])
