"""Every room works where the model, or its input, is: with the numbers of the CPU."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnkit import plots
from nnkit._masks import keep_mask
from nnkit.activations import ACTIVATIONS
from nnkit.augment import images, speech
from nnkit.data import circles, curve, split, two_moons, xor
from nnkit.dropout import all_masks, mc_predict
from nnkit.graph import Graph
from nnkit.hypernetworks import EarlyExit, Hypernetwork
from nnkit.layers import (
    DropConnect,
    LocallyConnected1d,
    LocallyConnected2d,
    MaskedLinear,
    NonNegativeLinear,
    Shared1d,
)
from nnkit.losses import hinge, multiclass_hinge, softmax
from nnkit.models import MLP
from nnkit.plots._canvas import pixels
from nnkit.pruning import (
    GradualPruning,
    finalize,
    load_sparse,
    magnitude,
    masks,
    prune_neurons,
    prune_weights,
    quantize,
    rewind,
    save_sparse,
    shrink,
    size_in_bytes,
    snip,
    sparsity,
)
from nnkit.regularizers import L1, InputNoise, largest_slope, lipschitz_bound
from nnkit.sweep import sweep
from nnkit.symmetry import align, barrier, flip, interpolate, permute, rescale
from nnkit.training import fit
from nnkit.transfer import copy_layers, freeze, parameter_groups
from tests.accelerator import CPU, DEVICE, close, same_state, where

DRAWS = torch.Generator().manual_seed(3)
X = torch.randn(50, 4, generator=DRAWS)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).long()


def net(**options):
    return MLP([4, 8, 2], **{"activation": "tanh", "seed": 0} | options)


def both(model, compute, *inputs):
    """What `compute` gives for a model here and there, with the inputs where the model is."""
    there = copy.deepcopy(model).to(DEVICE)
    return compute(there, *(x.to(DEVICE) for x in inputs)), compute(model, *inputs)


def test_mc_predict_and_all_masks_work_where_the_model_is():
    model = MLP([4, 6, 2], dropout=0.3, seed=0)
    there = copy.deepcopy(model).to(DEVICE)
    for x in (X, X.to(DEVICE)):  # inputs are brought to the model
        mean, std = mc_predict(there, x, 200, seed=0, head=lambda f: f.softmax(1))
        assert (mean.device, std.device) == (DEVICE, DEVICE)
        expected = mc_predict(model, X, 200, seed=0, head=lambda f: f.softmax(1))
        torch.testing.assert_close(mean.cpu(), expected.mean, atol=0.1, rtol=0)  # other masks
        again = mc_predict(there, x, 200, seed=0, head=lambda f: f.softmax(1))
        assert torch.equal(again.mean.cpu(), mean.cpu())
        masks, exact = all_masks(there, x), all_masks(model, X)
        assert masks.outputs.device == DEVICE
        close(masks.probabilities, exact.probabilities)
        close(masks.mean, exact.mean)
        close(masks.std, exact.std)


def test_a_seed_of_mc_predict_leaves_all_random_states_alone(monkeypatch):
    model, before = MLP([4, 6, 2], dropout=0.3, seed=0), torch.get_rng_state()
    seen = []
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: "as it was")
    monkeypatch.setattr(torch.mps, "set_rng_state", seen.append)
    mc_predict(model, X, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    assert seen == ["as it was"]


def test_masks_come_from_a_generator_of_another_device():
    generator = torch.Generator().manual_seed(0)
    here = keep_mask((50,), 0.5, X, generator)
    there = keep_mask((50,), 0.5, X.to(DEVICE), generator.manual_seed(0))
    assert there.device == DEVICE
    assert torch.equal(there.cpu(), here)
    free = keep_mask((4000,), 0.25, X.to(DEVICE))
    assert (free.device, round(float(free.mean()), 1)) == (DEVICE, 0.8)


def test_slopes_are_measured_where_the_model_is():
    model = net()
    there = copy.deepcopy(model).to(DEVICE)
    close(lipschitz_bound(there), lipschitz_bound(model))
    for x in (X, X.to(DEVICE)):
        close(largest_slope(there, x), largest_slope(model, X))


def test_pruning_works_where_the_model_is(tmp_path):
    def pruned(model, x, y):
        prune_weights(model, 0.3, scores=snip(model, X, Y, F.cross_entropy))
        prune_weights(model, 0.5, scores=magnitude(net()))  # scores of the CPU
        start = copy.deepcopy(net(seed=1).state_dict())
        gradually = GradualPruning(model, 0.8, begin=1, end=4, every=1)
        options = {"loss": F.cross_entropy, "regularizer": L1(1e-3), "callbacks": [gradually]}
        fit(model, (X, Y), epochs=2, seed=0, progress=False, **options)
        share, values = sparsity(model), [m for _, m in sorted(masks(model).items())]
        rewind(model, start)
        finalize(model)
        return [model, torch.tensor(share), *values]

    there, here = both(net(), pruned, X, Y)
    assert where(there[0]) == {DEVICE}
    same_state(there[0], here[0])
    for a, b in zip(there[1:], here[1:], strict=True):
        close(a, b)
    sizes = [save_sparse(model, tmp_path / "net") for model in (there[0], here[0])]
    assert sizes[0] == sizes[1] > size_in_bytes(here[0]) / 100
    assert {value.device for value in load_sparse(tmp_path / "net").values()} == {CPU}


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_neurons_are_cut_out_where_the_model_is(scope):
    def cut(model, x):
        small = prune_neurons(
            model, 0.5, scope=scope, by="gamma" if scope == "global" else "weights"
        )
        eight = quantize(small)
        return small, small.eval()(x), eight.eval()(x), shrink(model, [[1, 3]]).eval()(x)

    there, here = both(net(norm="batch"), cut, X)
    assert where(there[0]) == {DEVICE}
    close(there[1], here[1])
    close(there[3], here[3])
    torch.testing.assert_close(there[2].cpu(), here[2], atol=0.02, rtol=0)  # whole numbers here


def test_layers_are_copied_between_devices_and_frozen():
    old, new = net(seed=1).to(DEVICE), net()
    copy_layers(old, new, 0)
    close(new.layers[0].weight, old.layers[0].weight)
    assert where(new) == {CPU}
    copy_layers(net(seed=2), old)
    same_state(old, net(seed=2))
    freeze(old, 0)
    fit(old, (X, Y), loss=F.cross_entropy, epochs=1, progress=False)
    close(old.layers[0].weight, net(seed=2).layers[0].weight)
    groups = parameter_groups(old, 0.01)
    fit(old, (X, Y), loss=F.cross_entropy, epochs=1, optimizer=torch.optim.Adam(groups))


@pytest.mark.parametrize("options", [{}, {"chunks": 4}, {"rank": 2}])
def test_hypernetworks_work_where_the_model_is(options):
    for target in (net(), nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))):
        hyper = Hypernetwork(target, context=3, noise=2, seed=0, **options)

        def trained(model, x, c):
            torch.manual_seed(1)
            history = fit(
                model, ((X, X[:, :3]), Y), loss=F.cross_entropy, epochs=2, seed=0, progress=False,
                optimizer=torch.optim.SGD, lr=0.1,
            )  # fmt: skip
            mean, std = model.predict(x, c, samples=5, seed=0)
            return [torch.tensor(history["loss"]), mean, std, model(x, c[0], c[0, :2])]

        for a, b in zip(*both(hyper, trained, X, X[:, :3]), strict=True):
            close(a, b)


def test_early_exits_work_where_the_model_is():
    def left(model, x):
        fit(model, (X, Y), loss=model.loss, epochs=1, seed=0, progress=False)
        return model.predict(x, 0.6)

    there, here = both(EarlyExit(MLP([4, 8, 8, 2], seed=0), seed=0), left, X)
    close(there.probability, here.probability)
    assert there.depth.tolist() == here.depth.tolist()


def test_symmetries_work_where_the_model_is():
    def moves(model, x):
        order = torch.arange(7, -1, -1, device=x.device)
        twin = flip(permute(model, 0, order), 0, [1, 3])
        same = [align(twin, model), align(twin, model, X), align(twin, model, x)]
        relu = MLP([4, 8, 2], seed=0).to(x.device)
        larger = rescale(relu, 0, torch.linspace(1, 2, 8, device=x.device))
        line = barrier(model, twin, lambda m: F.cross_entropy(m(x), Y.to(x.device)), points=5)
        halfway = interpolate(model, twin, 0.5)
        nets = [twin, *same, larger, halfway]
        assert all(where(m) == {x.device} for m in nets)
        return [*(m(x) for m in nets), line.loss, torch.tensor(line.height)]

    for a, b in zip(*both(net(), moves, X), strict=True):
        close(a, b)
    aligned = align(permute(net(), 0, range(7, -1, -1)).to(DEVICE), net())  # of two devices
    same_state(aligned, net())


LAYERS = {
    "masked": (lambda: MaskedLinear(torch.ones(3, 4).tril()), (5, 4)),
    "non-negative": (lambda: NonNegativeLinear(4, 3), (5, 4)),
    "local 1d": (lambda: LocallyConnected1d(2, 3, 6, 3), (5, 2, 6)),
    "local 2d": (lambda: LocallyConnected2d(1, 2, (4, 5), 2), (5, 1, 4, 5)),
    "shared": (lambda: Shared1d(2, 3, 6, 3), (5, 2, 6)),
    "dropconnect": (lambda: DropConnect(4, 3, activation="relu").eval(), (5, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_work_where_they_are(name):
    def seen(layer, x):
        parts = [layer(x)]
        if hasattr(layer, "matrix"):
            parts += [layer.matrix(), layer.wiring(), layer.mask * layer.matrix()]
        return parts

    make, shape = LAYERS[name]
    for a, b in zip(*both(make(), seen, torch.randn(shape)), strict=True):
        assert a.device == DEVICE
        close(a, b)


def test_dropconnect_trains_where_it_is():
    layer = DropConnect(4, 3, masks="sample").to(DEVICE)
    layer(X.to(DEVICE)).sum().backward()
    assert (layer.mask.device, layer.weight.grad.device) == (DEVICE, DEVICE)


def test_losses_work_where_the_output_is():
    scores, signs = torch.randn(50, 2), 2.0 * Y - 1
    for f in (
        lambda s, y: hinge(s[:, 0], 2.0 * y - 1),
        lambda s, y: multiclass_hinge(s, y),
        lambda s, y: multiclass_hinge(s, y, kind="weston-watkins"),
        lambda s, y: softmax(s, 0.5),
    ):
        close(f(scores.to(DEVICE), Y.to(DEVICE)), f(scores, Y))
    assert signs.abs().min() == 1


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_work_where_their_input_is(name):
    u, entry = torch.linspace(-3, 3, 13), ACTIVATIONS[name]
    for f in (entry.function, entry.derivative):
        close(f(u.to(DEVICE)), f(u))
    heads = ("softmax", (-1.0, 2.0))
    for a, b in zip(*both(net(activation=name, head=heads[0]), lambda m, x: m(x), X), strict=True):
        close(a, b)
    close(*both(net(activation=name, head=heads[1]), lambda m, x: m(x), X))


def test_a_graph_is_built_where_its_nodes_are():
    nodes = {"h": (nn.Linear(4, 3), "x"), "s": (torch.tanh, "h"), "y": (nn.Linear(3, 2), "s")}
    graph = Graph({"x": (4,)}, nodes, "y")
    close(*both(graph, lambda m, x: m(x), X))
    nodes = {name: (copy.deepcopy(f), p) for name, (f, p) in nodes.items()}
    for f, _ in nodes.values():
        if isinstance(f, nn.Module):
            f.to(DEVICE)
    assert where(Graph({"x": (4,)}, nodes, "y")) == {DEVICE}


RECORDING = torch.randn(500, generator=DRAWS)
IMAGES = torch.rand(4, 3, 12, 12, generator=DRAWS)
DRAWN = {
    "images": lambda g: images.Compose(
        images.Flip(), images.Shift(0.1), images.RotateZoom(15, 1.2), images.Elastic(0.05, 0.2),
        images.RandomResizedCrop(0.8), images.Brightness(0.2), images.Contrast(1.3), images.Hue(20),
        images.Sharpness(1.5), images.Downscale(0.5), InputNoise(0.1), generator=g,
    ),
    "speech": lambda g: speech.Compose(
        speech.Crop(0.01, 8000, generator=g), speech.TimeStretch(1.2, 8000, generator=g),
        speech.PitchShift(3, 8000, generator=g), speech.Noise(10, 20, 8000, generator=g),
        speech.Noise(10, 20, 8000, RECORDING, generator=g),
    ),
}  # fmt: skip
SOUNDS = torch.sin(torch.arange(2400) * torch.tensor([[0.1], [0.2]]))


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("seeded", [True, False])
def test_augmentation_works_where_the_data_are(kind, seeded):
    x = IMAGES if kind == "images" else SOUNDS
    outputs = []
    for place in (DEVICE, CPU):
        torch.manual_seed(5)
        augment = DRAWN[kind](torch.Generator().manual_seed(3) if seeded else None)
        outputs.append(augment(x.to(place), None)[0])
        assert outputs[-1].device == place
    torch.testing.assert_close(outputs[0].cpu(), outputs[1], atol=1e-4, rtol=1e-4)


def test_spectra_and_pitch_are_measured_where_the_sound_is():
    for f in (
        lambda x: speech.log_mel(x, 8000, mels=10),
        lambda x: speech.log_spectrogram(x, 8000),
        lambda x: speech.pitch(x, 8000).nan_to_num(),
        lambda x: speech.pitch_shift(x, 2.0, 8000),
        lambda x: speech.SpecAugment(3, 3, generator=torch.Generator().manual_seed(0))(
            speech.log_mel(x, 8000, mels=10), None
        )[0],
    ):
        torch.testing.assert_close(f(SOUNDS.to(DEVICE)).cpu(), f(SOUNDS), atol=1e-3, rtol=1e-3)


def test_rows_on_a_device_are_split_there():
    x, y = X.to(DEVICE), Y.to(DEVICE)
    for part, other in zip(split(x, y), split(X, Y), strict=True):
        assert {t.device for t in part} == {DEVICE}
        close(part[0], other[0])


# Pictures: what is drawn is brought to the CPU


def test_plots_draw_what_is_on_a_device():
    sequential = nn.Sequential(nn.Linear(2, 6), nn.Dropout(0.9), nn.Linear(6, 3))

    def drawn(model, x):
        torch.manual_seed(0)
        place, same = x.device, {"resolution": 20}
        w, y = torch.tensor([1.0, 2.0], device=place, requires_grad=True), Y.to(place)
        one, t = MLP([2, 1], seed=0).to(place), torch.linspace(0, 1, len(x)).to(place)
        figures = [
            plots.surface(model, x, y, **same),
            plots.surface(one, x, y, relief=True, normal=(w, 0.5), **same),
            plots.surface(lambda p: one(p.to(place)), x, **same),
            plots.neuron(w, 0.5),
            plots.points(x, y),
            plots.network(model),
            plots.network(Shared1d(1, 1, 5, 3).to(place)),
            plots.decisions(x.sum(1), y, 0.0),
            plots.lines(t, {"a": x.sum(1) * w[0], "b": t}),
            plots.spread([1, 2], torch.ones(2, 3).to(place)),
            plots.paths(lambda p: p.square().sum(1), {"walk": x}, limits=(-3, 3, -3, 3)),
            plots.tiles(torch.rand(3, 4, 4).to(place)),
            plots.sounds({"tone": SOUNDS[0].to(place)}, 8000, voice=True),
        ]
        plots.listen({"tone": SOUNDS[0].to(place)}, 8000)
        assert model.training  # as before it was drawn
        return [pixels(figure, 0.3).astype(float) for figure in figures]

    for a, b in zip(*both(sequential, drawn, X[:, :2]), strict=True):
        assert abs(a - b).mean() < 0.5


def test_half_precision_is_drawn():
    plots.lines(torch.arange(3), {"a": torch.arange(3).bfloat16()})


def test_where_new_tensors_go_by_default_changes_no_number():
    def made():
        yield from (t for pair in (two_moons(20), circles(20), xor(20), curve(20)) for t in pair)
        hyper = Hypernetwork(net(), 3, noise=2, chunks=3, seed=0)
        yield from hyper.predict(x, x[:, :3], samples=3, seed=0)
        yield barrier(net(), net(seed=1), lambda m: F.cross_entropy(m(x), y), points=3).loss
        result = sweep(
            lambda seed: net(seed=seed), (x, y), loss=F.cross_entropy, epochs=2, seeds=2,
            grid={"lam": [0.1, 0.2]}, regularizer=L1, validation=(x, y), method="stacked",
        )  # fmt: skip
        yield torch.tensor(result.values(), dtype=torch.float32)
        model = net()
        fit(model, (x, y), loss=F.cross_entropy, epochs=2, seed=0, progress=False)
        yield model(x)
        plots.neuron([1.0, 2.0], 0.5)
        plots.network(Shared1d(1, 1, 5, 3))

    x, y = X, Y
    here = list(made())
    x, y = X.to(DEVICE), Y.to(DEVICE)
    with torch.device(DEVICE):
        there = list(made())
    for a, b in zip(there, here, strict=True):
        close(a, b)
    assert {t.device for t in there[:8]} == {DEVICE}
