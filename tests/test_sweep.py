"""A sweep gives the numbers of `fit`, one model after the other, whichever way it is trained."""

import math
import re
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from torch import nn
from torchmetrics import MeanSquaredError

from nnkit import optim
from nnkit.models import MLP
from nnkit.pruning import prune_weights, sparsity
from nnkit.regularizers import (
    L1,
    L2,
    L2SP,
    GaussianMixturePrior,
    GradientPenalty,
    GroupLasso,
    InputNoise,
    MaxNorm,
    NonNegative,
    SoftSharing,
)
from nnkit.sweep import Sweep, sweep
from nnkit.sweep._sweep import operations

G = torch.Generator().manual_seed(0)
X = torch.randn(50, 3, generator=G)
Y = (X[:, :1] * X[:, 1:2]).sin() + 0.1 * torch.randn(50, 1, generator=G)
LABELS = torch.randint(0, 3, (50,), generator=G)
XV, YV, LABELS_V = X[:20] + 0.1, Y[:20], LABELS[:20]
LAMS = [0.0, 1e-3, 0.05]


def mlp(seed, **options):
    return MLP([3, 6, 5, 1], "tanh", seed=seed, **options)


def conv(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 3, 2), nn.ReLU(), nn.Flatten(),
                         nn.Linear(6, 1))  # fmt: skip


def both_ways(model=mlp, data=(X, Y), validation=(XV, YV), **options):
    """The sweep trained together and one by one; they must agree."""
    chosen = {"loss": F.mse_loss, "regularizer": L2, "grid": {"lam": LAMS}, "seeds": [0, 7]}
    chosen |= {"epochs": 4, "batch_size": 16, "lr": 0.01, **options}
    together = sweep(model, data, validation=validation, method="stacked", **chosen)
    alone = sweep(model, data, validation=validation, method="sequential", **chosen)
    assert alone.method == "sequential"
    for a, b in zip(together.trials, alone.trials, strict=True):
        assert (a.settings, a.seed) == (b.settings, b.seed)
        assert a.history.names == b.history.names
        assert a.history.stop_reason == b.history.stop_reason
        for name in set(a.history.names) - {"seconds"}:
            assert a.history[name] == pytest.approx(b.history[name], rel=1e-5, abs=1e-5)
        for p, q in zip(a.model.state_dict().values(), b.model.state_dict().values(), strict=True):
            torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-5)
            assert not p.requires_grad
    return together, alone


@pytest.mark.parametrize(
    ("model", "way"),
    [
        (mlp, "batched"),
        (partial(mlp, residual=True, head=(-2.0, 2.0)), "batched"),
        (partial(mlp, norm="layer"), "vmap"),
        (conv, "vmap"),
    ],
    ids=["mlp", "residual", "layer norm", "conv"],
)
def test_the_numbers_are_those_of_fit(model, way):
    together, _ = both_ways(model)
    assert together.method == way
    values = together.values()
    assert values.shape == (3, 2)
    assert len(np.unique(values)) == 6, "every setting and seed has its own"


def test_the_order_of_rows_and_the_last_batch_are_those_of_fit():
    both_ways(batch_size=13, data=(X.double(), Y.double()), validation=None,
              model=lambda seed: mlp(seed).double())  # fmt: skip


def test_batch_normalisation_keeps_statistics_of_its_own():
    """With plain SGD: Adam takes full steps along gradients that are rounding alone."""
    both_ways(partial(mlp, norm="batch"), optimizer=torch.optim.SGD, batch_size=25)
    options = {"loss": F.mse_loss, "regularizer": L2, "grid": {"lam": LAMS}, "epochs": 1}
    chosen = sweep(partial(mlp, norm="batch"), (X, Y), optimizer=torch.optim.SGD, **options)
    assert chosen.method == "vmap"
    chosen = sweep(partial(mlp, norm="batch"), (X, Y), **options)
    assert chosen.method == "sequential"
    assert "mere rounding" in chosen.reason


def test_dropout_is_trained_one_by_one_unless_asked_for():
    options = {"loss": F.mse_loss, "regularizer": L2, "grid": {"lam": LAMS}, "epochs": 2}
    chosen = sweep(partial(mlp, dropout=0.5), (X, Y), **options)
    assert chosen.method == "sequential"
    assert "dropout draws other numbers" in chosen.reason
    runs = [sweep(partial(mlp, dropout=0.5), (X, Y), method="stacked", **options) for _ in range(2)]
    assert runs[0].method == "vmap"
    np.testing.assert_array_equal(runs[0].values("loss"), runs[1].values("loss"))


REGULARIZERS = {
    "none": (None, {"lr": [0.01, 0.03]}),
    "fixed": (L2(0.01) + NonNegative(), {"lr": [0.01, 0.03]}),
    "L1": (L1, {"lam": LAMS}),
    "elastic net": (lambda a, b: L2(a) + L1(b), {"a": [0.0, 0.1], "b": [0.0, 0.1]}),
    "by layer": (lambda lam: L2([lam, 2 * lam, 3 * lam]), {"lam": LAMS}),
    "sharing": (SoftSharing, {"lam": LAMS}),
    "sharing groups": (
        lambda lam: SoftSharing(lam, {"layers.0.weight": torch.arange(18).view(6, 3) % 3}),
        {"lam": LAMS},
    ),
    "L2SP": (lambda lam: L2SP(lam, mlp(3)), {"lam": LAMS}),
    "group lasso": (GroupLasso, {"lam": [0.0, 0.1]}),
    "max norm": (MaxNorm, {"limit": [0.5, 1.0]}),
    "scaled": (lambda lam: 2 * (L2(lam) + L1(lam, proximal=False)), {"lam": LAMS}),
    "a prior that learns": (GaussianMixturePrior, {"lam": [1e-3, 1e-2]}),
    "by autograd, on inputs": (GradientPenalty, {"lam": LAMS}),
    "a function": (lambda lam: lambda m: lam * m.layers[0].bias.square().sum(), {"lam": LAMS}),
    "about two middles": (lambda lam: SoftSharing(0.1, mean=lam > 0.01), {"lam": LAMS}),
}


@pytest.mark.parametrize(("regularizer", "grid"), REGULARIZERS.values(), ids=REGULARIZERS)
@pytest.mark.parametrize("optimizer", [None, torch.optim.SGD])
def test_every_penalty_acts_as_in_fit(regularizer, grid, optimizer):
    both_ways(regularizer=regularizer, grid=grid, optimizer=optimizer)


def test_penalties_are_measured_at_the_batches_at_which_fit_does():
    together, _ = both_ways(batch_size=2, epochs=2, lr=0.05)  # 25 batches, measured are two
    assert together.trials[-1].history["penalty"][1] > 0


def test_l1_gives_the_same_zeros():
    together, alone = both_ways(regularizer=L1, grid={"lam": [0.05, 0.3], "lr": [0.01, 0.03]},
                                seeds=1, epochs=12)  # fmt: skip
    zeros = [[(layer.weight == 0).sum().item() for layer in m.layers] for m in together.models]
    assert zeros == [[(layer.weight == 0).sum().item() for layer in m.layers] for m in alone.models]
    assert sum(zeros[2]) > sum(zeros[0]) > 0


@pytest.mark.parametrize(
    "optimizer",
    [
        None,
        torch.optim.Adam,
        partial(torch.optim.SGD, momentum=0.9, weight_decay=0.1),
        partial(torch.optim.AdamW, weight_decay=0.1),
        torch.optim.RMSprop,
        torch.optim.Adagrad,
        optim.Nadam,
    ],
)
def test_every_model_has_its_own_step_size(optimizer):
    both_ways(optimizer=optimizer, regularizer=None, grid={"lr": [0.001, 0.01, 0.04]})


def test_other_hyperparameters_of_the_optimiser_are_trained_apart():
    def factory(params, lr, momentum):
        return torch.optim.SGD(params, lr=lr, momentum=momentum)

    together, _ = both_ways(optimizer=factory, grid={"lam": LAMS, "momentum": [0.0, 0.9]})
    assert [t.settings["momentum"] for t in together.trials] == [0.0, 0.0, 0.9, 0.9] * 3


def tempered(output, target, temperature):
    return F.cross_entropy(output / temperature, target)


@pytest.mark.parametrize(
    ("loss", "grid"),
    [
        (F.cross_entropy, {"lam": LAMS}),
        (nn.CrossEntropyLoss(label_smoothing=0.1), {"lam": LAMS}),
        (tempered, {"temperature": [0.5, 2.0], "lam": LAMS}),
    ],
)
def test_losses_and_metrics_are_those_of_fit(loss, grid):
    both_ways(
        lambda seed: MLP([3, 6, 3], seed=seed),
        (X, LABELS),
        (XV, LABELS_V),
        loss=loss,
        grid=grid,
        metrics={"accuracy": lambda f, y: (f.argmax(1) == y).float().mean()},
    )


def test_a_frozen_layer_stays():
    def frozen(seed):
        model = mlp(seed)
        model.layers[0].requires_grad_(False)
        return model

    options = {"loss": F.mse_loss, "regularizer": L1, "grid": {"lam": LAMS}, "epochs": 2}
    result = sweep(frozen, (X, Y), method="stacked", **options)
    for model in result.models:
        assert torch.equal(model.layers[0].weight, mlp(0).layers[0].weight)
        assert not model.layers[0].weight.requires_grad
        assert not torch.equal(model.layers[1].weight, mlp(0).layers[1].weight)


def test_a_model_that_diverges_does_not_harm_the_others():
    options = {"regularizer": None, "optimizer": torch.optim.SGD, "epochs": 30, "seeds": 2}
    together, alone = both_ways(
        lambda seed: MLP([3, 6, 1], "relu", seed=seed), grid={"lr": [0.01, 100.0]}, **options
    )
    for result in (together, alone):
        values = result.values()
        assert np.isfinite(values[0]).all()
        assert np.isnan(values[1]).all()
        assert result.best() == {"lr": 0.01}
        assert result.trials[2].history.stop_reason == "non-finite loss"
    with pytest.raises(ValueError, match="no setting was trained to a finite loss"):
        together.select(lr=100.0).best()
    gone = sweep(mlp, (X, Y), loss=lambda f, y: f.sum() * math.inf, grid={"lr": [0.1, 0.2]})
    assert gone.method == "batched"
    assert all(len(trial.history) == 0 for trial in gone.trials)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"optimizer": torch.optim.Adafactor, "lr": 0.01}, "Adafactor does not treat every weight"),
        ({"optimizer": torch.optim.RMSprop, "regularizer": lambda lam: L2(lam) + MaxNorm(1)}, ""),
        ({"transform": InputNoise(0.1)}, "transform is known to `fit` alone"),
        ({"data": torch.utils.data.TensorDataset(X, Y)}, "data is no pair of tensors"),
        (
            {"metrics": {"error": MeanSquaredError()}, "validation": (XV, YV)},
            "a metric that gathers its own sums",
        ),
    ],
)
def test_what_cannot_be_trained_together_is_trained_one_by_one(change, reason):
    options = {"loss": F.mse_loss, "regularizer": L2, "grid": {"lam": [0.0, 0.1]}, "epochs": 1}
    options |= change
    data = options.pop("data", (X, Y))
    result = sweep(mlp, data, **options)
    if not reason:
        assert result.method == "batched"
        return
    assert result.method == "sequential"
    assert reason in result.reason
    with pytest.raises(ValueError, match="cannot be stacked: .*" + reason[:20]):
        sweep(mlp, data, method="stacked", **options)


def test_pruned_models_keep_their_masks():
    def thin(seed):
        net = mlp(seed)
        prune_weights(net, 0.5)
        return net

    options = {"loss": F.mse_loss, "regularizer": L2, "grid": {"lam": [0.0, 0.1]}, "epochs": 1}
    result = sweep(thin, (X, Y), **options)
    assert result.method == "sequential"
    assert "masks of pruning" in result.reason
    assert all(sparsity(net) > 0.45 for net in result.models)
    with pytest.raises(ValueError, match="masks of pruning"):
        sweep(thin, (X, Y), method="stacked", **options)


def test_a_proximal_step_that_is_not_known_is_refused_either_way():
    options = {"loss": F.mse_loss, "regularizer": L1, "grid": {"lam": [0.1, 0.2]}}
    for way in ("auto", "stacked", "sequential"):
        with pytest.raises(ValueError, match="not for RMSprop"):
            sweep(mlp, (X, Y), optimizer=torch.optim.RMSprop, method=way, **options)


def test_it_chooses_by_size():
    options = {"loss": F.mse_loss, "regularizer": L2, "epochs": 1}
    small = sweep(mlp, (X, Y), grid={"lam": LAMS}, **options)
    assert (small.method, small.reason) == ("batched", "3 models in stacks of 3")
    one = sweep(mlp, (X, Y), grid={"lam": [0.1]}, **options)
    assert (one.method, one.reason) == ("sequential", "there is only one model")
    large = sweep(lambda seed: MLP([3, 300, 300, 1], seed=seed), (X, Y), grid={"lam": LAMS},
                  **options)  # fmt: skip
    assert large.method == "sequential"
    assert "182400 operations per row" in large.reason
    assert operations(nn.Linear(5, 7), torch.ones(1, 5)) == 2 * 5 * 7


def test_a_large_grid_is_trained_in_stacks(monkeypatch):
    monkeypatch.setattr("nnkit.sweep._sweep.STACK_FLOATS", 200)
    together, _ = both_ways()  # a model has 65 parameters
    assert together.reason == "6 models in stacks of 3"


def test_it_can_be_spread_over_processes():
    options = {"loss": F.mse_loss, "regularizer": L2, "grid": {"lam": LAMS}, "epochs": 2}
    here = sweep(mlp, (X, Y), validation=(XV, YV), **options)
    there = sweep(mlp, (X, Y), validation=(XV, YV), n_jobs=2, **options)
    np.testing.assert_allclose(there.values(), here.values(), rtol=1e-5)
    assert there.reason == "3 models in stacks of 2"
    alone = sweep(mlp, (X, Y), validation=(XV, YV), n_jobs=2, method="sequential", **options)
    np.testing.assert_allclose(alone.values(), here.values(), rtol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_it_can_be_spread_over_a_dask_cluster():
    distributed = pytest.importorskip("distributed")
    options = {"loss": F.mse_loss, "regularizer": L2, "grid": {"lam": LAMS}, "epochs": 2}
    here = sweep(mlp, (X, Y), validation=(XV, YV), **options)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        parallel_config(backend="dask"),
    ):
        there = sweep(mlp, (X, Y), validation=(XV, YV), n_jobs=-1, **options)
    assert there.reason == "3 models in stacks of 2", "two workers, a stack each"
    np.testing.assert_allclose(there.values(), here.values(), rtol=1e-5)
    for a, b in zip(there.models, here.models, strict=True):
        torch.testing.assert_close(a.layers[0].weight, b.layers[0].weight, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def result() -> Sweep:
    return sweep(mlp, (X, Y), loss=F.mse_loss, validation=(XV, YV), regularizer=L2, epochs=3,
                 grid={"lam": np.logspace(-3, 1, 3), "lr": torch.tensor([0.01, 0.05])}, seeds=2,
                 metrics={"score": lambda f, y: -F.mse_loss(f, y)})  # fmt: skip


def test_the_best_has_the_least_mean_over_the_seeds(result):
    means = result.values().mean(1)
    assert result.best() == result.settings[means.argmin()]
    assert result.best("val_score", mode="max") == result.best()
    worst = result.best(mode="max")
    assert result.select(**worst).values().mean() == means.max()
    assert type(result.best()["lam"]) is float


def test_a_selection_has_the_models_of_its_settings(result):
    part = result.select(lam=0.1)
    assert [t.settings["lam"] for t in part.trials] == [0.1] * 4
    assert part.values().shape == (2, 2)
    (model, other) = result.select(**result.best()).models
    value = F.mse_loss(model(XV), YV).item()
    assert value == pytest.approx(result.select(**result.best()).values()[0, 0], rel=1e-5)
    assert not torch.equal(model.layers[0].weight, other.layers[0].weight)
    with pytest.raises(ValueError, match=r"lam=5 was not trained, only \[0.001, 0.1"):
        result.select(lam=5)
    with pytest.raises(ValueError, match=r"unknown hyperparameter 'lamb'.*did you mean 'lam'"):
        result.select(lamb=5)
    with pytest.raises(KeyError, match="no column 'f1'"):
        result.values("f1")


def test_the_plot_shows_mean_spread_and_seeds(result):
    axes = result.plot(title="A shallow valley").axes[0]
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == ("log", "lam", "val_loss")
    assert axes.get_title(loc=plt.rcParams["axes.titlelocation"]) == "A shallow valley"
    means = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 3][::3]
    np.testing.assert_allclose(means[0], result.select(lr=result.grid["lr"][0]).values().mean(1))
    assert {text.get_text() for text in axes.texts} == {"lr=0.01", "lr=0.05"}
    axes = result.plot("loss", axes.figure.add_subplot(), x="lr").axes[1]
    assert axes.get_xscale() == "linear"
    assert len(axes.texts) == 3


def test_it_shows_itself(result):
    assert repr(result).startswith("Sweep(3 lam, 2 lr × 2 seeds, batched: 12 models in stacks")
    assert repr(result.trials[0]).startswith("Trial(lam=0.001, lr=0.01, seed=0, History(3 epochs")
    table = result._repr_html_()
    assert table.count("<tr>") == 1 + 6
    head = re.findall(r"<th\b[^>]*>(.*?)</th>", table)
    assert head == ["lam", "lr", "loss", "penalty", "val_loss"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": {}}, "grid must be a dict"),
        ({"grid": {"lam": 0.1}}, "lam must have a list of values, got 0.1"),
        ({"grid": {"lam": []}}, "lam must have a list of values"),
        ({"grid": {"width": [1, 2]}}, "nothing takes the hyperparameter 'width'.*'lr' or an arg"),
        ({"regularizer": L2(0.1)}, "nothing takes the hyperparameter 'lam'"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"seeds": [1, 1]}, "different seeds"),
        ({"seeds": [-1]}, "each of seeds must be at least 0"),
        ({"method": "vmap"}, "unknown method 'vmap': allowed are auto, stacked, sequential"),
        ({"n_jobs": 0}, "n_jobs must be -1 for one per core, or at least 1, got 0"),
        ({"optimizer": torch.optim.SGD([torch.ones(1)], 0.1)}, "optimizer must be a factory"),
        ({"model": lambda seed: 3}, "gives a module, got 3"),
        ({"epoch": 3}, "unexpected keyword argument 'epoch'"),
        ({"epochs": 0}, "epochs must be at least 1"),
    ],
)
def test_errors_say_what_is_allowed(change, message):
    options = {"loss": F.mse_loss, "regularizer": L2, "grid": {"lam": LAMS}, "epochs": 1} | change
    model = options.pop("model", mlp)
    with pytest.raises((TypeError, ValueError), match=message):
        sweep(model, (X, Y), **options)


def same_as_one_by_one(model=mlp, **options):
    """Whichever way is chosen by itself, the numbers are those of one by one."""
    chosen = {
        "loss": F.mse_loss,
        "epochs": 4,
        "batch_size": 16,
        "lr": 0.01,
        "seeds": [0, 7],
        **options,
    }
    by_itself = sweep(model, (X, Y), **chosen)
    alone = sweep(model, (X, Y), method="sequential", **chosen)
    for a, b in zip(by_itself.trials, alone.trials, strict=True):
        assert a.settings == b.settings or a.settings is b.settings
        assert a.history["loss"] == pytest.approx(b.history["loss"], rel=1e-5)
        for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True):
            torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-5)
    return by_itself


KINDS = {
    "none": lambda: None,
    "L1": lambda: L1(0.03),
    "L1 by gradient": lambda: L1(0.03, proximal=False),
    "L2": lambda: L2(0.1),
    "stronger L2": lambda: L2(0.3),
    "L2 with biases": lambda: L2(0.1, biases=True),
    "L1 with biases": lambda: L1(0.03, biases=True),
    "not the first": lambda: L2(0.1, exempt=["layers.0"]),
    "sum": lambda: L2(0.1) + L1(0.03),
    "sum, the other way": lambda: L1(0.03) + L2(0.1),
    "groups": lambda: GroupLasso(0.1),
    "groups of inputs": lambda: GroupLasso(0.1, dim=1),
    "constraint": lambda: NonNegative(),
    "norm": lambda: MaxNorm(0.5),
    "sharing": lambda: SoftSharing(0.1),
    "to a start": lambda: L2SP(0.1, mlp(3)),
    "to another start": lambda: L2SP(0.1, mlp(4)),
    "a function": lambda: lambda model: 0.1 * model.layers[0].weight.abs().sum(),
}


@settings(max_examples=12, deadline=None)
@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=3),
       sgd=st.booleans())  # fmt: skip
def test_a_grid_of_kinds_trains_each_model_by_its_own(kinds, sgd):
    same_as_one_by_one(
        regularizer=lambda kind: KINDS[kind](),
        grid={"kind": kinds},
        optimizer=torch.optim.SGD if sgd else None,
        seeds=1,
        epochs=2,
    )


def test_seeds_alone_need_no_grid():
    tried = sweep(mlp, (X, Y), loss=F.mse_loss, seeds=3, validation=(XV, YV), epochs=2)
    alone = sweep(mlp, (X, Y), loss=F.mse_loss, seeds=3, validation=(XV, YV), epochs=2,
                  method="sequential")  # fmt: skip
    assert tried.method == "batched"
    assert tried.values().shape == (1, 3)
    np.testing.assert_allclose(tried.values(), alone.values(), rtol=1e-5)
    assert tried.best() == {}
    assert len(tried.select().models) == 3
    assert repr(tried).startswith("Sweep(3 seeds, batched")
    assert "± " in tried._repr_html_()
    with pytest.raises(ValueError, match="there is no hyperparameter to draw along"):
        tried.plot()


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_penalty_for_some_of_the_models_only_is_that_of_those(order):
    tried = same_as_one_by_one(
        regularizer=lambda on: L2(0.1) if on else None, grid={"on": order}, epochs=30, seeds=1
    )
    sizes = {
        t.settings["on"]: sum(p.square().sum() for p in t.model.parameters()) for t in tried.trials
    }
    assert sizes[1] < 0.8 * sizes[0]


def test_a_parameter_that_takes_no_part_is_decayed_all_the_same():
    class Unused(nn.Module):
        def __init__(self, seed):
            super().__init__()
            torch.manual_seed(seed)
            self.net, self.idle = nn.Linear(3, 1), nn.Linear(3, 1)

        def forward(self, x):
            return self.net(x)

    for regularizer in (L2, L1, lambda lam: L1(lam, proximal=False)):
        both_ways(
            Unused, regularizer=regularizer, grid={"lam": [0.01, 0.1]}, optimizer=torch.optim.SGD
        )


@pytest.mark.parametrize("progress", [True, False])
@pytest.mark.parametrize("way", ["stacked", "sequential"])
def test_the_bar_is_an_option_of_every_way(progress, way):
    options = {"loss": F.mse_loss, "grid": {"lr": [0.1, 0.2]}, "epochs": 1}
    assert len(sweep(mlp, (X, Y), progress=progress, method=way, **options).trials) == 2


MAKERS = {
    "activations": lambda seed: MLP([3, 6, 1], ["tanh", "relu"][seed], seed=seed),
    "options": lambda seed: nn.Sequential(nn.Linear(3, 1), nn.LeakyReLU([0.1, 0.9][seed])),
    "frozen parts": lambda seed: nn.Linear(3, 1).requires_grad_(True) if seed else half_frozen(),
    "names": lambda seed: nn.Sequential(nn.Linear(3, 1)) if seed else nn.Linear(3, 1),
    "hooks": lambda seed: hooked(seed),
}


def half_frozen():
    model = nn.Linear(3, 1)
    model.weight.requires_grad_(False)
    return model


def hooked(seed):
    model = nn.Linear(3, 1)
    model.register_forward_hook(lambda module, args, output: output + seed)
    return model


@pytest.mark.parametrize("name", MAKERS)
def test_models_that_differ_in_more_than_weights_are_trained_one_by_one(name):
    def make(seed):
        torch.manual_seed(seed)
        return MAKERS[name](seed)

    tried = same_as_one_by_one(make, grid={"lr": [0.01, 0.02]}, seeds=[0, 1])
    assert tried.method == "sequential"
    assert "differ in more than their weights" in tried.reason


def test_settings_that_look_alike_are_told_apart():
    """Large tensors print alike: what is shown is not what is compared."""
    targets = [torch.zeros(2000), torch.ones(2000)]
    targets[1][:3] = targets[1][-3:] = 0
    assert repr(targets[0])[:20] == repr(targets[1])[:20]
    tried = sweep(
        mlp, (X, Y), loss=lambda o, t, shift: (o - t - shift.mean()).square().mean(),
        grid={"shift": targets}, epochs=2,
    )  # fmt: skip
    assert tried.values("loss")[0] != tried.values("loss")[1]


def test_models_of_a_sweep_that_share_what_training_changes_are_refused():
    one, backbone = mlp(0), nn.Linear(3, 3)
    for make in (lambda seed: one, lambda seed: nn.Sequential(backbone, mlp(seed))):
        for way in ("auto", "sequential"):
            with pytest.raises(ValueError, match="share parameters or running statistics"):
                sweep(make, (X, Y), loss=F.mse_loss, seeds=2, method=way, epochs=1)


def decayed(params, lr, wd):
    """By dimensions, as is usual: a stack's biases have two."""
    params = list(params)
    return torch.optim.AdamW([{"params": [p for p in params if p.ndim > 1], "weight_decay": wd},
                              {"params": [p for p in params if p.ndim < 2]}], lr=lr)  # fmt: skip


def test_groups_by_dimension_are_those_of_one_model():
    tried = same_as_one_by_one(optimizer=decayed, grid={"wd": [0.0, 5.0]}, lr=0.05)
    assert "other groups" in tried.reason


class EightRows(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.layer = nn.Linear(3, 1)

    def forward(self, x):
        return self.layer(x.view(8, 3))


def test_a_model_of_a_fixed_number_of_rows_is_swept():
    tried = sweep(EightRows, (X[:24], Y[:24]), loss=F.mse_loss, batch_size=8, seeds=2, epochs=1)
    assert np.isfinite(tried.values("loss")).all()


@pytest.mark.parametrize(("make", "options", "message"), [
    (lambda seed: MLP([4, 1], seed=seed), {}, "it wants 4 features"),
    (lambda seed: nn.Identity(), {}, "no parameter that can be trained"),
    (mlp, {"regularizer": L2}, r"regularizer is the class L2, not an object.*Hint: L2\("),
    (mlp, {"grid": {"lr": [0.1, 0.2]}, "optimizer": partial(torch.optim.SGD, lr=0.1)},
     "that of the grid would be ignored"),
])  # fmt: skip
def test_mistakes_are_explained_as_by_fit(make, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        sweep(make, (X, Y), loss=F.mse_loss, **{"seeds": 2, "epochs": 1, **options})


def test_settings_of_any_kind_are_selected_and_shown():
    for values in ([torch.zeros(2), torch.ones(2)], [np.zeros(2), np.ones(2)], [[0], [1]]):
        loss = lambda o, t, w: (o - t).square().mean() * w[0]  # noqa: E731
        tried = sweep(mlp, (X, Y), loss=loss, grid={"w": values}, epochs=1)
        assert tried.select(**tried.best("loss")).values("loss").shape == (1, 1)
    tried = sweep(mlp, (X, Y), loss=F.mse_loss, epochs=1, grid={"kind": ["none", "L1"]},
                  regularizer=lambda kind: KINDS[kind]())  # fmt: skip
    assert np.isnan(tried.values("penalty")).tolist() == [[True], [False]]
    assert ">penalty</th>" in tried._repr_html_()
    with pytest.raises(ValueError, match="kind has values that are no numbers"):
        tried.plot("loss")
