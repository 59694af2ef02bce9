"""`fit` does what a loop written by hand does."""

import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from nnkit.training import Callback, History, fit

torch.manual_seed(0)
X, Y = torch.randn(50, 4), torch.randint(0, 3, (50,))
X_VAL, Y_VAL = torch.randn(21, 4), torch.randint(0, 3, (21,))


def net(dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3)
    )


def by_hand(
    model, optimizer, seed, epochs, *, penalty=None, clip=None, transform=None, schedule=None
):
    """The loop that everybody writes; its mean losses."""
    torch.manual_seed(seed)
    losses = []
    for _ in range(epochs):
        model.train()
        total = 0.0
        for index in torch.randperm(len(X)).split(8):
            x, y = X[index], Y[index]
            if transform is not None:
                x, y = transform(x, y)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            (loss if penalty is None else loss + penalty(model)).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            total += loss.item() * len(index)
        if schedule is not None:
            schedule.step()
        losses.append(total / len(X))
    return losses


def assert_equal_weights(a: nn.Module, b: nn.Module) -> None:
    for (name, p), q in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(p, q), name


def l2(model: nn.Module) -> torch.Tensor:
    return 0.01 * sum(p.square().sum() for p in model.parameters())


def noisy(x, y):
    return x + 0.1 * torch.randn_like(x), y


@pytest.mark.parametrize("penalty", [None, l2])
@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("transform", [None, noisy])
def test_it_equals_the_loop_by_hand_bit_for_bit(penalty, clip, transform):
    a, b = net(0.3), net(0.3)
    sgd = torch.optim.SGD(b.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(sgd, 2, 0.5)
    losses = by_hand(
        b, sgd, 7, 5, penalty=penalty, clip=clip, transform=transform, schedule=schedule
    )
    history = fit(
        a,
        (X, Y),
        loss=F.cross_entropy,
        epochs=5,
        batch_size=8,
        optimizer=partial(torch.optim.SGD, momentum=0.9),
        lr=0.1,
        scheduler=partial(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.5),
        regularizer=penalty,
        clip_norm=clip,
        transform=transform,
        seed=7,
    )
    assert_equal_weights(a, b)
    assert history["loss"] == pytest.approx(losses, rel=1e-6)
    assert history["lr"] == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025])
    assert ("penalty" in history.names) == (penalty is not None)


def test_the_default_is_adam():
    def plain():
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()

    x, weights = X.double(), []
    for optimizer in (None, torch.optim.Adam):
        model = plain()
        options = {"epochs": 3, "batch_size": 8, "seed": 7, "lr": 0.01, "optimizer": optimizer}
        fit(model, (x, Y), loss=F.cross_entropy, **options)
        weights.append(list(model.parameters()))
    for p, q in zip(*weights, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-9, atol=1e-9)


def test_a_penalty_is_recorded_apart_from_the_loss():
    model = net()
    history = fit(
        model,
        (X, Y),
        loss=F.cross_entropy,
        epochs=1,
        batch_size=50,
        regularizer=lambda m: torch.tensor(5.0),
        optimizer=torch.optim.SGD,
        lr=1e-9,
    )
    assert history["penalty"] == [5.0]
    assert history["loss"][0] == pytest.approx(F.cross_entropy(net()(X), Y).item(), rel=1e-5)


def test_a_seed_repeats_the_run_and_leaves_the_random_state_outside_alone():
    outside = torch.get_rng_state()
    runs = []
    for seed in (3, 3, 4):
        model = net(0.5)
        torch.set_rng_state(outside)
        fit(model, (X, Y), loss=F.cross_entropy, epochs=2, seed=seed, transform=noisy)
        assert torch.equal(outside, torch.get_rng_state())
        runs.append(model)
    assert_equal_weights(runs[0], runs[1])
    with pytest.raises(AssertionError):
        assert_equal_weights(runs[0], runs[2])


def test_without_a_seed_it_follows_the_random_state_outside():
    models = [net(0.5), net(0.5)]
    for model in models:
        torch.manual_seed(8)
        fit(model, (X, Y), loss=F.cross_entropy, epochs=2)
    assert_equal_weights(*models)


def test_the_checks_and_the_validation_draw_no_random_numbers():
    model, twin = net(0.5), net(0.5)
    torch.manual_seed(7)
    by_hand(twin, torch.optim.SGD(twin.parameters(), lr=0.1), 7, 2, transform=noisy)
    loader = DataLoader(TensorDataset(X_VAL, Y_VAL), 5)
    torch.manual_seed(7)
    fit(
        model,
        (X, Y),
        loss=F.cross_entropy,
        epochs=2,
        batch_size=8,
        optimizer=torch.optim.SGD,
        lr=0.1,
        transform=noisy,
        validation=(X_VAL, Y_VAL),
    )
    assert_equal_weights(model, twin)
    fit(model, (X, Y), loss=F.cross_entropy, epochs=1, validation=loader)


def test_validation_is_the_mean_over_the_rows_in_eval_mode():
    model = net(0.9)

    def accuracy(output, target):
        assert output.shape == (21, 3)  # all rows at once
        return (output.argmax(1) == target).float().mean()

    history = fit(
        model,
        (X, Y),
        loss=F.cross_entropy,
        epochs=2,
        batch_size=2,
        validation=(X_VAL, Y_VAL),
        metrics={"accuracy": accuracy},
    )
    model.eval()
    with torch.no_grad():
        output = model(X_VAL)
    assert history["val_loss"][-1] == pytest.approx(F.cross_entropy(output, Y_VAL).item(), rel=1e-5)
    assert history["val_accuracy"][-1] == pytest.approx(accuracy(output, Y_VAL).item())
    assert history.names == ["epoch", "loss", "val_loss", "val_accuracy", "lr", "seconds"]


class Counted:
    """An object with the methods of torchmetrics."""

    def __init__(self):
        self.rows, self.resets = 0, 0

    def update(self, output, target):
        assert not torch.is_grad_enabled()
        self.rows += len(target)

    def compute(self):
        return torch.tensor(self.rows)

    def reset(self):
        self.rows, self.resets = 0, self.resets + 1


def test_an_object_as_of_torchmetrics_is_fed_batch_after_batch():
    metric = Counted()
    loader = DataLoader(TensorDataset(X_VAL, Y_VAL), 5)
    history = fit(
        net(),
        (X, Y),
        loss=F.cross_entropy,
        epochs=2,
        validation=loader,
        metrics={"rows": metric, "same": lambda o, t: len(t)},
    )
    assert history["val_rows"] == history["val_same"] == [21, 21]
    assert metric.rows == 0


def test_a_metric_of_torchmetrics():
    metric = MulticlassAccuracy(3, average="micro")
    model = net()
    history = fit(
        model,
        (X, Y),
        loss=F.cross_entropy,
        epochs=2,
        validation=(X_VAL, Y_VAL),
        metrics={"accuracy": metric},
    )
    right = model.eval()(X_VAL).argmax(1) == Y_VAL
    assert history["val_accuracy"][-1] == pytest.approx(right.float().mean().item())


def test_a_metric_that_is_no_number_is_refused():
    for metric in (lambda o, t: torch.ones(2), lambda o, t: "good"):
        with pytest.raises(TypeError, match=r"metric 'odd' gave .* one number"):
            fit(
                net(),
                (X, Y),
                loss=F.cross_entropy,
                validation=(X_VAL, Y_VAL),
                metrics={"odd": metric},
            )


def test_the_modes_are_restored_and_a_layer_may_be_kept_in_eval_mode():
    model = net()
    model[1].eval()

    class Freeze(Callback):
        def on_train_begin(self, run):
            run.model[1].eval()

    before = model[1].running_mean.clone()
    fit(
        model,
        (X, Y),
        loss=F.cross_entropy,
        epochs=2,
        validation=(X_VAL, Y_VAL),
        callbacks=[Freeze()],
    )
    assert [m.training for m in model] == [True, False, True, True, True]
    assert torch.equal(before, model[1].running_mean)
    model.eval()
    fit(model, (X, Y), loss=F.cross_entropy, epochs=1)
    assert not any(m.training for m in model.modules())
    assert not torch.equal(before, model[1].running_mean)


def test_a_schedule_may_move_by_the_batch():
    model = net()
    sgd = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(sgd, 0.5)
    history = fit(
        model,
        (X, Y),
        loss=F.cross_entropy,
        epochs=2,
        batch_size=25,
        optimizer=sgd,
        scheduler=schedule,
        scheduler_step="batch",
    )
    assert history["lr"] == [1.0, 0.25]
    assert sgd.param_groups[0]["lr"] == 0.5**4


def test_reduce_on_plateau_watches_the_validation_loss():
    model = net()
    schedule = partial(
        torch.optim.lr_scheduler.ReduceLROnPlateau,
        patience=0,
        threshold=9.0,
        threshold_mode="abs",  # no improvement but the first is large enough
    )
    history = fit(
        model,
        (X, Y),
        loss=F.cross_entropy,
        epochs=4,
        scheduler=schedule,
        validation=(X_VAL, Y_VAL),
        lr=0.1,
    )
    assert history["lr"] == pytest.approx([0.1, 0.1, 0.01, 0.001])


@pytest.mark.parametrize("regularizer", [None, l2])
def test_an_optimizer_that_wants_a_closure_gets_it(regularizer):
    x = torch.randn(40, 3)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
    model = nn.Linear(3, 1)
    history = fit(
        model,
        (x, y),
        loss=F.mse_loss,
        epochs=8,
        batch_size=40,
        optimizer=torch.optim.LBFGS,
        lr=1.0,
        regularizer=regularizer,
    )
    assert history["loss"][-1] < (1e-6 if regularizer is None else 0.1)


def test_a_partial_keeps_its_own_step_size():
    history = fit(
        net(), (X, Y), loss=F.cross_entropy, epochs=1, optimizer=partial(torch.optim.SGD, lr=0.3)
    )
    assert history["lr"] == [0.3]


def test_gradients_are_gone_afterwards_and_frozen_weights_untouched():
    model = net()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    fit(model, (X, Y), loss=F.cross_entropy, epochs=1)
    assert torch.equal(before, model[0].weight)
    assert all(p.grad is None for p in model.parameters())


def test_several_inputs_a_loader_and_a_dict():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, a, b):
            return self.layer(torch.cat([a, b], 1))

    for data in (
        ((X[:, :1], X[:, 1:]), Y),
        TensorDataset(X[:, :1], X[:, 1:], Y),
        DataLoader([({"a": x[:1], "b": x[1:]}, y) for x, y in zip(X, Y, strict=True)], 10),
    ):
        model = Two()
        history = fit(model, data, loss=F.cross_entropy, epochs=3, validation=data, lr=0.1)
        assert history["loss"][-1] < history["loss"][0]


def test_what_works_in_place_does_not_change_the_users_data():
    before = X.clone(), X_VAL.clone()

    def in_place(x, y):
        return x.add_(torch.randn_like(x)), y

    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x):
            x -= 0.5
            return self.layer(x)

    for data in ((X, Y), DataLoader(TensorDataset(X, Y), 10)):
        options = {"transform": in_place, "validation": (X_VAL, Y_VAL), "epochs": 2}
        fit(InPlace(), data, loss=F.cross_entropy, **options)
    assert torch.equal(X, before[0])
    assert torch.equal(X_VAL, before[1])


def test_a_compiled_model_is_a_model():
    model = net()
    compiled = torch.compile(model, backend="eager")
    twin = net()
    for m in (compiled, twin):
        fit(m, (X, Y), loss=F.cross_entropy, epochs=1, seed=1)
    assert_equal_weights(model, twin)


def test_it_returns_a_history_of_whole_epochs():
    history = fit(net(), (X, Y), loss=F.cross_entropy, epochs=3)
    assert isinstance(history, History)
    assert history["epoch"] == [1, 2, 3]
    assert all(seconds > 0 for seconds in history["seconds"])
    assert history.stop_reason == ""


class Fading:
    """A loss that counts its calls."""

    calls = 0

    def __call__(self, output, y):
        self.calls += 1
        return (output - y).square().mean() / self.calls


@pytest.mark.parametrize("form", ["tensors", "loader"])
def test_trying_out_leaves_no_trace_in_what_counts_or_draws(form):
    def noise(generator):
        return lambda x, y: (x + torch.randn(x.shape, generator=generator), y)

    torch.manual_seed(0)
    x, y = torch.randn(12, 3), torch.randn(12, 1)
    model = nn.Linear(3, 1)
    by_hand = copy.deepcopy(model)
    data = (x, y) if form == "tensors" else DataLoader(list(zip(x, y, strict=True)), 12)
    transform, loss = noise(torch.Generator().manual_seed(1)), Fading()
    fit(model, data, loss=loss, transform=transform, optimizer=torch.optim.SGD, lr=0.1,
        batch_size=12, epochs=1, seed=3)  # fmt: skip
    torch.manual_seed(3)
    order = torch.randperm(12) if form == "tensors" else torch.arange(12)
    noisy, target = noise(torch.Generator().manual_seed(1))(x[order], y[order])
    Fading()(by_hand(noisy), target).backward()
    for ours, alone in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, alone - 0.1 * alone.grad)
    assert loss.calls == 1
