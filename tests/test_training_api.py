"""What one does with a trained model: predict, evaluate, average its weights."""

import copy
import importlib
import re
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanSquaredError

from nnkit import training
from nnkit.models import MLP
from nnkit.regularizers import L1, L2, GradientPenalty
from nnkit.training import EMA, Callback, Checkpoint, Stack, accuracy, evaluate, fit, predict

X = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
Y = X.sum(1, keepdim=True)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 40), batch_size=st.integers(1, 50))
def test_predictions_are_those_of_one_pass_in_eval_mode(rows, batch_size):
    net = MLP([4, 6, 2], norm="batch", dropout=0.5, seed=0)
    right = copy.deepcopy(net).eval()(X[:rows])
    found = predict(net, X[:rows], batch_size=batch_size)
    torch.testing.assert_close(found, right)
    assert not found.requires_grad
    assert net.training


class Two(nn.Module):
    def forward(self, a, b):
        return {"sum": a + b, "parts": (a, b)}


def test_a_model_of_several_inputs_and_outputs_predicts_each():
    found = predict(Two(), (X, 2 * X), batch_size=7)
    torch.testing.assert_close(found["sum"], 3 * X)
    torch.testing.assert_close(found["parts"][1], 2 * X)
    with pytest.raises(TypeError, match="X must hold tensors"):
        predict(nn.Linear(4, 1), X.numpy())
    with pytest.raises(ValueError, match="X is empty"):
        predict(nn.Linear(4, 1), X[:0])


@pytest.mark.parametrize("form", ["tensors", "loader"])
def test_evaluation_is_what_fit_finds_on_held_out_data(form):
    data = (X, Y) if form == "tensors" else DataLoader(TensorDataset(X, Y), 16)
    net = MLP([4, 6, 1], dropout=0.3, seed=1)
    metrics = {"worst": lambda o, t: (o - t).abs().max(), "mse": MeanSquaredError()}
    history = fit(net, (X, Y), loss=F.mse_loss, validation=data, metrics=metrics, epochs=2)
    found = evaluate(net, data, loss=F.mse_loss, metrics=metrics)
    assert list(found) == ["loss", "worst", "mse"]
    assert found["loss"] == pytest.approx(history["val_loss"][-1])
    assert found["worst"] == pytest.approx(history["val_worst"][-1])
    assert evaluate(net, data, metrics={"worst": metrics["worst"]}) == {"worst": found["worst"]}
    with pytest.raises(ValueError, match="there is nothing to compute"):
        evaluate(net, data)
    with pytest.raises(ValueError, match="cannot compare an output"):
        evaluate(net, (X, Y[:, 0]), loss=F.poisson_nll_loss)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 20), classes=st.integers(2, 5), seed=st.integers(0, 99))
def test_accuracy_is_that_of_scikit_learn(n, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, classes, generator=generator)
    y = torch.randint(classes, (n,), generator=generator)
    assert accuracy(scores, y).item() == pytest.approx(accuracy_score(y, scores.argmax(1)))
    one, labels = scores[:, 0], (y > 0).float()
    right = accuracy_score(labels.numpy(), (one > 0).numpy().astype(np.float32))
    assert accuracy(one, labels).item() == pytest.approx(right)
    assert accuracy(one[:, None], labels[:, None]).item() == pytest.approx(right)


@pytest.mark.parametrize("shapes", [((5, 3), (5, 1)), ((5, 1), (5,)), ((5,), (4,)), ((0, 2), (0,))])
def test_shapes_without_one_answer_a_row_are_refused(shapes):
    with pytest.raises(ValueError, match=r"accuracy needs|one class is always right"):
        accuracy(*(torch.zeros(shape) for shape in shapes))


class Average(Callback):
    """The same by torch's own means."""

    def on_train_begin(self, run):
        self.model = AveragedModel(run.model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
        self.model.update_parameters(run.model)  # torch's first is a copy

    def on_batch_end(self, run):
        self.model.update_parameters(run.model)


def test_the_average_of_the_weights_is_that_of_torch(tmp_path):
    net, ema, theirs = MLP([4, 6, 1], norm="batch", seed=0), EMA(0.9), Average()
    fit(net, (X, Y), loss=F.mse_loss, callbacks=[ema, theirs], epochs=3, batch_size=10, lr=0.05)
    for ours, right in zip(ema.model.parameters(), theirs.model.parameters(), strict=True):
        torch.testing.assert_close(ours, right)
    torch.testing.assert_close(ema.model.after[0][0].running_mean, net.after[0][0].running_mean)
    assert not ema.model.training
    with pytest.raises(ValueError, match="decay must lie between 0 and 1, got 1"):
        EMA(1)


class Stop(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, run):
        if run.epoch == self.epoch:
            raise InterruptedError


def test_an_average_is_resumed(tmp_path):
    def run(path, stop=99):
        net, ema = MLP([4, 6, 1], seed=0), EMA(0.9)
        options = {"callbacks": [ema, Checkpoint(path), Stop(stop)], "epochs": 4, "seed": 1}
        fit(net, (X, Y), loss=F.mse_loss, resume=path, **options)
        return [p.tolist() for p in ema.model.parameters()]

    whole = run(tmp_path / "whole.pt")
    with pytest.raises(InterruptedError):
        run(tmp_path / "part.pt", stop=3)
    assert run(tmp_path / "part.pt") == whole


REGULARIZERS = {
    "none": None,
    "L2": L2(0.1),
    "L1": L1(0.05),
    "sum": L2(0.01) + L1(0.1),
    "a function": lambda model: 0.1 * model.layers[0].weight.abs().sum(),
    "on inputs": GradientPenalty(0.0),
}


@settings(max_examples=15, deadline=None)
@given(
    accumulate=st.integers(2, 6),
    size=st.integers(3, 20),
    name=st.sampled_from(sorted(REGULARIZERS)),
    clip_norm=st.sampled_from([None, 0.3]),
    optimizer=st.sampled_from([None, torch.optim.SGD]),
)
def test_accumulated_gradients_are_those_of_the_large_batch(
    accumulate, size, name, clip_norm, optimizer
):
    def train(batch_size, count):
        net = MLP([4, 6, 1], "tanh", seed=0)
        loader = DataLoader(TensorDataset(X, Y), batch_size)
        history = fit(net, loader, loss=F.mse_loss, accumulate=count, optimizer=optimizer, lr=0.02,
                      regularizer=REGULARIZERS[name], clip_norm=clip_norm, epochs=3)  # fmt: skip
        return net, history

    (small, ours), (large, theirs) = train(size, accumulate), train(size * accumulate, 1)
    for p, q in zip(small.parameters(), large.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-5)
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)


def test_what_searches_or_is_stacked_takes_larger_batches_instead():
    with pytest.raises(ValueError, match="not for LBFGS, which searches,: give larger batches"):
        fit(nn.Linear(4, 1), (X, Y), loss=F.mse_loss, optimizer=torch.optim.LBFGS, accumulate=2)
    with pytest.raises(ValueError, match="accumulate=2 is not for a stack: give larger batches"):
        fit(Stack([nn.Linear(4, 1)]), (X, Y), loss=F.mse_loss, accumulate=2)
    with pytest.raises(ValueError, match="accumulate must be at least 1, got 0"):
        fit(nn.Linear(4, 1), (X, Y), loss=F.mse_loss, accumulate=0)


def test_mixed_precision_is_torchs_autocast():
    def net():
        return MLP([4, 16, 1], "tanh", seed=0)

    kinds = []

    def loss(output, target):
        kinds.append(output.dtype)
        return F.mse_loss(output.float(), target)

    ours, theirs = net(), net()
    fit(ours, (X, Y), loss=loss, autocast=torch.bfloat16, optimizer=torch.optim.SGD, lr=0.1,
        batch_size=50, epochs=3, validation=(X, Y))  # fmt: skip
    assert kinds[2:] == [torch.bfloat16] * 6, "in training and on held-out data"
    assert {p.dtype for p in ours.parameters()} == {torch.float32}
    sgd = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for _ in range(3):
        sgd.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            value = F.mse_loss(theirs(X).float(), Y)
        value.backward()
        sgd.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-4)  # rows come in another order
    with pytest.raises(ValueError, match=r"autocast must be torch.bfloat16 or None.*float16 would"):
        fit(net(), (X, Y), loss=F.mse_loss, autocast=torch.float16)


def test_a_schedule_by_the_batch_moves_with_each_update():
    net, seen = MLP([4, 1], seed=0), []

    class Rates(Callback):
        def on_batch_end(self, run):
            seen.append(round(run.lr, 6))

    schedule = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=6)
    halving = partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    options = {"loss": F.mse_loss, "scheduler_step": "batch", "accumulate": 2, "epochs": 2}
    fit(net, (X, Y), batch_size=10, lr=0.8, scheduler=halving, callbacks=[Rates()], **options)
    assert seen == [0.8, 0.4, 0.4, 0.2, 0.2, 0.1, 0.05, 0.05, 0.025, 0.025]
    fit(net, (X, Y), batch_size=10, scheduler=schedule, **options)  # 5 batches are 3 updates


def test_the_way_of_a_batch_is_told_by_names_that_there_are():
    named = re.findall(r"``(\w+)\.(\w+)``", training.__doc__)
    assert len(named) >= 6
    for module, name in named:
        assert hasattr(importlib.import_module(f"nnkit.training.{module}"), name)
