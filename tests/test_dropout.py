"""Laws of dropout: masks, Monte Carlo against exact averages, knocked-out units."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnkit._masks import drop, keep_mask, on_grid
from nnkit.dropout import ablate, all_masks, mc_predict, mc_samples
from nnkit.models import MLP


def sure(count, n, probability):
    """Whether a count of n events is within five standard deviations of what is expected."""
    return abs(count - n * probability) <= 5 * math.sqrt(n * probability * (1 - probability)) + 1e-9


# Masks


@given(st.floats(0, 1), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_each_element_is_zero_or_divided_by_what_is_kept(p, seed):
    x = torch.rand(50, 41) + 1
    generator = torch.Generator().manual_seed(seed)
    y = drop(x, p, generator)
    kept = y != 0
    keep = 1 - on_grid(p)
    torch.testing.assert_close(y[kept], x[kept] / keep if keep else x[kept])
    assert sure(int(kept.sum()), x.numel(), keep)


def test_bits_of_a_mask_are_independent_of_their_neighbours():
    mask = keep_mask((100_003,), 0.3, torch.ones(1, dtype=torch.float64))
    assert mask.dtype == torch.float64
    for lag in (1, 2, 3, 4, 8):
        assert sure(int((mask[lag:] * mask[:-lag]).sum()), len(mask) - lag, 0.49)


def test_a_seed_draws_the_same_mask_and_rare_events_happen():
    draw = [keep_mask((7,), 0.5, torch.ones(1), torch.Generator().manual_seed(3)) for _ in "ab"]
    assert torch.equal(*draw)
    kept = keep_mask((10**6,), 0.001, torch.ones(1))
    assert sure(int(kept.sum()), 10**6, 1 - on_grid(0.001))


def test_elsewhere_than_on_a_cpu_a_mask_has_the_dtype_and_device_of_the_tensor():
    like = torch.ones(2, dtype=torch.float16, device="meta")
    mask = keep_mask((3, 4), 0.3, like)
    assert (mask.shape, mask.dtype, mask.device) == ((3, 4), like.dtype, like.device)


# All masks


def test_all_masks_are_what_a_loop_over_them_gives():
    net = MLP([2, 3, 2, 1], "tanh", dropout=[0.2, 0.6], seed=0)
    x = torch.randn(4, 2)
    result = all_masks(net, x)
    assert result.outputs.shape == (2**5, 4, 1)
    seen = {}
    for mask in itertools.product([False, True], repeat=5):
        kept = torch.tensor(mask).float()
        h = torch.tanh(net.layers[0](x)) * kept[:3] / 0.8
        h = torch.tanh(net.layers[1](h)) * kept[3:] / 0.4
        rates = [0.2] * 3 + [0.6] * 2
        weight = math.prod(1 - p if k else p for k, p in zip(mask, rates, strict=True))
        seen[mask] = (weight, net.layers[2](h))
    for kept, weight, output in zip(*result, strict=True):
        expected = seen.pop(tuple(kept.tolist()))
        assert math.isclose(weight, expected[0])
        torch.testing.assert_close(output, expected[1])
    assert not seen
    assert math.isclose(result.probabilities.sum(), 1)


def test_probabilities_are_binomial_and_uniform_only_at_one_half():
    x = torch.randn(1, 2)
    result = all_masks(MLP([2, 6, 1], dropout=0.2, seed=0), x)
    dropped = 6 - result.kept.sum(1)
    torch.testing.assert_close(
        result.probabilities, 0.2 ** dropped.double() * 0.8 ** (6.0 - dropped)
    )
    half = all_masks(MLP([2, 6, 1], dropout=0.5, seed=0), x).probabilities
    torch.testing.assert_close(half, torch.full_like(half, 2**-6))


def test_for_a_linear_net_the_classic_scaling_is_the_exact_average():
    net = MLP([3, 5, 2], "identity", dropout=0.3, seed=0).double()
    x = torch.randn(4, 3).double()
    torch.testing.assert_close(all_masks(net, x).mean, net.eval()(x))


def test_for_a_net_with_relu_it_is_not():
    net = MLP([3, 5, 5, 2], "relu", dropout=0.5, seed=0)
    x = torch.randn(4, 3)
    assert (all_masks(net, x).mean - net.eval()(x)).abs().max() > 0.1


def test_std_is_that_of_the_distribution():
    net = nn.Sequential(nn.Dropout(0.25))
    result = all_masks(net, torch.tensor([[3.0]]))
    assert sorted(result.outputs.flatten().tolist()) == [0, 4]
    torch.testing.assert_close(result.mean, torch.tensor([[3.0]]))
    torch.testing.assert_close(result.std, torch.tensor([[4 * math.sqrt(0.25 * 0.75)]]))


def test_a_head_is_averaged_after_it_was_applied():
    net, x = MLP([2, 4, 3], dropout=0.5, seed=0), torch.randn(5, 2)
    result = all_masks(net, x, head=lambda f: f.softmax(-1))
    torch.testing.assert_close(result.mean.sum(1), torch.ones(5))
    torch.testing.assert_close(result.outputs, all_masks(net, x).outputs.softmax(-1))


def test_dropout_of_everything_or_of_images_is_enumerated_too():
    x = torch.randn(3, 1, 2, 2)
    result = all_masks(nn.Sequential(nn.Dropout(0.5), nn.Flatten()), x)
    torch.testing.assert_close(result.mean, x.flatten(1))
    everything = all_masks(nn.Sequential(nn.Dropout(1.0)), torch.ones(2, 3))
    torch.testing.assert_close(everything.mean, torch.zeros(2, 3))


# Monte Carlo


def nets():
    torch.manual_seed(1)
    return {
        "mlp": (MLP([3, 4, 3, 2], dropout=[0.25, 0.5], norm="batch", seed=0), torch.randn(5, 3)),
        "residual": (MLP([3, 3, 3, 1], dropout=0.375, residual=True, seed=0), torch.randn(5, 3)),
        "input": (nn.Sequential(nn.Dropout(0.25), nn.Linear(4, 2)), torch.randn(6, 4)),
        "inplace": (
            nn.Sequential(
                nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Dropout(0.125, inplace=True),
                nn.Linear(4, 1),
            ),
            torch.randn(5, 3),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", nets())
def test_mean_and_std_tend_to_the_exact_ones(name):
    net, x = nets()[name]
    exact = all_masks(net, x)
    samples = 3000
    mean, std = mc_predict(net, x, samples, seed=0)
    # five standard errors of a mean; a standard deviation's own error is less than that here
    error = 5 * exact.std / math.sqrt(samples) + 1e-5
    assert ((mean - exact.mean).abs() <= error).all()
    torch.testing.assert_close(std, exact.std, rtol=0.2, atol=1e-5)


@pytest.mark.parametrize("name", nets())
def test_each_sample_is_the_output_under_one_of_the_masks(name):
    net, x = nets()[name]
    outputs = all_masks(net, x).outputs  # (masks, N, out)
    for sample in mc_samples(net, x, 20):
        nearest = (outputs - sample).abs().amax(-1).amin(0)  # each row has a mask of its own
        assert (nearest < 1e-5).all()


def test_rows_have_masks_of_their_own_and_samples_differ():
    net = nn.Sequential(nn.Dropout(0.5))
    samples = mc_samples(net, torch.ones(64, 64), 2)
    assert not torch.equal(samples[0], samples[1])
    assert len(samples[0].unique(dim=0)) == 64


def test_it_is_what_passes_in_train_mode_give():
    class Tangled(nn.Module):
        """Calls a layer twice, changes a value in place and adds a skip around a dropout."""

        def __init__(self):
            super().__init__()
            self.a, self.b, self.drop = nn.Linear(3, 3), nn.Linear(3, 3), nn.Dropout(0.5)
            self.c, self.out = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x, shift):
            h = self.c(self.a(self.b(x)))
            skip = self.out(x)
            h += shift
            h += self.drop(self.a(h))
            skip += self.out(h)
            return skip

    net, x, shift = Tangled(), torch.randn(4, 3), torch.ones(3)
    ours = mc_samples(net, (x, shift), 1000, seed=0)
    with torch.no_grad():
        net.train()
        theirs = torch.stack([net(x, shift) for _ in range(1000)])
    values = theirs.round(decimals=3).unique(dim=0)
    assert len(values) > 8
    error = 5 * theirs.std(0) * math.sqrt(2 / 1000)
    assert ((ours.mean(0) - theirs.mean(0)).abs() <= error).all()
    torch.testing.assert_close(ours.std(0), theirs.std(0), rtol=0.2, atol=0)


def test_what_comes_before_the_first_mask_is_computed_once():
    calls = []
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Dropout(), nn.Linear(2, 1))
    counted = torch.nn.functional.linear

    def count(x, weight, bias=None):
        calls.append(tuple(weight.shape))
        return counted(x, weight, bias)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "linear", count)
        mc_samples(net, torch.randn(3, 2), 7)
    assert calls.count((2, 2)) == 1
    assert calls.count((1, 2)) == 7


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (nn.Sequential(nn.Conv2d(2, 3, 1), nn.Dropout2d(0.5)), (4, 2, 5, 5)),
        (nn.Sequential(nn.Linear(3, 3), nn.AlphaDropout(0.3)), (4, 3)),
        (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.3, batch_first=True), (2, 3, 4)),
    ],
)
def test_other_kinds_of_dropout_are_random_too(net, shape):
    x = torch.randn(*shape)
    samples = mc_samples(net, x, 4)
    assert len(samples.unique(dim=0)) == 4
    net.eval()
    with torch.no_grad():
        assert torch.equal(net(x), net(x))


def test_the_model_stays_as_it_was():
    net = MLP([3, 8, 2], dropout=0.5, norm="batch", seed=0)
    net.train()
    net.layers[1].eval()
    modes = [m.training for m in net.modules()]
    weights = {k: v.clone() for k, v in net.state_dict().items()}
    x = torch.randn(5, 3)
    state = torch.get_rng_state()
    first = mc_predict(net, x, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(mc_predict(net, x, seed=4).mean, first.mean)
    assert not first.mean.requires_grad
    with ablate(net, "after.0", 1):
        all_masks(net, x)
    assert [m.training for m in net.modules()] == modes
    assert all(torch.equal(v, weights[k]) for k, v in net.state_dict().items())
    assert not any(m._forward_hooks or "forward" in vars(m) for m in net.modules())


@pytest.mark.parametrize("name", nets())
def test_in_inference_mode_it_draws_the_same(name):
    net, x = nets()[name]
    expected = mc_samples(net, x, 3, seed=0)
    with torch.inference_mode():
        assert torch.equal(mc_samples(net, x.clone(), 3, seed=0), expected)


def test_a_forward_of_an_objects_own_is_kept():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    mine = net[0].forward = lambda x: x + 1
    samples = mc_samples(net, torch.ones(3, 2), 3)
    assert set(samples.flatten().tolist()) <= {0.0, 4.0}
    assert net[0].forward is mine


def test_monte_carlo_with_a_head_averages_probabilities():
    net, x = MLP([3, 8, 4], dropout=0.5, seed=0), torch.randn(5, 3)
    mean, _ = mc_predict(net, x, head=lambda f: f.softmax(-1))
    torch.testing.assert_close(mean.sum(-1), torch.ones(5))


# Knocked-out units


@pytest.mark.parametrize("unit", [0, 3])
def test_a_unit_knocked_out_is_as_if_its_outgoing_weights_were_zero(unit):
    net, x = MLP([3, 4, 2], "tanh", seed=0), torch.randn(5, 3)
    with ablate(net, net.after[0], unit):
        out = net(x)
    assert not torch.equal(out, net(x))
    with torch.no_grad():
        net.layers[1].weight[:, unit] = 0
    torch.testing.assert_close(out, net(x))


def test_a_channel_can_be_set_to_its_mean():
    net, x = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten()), torch.randn(2, 1, 4, 4)
    with ablate(net, "0", 2, value=0.5):
        channels = net(x).view(2, 3, -1)
    assert (channels[:, 2] == 0.5).all()
    torch.testing.assert_close(channels[:, :2], net(x).view(2, 3, -1)[:, :2])


# Misuse


class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout()

    def forward(self, x):
        return x


def test_misuse_is_refused():
    x = torch.ones(2, 3)
    net = MLP([3, 4, 2], dropout=0.5)
    with pytest.raises(ValueError, match="no dropout layer"):
        mc_predict(MLP([3, 2]), x)
    with pytest.raises(ValueError, match="does not go through"):
        mc_predict(Idle(), x)
    with pytest.raises(ValueError, match="samples must be at least 2"):
        mc_predict(net, x, 1)
    with pytest.raises(ValueError, match="samples must be at least 1"):
        mc_samples(net, x, 0)
    with pytest.raises(ValueError, match=r"2\^64"):
        all_masks(MLP([3, 64, 2], dropout=0.5), x)
    with pytest.raises(ValueError, match=r"for nn.Dropout only, got Dropout2d"):
        all_masks(nn.Sequential(nn.Dropout2d()), x)
    twice = nn.Sequential(*[nn.Dropout()] * 2)
    with pytest.raises(ValueError, match="called once with a row per input"):
        all_masks(twice, x)
    with pytest.raises(ValueError, match=r"unknown layer 'afer.0'.*did you mean"):
        ablate(net, "afer.0", 0).__enter__()
    with pytest.raises(ValueError, match="a module of the model"):
        ablate(net, nn.ReLU(), 0).__enter__()
    with (
        pytest.raises(ValueError, match="unit must be one of 0 to 3, got 4"),
        ablate(net, net.after[0], 4),
    ):
        net(x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_averages_in_half_precision_are_those_of_large_numbers(dtype):
    net = nn.Sequential(nn.Dropout(0.9), nn.Linear(10, 1, bias=False))
    with torch.no_grad():
        net[1].weight.fill_(100.0)
    x = torch.ones(1, 10)
    wide, half = all_masks(net, x), all_masks(net.to(dtype), x.to(dtype))
    assert half.mean.dtype == half.std.dtype == dtype
    torch.testing.assert_close(half.mean.float(), wide.mean, rtol=0.01, atol=0)
    torch.testing.assert_close(half.std.float(), wide.std, rtol=0.01, atol=0)
    mean, std = mc_predict(net, x.to(dtype), samples=2000, seed=0)
    torch.testing.assert_close(std.float(), wide.std, rtol=0.2, atol=0)
    torch.testing.assert_close(mean.float(), wide.mean, rtol=0.2, atol=0)


def test_no_rows_give_no_predictions():
    net = MLP([2, 4, 1], dropout=0.5, seed=0)
    assert all_masks(net, torch.zeros(0, 2)).outputs.shape == (16, 0, 1)
    assert mc_predict(net, torch.zeros(0, 2)).mean.shape == (0, 1)
