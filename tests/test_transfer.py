"""Copying, freezing and rates of layers."""

import copy
import io
import warnings
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune

from nnkit.models import MLP
from nnkit.training import fit
from nnkit.transfer import copy_layers, freeze, layers, parameter_groups, unfreeze


def conv_net(classes=3):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4, affine=False), nn.PReLU(4),
        nn.Flatten(), nn.Linear(64, classes),
    )  # fmt: skip


def data(classes=3, images=False):
    x = torch.randn(24, 1, 8, 8) if images else torch.randn(24, 4)
    return x, torch.arange(24) % classes


def values(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def changed(model, before):
    return {name for name, value in model.state_dict().items() if not value.equal(before[name])}


def train(model, images=False, **kwargs):
    settings = {"epochs": 2, "batch_size": 8, "progress": False, "seed": 0} | kwargs
    return fit(model, data(images=images), loss=F.cross_entropy, **settings)


# Layers


def test_layers_of_an_mlp_are_its_linear_ones_with_their_normalisation():
    net = MLP([4, 8, 8, 3], norm="batch", dropout=0.5)
    found = layers(net)
    assert list(found) == ["layers.0", "layers.1", "layers.2"]
    assert found["layers.1"] == [net.layers[1], net.after[1][0]]
    assert found["layers.2"] == [net.layers[2]]


def test_layers_of_another_net_are_its_weights_with_what_follows():
    net = conv_net()
    assert layers(net) == {"0": [net[0], net[1]], "3": [net[3], net[4], net[5]], "7": [net[7]]}
    deep = nn.Sequential(nn.BatchNorm1d(4), nn.Sequential(nn.Linear(4, 4), nn.PReLU()))
    assert list(layers(deep)) == ["0", "1.0"]


def test_every_parameter_is_in_one_layer():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.position = nn.Parameter(torch.zeros(2, 4))
            self.body = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)

    for net in (conv_net(), MLP([3, 4, 2], "prelu", norm="layer"), Own()):
        held = [p for modules in layers(net).values() for m in modules for p in m.parameters(False)]
        assert len(held) == len(set(held))
        assert set(held) == set(net.parameters())


# Copying


def test_copied_layers_compute_the_same():
    old, new = MLP([4, 8, 8, 3], norm="batch", seed=0), MLP([4, 8, 8, 5], norm="batch", seed=1)
    train(old)
    last = new.layers[2].weight.clone()
    assert copy_layers(old, new, slice(-1)) == ["layers.0", "layers.1"]
    x, _ = data()
    for a, b in zip(old.eval().hidden(x), new.eval().hidden(x), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(new.layers[2].weight, last)
    assert new.layers[0].weight is not old.layers[0].weight


def test_all_layers_one_layer_or_layers_of_other_names():
    old, new = conv_net(), conv_net()
    copy_layers(old, new)
    x = torch.randn(5, 1, 8, 8)
    assert torch.equal(old(x), new(x))
    head = nn.Sequential(nn.Linear(64, 3))
    assert copy_layers(old, head, {0: -1}) == ["0"]
    assert torch.equal(head[0].weight, old[7].weight)
    other = conv_net()
    assert copy_layers(old, other, "4") == ["4"]
    assert torch.equal(other[4].running_mean, old[4].running_mean)
    assert not torch.equal(other[3].weight, old[3].weight)


def test_layers_that_do_not_fit_are_named_and_nothing_is_copied():
    old, new = MLP([4, 8, 3], seed=0), MLP([4, 8, 5], seed=1)
    before = values(new)
    with pytest.raises(ValueError, match=r"layer 'layers.1' does not fit .*Linear.*out_features=5"):
        copy_layers(old, new)
    with pytest.raises(ValueError, match=r"3 and 2 layers.*Hint: source layers.0"):
        copy_layers(MLP([4, 8, 8, 3]), new)
    with pytest.raises(ValueError, match=r"Linear \+ LayerNorm here, Linear there"):
        copy_layers(old, MLP([4, 8, 3], norm="layer"), 0)
    assert not changed(new, before)


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
def test_layers_of_one_net_are_swapped_and_complex_ones_do_not_fit_real_ones():
    net = MLP([3, 3, 3, 3], seed=0)
    old = values(net)
    copy_layers(net, net, {0: 1, 1: 2, 2: 0})
    for here, there in ((0, 1), (1, 2), (2, 0)):
        assert torch.equal(net.layers[here].weight, old[f"layers.{there}.weight"])
    with pytest.raises(ValueError, match="does not fit"):
        copy_layers(nn.Sequential(nn.Linear(2, 1, dtype=torch.complex64)), nn.Linear(2, 1))


# Freezing


@pytest.mark.parametrize("optimizer", [None, torch.optim.SGD, torch.optim.AdamW])
def test_frozen_layers_and_their_statistics_stay_as_they_are(optimizer):
    net = conv_net()
    train(net, images=True)
    before = values(net)
    assert freeze(net, [0, 1]) == ["0", "3"]
    train(net, images=True, optimizer=optimizer, lr=0.1)
    assert changed(net, before) == {"7.weight", "7.bias"}


def test_a_frozen_net_computes_the_same_in_train_mode():
    net = MLP([4, 8, 3], norm="batch", seed=0)
    train(net)
    freeze(net, 0)
    x, _ = data()
    expected = net.eval()(x)
    assert torch.equal(net.train()(x), expected)


def test_momentum_of_before_does_not_move_what_is_frozen():
    net = MLP([4, 8, 3], seed=0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = data()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
    before = values(net)
    freeze(net, "layers.0")
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
    assert changed(net, before) == {"layers.1.weight", "layers.1.bias"}


def test_unfreezing_lets_everything_learn_again():
    net = conv_net()
    freeze(net)
    freeze(net)  # twice is once
    assert unfreeze(net) == ["0", "3", "7"]
    before = values(net)
    train(net, images=True, lr=0.1)
    assert changed(net, before) == set(before)
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_a_part_can_be_frozen_by_the_name_of_its_module():
    net = nn.Sequential(nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)), nn.Linear(8, 3))
    before = values(net)
    assert freeze(net, "0") == ["0"]
    train(net, lr=0.1)
    assert changed(net, before) == {"1.weight", "1.bias"}
    unfreeze(net, "0.1")
    train(net, lr=0.1)
    assert "0.0.weight" not in changed(net, before)
    assert {"0.1.weight", "0.1.running_mean"} <= changed(net, before)


def test_a_frozen_net_can_be_copied_and_saved():
    net = conv_net()
    freeze(net, 0)
    twin = copy.deepcopy(net)
    buffer = io.BytesIO()
    torch.save(net, buffer)
    buffer.seek(0)
    for other in (twin, torch.load(buffer, weights_only=False)):
        before = values(other)
        train(other, images=True)
        assert "1.running_mean" not in changed(other, before)
        unfreeze(other)
    assert net[1]._forward_pre_hooks


def old_style(name):
    def make(layer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return getattr(nn.utils, name)(layer)

    return make


def pruned(layer):
    return prune.l1_unstructured(layer, "weight", 0.5)


MADE = {
    "weight_norm": nn.utils.parametrizations.weight_norm,
    "spectral_norm": nn.utils.parametrizations.spectral_norm,
    "orthogonal": nn.utils.parametrizations.orthogonal,
    "both": lambda layer: nn.utils.parametrizations.spectral_norm(
        nn.utils.parametrizations.weight_norm(layer)
    ),
    "bias": lambda layer: nn.utils.parametrizations.weight_norm(layer, "bias"),
    "old weight_norm": old_style("weight_norm"),
    "old spectral_norm": old_style("spectral_norm"),
    "pruned": pruned,
}


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("build", ["MLP", "Sequential"])
def test_all_that_determines_a_layer_is_frozen_and_learns_again(kind, build):
    net = MLP([4, 8, 6, 3], norm="batch", seed=0)
    if build == "Sequential":
        net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 6),
                            nn.ReLU(), nn.Linear(6, 3))  # fmt: skip
    hidden = net.layers[0] if build == "MLP" else net[0]
    nn.init.ones_(hidden.bias)  # one of zeros has no direction
    MADE[kind](hidden)
    assert len(layers(net)) == 3
    first = ("layers.0.", "after.0.") if build == "MLP" else ("0.", "1.")
    train(net, lr=0.1)
    x, before = data()[0], values(net)
    frozen = {name for name in before if name.startswith(first)}
    buffers = dict(net.named_buffers())
    freeze(net, 0)
    assert {n for n, p in net.named_parameters() if not p.requires_grad} == {
        n for n, _ in net.named_parameters() if n in frozen
    }
    for optimizer in (None, partial(torch.optim.SGD, momentum=0.9, weight_decay=0.1)):
        train(net.train(), lr=0.1, optimizer=optimizer)
    assert not changed(net, before) & frozen
    assert changed(net, before) == {name for name in before if name not in frozen}
    with torch.no_grad():
        assert torch.equal(hidden.train()(x), hidden.eval()(x))
    unfreeze(net, 0)
    assert all(p.requires_grad for p in net.parameters())
    F.cross_entropy(net.train()(x), data()[1]).backward()
    assert all(p.grad is not None for p in net.parameters())
    moving = {n for n in frozen if n.endswith(("running_mean", "_u", "_v")) and n in buffers}
    assert moving <= changed(net, before)
    groups = parameter_groups(net, 0.1)
    assert {p for group in groups for p in group["params"]} == set(net.parameters())


def test_a_tied_weight_is_frozen_wherever_it_is_used():
    net = MLP([4, 4, 4, 3], seed=0)
    net.layers[1].weight = net.layers[0].weight
    freeze(net, 0)
    before = values(net)
    train(net, lr=0.1)
    assert changed(net, before) == {"layers.1.bias", "layers.2.weight", "layers.2.bias"}


def test_unfreezing_a_layer_leaves_those_within_it_frozen():
    net = nn.Sequential(nn.MultiheadAttention(4, 2), nn.Linear(4, 3))
    assert list(layers(net)) == ["0", "0.out_proj", "1"]
    freeze(net)
    unfreeze(net, 0)
    ready = {name for name, p in net.named_parameters() if p.requires_grad}
    assert ready == {"0.in_proj_weight", "0.in_proj_bias"}


def test_parametrised_layers_are_copied_with_all_that_they_are_made_of():
    old, new = MLP([4, 8, 3], seed=0), MLP([4, 8, 3], seed=1)
    for net in (old, new):
        nn.utils.parametrizations.spectral_norm(net.layers[0])
        net.eval()
    copy_layers(old, new)
    assert not changed(new, values(old))
    with pytest.raises(ValueError, match=r"weight \+ bias here, bias \+ parametrizations"):
        copy_layers(old, MLP([4, 8, 3]), 0)


# Rates


def test_rates_fall_towards_the_input():
    net = MLP([4, 8, 8, 3], norm="layer", seed=0)
    groups = parameter_groups(net, 0.01, factor=2)
    assert [group["lr"] for group in groups] == [0.0025, 0.005, 0.01]
    assert [group["name"] for group in groups] == list(layers(net))
    held = [p for group in groups for p in group["params"]]
    assert len(held) == len(set(held))
    assert set(held) == set(net.parameters())


def test_some_layers_have_rates_of_their_own():
    net = conv_net()
    groups = parameter_groups(net, 1.0, factor=1, rates={0: 0.5, "5": 0.25})
    rate = {p: group["lr"] for group in groups for p in group["params"]}
    assert rate[net[1].weight] == 0.5
    assert rate[net[5].weight] == 0.25
    assert rate[net[3].weight] == rate[net[7].bias] == 1.0


def test_a_step_of_each_layer_is_its_rate_times_the_gradient():
    net, twin = MLP([4, 8, 3], seed=0), MLP([4, 8, 3], seed=0)
    x, y = data()
    F.cross_entropy(twin(x), y).backward()
    groups = parameter_groups(net, 0.1, factor=10)
    fit(net, (x, y), loss=F.cross_entropy, optimizer=torch.optim.SGD(groups), epochs=1,
        batch_size=24, progress=False)  # fmt: skip
    for k, rate in enumerate([0.01, 0.1]):
        p, q = net.layers[k].weight, twin.layers[k].weight
        torch.testing.assert_close(p, q - rate * q.grad)


def test_what_is_frozen_or_tied_is_in_no_or_one_group():
    net = MLP([4, 4, 4, 3], seed=0)
    net.layers[1].weight = net.layers[0].weight
    freeze(net, -1)
    groups = parameter_groups(net, 0.1)
    assert [group["name"] for group in groups] == ["layers.0", "layers.1"]
    assert [len(group["params"]) for group in groups] == [2, 1]
    torch.optim.Adam(groups)


# Misuse


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda net: freeze(net, 3), ValueError, "there is no layer 3; layers are 0 'layers.0', 1"),
        (lambda net: freeze(net, -4), ValueError, "at least -3"),
        (lambda net: freeze(net, 1.5), TypeError, "number of a layer must be a whole number"),
        (lambda net: freeze(net, [0.5]), TypeError, "number of a layer must be a whole number"),
        (lambda net: freeze(net, "layer.0"), ValueError, "did you mean 'layers.0'"),
        (lambda net: unfreeze(net, "after.0"), ValueError, "'after.0' has no parameters"),
        (
            lambda net: parameter_groups(net, 0),
            ValueError,
            "lr of the layers must be finite and above 0",
        ),
        (lambda net: parameter_groups(net, 1, factor=-1), ValueError, "factor of the layers"),
        (lambda net: parameter_groups(net, 1, rates={0: 0}), ValueError, "0 of the layers"),
        (lambda net: parameter_groups(net, 1, rates={9: 1}), ValueError, "no layer 9"),
    ],
)
def test_misuse_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call(MLP([4, 8, 8, 3]))


def test_a_net_that_is_frozen_has_no_groups():
    net = MLP([4, 3])
    freeze(net)
    with pytest.raises(ValueError, match="every layer is frozen"):
        parameter_groups(net, 0.1)
