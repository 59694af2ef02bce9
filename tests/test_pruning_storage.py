"""Fewer bytes: sparse files that come back exactly, and weights of 8 bits."""

import copy
import json
import math
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnkit.data import digits
from nnkit.models import MLP
from nnkit.pruning import (
    QuantizedLinear,
    finalize,
    load_sparse,
    prune_weights,
    quantize,
    save_sparse,
    size_in_bytes,
)
from nnkit.training import fit

TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8]


class Holder(nn.Module):
    def __init__(self, **tensors):
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


# Sparse files


@given(
    st.lists(st.integers(0, 7), max_size=3),
    st.floats(0, 1),
    st.sampled_from([*TYPES, torch.bool]),
    st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_what_is_saved_comes_back_exactly(tmp_path_factory, shape, zeros, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    values = 100 * torch.randn(shape, generator=generator)
    tensor = (values * (torch.rand(shape, generator=generator) >= zeros)).to(dtype)
    path = tmp_path_factory.mktemp("sparse") / "net"
    size = save_sparse(Holder(tensor=tensor, other=torch.arange(3)), path)
    assert path.stat().st_size == size
    state = load_sparse(path)
    assert list(state) == ["tensor", "other"]
    assert state["tensor"].dtype == dtype
    assert torch.equal(state["tensor"], tensor)
    assert torch.equal(state["other"], torch.arange(3))


def test_special_values_come_back(tmp_path):
    values = [math.nan, math.inf, -math.inf, 5e-324, 0.0, -0.0, 1.0] + [0.0] * 100
    tensor = torch.tensor(values, dtype=torch.float64)
    save_sparse(Holder(t=tensor), tmp_path / "net")
    back = load_sparse(tmp_path / "net")["t"]
    torch.testing.assert_close(back, tensor, rtol=0, atol=0, equal_nan=True)
    assert back[3] != 0


def test_a_pruned_net_comes_back_with_or_without_its_masks(tmp_path):
    net = MLP([64, 100, 10], norm="batch", seed=0)
    prune_weights(net, 0.9)
    sizes = [save_sparse(net, tmp_path / "masked")]
    x = torch.randn(5, 64)
    net.eval()
    for name in ("masked", "final"):
        other = MLP([64, 100, 10], norm="batch", seed=1).eval()
        if name == "final":
            finalize(net)
            sizes.append(save_sparse(net, tmp_path / name))
        other.load_state_dict(load_sparse(tmp_path / name))
        assert torch.equal(other(x), net(x))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("amount", [0.5, 0.9, 0.99])
def test_the_size_is_a_bit_per_weight_and_the_values(tmp_path, amount):
    net = MLP([784, 300, 100, 10], seed=0)
    weights = 784 * 300 + 300 * 100 + 100 * 10
    prune_weights(net, amount)
    size = save_sparse(net, tmp_path / "net")
    rest = 5000  # biases, and the names of the arrays in the file
    assert abs(size - weights / 8 - 4 * (1 - amount) * weights) < rest
    assert size_in_bytes(net) == 4 * (weights + 410)


def test_a_dense_net_is_no_larger_than_its_values(tmp_path):
    net = MLP([64, 100, 10], seed=0)
    assert save_sparse(net, tmp_path / "net") < size_in_bytes(net) + 3000


def test_complex_numbers_of_sixteen_bytes_are_refused(tmp_path):
    net = Holder(z=torch.zeros(2, dtype=torch.complex128))
    with pytest.raises(ValueError, match=r"z is of type torch.complex128"):
        save_sparse(net, tmp_path / "net")


def test_no_pickle_is_read(tmp_path):
    class Trap:
        def __reduce__(self):
            return (exec, ("raise SystemExit",))

    path = tmp_path / "net"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match="not written by save_sparse"):
        load_sparse(path)
    with open(path, "wb") as file:
        np.savez(file, header=np.array([Trap()], dtype=object))
    with pytest.raises(ValueError, match="not written by save_sparse"):
        load_sparse(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="not written by save_sparse"):
        load_sparse(path)
    for header in ({"tensors": []}, {"format": "nnkit sparse 9", "tensors": []}):
        with open(path, "wb") as file:
            np.savez(file, header=np.frombuffer(json.dumps(header).encode(), np.uint8))
        with pytest.raises(ValueError, match=r"save_sparse|'nnkit sparse 9', this version reads"):
            load_sparse(path)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="not written by save_sparse"):
        load_sparse(path)


# 8 bits


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
@settings(deadline=None, max_examples=30)
def test_no_weight_is_off_by_more_than_half_a_step(n, m, seed):
    torch.manual_seed(seed)
    layer = nn.Linear(n, m)
    small = QuantizedLinear(layer)
    assert small.weight.dtype == torch.int8
    assert small.weight.abs().max() == 127
    error = (small.weight * small.scale - layer.weight).abs()
    assert (error <= small.scale / 2 * (1 + 1e-5)).all()


def test_whole_numbers_are_multiplied_exactly():
    layer = nn.Linear(5, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.randint(-127, 128, (3, 5)))
        layer.weight[:, 0] = 127
    x = torch.randint(-127, 128, (4, 5)).float()
    x[:, 0] = 127  # so that a step is 1 everywhere
    torch.testing.assert_close(QuantizedLinear(layer)(x), layer(x))


def test_the_output_is_off_by_what_rounding_allows():
    layer, x = nn.Linear(50, 20), torch.randn(8, 50)
    small = QuantizedLinear(layer)
    y = small(x)
    step = x.abs().amax(1, keepdim=True) / 127  # of the inputs, row by row
    bound = x.abs() @ (small.scale / 2).expand(20, 50).T + step / 2 * layer.weight.abs().sum(1)
    bound = bound + 50 * step * small.scale.T / 4
    assert ((y - layer(x)).abs() <= bound * 1.001 + 1e-5).all()
    assert not y.requires_grad


def test_batches_of_any_shape_and_zeros():
    small = QuantizedLinear(nn.Linear(4, 3, bias=False))
    assert torch.equal(small(torch.zeros(2, 4)), torch.zeros(2, 3))
    x = torch.randn(2, 5, 4)
    torch.testing.assert_close(small(x)[1], small(x[1]))
    assert small(torch.randn(4)).shape == (3,)
    assert small(torch.randn(0, 4)).shape == (0, 3)
    zero = nn.Linear(2, 2)
    nn.init.zeros_(zero.weight)
    torch.testing.assert_close(QuantizedLinear(zero)(torch.ones(1, 2))[0], zero.bias)


def test_elsewhere_than_on_a_cpu_weights_are_turned_back():
    small = QuantizedLinear(nn.Linear(4, 3)).to("meta")
    assert small(torch.randn(5, 4, device="meta")).shape == (5, 3)


def test_a_quantised_net_is_a_quarter_and_says_the_same():
    X, y = digits()
    net = MLP([64, 64, 10], seed=0)
    fit(net, (X[:600], y[:600]), loss=F.cross_entropy, epochs=5, lr=0.01, progress=False, seed=0)
    small = quantize(net)
    assert size_in_bytes(small) < 0.3 * size_in_bytes(net)
    with torch.no_grad():
        agree = (net(X).argmax(1) == small(X).argmax(1)).float().mean()
    assert agree > 0.98
    assert isinstance(net.layers[0], nn.Linear)
    twin = quantize(MLP([64, 64, 10], seed=1))
    twin.load_state_dict(copy.deepcopy(small.state_dict()))
    assert torch.equal(twin(X), small(X))
    assert "in_features=64" in repr(small)


def test_what_has_no_linear_layer_or_has_masks_is_refused():
    with pytest.raises(TypeError, match=r"no nn.Linear"):
        quantize(nn.Sequential(nn.Conv2d(1, 1, 1)))
    net = MLP([2, 2])
    prune_weights(net, 0.5)
    with pytest.raises(ValueError, match="pruning masks"):
        quantize(net)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_quantised_layers_of_any_float_type_neither_overflow_nor_hide_a_nan(dtype):
    torch.manual_seed(0)
    layer = nn.Linear(2000, 5).to(dtype)
    with torch.no_grad():
        layer.weight.abs_()
    small, x = quantize(nn.Sequential(layer)), (20 * torch.rand(4, 2000)).to(dtype)
    assert small(x).dtype == dtype
    torch.testing.assert_close(small(x), layer(x).detach(), rtol=0.02, atol=0.02)
    x[1, 3], x[2, 5] = math.nan, math.inf
    assert small(x).isfinite().all(1).tolist() == [True, False, False, True]


@pytest.mark.parametrize("x", [torch.zeros(2, 6), torch.ones(2, 3).long(), torch.ones(()), [1.0]])
def test_a_quantised_layer_refuses_what_the_linear_one_would(x):
    small = quantize(nn.Sequential(nn.Linear(3, 2)))
    with pytest.raises((TypeError, AttributeError)):
        small(x)
    assert small(torch.zeros(0, 3)).shape == (0, 2)


def test_a_broken_file_is_refused(tmp_path):
    path = tmp_path / "net"
    save_sparse(MLP([8, 8, 2]), path)
    content = path.read_bytes()
    for broken in (b"", content[:-30], content[: len(content) // 2], b"PK" + content[9:]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="not written by save_sparse"):
            load_sparse(path)
