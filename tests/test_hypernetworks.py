"""Hypernetworks: equal to a loop over the objects, trained in φ alone, of the sizes they state."""

import copy
import itertools
import math
import pickle
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.utils import prune

from nnkit.data import two_moons
from nnkit.graph import Graph
from nnkit.hypernetworks import EarlyExit, Hypernetwork
from nnkit.models import MLP
from nnkit.training import fit
from tests.effort import operations


class Tied(nn.Module):
    """Encodes and decodes by one matrix, which has two names."""

    def __init__(self) -> None:
        super().__init__()
        self.code = nn.Linear(5, 3)
        self.decode = nn.Linear(5, 3, bias=False)
        self.decode.weight = self.code.weight

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.code(x)) @ self.decode.weight


class Masked(nn.Module):
    """A linear layer with a fixed mask, which is a buffer that no forward pass changes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 3)
        self.register_buffer("mask", torch.tensor([1.0, 0, 1, 0, 1]))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x * self.mask)
        return y


TARGETS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "MLP": (MLP([5, 7, 6, 2]), (5,)),
    "one neuron": (MLP([5, 1], head="sigmoid"), (5,)),
    "MLP, residual, softmax": (MLP([5, 4, 4, 4, 3], "tanh", residual=True, head="softmax"), (5,)),
    "MLP, interval": (MLP([5, 7, 2], head=(-1.0, 2.0)), (5,)),
    "MLP, PReLU": (MLP([5, 7, 2], "prelu"), (5,)),
    "MLP, layer norm": (MLP([5, 7, 2], norm="layer"), (5,)),
    "sequence": (nn.Sequential(nn.Linear(5, 4, bias=False), nn.GELU(), nn.Linear(4, 2)), (5,)),
    "convolution": (
        nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 9, 2)),
        (1, 5, 5),
    ),
    "group norm": (nn.Sequential(nn.Linear(5, 4), nn.GroupNorm(2, 4), nn.Linear(4, 1)), (5,)),
    "instance norm": (nn.Sequential(nn.Conv1d(2, 3, 2), nn.InstanceNorm1d(3)), (2, 5)),
    "tied": (Tied(), (5,)),
    "masked": (Masked(), (5,)),
    "graph": (
        Graph({"x": 5}, {"h": (nn.Linear(5, 3), "x"), "y": (nn.Linear(3, 2), "h")}, output="y"),
        (5,),
    ),
}
HEADS: list[dict[str, Any]] = [
    {},
    {"chunks": 4},
    {"rank": 1},
    {"rank": 2, "chunks": 3},
    {"noise": 2},
]


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def given_inputs(name: str, n: int = 6) -> tuple[Tensor, Tensor]:
    return torch.randn(n, *TARGETS[name][1]), torch.randn(n, 3)


# One set of weights per object --------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize("name", TARGETS)
def test_all_at_once_equals_a_loop_over_the_objects(name, head):
    target = TARGETS[name][0]
    hyper = Hypernetwork(target, 3, (8,), **head)
    x, c = given_inputs(name)
    z = torch.randn(len(x), 2) if "noise" in head else None
    rows = []
    for n in range(len(x)):
        theta = hyper.weights(c[n], None if z is None else z[n])
        one = {key: value[0] for key, value in theta.items()}
        rows.append(functional_call(copy.deepcopy(target), one, (x[n : n + 1],), tie_weights=False))
    y = hyper(x, c, z)
    close(y, torch.cat(rows))
    assert (y - hyper(x, c.flip(0), z)).abs().max() > 1e-4  # the contexts do matter


@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize("name", TARGETS)
def test_one_context_is_the_same_one_for_all(name, head):
    hyper = Hypernetwork(TARGETS[name][0], 3, (8,), **head)
    x, c = given_inputs(name)
    z = torch.randn(2) if "noise" in head else None
    expected = hyper(x, c[0].expand(len(x), -1), None if z is None else z.expand(len(x), -1))
    close(hyper(x, c[0], z), expected)
    close(hyper(x, c[:1], z), expected)


@pytest.mark.parametrize("name", ["MLP", "MLP, layer norm", "convolution"])
def test_gradients_equal_those_of_the_loop(name):
    hyper = Hypernetwork(TARGETS[name][0], 3, (8,)).double()
    x, c = (value.double() for value in given_inputs(name))
    at_once = torch.autograd.grad(hyper(x, c).square().sum(), [*hyper.parameters()])
    loop = sum(hyper(x[n : n + 1], c[n]).square().sum() for n in range(len(x)))
    one_by_one = torch.autograd.grad(loop, [*hyper.parameters()])
    for a, b in zip(at_once, one_by_one, strict=True):
        torch.testing.assert_close(a, b)


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    context=st.integers(1, 4),
    n=st.integers(1, 5),
    hidden=st.lists(st.integers(2, 6), max_size=2),
    rank=st.none() | st.integers(1, 3),
    chunks=st.none() | st.integers(1, 2),
)
def test_shapes_and_sizes_of_any_build(sizes, context, n, hidden, rank, chunks):
    target = MLP(sizes)
    hyper = Hypernetwork(target, context, hidden, rank=rank, chunks=chunks)
    theta = hyper.weights(torch.randn(n, context))
    assert {k: v.shape for k, v in theta.items()} == {
        k: (n, *v.shape) for k, v in target.named_parameters()
    }
    assert hyper(torch.randn(n, sizes[0]), torch.randn(n, context)).shape == (n, sizes[-1])
    assert hyper.generated == sum(p.numel() for p in target.parameters())
    assert hyper.stored == sum(p.numel() for p in hyper.parameters())
    assert hyper.compression == hyper.generated / hyper.stored


# Only φ is trained --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_the_gradient_reaches_phi_and_nothing_else(name):
    target = TARGETS[name][0]
    before = copy.deepcopy(target.state_dict())
    hyper = Hypernetwork(target, 3, (8,))
    assert len([*hyper.parameters()]) == len([*hyper.network.parameters()])
    x, c = given_inputs(name)
    hyper(x, c).square().sum().backward()
    for name_of_phi, p in hyper.named_parameters():
        assert p.grad is not None, name_of_phi
        assert p.grad.abs().sum() > 0, name_of_phi
    assert all(p.grad is None for p in target.parameters())
    for key, value in target.state_dict().items():
        assert torch.equal(value, before[key])


def test_the_embeddings_of_chunks_are_part_of_phi():
    hyper = Hypernetwork(MLP([5, 7, 2]), 3, (8,), chunks=4, embedding=6)
    assert hyper.embedding.shape == (4, 6)
    hyper(*given_inputs("MLP")).square().sum().backward()
    assert (hyper.embedding.grad.abs().sum(dim=1) > 0).all()


def test_it_learns_a_family_of_functions_that_no_single_net_can():
    """y = sin(1.5 x + c): with c it is learnt, without c the error stays at the variance of y."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1000, 1, generator=generator) * 6 - 3
    c = torch.rand(1000, 1, generator=generator) * 4 - 2
    y = torch.sin(1.5 * x + c)
    hyper = Hypernetwork(MLP([1, 16, 1], "tanh"), 1, (32,), seed=0)
    optimizer = torch.optim.Adam(hyper.parameters(), lr=5e-3, fused=True)
    for _ in range(300):
        rows = torch.randint(1000, (64,), generator=generator)
        optimizer.zero_grad()
        F.mse_loss(hyper(x[rows], c[rows]), y[rows]).backward()
        optimizer.step()
    assert F.mse_loss(hyper(x, c), y) < 0.1 * y.var()


def test_it_is_trained_by_fit():
    x, c = torch.randn(64, 2), torch.randn(64, 3)
    y = (x * c[:, :2]).sum(dim=1, keepdim=True)
    hyper = Hypernetwork(MLP([2, 1]), 3, (16,), seed=0)
    history = fit(hyper, ((x, c), y), loss=F.mse_loss, epochs=5, lr=0.01, seed=0, progress=False)
    assert history["loss"][-1] < history["loss"][0]


# Compression --------------------------------------------------------------------------------------


def test_a_plain_head_is_larger_than_its_target():
    hyper = Hypernetwork(MLP([784, 128, 10]), 8, (64,))
    assert hyper.generated == 101_770
    assert sum(p.numel() for p in hyper.network.layers[-1].parameters()) == 6_615_050
    assert hyper.compression < 1


@pytest.mark.parametrize("head", [{"chunks": 1000}, {"rank": 1}, {"rank": 4, "chunks": 50}])
def test_a_chunked_or_low_rank_head_is_smaller_than_its_target(head):
    hyper = Hypernetwork(MLP([784, 128, 10]), 8, (64,), **head)
    assert hyper.generated == 101_770
    assert hyper.compression > 1


def test_matrices_have_the_rank_asked_for_where_it_saves():
    hyper = Hypernetwork(MLP([20, 10, 1]), 3, rank=2)
    theta = hyper.weights(torch.randn(4, 3))
    assert (torch.linalg.matrix_rank(theta["layers.0.weight"], atol=1e-5) == 2).all()
    *_, last = hyper.slots[2:4]
    assert [slot.rank for slot in hyper.slots] == [2, None, None, None]  # 10 x 1 is cheaper whole
    assert last.size == 1


def test_a_kernel_of_a_convolution_can_be_of_low_rank():
    hyper = Hypernetwork(nn.Conv2d(8, 16, 3), 3, rank=2)
    kernel = hyper.weights(torch.randn(2, 3))["weight"]
    assert kernel.shape == (2, 16, 8, 3, 3)
    assert (torch.linalg.matrix_rank(kernel.flatten(2), atol=1e-5) == 2).all()


def test_chunks_are_told_apart_by_their_embedding():
    """Two chunks of equal embedding are equal; the last one is cut to what is needed."""
    hyper = Hypernetwork(nn.Linear(9, 11, bias=False), 3, chunks=5)  # 99 = 4 * 20 + 19
    assert hyper.network.sizes[-1] == 20
    with torch.no_grad():
        hyper.embedding[1] = hyper.embedding[0]
    weight = hyper.weights(torch.randn(2, 3))["weight"].flatten(1)
    assert torch.equal(weight[:, :20], weight[:, 20:40])
    assert not torch.allclose(weight[:, :20], weight[:, 40:60])


# The start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [{}, {"chunks": 20}, {"rank": 4}], ids=str)
@pytest.mark.parametrize(("context", "length"), [(1, 1.0), (8, 1.0), (8, 10.0), (64, 0.1)])
def test_weights_start_at_the_scale_of_he_whatever_the_context(head, context, length):
    ratios = []
    for seed in range(10):
        hyper = Hypernetwork(MLP([30, 40, 5]), context, seed=seed, **head)
        with torch.no_grad():
            theta = hyper.weights(length * torch.randn(20, context))
        ratios.append(
            [theta["layers.0.weight"].var() * 30 / 2, theta["layers.1.weight"].var() * 20]
        )
    mean = torch.tensor(ratios).mean(dim=0)  # over 10 draws; one has a spread of about a fifth
    assert ((mean > 0.75) & (mean < 1.33)).all(), mean


@pytest.mark.parametrize("depth", [1, 4, 8])
def test_a_signal_neither_fades_nor_explodes_on_its_way_through_the_target(depth):
    variances = []
    for seed in range(10):
        hyper = Hypernetwork(MLP([30, *[64] * depth, 5]), 4, seed=seed)
        variances.append(hyper(torch.randn(100, 30), torch.randn(100, 4)).detach().var())
    # He keeps it at 2; each layer's biases, of variance 1/4, add at most that much
    assert 1 < torch.tensor(variances).mean() < 2 + depth


def test_vectors_start_about_their_value_in_the_target():
    theta = Hypernetwork(MLP([5, 400, 1], "relu", norm="layer"), 3).weights(torch.randn(30, 3))
    assert abs(theta["after.0.0.weight"].mean() - 1) < 0.2  # the gains of the normalisation
    assert abs(theta["after.0.0.bias"].mean()) < 0.2
    assert abs(theta["layers.0.bias"].mean()) < 0.2
    assert 0.3 < theta["layers.0.bias"].std() < 0.7


def test_contexts_of_one_direction_differ():
    """The normalisation in H takes the length of its input away; the constant 1 keeps it."""
    hyper = Hypernetwork(MLP([2, 3, 1]), 1)
    a, b, zero = hyper.weights(torch.tensor([[0.5], [2.0], [0.0]]))["layers.0.weight"]
    assert not torch.allclose(a, b, atol=1e-2)
    assert zero.isfinite().all()


def test_a_seed_repeats_everything_and_leaves_the_global_state():
    state = torch.get_rng_state()
    a, b, other = (Hypernetwork(MLP([2, 3, 1]), 2, chunks=3, seed=seed) for seed in (1, 1, 2))
    after = torch.get_rng_state()
    MLP([2, 3, 1])  # the target alone draws from the global state
    for p, q, r in zip(a.parameters(), b.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q)
        assert p.unique().numel() == 1 or not torch.equal(p, r)
    torch.set_rng_state(state)
    for _ in range(3):
        MLP([2, 3, 1])
    assert torch.equal(torch.get_rng_state(), after)


def test_the_embedding_does_not_repeat_the_numbers_of_the_network():
    hyper = Hypernetwork(MLP([2, 3, 1]), 2, chunks=3, seed=1)
    first = hyper.network.layers[0].weight.flatten()[:3]
    ratio = hyper.embedding.flatten()[:3] / first
    assert not torch.allclose(ratio, ratio[0].expand(3))


# Noise and ensembles ------------------------------------------------------------------------------


def test_noise_is_drawn_for_every_object_and_every_time():
    hyper = Hypernetwork(MLP([2, 3, 1]), 0, noise=2)
    x = torch.ones(5, 2)
    y = hyper(x)
    assert y.unique().numel() == 5
    assert not torch.equal(y, hyper(x))
    torch.manual_seed(1)
    first = hyper(x)
    torch.manual_seed(1)
    assert torch.equal(first, hyper(x))


@pytest.mark.parametrize("context", [0, 3])
def test_prediction_is_the_mean_and_std_of_members(context):
    hyper = Hypernetwork(MLP([2, 3, 1], dropout=0.5), context, noise=2)
    x = torch.randn(7, 2)
    c = torch.randn(7, context) if context else None
    mean, std = hyper.predict(x, c, samples=50, seed=3)
    draws = torch.randn(50, 2, generator=torch.Generator().manual_seed(3))
    hyper.eval()
    members = torch.stack([hyper(x, c, z) for z in draws])
    close(mean, members.mean(dim=0))
    close(std, members.std(dim=0))
    assert (std > 0).all()
    assert not mean.requires_grad


def test_prediction_leaves_the_modes_as_they_were():
    hyper = Hypernetwork(MLP([2, 3, 1], dropout=0.5), 0, noise=1)
    hyper.target.eval()
    hyper.predict(torch.randn(4, 2), samples=2)
    assert hyper.training
    assert not hyper.target.training
    with pytest.raises(ValueError, match="must have the shape"):
        hyper.predict(torch.randn(4, 2), torch.randn(4, 3), samples=2)
    assert hyper.training


def test_members_are_functions():
    """One draw for all objects: along a line a member is smooth where fresh noise would jump."""
    hyper = Hypernetwork(MLP([1, 8, 1], "tanh"), 0, noise=2, seed=0)
    x = torch.linspace(-1, 1, 200).reshape(-1, 1)
    member, jumping = hyper(x, z=torch.randn(2)), hyper(x)
    assert member.diff(dim=0).abs().max() < 0.1 * jumping.diff(dim=0).abs().max()


def test_prediction_needs_noise_and_two_samples():
    with pytest.raises(ValueError, match="without noise"):
        Hypernetwork(MLP([2, 1]), 3).predict(torch.randn(4, 2), torch.randn(4, 3))
    with pytest.raises(ValueError, match="samples must be at least 2"):
        Hypernetwork(MLP([2, 1]), 0, noise=1).predict(torch.randn(4, 2), samples=1)


# A module like others -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_it_can_be_saved_copied_and_converted(name):
    hyper = Hypernetwork(TARGETS[name][0], 3, (8,), chunks=2)
    x, c = given_inputs(name)
    y = hyper(x, c)
    other = Hypernetwork(TARGETS[name][0], 3, (8,), chunks=2)
    other.load_state_dict(hyper.state_dict())
    for twin in (other, copy.deepcopy(hyper), pickle.loads(pickle.dumps(hyper))):
        assert torch.equal(twin(x, c), y)
    close(hyper.double()(x.double(), c.double()).float(), y)


def test_modes_reach_the_target():
    hyper = Hypernetwork(MLP([5, 50, 50, 1], dropout=0.5), 3)
    x, c = given_inputs("MLP")
    assert not torch.equal(hyper(x, c), hyper(x, c))
    hyper.eval()
    assert torch.equal(hyper(x, c), hyper(x, c))


@pytest.mark.parametrize("norm", [None, "layer"])  # the batched form and vmap
def test_dropout_in_the_target_differs_between_objects(norm):
    hyper = Hypernetwork(MLP([5, 50, 1], dropout=0.5, norm=norm), 3)
    x, c = torch.ones(6, 5), torch.ones(6, 3)
    assert hyper(x, c).unique().numel() == 6


def test_it_prints_its_sizes():
    hyper = Hypernetwork(MLP([2, 3, 1]), 2)
    assert f"generated=13, stored={hyper.stored}" in repr(hyper)


def test_less_work_than_a_loop():
    """Counted; tests/benchmarks/hypernetworks.py measures the time."""
    for target, batched in ((MLP([16, 32, 4]), True), (MLP([16, 32, 4], norm="layer"), False)):
        hyper = Hypernetwork(target, 8)
        assert hyper.batched == batched
        x, c = torch.randn(64, 16), torch.randn(64, 8)

        def loop(hyper: Hypernetwork = hyper, x: Tensor = x, c: Tensor = c) -> None:
            for n in range(64):
                hyper(x[n : n + 1], c[n])

        assert operations(loop) > 30 * operations(partial(hyper, x, c))


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (MLP([2, 3, 1], norm="batch"), "after.0.0 is a BatchNorm1d"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), "1 is a BatchNorm2d"),
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, track_running_stats=False)), "1 is a B"),
        (nn.InstanceNorm1d(3, affine=True, track_running_stats=True), "whole is a InstanceNorm1d"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_target_that_collects_statistics_is_refused_by_name(target, kind):
    with pytest.raises(ValueError, match=f"the target's {kind}.*LayerNorm") as error:
        Hypernetwork(target, 3)
    assert "each object has its own" in str(error.value)


def test_a_target_without_weights_or_with_masks_is_refused():
    with pytest.raises(ValueError, match="no parameters to generate: ReLU"):
        Hypernetwork(nn.ReLU(), 3)
    with pytest.raises(TypeError, match=r"target must be a torch\.nn\.Module, got"):
        Hypernetwork(torch.tanh, 3)  # type: ignore[arg-type]
    target = MLP([2, 3, 1])
    prune.l1_unstructured(target.layers[0], "weight", 0.5)
    with pytest.raises(ValueError, match="pruning masks"):
        Hypernetwork(target, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 0}, "context or noise must be at least 1"),
        ({"context": -1}, "context must be at least 0, got -1"),
        ({"noise": -1}, "noise must be at least 0, got -1"),
        ({"rank": 0}, "rank must be at least 1, got 0"),
        ({"chunks": 0}, "chunks must be at least 1, got 0"),
        ({"chunks": 14}, "13 numbers cannot be made in 14 chunks"),
        ({"chunks": 2, "embedding": 0}, "embedding must be at least 1, got 0"),
        ({"activation": "rely"}, "did you mean 'relu'"),
        ({"hidden": (0,)}, "at least 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Hypernetwork(MLP([2, 3, 1]), **({"context": 3} | options))


@pytest.mark.parametrize("shape", [(4, 2), (4, 4), (2,), (1, 4, 3), ()], ids=str)
def test_contexts_of_the_wrong_shape_are_refused(shape):
    hyper = Hypernetwork(MLP([2, 1]), 3)
    with pytest.raises(ValueError, match=r"c must have the shape \(N, 3\) or \(3,\), got") as error:
        hyper(torch.randn(4, 2), torch.randn(shape))
    assert str(shape) in str(error.value)


def test_contexts_missing_or_too_many_are_refused():
    hyper = Hypernetwork(MLP([2, 1]), 3)
    with pytest.raises(ValueError, match=r"c must have the shape \(N, 3\).* got None"):
        hyper(torch.randn(4, 2))
    with pytest.raises(ValueError, match="4 objects need as many contexts, or one, got 5"):
        hyper(torch.randn(4, 2), torch.randn(5, 3))
    with pytest.raises(ValueError, match="z must have the shape"):
        hyper(torch.randn(4, 2), torch.randn(4, 3), torch.randn(4, 1))
    noisy = Hypernetwork(MLP([2, 1]), 3, noise=1)
    with pytest.raises(ValueError, match=r"as many rows, or one, got \[4, 3\]"):
        noisy(torch.randn(4, 2), torch.randn(4, 3), torch.randn(3, 1))


def test_numbers_of_tasks_are_refused_with_a_hint():
    with pytest.raises(TypeError, match=r"torch\.int64; for task numbers give .*one_hot"):
        Hypernetwork(MLP([2, 1]), 3)(torch.randn(4, 2), torch.ones(4, 3, dtype=torch.int64))


# Early exit ---------------------------------------------------------------------------------------


def stacked(residual: bool = False, norm: str | None = None) -> EarlyExit:
    net = MLP([2, 6, 6, 6, 3], "tanh", residual=residual, norm=norm, dropout=0.3, seed=0)
    return EarlyExit(net, seed=1)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("norm", [None, "batch"])
def test_the_last_exit_is_the_net_itself_and_the_others_stand_on_its_layers(residual, norm):
    model = stacked(residual, norm).eval()
    x = torch.randn(10, 2)
    scores = model(x)
    assert scores.shape == (10, 3, 3)
    close(scores[:, -1], model.net(x))
    for layer, (head, a) in enumerate(zip(model.heads, model.net.hidden(x), strict=False)):
        close(scores[:, layer], head(a))


@settings(deadline=None, max_examples=30)
@given(threshold=st.floats(0, 1), norm=st.sampled_from([None, "batch"]))
def test_objects_leave_at_the_first_exit_that_is_confident(threshold, norm):
    model = stacked(norm=norm)
    x = torch.randn(30, 2) * 3
    probability, depth = model.predict(x, threshold)
    every = model.eval()(x).softmax(dim=2)  # (N, exits, classes)
    confident = every.amax(dim=2) >= threshold
    confident[:, -1] = True
    assert torch.equal(depth, confident.int().argmax(dim=1) + 1)
    close(probability, every[torch.arange(30), depth - 1])


def test_a_higher_threshold_goes_deeper_and_the_extremes_stop_at_the_ends():
    model, x = stacked(), torch.randn(50, 2) * 3
    depths = [model.predict(x, threshold).depth for threshold in (0.0, 0.4, 0.5, 0.7, 1.0)]
    assert (depths[0] == 1).all()
    assert (depths[-1] == 3).all()
    assert all((deeper >= flatter).all() for flatter, deeper in itertools.pairwise(depths))


def test_who_reaches_the_threshold_leaves():
    model = stacked()
    with torch.no_grad():
        model.heads[0].layers[0].bias[1] = 1000.0  # a probability of exactly 1
    assert (model.predict(torch.randn(5, 2), threshold=1.0).depth == 1).all()


def test_what_has_left_is_not_computed_any_further():
    model, x = stacked(), torch.randn(50, 2) * 3
    rows: list[int] = []
    for layer in model.net.layers[:-1]:
        layer.register_forward_hook(lambda module, args, out: rows.append(len(out)))
    depth = model.predict(x, 0.7).depth
    assert rows == [int((depth >= k).sum()) for k in (1, 2, 3)]
    assert rows[0] == 50 > rows[1] > rows[2] > 0  # the objects do differ


def test_the_loss_is_the_mean_over_exits_and_trains_them_all():
    model = stacked()
    x, y = torch.randn(20, 2), torch.randint(3, (20,))
    scores = model(x)
    each = [F.cross_entropy(scores[:, k], y) for k in range(3)]
    loss = model.loss(scores, y)
    close(loss, torch.stack(each).mean())
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_early_exits_are_trained_by_fit():
    X, y = two_moons(300, noise=0.1, seed=0)
    model = EarlyExit(MLP([2, 16, 16, 2], seed=0), seed=1)
    fit(model, (X, y), loss=model.loss, epochs=30, lr=0.01, seed=0, progress=False)
    probability, depth = model.predict(X, threshold=0.95)
    assert (probability.argmax(dim=1) == y).float().mean() > 0.95
    assert depth.unique().numel() == 2


def test_prediction_is_in_evaluation_mode_without_gradients_and_comes_back():
    model, x = stacked(), torch.randn(20, 2)
    first, second = model.predict(x, 0.5), model.predict(x, 0.5)
    assert torch.equal(first.probability, second.probability)
    assert not first.probability.requires_grad
    assert model.training


def test_exits_are_drawn_from_the_seed_and_differ():
    a, b = stacked(), stacked()
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)
    assert not torch.equal(a.heads[0].layers[0].weight, a.heads[1].layers[0].weight)
    assert not torch.equal(*(EarlyExit(a.net).heads[0].layers[0].weight for _ in range(2)))


def test_nets_without_room_for_an_early_exit_are_refused():
    with pytest.raises(TypeError, match=r"must be an nnkit\.models\.MLP, got Linear"):
        EarlyExit(nn.Linear(2, 1))  # type: ignore[arg-type]
    for net in (MLP([2, 3, 2]), MLP([2, 3, 3, 2], head="softmax")):
        with pytest.raises(ValueError, match="two hidden layers or more and the identity head"):
            EarlyExit(net)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        stacked().predict(torch.randn(3, 2), threshold)
