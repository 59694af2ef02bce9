"""Masks on weights: how many, which, when; and back to the start."""

import copy
import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from nnkit.layers import LocallyConnected1d
from nnkit.models import MLP
from nnkit.pruning import (
    GradualPruning,
    finalize,
    gradual,
    magnitude,
    masks,
    prune_weights,
    rewind,
    snip,
    sparsity,
)
from nnkit.training import Callback, Checkpoint, fit
from nnkit.transfer import freeze


def data():
    return torch.randn(48, 4), torch.arange(48) % 3


def train(net, **kwargs):
    settings = {"epochs": 2, "batch_size": 8, "progress": False, "seed": 0, "lr": 0.01} | kwargs
    return fit(net, data(), loss=F.cross_entropy, **settings)


def conv_net():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)
    )


# How many and which


@given(st.floats(0, 1), st.sampled_from(["global", "layer"]))
@settings(deadline=None, max_examples=30)
def test_so_many_weights_are_out_and_they_are_the_smallest(amount, scope):
    net = MLP([5, 7, 4, 3], seed=0)
    prune_weights(net, amount, scope=scope)
    found = masks(net)
    groups = [found] if scope == "global" else [{name: mask} for name, mask in found.items()]
    for group in groups:
        kept = torch.cat([mask.flatten() for mask in group.values()]) == 1
        size = torch.cat([net.get_submodule(n).weight_orig.abs().flatten() for n in group]).detach()
        assert int(kept.sum()) == round((1 - amount) * len(kept))
        if kept.any() and not kept.all():
            assert size[kept].min() >= size[~kept].max()


@pytest.mark.parametrize("amount", [0.3, 0.75])
def test_it_is_what_torch_prunes(amount):
    ours, theirs = MLP([5, 7, 3], seed=0), MLP([5, 7, 3], seed=0)
    prune_weights(ours, amount)
    weights = [(layer, "weight") for layer in theirs.layers]
    prune.global_unstructured(weights, pruning_method=prune.L1Unstructured, amount=amount)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        assert torch.equal(a.weight_mask, b.weight_mask)


def test_a_masked_net_is_the_net_with_zeros_and_finalizing_keeps_it():
    net, x = MLP([5, 7, 3], seed=0), torch.randn(4, 5)
    names = [name for name, _ in net.named_parameters()]
    prune_weights(net, 0.5)
    assert math.isclose(sparsity(net), 0.5)
    zeros = MLP([5, 7, 3], seed=0)
    with torch.no_grad():
        for name, mask in masks(net).items():
            zeros.get_submodule(name).weight.mul_(mask)
    y = net(x)
    assert torch.equal(y, zeros(x))
    finalize(net)
    assert torch.equal(net(x), y)
    assert not prune.is_pruned(net)
    assert [name for name, _ in net.named_parameters()] == names
    assert math.isclose(sparsity(net), 0.5)


def test_what_is_out_stays_out():
    net = MLP([6, 8, 3], seed=0)
    prune_weights(net, 0.4)
    first = masks(net)
    with torch.no_grad():  # as if what is masked had grown
        for layer in net.layers:
            layer.weight_orig[layer.weight_mask == 0] = 100.0
    prune_weights(net, 0.7)
    second = masks(net)
    assert all((second[name] <= first[name]).all() for name in first)
    assert math.isclose(sparsity(net), 0.7, abs_tol=0.01)
    prune_weights(net, 0.1)
    assert all(torch.equal(mask, second[name]) for name, mask in masks(net).items())


def test_masks_hold_at_once_not_only_after_the_next_pass():
    net = MLP([5, 7, 3], seed=0)
    prune_weights(net, 0.2)
    prune_weights(net, 0.8)
    for layer in net.layers:
        assert torch.equal(layer.weight == 0, layer.weight_mask == 0)


def test_other_layers_biases_and_those_to_skip_are_left_alone():
    net = conv_net()
    prune_weights(net, 0.9, skip=["4"])
    assert set(masks(net)) == {"0", "4"}
    assert not hasattr(net[4], "weight_mask")
    assert int(net[0].weight_mask.sum()) == round(0.1 * 36)
    assert (net[0].bias != 0).all()
    local = nn.Sequential(LocallyConnected1d(1, 2, 6, 3))
    prune_weights(local, 0.5)
    assert sparsity(local) == 0.5


def test_own_scores_decide():
    net = MLP([2, 2, 1], seed=0)
    scores = {"layers.0": torch.tensor([[4.0, 3.0], [2.0, 1.0]]), "layers.1": torch.zeros(1, 2)}
    prune_weights(net, 0.5, scores=scores)
    assert masks(net)["layers.0"].tolist() == [[1, 1], [1, 0]]
    assert masks(net)["layers.1"].tolist() == [[0, 0]]


def test_masked_weights_get_no_gradient():
    net = MLP([4, 8, 3], seed=0)
    prune_weights(net, 0.5)
    x, y = data()
    F.cross_entropy(net(x), y).backward()
    for layer in net.layers:
        assert (layer.weight_orig.grad[layer.weight_mask == 0] == 0).all()


# Before training


def test_snip_is_the_effect_of_a_weight_to_first_order():
    net = MLP([3, 4, 2], "tanh", seed=0).double()
    x, y = torch.randn(6, 3).double(), torch.randn(6, 2).double()
    scores = snip(net, x, y, F.mse_loss)
    weight = net.layers[0].weight
    step = 1e-5
    for i, j in [(0, 0), (3, 2), (1, 1)]:
        with torch.no_grad():
            old = weight[i, j].clone()
            losses = []
            for sign in (1, -1):  # connection strength c = 1 ± step, at which w is c w
                weight[i, j] = old * (1 + sign * step)
                losses.append(F.mse_loss(net(x), y))
            weight[i, j] = old
        slope = abs(float(losses[0] - losses[1])) / (2 * step)
        assert math.isclose(scores["layers.0"][i, j], slope, rel_tol=1e-6, abs_tol=1e-12)


def test_snip_leaves_the_net_alone_and_keeps_what_the_loss_feels():
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).eval()
    before = copy.deepcopy(net.state_dict())
    x, y = data()
    x[:, 1] = 0  # an input that says nothing
    scores = snip(net, x, y, F.cross_entropy)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not net.training
    assert all(p.grad is None for p in net.parameters())
    prune_weights(net, 0.2, scores=scores)
    assert (masks(net)["0"][:, 1] == 0).all()


# During training


def test_the_schedule_of_zhu_and_gupta():
    to = partial(gradual, begin=10, end=110, final=0.9)
    assert to(5) == to(10) == 0
    assert to(5, initial=0.3) == to(10, initial=0.3) == pytest.approx(0.3)
    assert to(60, final=0.8) == pytest.approx(0.8 * (1 - 0.5**3))
    assert to(110) == to(999) == 0.9
    values = [to(step, initial=0.1) for step in range(10, 111)]
    assert values == sorted(values)


@pytest.mark.parametrize("end", [10, 9, 0])
@pytest.mark.parametrize("step", [0, 10, 20])
def test_a_schedule_ends_after_it_begins(step, end):
    with pytest.raises(ValueError, match=f"end, which is after begin, .* got {end}"):
        gradual(step, begin=10, end=end, final=0.9)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"final": 1.2}, ValueError, "final must be in"),
        ({"final": 0.9, "initial": -0.1}, ValueError, "initial must be in"),
        ({"final": 0.9, "begin": -1}, ValueError, "begin must be"),
        ({"final": 0.9, "begin": 0.5}, TypeError, "begin must be"),
    ],
)
def test_a_schedule_of_wrong_numbers_is_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        gradual(1, **({"begin": 0, "end": 10} | arguments))


class Watch(Callback):
    def __init__(self):
        self.seen = []

    def on_batch_end(self, run):
        self.seen.append(sparsity(run.model))


def test_sparsity_grows_as_scheduled():
    net, watch = MLP([4, 10, 10, 3], norm="batch", seed=0), Watch()
    pruning = GradualPruning(net, 0.9, begin=3, end=9, every=2, initial=0.2)
    train(net, callbacks=[pruning, watch])  # 6 updates to an epoch
    share = partial(gradual, begin=3, end=9, initial=0.2, final=0.9)
    wanted = [0, 0, *map(share, (3, 3, 5, 5, 7, 7, 9, 9, 9, 9))]
    assert len(watch.seen) == 12
    assert watch.seen == pytest.approx(wanted, abs=1 / 170)
    finalize(net)
    assert sparsity(net) == pytest.approx(0.9, abs=1 / 170)


def test_once_and_early():
    net, watch = MLP([4, 10, 3], seed=0), Watch()
    train(net, callbacks=[GradualPruning(net, 0.5, begin=2, end=2, skip=["layers.1"]), watch])
    share = 20 / 70
    assert watch.seen == pytest.approx([0, *[share] * 11])


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    def run(epochs, resume=None):
        net = MLP([4, 10, 3], seed=0)
        callbacks = [
            GradualPruning(net, 0.8, begin=2, end=20, every=3),
            Checkpoint(tmp_path / "run.pt"),
        ]
        torch.manual_seed(0)
        train(net, callbacks=callbacks, epochs=epochs, resume=resume)
        return net.state_dict()

    run(2)
    resumed = run(4, resume=tmp_path / "run.pt")
    (tmp_path / "run.pt").unlink()
    straight = run(4)
    assert all(torch.equal(value, straight[name]) for name, value in resumed.items())
    assert float(straight["layers.0.weight_mask"].mean()) < 0.5


# Back to the start


def test_rewinding_gives_back_the_start_and_keeps_the_masks():
    net = MLP([4, 10, 3], norm="batch", seed=0)
    start = copy.deepcopy(net.state_dict())
    train(net)
    prune_weights(net, 0.6)
    found = masks(net)
    rewind(net, start)
    assert all(torch.equal(mask, found[name]) for name, mask in masks(net).items())
    plain = MLP([4, 10, 3], norm="batch", seed=0)
    with torch.no_grad():
        for name, mask in found.items():
            plain.get_submodule(name).weight.mul_(mask)
    x, _ = data()
    assert torch.equal(net.eval()(x), plain.eval()(x))


def test_the_control_has_the_same_masks_and_other_weights():
    net = MLP([4, 10, 3], seed=0)
    prune_weights(net, 0.6)
    found, before = masks(net), net.layers[0].weight_orig.clone()
    rewind(net, MLP([4, 10, 3], seed=1).state_dict())
    assert not torch.equal(net.layers[0].weight_orig, before)
    assert torch.equal(net.layers[0].weight_orig, MLP([4, 10, 3], seed=1).layers[0].weight)
    assert all(torch.equal(mask, found[name]) for name, mask in masks(net).items())


def test_a_start_that_is_no_copy_or_of_another_net_is_refused():
    net = MLP([4, 10, 3], seed=0)
    live = net.state_dict()
    prune_weights(net, 0.6)
    with pytest.raises(ValueError, match="of the net itself"):
        rewind(net, live)
    with pytest.raises(ValueError, match=r"layers.0.bias of shape \(10,\), has \(9,\)"):
        rewind(net, MLP([4, 9, 3]).state_dict())
    with pytest.raises(ValueError, match="has nothing"):
        rewind(net, {})


# Misuse


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda net: prune_weights(net, 1.1), ValueError, r"amount must be in \[0, 1\]"),
        (lambda net: prune_weights(net, "much"), TypeError, "amount must be a number"),
        (lambda net: prune_weights(net, 0.5, scope="all"), ValueError, "global, layer"),
        (lambda net: prune_weights(net, 0.5, skip=["layers.9"]), ValueError, "did you mean"),
        (lambda net: prune_weights(net, 0.5, scores={}), ValueError, "lack layer 'layers.0'"),
        (
            lambda net: prune_weights(net, 0.5, scores=magnitude(MLP([2, 3, 1]))),
            ValueError,
            r"must be \(3, 4\), got \(3, 2\)",
        ),
        (
            lambda net: prune_weights(
                net, 0.5, scores={k: v * math.nan for k, v in magnitude(net).items()}
            ),
            ValueError,
            "hold nan",
        ),
        (lambda net: prune_weights(nn.ReLU(), 0.5), TypeError, "no linear or convolutional"),
        (lambda net: GradualPruning(net, 2, begin=1, end=2), ValueError, "amount"),
        (lambda net: GradualPruning(net, 0.5, begin=5, end=2), ValueError, "not before begin"),
        (lambda net: GradualPruning(net, 0.5, begin=0, end=2), ValueError, "begin must be"),
        (lambda net: GradualPruning(net, 0.5, begin=1, end=2, every=0), ValueError, "every"),
    ],
)
def test_misuse_is_refused_and_nothing_changed(call, error, says):
    net = MLP([4, 3, 2], seed=0)
    with pytest.raises(error, match=says):
        call(net)
    assert not prune.is_pruned(net)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "layer", [nn.Linear(4, 3), nn.Conv2d(2, 3, 3), nn.ConvTranspose1d(2, 3, 3)]
)
@pytest.mark.parametrize("names", [["weight"], ["bias"], ["weight", "bias"], ["bias", "weight"]])
def test_parameters_keep_their_order(layer, names, bias):
    layer = copy.deepcopy(layer)
    if not bias:
        layer.bias = None
    before = dict(layer.named_parameters())
    for name in names:
        if bias or name == "weight":
            prune.random_unstructured(layer, name, 0.5)
    finalize(layer)
    after = dict(layer.named_parameters())
    assert [*after] == [*before] == [*layer.state_dict()]
    assert all(after[name] is parameter for name, parameter in before.items())


def test_all_masks_are_finalized():
    net = MLP([3, 4, 2], seed=0)
    prune_weights(net, 0.5)
    prune.l1_unstructured(net.layers[0], "bias", 1)
    prune.l1_unstructured(net.layers[1], "bias", 1)
    finalize(net)
    assert not prune.is_pruned(net)
    assert [name for name, _ in net.named_parameters()][:2] == ["layers.0.weight", "layers.0.bias"]


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.scores = nn.Embedding(7, 4), nn.Linear(4, 7)
        self.scores.weight = self.words.weight


def test_a_weight_that_another_module_has_too_is_refused():
    net, other = Words(), nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"words and scores have one weight.*skip=\['scores'\]"):
        prune_weights(net, 0.5)
    other[1].weight = other[0].weight
    for out in (["0"], ["1"], []):
        with pytest.raises(ValueError, match="0 and 1 have one weight"):
            prune_weights(other, 0.5, skip=out)
    assert not prune.is_pruned(net)
    assert not prune.is_pruned(other)
    prune_weights(other, 0.5, skip=["0", "1"])
    twice = nn.Sequential(other[0], nn.ReLU(), other[0])  # one module, and one mask
    prune_weights(twice, 0.5)
    assert sparsity(twice) == 0.5


@pytest.mark.parametrize(
    "wrap", [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm]
)
@pytest.mark.parametrize("call", [magnitude, sparsity, masks, lambda net: prune_weights(net, 0.5)])
def test_a_weight_made_of_others_is_refused(wrap, call):
    net = MLP([3, 4, 2], seed=0)
    wrap(net.layers[1])
    with pytest.raises(TypeError, match=r"layers\.1 is made of other.*remove_parametrizations"):
        call(net)
    assert not prune.is_pruned(net)


def test_snip_leaves_the_net_alone_when_the_loss_fails():
    net = MLP([3, 4, 2], norm="batch", seed=0)
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ZeroDivisionError):
        snip(net, torch.randn(5, 3), None, lambda output, target: output.sum() * (1 / 0))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_frozen_layer_has_no_snip_score():
    net = MLP([3, 4, 2], seed=0)
    freeze(net, 0)
    with pytest.raises(ValueError, match=r"unfreeze layers\.0 for snip"):
        snip(net, torch.ones(2, 3), torch.tensor([0, 1]), F.cross_entropy)
