"""A stack of models is trained by the loop of one, with the numbers of one after another."""

import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnkit.models import MLP
from nnkit.pruning import prune_weights
from nnkit.regularizers import L1, L2, GradientPenalty, GroupLasso, InputNoise, MaxNorm
from nnkit.training import Callback, Checkpoint, EarlyStopping, Stack, fit

G = torch.Generator().manual_seed(0)
X = torch.randn(40, 3, generator=G)
Y = (X[:, :1] * X[:, 1:2]).sin()
XV, YV = torch.randn(30, 3, generator=G), torch.randn(30, 1, generator=G)


def mlp(seed, **options):
    return MLP([3, 6, 1], "tanh", seed=seed, **options)


def conv(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 3, 2), nn.ReLU(), nn.Flatten(),
                         nn.Linear(6, 1))  # fmt: skip


def tied(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.Linear(3, 1))
    net[2].weight = net[0].weight
    return net


def parametrised(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    nn.utils.parametrize.register_parametrization(net[0], "weight", nn.Tanh())
    return net


MAKERS = {
    "mlp": mlp,
    "conv": conv,
    "tied": tied,
    "parametrised": parametrised,
    "batch norm": partial(mlp, norm="batch"),
    "layer norm": partial(mlp, norm="layer"),
}


def of(value, number):
    return value[number] if isinstance(value, list) else value


def agree(make=mlp, count=3, data=(X, Y), rtol=1e-5, **options):
    """Train a stack, and the same models one after another; they must agree."""
    options = {"loss": F.mse_loss, "epochs": 4, "batch_size": 16, "lr": 0.02, "seed": 5} | options
    stack = Stack([make(seed) for seed in range(count)])
    fit(stack, data, **copy.deepcopy(options))
    for number, (model, history) in enumerate(zip(stack.models, stack.histories, strict=True)):
        alone = make(number)
        own = {name: of(value, number) for name, value in copy.deepcopy(options).items()}
        right = fit(alone, data[number] if isinstance(data, list) else data, **own)
        assert history.names == right.names
        assert history.stop_reason == right.stop_reason
        for name in set(right.names) - {"seconds"}:
            assert history[name] == pytest.approx(right[name], rel=1e-4, abs=1e-6)
        pairs = zip(model.state_dict().values(), alone.state_dict().values(), strict=True)
        for ours, theirs in pairs:
            torch.testing.assert_close(ours, theirs, rtol=rtol, atol=1e-5)
    return stack


@pytest.mark.parametrize("name", MAKERS)
def test_any_module_is_stacked(name):
    agree(MAKERS[name], optimizer=torch.optim.SGD, batch_size=20, validation=(XV, YV))


PENALTIES = [None, L2(0.1), L1(0.05), L1(0.05, proximal=False), L2(0.01) + L1(0.1),
             L1(0.1) + L2(0.3), L2(0.1, biases=True), GroupLasso(0.2), MaxNorm(0.3),
             GradientPenalty(0.1)]  # fmt: skip
RATES = st.sampled_from([0.01, 0.02, 0.03])


@settings(max_examples=15, deadline=None)
@given(
    regularizer=st.lists(st.sampled_from(PENALTIES), min_size=3, max_size=3),
    lr=st.one_of(
        st.just(0.02), st.lists(st.sampled_from([0.01, 0.02, 0.03]), min_size=3, max_size=3)
    ),
    seed=st.one_of(st.just(3), st.lists(st.integers(0, 5), min_size=3, max_size=3)),
    clip_norm=st.sampled_from([None, 0.1, 5.0]),
    optimizer=st.sampled_from([None, torch.optim.SGD, partial(torch.optim.SGD, momentum=0.9)]),
    each=st.booleans(),
)
def test_what_is_given_for_each_model_is_its_own(regularizer, lr, seed, clip_norm, optimizer, each):
    data = [(X + shift, Y - shift) for shift in range(3)] if each else (X, Y)
    agree(data=data, regularizer=regularizer, lr=lr, seed=seed, clip_norm=clip_norm,
          optimizer=optimizer, validation=(XV, YV))  # fmt: skip


def test_losses_metrics_and_held_out_data_are_each_models_own():
    losses = [F.mse_loss, F.l1_loss, lambda o, t: (o - t).abs().pow(1.5).mean()]
    held_out = [(XV + shift, YV) for shift in range(3)]
    agree(loss=losses, validation=held_out,
          metrics={"worst": lambda o, t: (o - t).abs().max()})  # fmt: skip


def test_each_model_is_stopped_by_itself_and_gets_its_best_weights_back():
    stoppings = [[EarlyStopping(patience)] for patience in (1, 3, 200)]
    stack = agree(callbacks=stoppings, validation=(XV, YV), epochs=60, lr=0.05)
    lengths = [len(history) for history in stack.histories]
    assert len(set(lengths)) > 1, "some were stopped before others"
    mean = fit(Stack([mlp(0), mlp(1)]), (X, Y), loss=F.mse_loss, epochs=2)
    assert len(mean) == 2


def test_a_schedule_is_followed_by_all():
    schedule = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=8)
    agree(scheduler=schedule, scheduler_step="batch")
    with pytest.raises(ValueError, match="a schedule moves by the lr of all"):
        agree(scheduler=schedule, lr=[0.1, 0.2, 0.3])


def test_loaders_and_transforms_serve_all_models_alike():
    loader = DataLoader(TensorDataset(X, Y), 8, shuffle=True)
    agree(data=loader, transform=InputNoise(0.1))


def scaled(factor):
    return lambda x, y: (factor * x, y)


@pytest.mark.parametrize("options", [
    {"transform": [scaled(2.0), None, scaled(0.5)]},
    {"transform": scaled(2.0), "seed": [1, 2, 1]},
    {"transform": scaled(2.0), "data": [(X + shift, Y) for shift in range(3)]},
    {"transform": lambda x, y: (x - x.mean(0), y - y.mean(0)), "seed": [1, 2, 3]},
])  # fmt: skip
def test_transforms_are_called_for_each_model_with_batches_of_its_own(options):
    agree(**options)


def test_models_with_batches_of_their_own_draw_different_noise():
    seen = []

    def noise(x, y):
        seen.append(torch.randn_like(x))
        return x + seen[-1], y

    options = {"loss": F.mse_loss, "epochs": 1, "batch_size": 40, "seed": 1}
    fit(Stack([mlp(0), mlp(0)]), [(X, Y), (X, Y)], transform=noise, **options)
    *_, first, second = seen
    assert not torch.equal(first, second)


def test_a_model_that_diverges_leaves_the_others_alone():
    stack = Stack([mlp(0), mlp(1)])
    options = {"loss": F.mse_loss, "optimizer": torch.optim.SGD, "epochs": 5, "seed": 1}
    fit(stack, (X, Y), lr=[1e-2, 1e30], **options)
    assert [history.stop_reason for history in stack.histories] == ["", "non-finite loss"]
    assert all(p.isfinite().all() for p in stack.parameters())
    alone = mlp(0)
    fit(alone, (X, Y), lr=1e-2, **options)
    torch.testing.assert_close(stack.models[0].layers[0].weight, alone.layers[0].weight)


def test_the_mean_history_is_that_of_the_models():
    stack = Stack([mlp(0), mlp(1)])
    mean = fit(stack, (X, Y), loss=F.mse_loss, epochs=3, regularizer=[L2(0.1), L2(0.2)])
    for name in ("loss", "penalty"):
        columns = torch.tensor([history[name] for history in stack.histories])
        assert mean[name] == pytest.approx(columns.mean(0).tolist())
    assert mean["epoch"] == [1, 2, 3]


def test_stack_and_models_share_their_memory_wherever_they_go():
    stack = Stack([mlp(0), mlp(1)])
    outputs = stack(X)
    assert outputs.shape == (2, 40, 1)
    torch.testing.assert_close(outputs[1], stack.models[1](X))
    torch.testing.assert_close(stack(torch.stack([X, X + 1]), own=True)[1], stack.models[1](X + 1))
    with torch.no_grad():
        stack.models[1].layers[0].weight.zero_()
    assert not stack.net.layers[0].weight[1].any()
    stack.double()
    assert stack.models[0].layers[0].weight.dtype == torch.float64
    with torch.no_grad():
        next(stack.parameters()).fill_(3.0)
    assert (stack.models[0].layers[0].weight == 3).all()
    free = stack.separate()
    with torch.no_grad():
        next(stack.parameters()).zero_()
    assert (free[0].layers[0].weight == 3).all()


SHARED = mlp(0)


def thin(seed):
    net = mlp(seed)
    prune_weights(net, 0.5)
    return net


class EachBatch(Callback):
    def on_batch_end(self, run):
        run.stop("at once")


@pytest.mark.parametrize(("make", "options", "message"), [
    (lambda seed: MLP([3, 6 + seed, 1]), {}, "differ in more than their weights"),
    (thin, {}, "masks of pruning"),
    (mlp, {"lr": [0.1]}, "lr must be one for all 2 models or a list of as many, got 1"),
    (mlp, {"callbacks": [EarlyStopping()]}, "must be 2 lists, one for each model"),
    (mlp, {"callbacks": [[Checkpoint("a.pt")], []]}, "cannot be kept in a checkpoint"),
    (mlp, {"callbacks": [[EachBatch()], []]}, "on_batch_end is called for one model"),
    (mlp, {"optimizer": torch.optim.LBFGS}, "LBFGS does not treat every weight by itself"),
    (mlp, {"data": [(X, Y), (X[:9], Y[:9])]}, "as many rows as each other, got 40, 9"),
    (mlp, {"data": (X, Y[:, 0])}, r"Hint: y.unsqueeze\(1\)"),
    (mlp, {"transform": [None, lambda x, y: x]}, r"transform must return a pair \(x, y\)"),
    (mlp, {"transform": [None]}, "transform must be one for all 2 models or a list of as many"),
    (lambda seed: SHARED, {}, "share parameters or running statistics"),
])  # fmt: skip
def test_what_cannot_be_stacked_is_refused(make, options, message):
    options = {"data": (X, Y), "loss": F.mse_loss, **options}
    with pytest.raises((TypeError, ValueError), match=message):
        fit(Stack([make(0), make(1)]), **options)
    with pytest.raises(TypeError, match="made of one or more modules"):
        Stack([])


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("each", [True, False])
def test_rows_whose_label_is_ignored_do_not_count_in_the_mean(loss, each):
    def make(seed):
        return nn.Sequential(MLP([3, 6, 3], seed=seed), nn.LogSoftmax(1))

    labels = (Y[:, 0] > 0).long().masked_fill(X[:, 0] > 0.5, -100)
    agree(make, data=[(X, labels)] * 3 if each else (X, labels), loss=loss, validation=(X, labels))


def decayed(params, lr):
    params = list(params)
    return torch.optim.AdamW([{"params": [p for p in params if p.ndim > 1], "weight_decay": 0.5},
                              {"params": [p for p in params if p.ndim < 2]}], lr=lr)  # fmt: skip


class Idle(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.net, self.idle = nn.Linear(3, 1), nn.Linear(3, 1)

    def forward(self, x):
        return self.net(x)


def spectral(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2)), nn.Linear(2, 1))


class Freezing(Callback):
    def on_epoch_end(self, run):
        run.model.layers[0].requires_grad_(False)


def unfit(output, y):
    return (output - y).square().mean() * (1 if output.sum().item() > 0 else 2)


@pytest.mark.parametrize(("make", "options", "message"), [
    (mlp, {"optimizer": partial(torch.optim.SGD, lr=0.1), "lr": [0.1, 0.2]}, "an lr of its own"),
    (mlp, {"optimizer": decayed}, "divides the parameters of a stack into other groups"),
    (Idle, {"optimizer": partial(torch.optim.SGD, weight_decay=0.1),
            "regularizer": [L2(0.1), None]}, "weight_decay would reach parameters"),
    (mlp, {"callbacks": [[Freezing()], []], "epochs": 2}, "model 0 were frozen or unfrozen"),
    (spectral, {}, "cannot be trained at once, only one after another"),
    (mlp, {"loss": unfit}, "cannot be trained at once, only one after another: vmap"),
    (mlp, {"data": DataLoader(TensorDataset(X, Y), batch_size=None)}, "cannot be trained at once"),
    (mlp, {"data": [(X, Y)] * 3}, "data must be one for all 2 models or a list of as many, got 3"),
])  # fmt: skip
def test_what_would_differ_from_one_after_another_is_refused(make, options, message):
    stack = Stack([make(0), make(1)])
    with pytest.raises(ValueError, match=message):
        fit(stack, **{"data": (X, Y), "loss": F.mse_loss, **options})


def test_the_gradient_clipped_is_that_of_what_is_trained():
    models = [conv(seed) for seed in range(4)]
    stack = Stack(models[:2])
    options = {"loss": F.mse_loss, "clip_norm": 0.01, "epochs": 2, "seed": 0}
    for net, module in ((stack, stack.net), (models[2], models[2]), (models[3], models[3])):
        head = torch.optim.SGD(module[4].parameters(), lr=0.5)
        if net is not stack:
            net.load_state_dict(conv(models.index(net) - 2).state_dict())
        fit(net, (X, Y), optimizer=head, **options)
    for ours, alone in zip(stack.models, models[2:], strict=True):
        torch.testing.assert_close(ours[4].weight, alone[4].weight)


class StopAtOnce(Callback):
    def on_train_begin(self, run):
        run.stop("at once")


def test_a_model_that_is_stopped_before_the_first_epoch_stays_as_it_is():
    agree(callbacks=[[StopAtOnce()], [], []])


class TwoNames(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.a, self.b = nn.Linear(3, 1), nn.Linear(3, 1)

    def forward(self, p, q):
        return self.a(p) + self.b(q)


@pytest.mark.parametrize("form", ["named", "several"])
def test_inputs_of_several_parts_are_given_as_to_one_model(form):
    named = [({"p": x, "q": x + 1}, y) for x, y in zip(X, Y, strict=True)]
    agree(TwoNames, data=DataLoader(named, 8) if form == "named" else ((X, X + 1), Y))


def test_models_that_share_what_training_changes_are_refused():
    shared, norm = nn.Linear(3, 3), nn.BatchNorm1d(3).requires_grad_(False)
    one = mlp(0)
    for models in ([one, one], [nn.Sequential(shared, mlp(n)) for n in range(2)],
                   [nn.Sequential(norm, mlp(n)) for n in range(2)]):  # fmt: skip
        with pytest.raises(ValueError, match="share parameters or running statistics"):
            Stack(models)
    shared.requires_grad_(False)
    norm.eval()
    agree(lambda seed: nn.Sequential(shared, norm, mlp(seed)), count=2)


def test_what_is_frozen_after_stacking_is_frozen_for_all_or_refused():
    stack = Stack([mlp(0), mlp(1)])
    stack.net.layers[0].requires_grad_(False)
    before = stack.net.layers[0].weight.clone()
    fit(stack, (X, Y), loss=F.mse_loss, epochs=1)
    assert torch.equal(stack.net.layers[0].weight, before)
    stack.models[0].layers[1].requires_grad_(False)
    with pytest.raises(ValueError, match="model 0 were frozen or unfrozen"):
        fit(stack, (X, Y), loss=F.mse_loss, epochs=1)


class Boom(Callback):
    def on_epoch_begin(self, run):
        if run.epoch == 3:
            raise RuntimeError("boom")


def test_an_error_costs_no_models_history():
    stack = Stack([mlp(0), mlp(1)])
    with pytest.raises(RuntimeError, match="boom") as caught:
        fit(stack, (X, Y), loss=F.mse_loss, callbacks=[[Boom()], []], epochs=5)
    assert [len(history) for history in stack.histories] == [2, 2]
    losses = torch.tensor([history["loss"] for history in stack.histories])
    assert caught.value.history["loss"] == pytest.approx(losses.mean(0).tolist())
