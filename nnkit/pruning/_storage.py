"""Files and bytes: of a sparse net only what is not zero is stored.

A tensor is a bitmap of what is not zero, a bit to an element, and the values there. For float32
that is smaller than all values above 3 % zeros; at 90 % it is a seventh. Indices of 64 bits, as in
``torch.sparse_csr``, pay only from about two thirds of zeros on. Nothing in a file is pickled.
"""

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nnkit._used import plain_state, used_weight
from nnkit.symmetry._moves import Net, duplicate

FORMAT = "nnkit sparse 1"
WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def save_sparse(model: nn.Module, path: str | Path) -> int:
    """Save the state of a net without its zeros; it comes back exactly, but for -0, which is 0.

    Args:
        model: any; masks of pruning become zeros in the file.
        path: the file to write.

    Returns:
        its size in bytes.

    Raises:
        ValueError: a tensor of a type without a size of 1, 2, 4 or 8 bytes.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import prune_weights, save_sparse, size_in_bytes
        >>> net = MLP([64, 100, 10])
        >>> prune_weights(net, 0.9)
        >>> save_sparse(net, "net.npz") < 0.25 * size_in_bytes(net)
        True
    """
    header: dict[str, Any] = {"format": FORMAT, "tensors": []}
    arrays: dict[str, NDArray[Any]] = {}
    for name, tensor in plain_state(model.state_dict()).items():
        if tensor.element_size() not in WORDS:
            raise ValueError(f"{name} is of type {tensor.dtype}, which cannot be stored")
        flat = tensor.cpu().contiguous().flatten()
        # as plain bits, which NumPy has for every type, and in which every value comes back
        bits = flat.view(WORDS[flat.element_size()]).numpy()
        number, there = len(header["tensors"]), (flat != 0).numpy()  # not -0 either
        sparse = there.mean() < 1 - 1 / (8 * bits.itemsize) if len(bits) else False
        if sparse:
            arrays[f"bitmap{number}"] = np.packbits(there)
        arrays[f"values{number}"] = bits[there] if sparse else bits
        dtype = str(tensor.dtype).removeprefix("torch.")
        header["tensors"].append({"name": name, "dtype": dtype, "shape": list(tensor.shape)})
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with open(path, "wb") as file:
        np.savez(file, header=text, **arrays)  # type: ignore[arg-type]
    return Path(path).stat().st_size


def load_sparse(path: str | Path) -> dict[str, Tensor]:
    """Return the state that `save_sparse` wrote, for ``load_state_dict`` of a net of that build.

    Raises:
        ValueError: not such a file.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import load_sparse, save_sparse
        >>> net, twin = MLP([64, 10]), MLP([64, 10])
        >>> size = save_sparse(net, "net.npz")
        >>> twin.load_state_dict(load_sparse("net.npz"))
        <All keys matched successfully>
        >>> torch.equal(twin.layers[0].weight, net.layers[0].weight)
        True
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored)
        header = json.loads(arrays["header"].tobytes())
        entries = header["tensors"] if header["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} was not written by save_sparse") from error
    if entries is None:
        raise ValueError(f"{path} is of format {header['format']!r}, this version reads {FORMAT!r}")
    state = {}
    for number, entry in enumerate(entries):
        bits = arrays[f"values{number}"]
        shape = torch.Size(entry["shape"])
        if f"bitmap{number}" in arrays:
            there = np.unpackbits(arrays[f"bitmap{number}"], count=shape.numel()).astype(bool)
            values, bits = bits, np.zeros(shape.numel(), bits.dtype)
            bits[there] = values
        dtype = getattr(torch, entry["dtype"])
        state[entry["name"]] = torch.from_numpy(bits.copy()).view(dtype).view(shape)
    return state


def size_in_bytes(model: nn.Module) -> int:
    """Return how many bytes the state of a net takes in memory, without masks.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import prune_weights, size_in_bytes
        >>> net = MLP([64, 10])
        >>> prune_weights(net, 0.9)
        >>> size_in_bytes(net)  # 4 (64 + 1) 10: masks alone save nothing
        2600
    """
    return sum(t.numel() * t.element_size() for t in plain_state(model.state_dict()).values())


class QuantizedLinear(nn.Module):
    """A linear layer whose weights are whole numbers from -127 to 127, times a scale per output.

    Symmetric quantisation per channel: w ≈ scale · q with scale = max|w| / 127, so that no weight
    is off by more than half a scale (Krishnamoorthi, 2018). On a CPU inputs are quantised likewise
    row by row, and the products are of whole numbers, which is several times faster; elsewhere the
    weights are turned back first. For inference: no gradient comes back.

    Args:
        layer: the layer to quantise.

    Attributes:
        weight: (out, in), int8.
        scale: (out, 1).
        bias: (out,) or None.

    Example:
        >>> import torch
        >>> from nnkit.pruning import QuantizedLinear
        >>> layer = torch.nn.Linear(64, 10)
        >>> small = QuantizedLinear(layer)
        >>> small.weight.dtype
        torch.int8
        >>> bool(((small.scale * small.weight - layer.weight).abs() <= 0.51 * small.scale).all())
        True
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        weight, scale = quantized(used_weight(layer).detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().clone())

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        if not x.is_floating_point() or x.shape[-1:] != (self.in_features,):
            raise TypeError(
                f"inputs must be floats (..., {self.in_features}), got {x.dtype} {tuple(x.shape)}"
            )
        if x.device.type != "cpu":
            bias = None if self.bias is None else self.bias.to(x)
            return F.linear(x, (self.weight * self.scale).to(x), bias)
        rows, size = quantized(x.reshape(-1, self.in_features))  # (N, in), (N, 1)
        y = torch._int_mm(rows, self.weight.T) * size * self.scale.T
        y = y if self.bias is None else y + self.bias
        return y.to(x.dtype).view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """The sizes, as ``nn.Linear`` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


def quantize(model: Net) -> Net:
    """Return a copy of a net, every ``nn.Linear`` in it a :class:`QuantizedLinear`.

    Raises:
        TypeError: it has no linear layer.
        ValueError: it carries masks of pruning.

    Example:
        >>> from nnkit.models import MLP
        >>> from nnkit.pruning import quantize, size_in_bytes
        >>> net = MLP([64, 100, 10])
        >>> round(size_in_bytes(quantize(net)) / size_in_bytes(net), 1)  # 8 bits for 32, and scales
        0.3
    """
    small = duplicate(model)
    found = [
        (parent, key, layer)
        for parent in small.modules()
        for key, layer in parent.named_children()
        if type(layer) is nn.Linear
    ]
    if not found:
        raise TypeError(f"{type(model).__name__} has no nn.Linear layer to quantise")
    for parent, key, layer in found:
        setattr(parent, key, QuantizedLinear(layer))
    return small


def quantized(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return whole numbers (rows, n), int8, and the scale of each row (rows, 1)."""
    if x.dtype in (torch.float16, torch.bfloat16):  # which the sums of products would overflow
        x = x.float()
    largest = x.abs().amax(1, keepdim=True)
    scale = torch.where(largest == 0, 1.0, largest / 127)  # nan stays nan
    return (x / scale).round().to(torch.int8), scale
