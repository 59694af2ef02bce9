"""Files and bytes: of a sparse net only what is not zero is stored.

A tensor is a bitmap of what is not zero, a bit to an element, and the values there. For float32
that is smaller than all values above 3 % zeros; at 90 % it is a seventh. Indices of 64 bits, as in
``torch.sparse_csr``, pay only from about two thirds of zeros on. Nothing in a file is pickled.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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
    for name, tensor in plain_state(model).items():
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
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        header = json.loads(arrays["header"].tobytes())
        entries = header["tensors"] if header["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError, EOFError) as error:
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
    return sum(t.numel() * t.element_size() for t in plain_state(model).values())


def plain_state(model: nn.Module) -> dict[str, Tensor]:
    """Return a net's state dictionary as if the masks of pruning were zeros among its weights."""
    state = model.state_dict()
    plain = {}
    for name, tensor in state.items():
        if name.endswith("_orig") and (base := name.removesuffix("_orig")) + "_mask" in state:
            plain[base] = tensor * state[base + "_mask"]
        elif not (name.endswith("_mask") and name.removesuffix("_mask") + "_orig" in state):
            plain[name] = tensor
    return plain
