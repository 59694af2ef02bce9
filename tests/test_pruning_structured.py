"""Neurons and channels cut out: the smaller net is the masked one."""

import math
import warnings
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnkit.dropout import ablate
from nnkit.layers import DropConnect, MaskedLinear, Shared1d
from nnkit.models import MLP
from nnkit.pruning import _chain, prune_neurons, prune_weights, shrink, size_in_bytes
from nnkit.pruning._chain import links
from nnkit.symmetry import rescale
from nnkit.training import fit
from nnkit.transfer import freeze


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
    with ablate(net, net.after[0], 2):
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


# What may stand between two layers, with the width there: plainly supported or not
ALONE = {
    "ReLU": lambda n: nn.ReLU(), "Tanh": lambda n: nn.Tanh(), "Sigmoid": lambda n: nn.Sigmoid(),
    "Identity": lambda n: nn.Identity(), "GELU": lambda n: nn.GELU(), "SELU": lambda n: nn.SELU(),
    "PReLU": lambda n: nn.PReLU(), "PReLU each": nn.PReLU, "Dropout": lambda n: nn.Dropout(0.5),
    "AlphaDropout": lambda n: nn.AlphaDropout(0.2), "Threshold": lambda n: nn.Threshold(0.1, 2.0),
    "in place": lambda n: nn.ReLU(inplace=True),
    "nested": lambda n: nn.Sequential(nn.Softplus(), nn.Sequential(nn.Dropout(0.1))),
}  # fmt: skip
ROWS = ALONE | {
    "norm": nn.BatchNorm1d, "norm plain": lambda n: nn.BatchNorm1d(n, affine=False),
    "norm of batches": lambda n: nn.BatchNorm1d(n, track_running_stats=False),
    "flatten": lambda n: nn.Flatten(),
}  # fmt: skip
PICTURES = ALONE | {
    "norm": nn.BatchNorm2d, "norm plain": lambda n: nn.BatchNorm2d(n, affine=False),
    "instances": lambda n: nn.InstanceNorm2d(n, affine=True),
    "max": lambda n: nn.MaxPool2d(2, 1), "mean": lambda n: nn.AvgPool2d(2, 1),
    "adaptive": lambda n: nn.AdaptiveAvgPool2d((3, 2)), "pad": lambda n: nn.ConstantPad2d(1, 3.0),
    "larger": lambda n: nn.Upsample(scale_factor=2), "Dropout2d": lambda n: nn.Dropout2d(0.5),
}  # fmt: skip
TOGETHER = {
    "LayerNorm": nn.LayerNorm, "GroupNorm": lambda n: nn.GroupNorm(1, n), "GLU": lambda n: nn.GLU(),
    "Softmax": lambda n: nn.Softmax(-1), "Softmin": lambda n: nn.Softmin(-1),
    "LogSoftmax": lambda n: nn.LogSoftmax(1), "RMSNorm": nn.RMSNorm, "Unflatten": lambda n:
    nn.Unflatten(1, (1, n)), "MaxPool1d": lambda n: nn.MaxPool1d(3, 1, 1), "unknown": lambda n:
    Backwards(), "InstanceNorm1d": nn.InstanceNorm1d, "Flatten": lambda n: nn.Flatten(0),
    "local": lambda n: nn.LocalResponseNorm(2), "shuffle": lambda n: nn.ChannelShuffle(1),
    "relative": lambda n: Quiet(), "Softmax2d": lambda n: nn.Softmax2d(),
    "CrossMapLRN2d": lambda n: nn.CrossMapLRN2d(2),
}  # fmt: skip


class Backwards(nn.Module):
    def forward(self, x):
        return x.flip(1)


class Quiet(nn.ReLU):
    def forward(self, x):
        return super().forward(x - x.mean(1, keepdim=True))


def settled(net):
    """Every normalisation with statistics, scales and shifts of its own; in evaluation mode."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.running_var is not None:
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
        for name, p in module.named_parameters(recurse=False):
            if name == "bias" or p.dim() == 1:
                nn.init.normal_(p)
    return net.eval()


def drawn_keep(net, data):
    return [
        data.draw(st.sets(st.integers(0, link.width - 1), min_size=1).map(sorted))
        for link in links(net)
    ]


def agree(net, keep, x):
    state = torch.get_rng_state()
    small = shrink(net, keep)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(small.eval()(x), silenced(net, keep, x))


@given(data=st.data(), widths=st.lists(st.integers(1, 5), min_size=3, max_size=5))
@settings(deadline=None, max_examples=60)
def test_chains_of_linear_layers(data, widths):
    modules = [nn.Linear(3, widths[0])]
    for here, there in pairwise(widths):
        between = data.draw(st.lists(st.sampled_from([*ROWS]), max_size=3))
        modules += [ROWS[name](here) for name in between]
        modules += [nn.Linear(here, there, bias=data.draw(st.booleans()))]
    net = settled(nn.Sequential(*modules, nn.Softmax(-1)).to(data.draw(st.sampled_from(DTYPES))))
    x = torch.randn(6, 3, dtype=net[0].weight.dtype)
    agree(net, drawn_keep(net, data), x)


DTYPES = [torch.float32, torch.float64]


@given(data=st.data(), widths=st.lists(st.integers(1, 4), min_size=2, max_size=3))
@settings(deadline=None, max_examples=60)
def test_chains_of_convolutions(data, widths):
    modules = [nn.Conv2d(2, widths[0], 3, padding=1)]
    for here, there in pairwise(widths):
        between = data.draw(st.lists(st.sampled_from([*PICTURES]), max_size=3))
        modules += [PICTURES[name](here) for name in between]
        modules += [nn.Conv2d(here, there, data.draw(st.integers(1, 2)), padding=1)]
    flat = data.draw(st.booleans())
    x = torch.randn(4, 2, 7, 6)
    if flat:
        between = data.draw(st.lists(st.sampled_from([*PICTURES]), max_size=2))
        modules += [PICTURES[name](widths[-1]) for name in between]
        inputs = nn.Sequential(*modules).eval()(x).flatten(1).shape[1]
        after = data.draw(st.lists(st.sampled_from([*ROWS]), max_size=2))
        modules += [nn.Flatten(), *(ROWS[name](inputs) for name in after), nn.Linear(inputs, 3)]
    net = settled(nn.Sequential(*modules))
    agree(net, drawn_keep(net, data), x)


@pytest.mark.parametrize("make", TOGETHER.values(), ids=TOGETHER)
@pytest.mark.parametrize("first", ["linear", "pictures", "flat pictures"])
def test_what_may_mix_neurons_is_refused_with_its_name(make, first):
    together = make(4)
    before = {
        "linear": [nn.Linear(3, 4)],
        "pictures": [nn.Conv2d(1, 4, 3)],
        "flat pictures": [nn.Conv2d(1, 4, 3), nn.Flatten()],
    }[first]
    after = nn.Conv2d(4, 2, 1) if first == "pictures" else nn.Linear(4, 2)
    net = nn.Sequential(*before, nn.ReLU(), together, after)
    with pytest.raises(ValueError, match=f"{len(before) + 1}, {type(together).__name__}.* mixes"):
        shrink(net, [[0, 2]])


def test_features_of_several_rows_are_not_those_of_the_neurons():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(20, 1))
    assert net(torch.randn(2, 5, 3)).shape == (2, 1)
    with pytest.raises(ValueError, match=r"0 has 4 outputs, but Linear.* which of its inputs"):
        shrink(net, [[1, 3]])


def test_a_reused_module_without_tensors_is_fine_and_one_with_them_is_refused():
    act = nn.Sequential(nn.Tanh(), nn.Dropout(0.1))
    net = nn.Sequential(nn.Linear(3, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 2)).eval()
    agree(net, [[1, 3], [0]], torch.randn(5, 3))
    norm, slope = settled(nn.BatchNorm1d(4)), nn.PReLU(4)
    for shared in (norm, slope, nn.Sequential(norm)):
        net = nn.Sequential(nn.Linear(3, 4), shared, nn.Linear(4, 4), shared, nn.Linear(4, 2))
        with pytest.raises(ValueError, match=r"1.* and 3.* are one module used twice"):
            shrink(net, [[1, 3], [0]])
    tied = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    tied[2].weight = tied[0].weight
    with pytest.raises(ValueError, match="0 and 2 are one module used twice, or share"):
        shrink(tied, [[1, 3]])


def hooked(net):
    net[1].register_forward_hook(lambda module, x, y: y - y.mean(1, keepdim=True))
    return net


def replaced(net):
    net[1].forward = lambda x: x.flip(1)
    return net


def old_style(net):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(net[2])
    return net


class Doubled(nn.Sequential):
    def forward(self, x):
        return super().forward(x + super().forward(x))


def plain_net():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3))


class Branching(MLP):
    def forward(self, x):
        return super().forward(x) + self.hidden(x)[0]


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (lambda: hooked(plain_net()), "1 has a hook"),
        (lambda: hooked(nn.Sequential(nn.Identity(), plain_net())), "1 has a hook"),
        (lambda: replaced(plain_net()), "1 has a hook or a forward of its own"),
        (lambda: old_style(plain_net()), "2 has a hook.* remove_weight_norm"),
        (
            lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), nn.ReLU(),
                                  nn.Linear(4, 2)),
            "0 is parametrised.*remove_parametrizations",
        ),
        (lambda: Doubled(*plain_net()), "the net is a Doubled"),
        (lambda: nn.Sequential(Doubled(*plain_net()), nn.Linear(3, 2)), "0 is a Doubled"),
        (lambda: nn.Sequential(MLP([3, 3, 3], residual=True), nn.Linear(3, 2)), "skip connections"),
        (lambda: Branching([3, 4, 4]), "the net is a Branching"),
        (lambda: nn.Sequential(nn.Conv2d(1, 4, 1), nn.Linear(4, 2)), "0 has 4 outputs, but Linear"),
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.Conv1d(4, 2, 1)), "0 has 4 outputs, but Conv1d"),
        (
            lambda: nn.Sequential(nn.Conv2d(1, 4, 1), nn.Flatten(2), nn.Linear(4, 2)),
            "Flatten.* mixes",
        ),
        (
            lambda: nn.Sequential(nn.Conv1d(1, 4, 1), nn.MaxPool2d(2), nn.Conv1d(4, 2, 1)),
            "MaxPool2d.* mixes",
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(8), nn.Conv2d(4, 2, 1)),
            "BatchNorm2d.* mixes",
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(1, 4, 1), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                                  nn.Linear(20, 2)),
            r"no image was found .*\[5\] numbers of each channel",
        ),
        (lambda: nn.Sequential(nn.Linear(3, 4), DropConnect(4, 2)), "1 is a DropConnect"),
        (lambda: nn.Sequential(nn.Linear(3, 4), Shared1d(1, 1, 4, 1)), "Shared1d.* tied to others"),
    ],
)  # fmt: skip
def test_what_is_not_a_plain_chain_is_refused(net, says):
    net = net()
    with pytest.raises((TypeError, ValueError), match=says):
        prune_neurons(net, 0.5)


def test_nets_within_a_net_and_frozen_layers_are_shrunk():
    inner = MLP([3, 5, 4], "sigmoid", norm="batch", seed=0)
    net = settled(nn.Sequential(nn.Flatten(), inner, nn.ReLU(), nn.Linear(4, 2)))
    freeze(net, "1.layers.0")
    freeze(net, "1.after.0.0")
    keep = [[4, 0], [1]]
    small = shrink(net, keep)
    assert [link.name for link in links(net)] == ["1.layers.0", "1.layers.1"]
    assert small[1].sizes == [3, 2, 1]
    assert not small[1].layers[0].weight.requires_grad
    agree(net, keep, torch.randn(6, 3))


def test_a_masked_linear_layer_is_shrunk_with_its_mask():
    mask = torch.tensor([[1, 0, 1], [0, 1, 1], [1, 1, 0.0]])
    net = nn.Sequential(MaskedLinear(mask), nn.Tanh(), MaskedLinear(mask), nn.ReLU(),
                        nn.Linear(3, 1))  # fmt: skip
    agree(net, [[0, 2], [1, 2]], torch.randn(5, 3))


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.complex64])
def test_other_types_of_numbers(dtype):
    net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2)).to(dtype)
    agree(net, [[0, 5, 2]], torch.randn(4, 3).to(dtype))


def test_weights_that_are_not_finite_are_compared_or_refused():
    net = MLP([3, 4, 2], seed=0)
    with torch.no_grad():
        net.layers[0].weight[1] = math.inf
        net.layers[0].weight[2] = math.nan
    assert shrink(net, [[0, 3]])(torch.ones(1, 3)).isfinite().all()
    assert shrink(net, [[0, 2]])(torch.ones(1, 3)).isnan().all()
    with pytest.raises(ValueError, match=r"layers\.0 hold nan"):
        prune_neurons(net, 0.5)


def test_an_image_that_is_tried_has_pixels():
    net = nn.Sequential(nn.Conv2d(1, 4, 1, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1, padding=1))
    agree(net, [[0, 2]], torch.randn(3, 1, 5, 6))


def test_a_wrong_belief_about_a_module_is_found_on_the_probe(monkeypatch):
    monkeypatch.setattr(_chain, "ELEMENTWISE", _chain.ELEMENTWISE | {nn.Softmax, Backwards})
    for module in (nn.Softmax(-1), Backwards()):
        net = nn.Sequential(nn.Linear(3, 4), module, nn.Linear(4, 2))
        with pytest.raises(ValueError, match="another function, off by"):
            shrink(net, [[0, 1]])
        shrink(net, [[0, 1, 2, 3]])


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
        (lambda net: prune_neurons(net, -1), "amount must be in"),
        (lambda net: prune_neurons(net, 0.5, by="size"), "weights, incoming, gamma"),
        (lambda net: prune_neurons(net, 0.5, by="gamma"), "layers.0 has no batch normalisation"),
        (lambda net: prune_neurons(net, 0.5, scope="net"), "layer, global"),
        (lambda net: prune_neurons(net, 0.5, multiple_of=0), "multiple_of must be at least 1"),
        (lambda net: shrink(net, [[0]]), "a list for each of layers.0, layers.1, got 1"),
        (lambda net: shrink(net, [[0], []]), "layers.1 keeps some of neurons 0 to 3"),
        (lambda net: shrink(net, [[0], [4]]), r"got \[4\]"),
        (lambda net: shrink(net, [[-1], [0]]), r"got \[-1\]"),
        (lambda net: shrink(net, [[0.5], [0]]), r"got \[0.5\]"),
        (lambda net: shrink(net, [[True, False] * 2, [0]]), r"got \[True.*nonzero"),
        (lambda net: shrink(net, [torch.rand(5) > 2, [0]]), r"got \[False.*nonzero"),
        (lambda net: shrink(net, [[[0, 1]], [0]]), r"got \[\[0, 1\]\]"),
    ],
)
def test_misuse_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call(MLP([3, 5, 4, 2]))
