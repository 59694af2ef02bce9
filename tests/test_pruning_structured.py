"""Neurons and channels cut out: the smaller net is the masked one."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnkit.dropout import knocked_out
from nnkit.models import MLP
from nnkit.pruning import prune_neurons, prune_weights, shrink, size_in_bytes
from nnkit.pruning.chain import links
from nnkit.symmetry import rescale
from nnkit.training import fit


def conv_net():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 3), nn.PReLU(5), nn.Dropout2d(0.1),
        nn.Flatten(), nn.BatchNorm1d(20), nn.Linear(20, 8), nn.Tanh(), nn.Linear(8, 3),
    )  # fmt: skip


def warmed(net, x):
    """The net in evaluation mode, its statistics those of some data, its γ all different."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    net.train()
    for _ in range(3):
        net(x)
    return net.eval()


def silenced(net, keep, x):
    """The output of a net in which the neurons that are not kept give 0 to what follows."""
    with torch.no_grad():
        chain = links(net)
        for link, numbers in zip(chain, keep, strict=True):
            weight = link.following.weight
            block = weight.shape[1] // link.width
            for neuron in set(range(link.width)) - set(numbers):
                weight[:, neuron * block : (neuron + 1) * block] = 0
    return net(x)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "prelu"])
@pytest.mark.parametrize("norm", [None, "batch"])
def test_a_shrunk_mlp_is_the_masked_one(activation, norm):
    net = MLP([4, 7, 6, 3], activation, norm=norm, dropout=0.2, head="softmax", seed=0)
    x = torch.randn(9, 4)
    warmed(net, x)
    keep = [[0, 3, 6], [5, 1]]
    small = shrink(net, keep)
    assert small.sizes == [4, 3, 2, 3]
    assert [tuple(layer.weight.shape) for layer in small.layers] == [(3, 4), (2, 3), (3, 2)]
    assert net.sizes == [4, 7, 6, 3]
    torch.testing.assert_close(small(x), silenced(net, keep, x))


def test_a_shrunk_conv_net_is_the_masked_one():
    net, x = conv_net(), torch.randn(5, 1, 8, 8)
    warmed(net, x)
    keep = [[1, 2, 5], [0, 4], [7, 3, 2]]
    small = shrink(net, keep)
    torch.testing.assert_close(small(x), silenced(net, keep, x))
    assert (small[0][0].out_channels, small[2].in_channels, small[2].out_channels) == (3, 3, 2)
    assert (small[6].num_features, small[7].in_features, small[3].num_parameters) == (8, 8, 2)
    assert small[0][1].num_features == 3


def test_one_neuron_less_is_one_knocked_out():
    net, x = MLP([3, 4, 2], "tanh", seed=0), torch.randn(5, 3)
    with knocked_out(net, net.after[0], 2):
        expected = net(x)
    torch.testing.assert_close(shrink(net, [[0, 1, 3]])(x), expected)


def test_keeping_all_changes_nothing_and_a_small_net_can_be_trained():
    net, x = conv_net(), torch.randn(16, 1, 8, 8)
    warmed(net, x)
    torch.testing.assert_close(prune_neurons(net, 0)(x), net(x))
    small = prune_neurons(net, 0.5)
    before = small[2].weight.clone()
    fit(small, (x, torch.arange(16) % 3), loss=F.cross_entropy, epochs=2, progress=False)
    assert not torch.equal(small[2].weight, before)
    assert size_in_bytes(small) < size_in_bytes(net) / 2


@pytest.mark.parametrize(("amount", "widths"), [(0.5, [4, 3]), (0.9, [1, 1]), (1, [1, 1])])
def test_a_share_of_each_layer_goes_but_for_one_neuron(amount, widths):
    assert prune_neurons(MLP([4, 8, 6, 3], seed=0), amount).sizes == [4, *widths, 3]


def test_numbers_that_processors_like():
    net = MLP([4, 50, 30, 3], seed=0)
    assert prune_neurons(net, 0.5, multiple_of=8).sizes == [4, 24, 16, 3]
    assert prune_neurons(net, 0.99, multiple_of=8).sizes == [4, 8, 8, 3]
    assert prune_neurons(net, 0, multiple_of=8).sizes == [4, 48, 30, 3]  # 4 · 8 > 30


def test_the_neurons_that_go_have_the_lowest_scores():
    net = MLP([2, 4, 2], seed=0)
    with torch.no_grad():
        net.layers[0].weight.copy_(torch.tensor([[9.0, 9], [1, 1], [2, 2], [3, 3]]))
        net.layers[1].weight.copy_(torch.tensor([[0.01, 1, 1, 1], [0, 0, 0, 0]]))
    assert prune_neurons(net, 0.5).layers[0].weight[:, 0].tolist() == [2, 3]
    assert prune_neurons(net, 0.5, by="incoming").layers[0].weight[:, 0].tolist() == [9, 3]


def test_rescaling_changes_no_choice_by_weights():
    net, x = MLP([4, 10, 2], "relu", seed=0), torch.randn(6, 4)
    other = rescale(net, 0, torch.rand(10) * 9 + 0.1)
    torch.testing.assert_close(prune_neurons(other, 0.6)(x), prune_neurons(net, 0.6)(x))


def test_slimming_by_gamma_over_all_layers():
    net = MLP([4, 6, 5, 3], norm="batch", seed=0)
    with torch.no_grad():
        net.after[0][0].weight.copy_(torch.tensor([1, 2, 3, 4, 5, -6.0]))
        net.after[1][0].weight.copy_(torch.tensor([0.1, 7, 0.2, 8, 0.3]))
    small = prune_neurons(net, 6 / 11, by="gamma", scope="global")
    assert small.after[0][0].weight.tolist() == [4, 5, -6]
    assert small.after[1][0].weight.tolist() == [7, 8]
    assert prune_neurons(net, 1, by="gamma", scope="global").sizes == [4, 1, 1, 3]


def test_gamma_behind_a_flattening_counts_for_its_channel():
    net = nn.Sequential(nn.Conv1d(1, 3, 2), nn.Flatten(), nn.BatchNorm1d(6), nn.Linear(6, 1))
    with torch.no_grad():
        net[2].weight.copy_(torch.tensor([5.0, 0, 2, 2, 0, 6]))
    assert prune_neurons(net, 1 / 3, by="gamma")[2].weight.tolist() == [5, 0, 0, 6]


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)


def masked():
    net = MLP([3, 4, 2])
    prune_weights(net, 0.5)
    return net


SHARED = nn.Linear(3, 3)


@pytest.mark.parametrize(
    ("net", "error", "says"),
    [
        (lambda: MLP([3, 3, 3, 2], residual=True), ValueError, "skip connections tie"),
        (lambda: MLP([3, 4, 2], norm="layer"), ValueError, "LayerNorm.* mixes the neurons"),
        (lambda: MLP([3, 2]), TypeError, "no hidden layer"),
        (lambda: nn.Linear(3, 2), TypeError, "the net is a Linear"),
        (lambda: nn.Sequential(Other(), nn.Linear(3, 1)), TypeError, "0 is a Other"),
        (lambda: nn.Sequential(SHARED, nn.ReLU(), SHARED), ValueError, "used twice"),
        (
            lambda: nn.Sequential(nn.Conv2d(4, 4, 1, groups=2), nn.Conv2d(4, 2, 1)),
            ValueError,
            "tied to others",
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.ConvTranspose2d(4, 2, 1)),
            ValueError,
            "tied to others",
        ),
        (
            lambda: nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 2)),
            ValueError,
            "0 has 3 outputs, but Linear",
        ),
        (
            lambda: nn.Sequential(nn.Linear(2, 4), nn.Softmax(1), nn.Linear(4, 2)),
            ValueError,
            "Softmax.* mixes",
        ),
        (
            lambda: nn.Sequential(nn.Linear(2, 4), nn.Bilinear(4, 4, 4), nn.Linear(4, 2)),
            ValueError,
            "Bilinear.* mixes",
        ),
        (masked, ValueError, "pruning masks"),
    ],
)
def test_a_net_that_cannot_be_shrunk_is_refused(net, error, says):
    with pytest.raises(error, match=says):
        prune_neurons(net(), 0.5)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda net: prune_neurons(net, -1), "share"),
        (lambda net: prune_neurons(net, 0.5, by="size"), "weights, incoming, gamma"),
        (lambda net: prune_neurons(net, 0.5, by="gamma"), "layers.0 has no batch normalisation"),
        (lambda net: prune_neurons(net, 0.5, scope="net"), "layer, global"),
        (lambda net: prune_neurons(net, 0.5, multiple_of=0), "multiple_of must be at least 1"),
        (lambda net: shrink(net, [[0]]), "a list for each of layers.0, layers.1, got 1"),
        (lambda net: shrink(net, [[0], []]), "layers.1 keeps some of neurons 0 to 3"),
        (lambda net: shrink(net, [[0], [4]]), r"got \[4\]"),
        (lambda net: shrink(net, [[-1], [0]]), r"got \[-1\]"),
    ],
)
def test_misuse_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call(MLP([3, 5, 4, 2]))
