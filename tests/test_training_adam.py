"""The default optimiser is torch's Adam, step by step."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnkit.training._optimizers import FusedAdam, default_adam


def net() -> nn.Module:
    # no bias before the normalisation: its gradient is 0 but for rounding, which Adam magnifies
    first = nn.Conv2d(1, 3, 3, bias=False)
    return nn.Sequential(
        first, nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 5), nn.Linear(5, 2)
    ).double()


def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor) -> None:
    optimizer.zero_grad()
    model(x).square().mean().backward()
    optimizer.step()


def assert_same(a: nn.Module, b: nn.Module) -> None:
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-9, atol=1e-9)  # rounding of float64


@settings(max_examples=15, deadline=None)
@given(
    lr=st.floats(1e-5, 1e-1),
    beta1=st.floats(0, 0.99),
    beta2=st.floats(0, 0.9999),
    eps=st.floats(1e-9, 1e-2),
)
def test_it_equals_torch_adam_step_by_step(lr, beta1, beta2, eps):
    a = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    b = copy.deepcopy(a)
    ours = FusedAdam(a.parameters(), lr, (beta1, beta2), eps)
    theirs = torch.optim.Adam(b.parameters(), lr, (beta1, beta2), eps)
    for _ in range(10):
        x = torch.randn(8, 3, dtype=torch.float64)
        step(a, ours, x)
        step(b, theirs, x)
        assert_same(a, b)


def test_it_goes_on_from_torch_adams_state_and_torch_adam_from_its():
    a, x = net(), torch.randn(6, 1, 6, 6, dtype=torch.float64)
    theirs = torch.optim.Adam(a.parameters(), lr=0.01)
    step(a, theirs, x)
    b, c = copy.deepcopy(a), copy.deepcopy(a)
    ours = FusedAdam(b.parameters(), lr=0.5)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    for _ in range(3):
        step(a, theirs, x)
        step(b, ours, x)
    assert_same(a, b)
    back = torch.optim.Adam(c.parameters())
    group = back.state_dict()["param_groups"][0]
    saved = ours.state_dict()
    saved["param_groups"][0] = group | saved["param_groups"][0]
    c.load_state_dict(b.state_dict())
    back.load_state_dict(copy.deepcopy(saved))
    step(b, ours, x)
    step(c, back, x)
    assert_same(b, c)


def test_a_parameter_without_gradient_stays_and_does_not_count_a_step():
    model, x = net(), torch.randn(6, 1, 6, 6, dtype=torch.float64)
    twin = copy.deepcopy(model)
    ours, theirs = FusedAdam(model.parameters()), torch.optim.Adam(twin.parameters())
    for number in range(6):  # a layer that is frozen now and then
        for m, optimizer in ((model, ours), (twin, theirs)):
            m[3].requires_grad_(number % 3 != 1)
            step(m, optimizer, x)
    assert_same(model, twin)
    assert ours.state[model[3].weight]["step"] == 4
    assert ours.state[model[4].weight]["step"] == 6


def test_groups_have_their_own_step_size_and_a_schedule_may_change_it():
    model, x = net(), torch.randn(6, 1, 6, 6, dtype=torch.float64)
    twin = copy.deepcopy(model)

    def groups(m):
        return [{"params": m[0].parameters(), "lr": 0.1}, {"params": m[4].parameters()}]

    ours, theirs = FusedAdam(groups(model), lr=1e-2), torch.optim.Adam(groups(twin), lr=1e-2)
    for optimizer in (ours, theirs):
        m = model if optimizer is ours else twin
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)
        for number in range(5):
            if number == 3:
                optimizer.add_param_group({"params": m[3].parameters()})
            step(m, optimizer, x)
            schedule.step()
    assert_same(model, twin)


@pytest.mark.parametrize("layout", ["channels_last", "transposed"])
def test_a_gradient_laid_out_otherwise_is_brought_into_the_parameters_layout(layout):
    if layout == "channels_last":
        p = nn.Parameter(torch.randn(4, 3, 3, 3))
        gradient = torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last)
    else:
        p = nn.Parameter(torch.randn(5, 7))
        gradient = torch.randn(7, 5).t()
    q = nn.Parameter(p.detach().clone())
    assert gradient.stride() != p.stride()
    p.grad = gradient
    q.grad = gradient.contiguous()
    FusedAdam([p], lr=0.1).step()
    torch.optim.Adam([q], lr=0.1).step()
    torch.testing.assert_close(p, q)


def test_a_closure_is_called_with_gradients_on():
    p = nn.Parameter(torch.tensor([3.0]))
    optimizer = FusedAdam([p], lr=0.1)

    def closure() -> float:
        optimizer.zero_grad()
        value = p.square().sum()
        value.backward()
        return value.item()

    assert optimizer.step(closure) == 9.0
    assert p.item() == pytest.approx(2.9)


def test_nothing_happens_without_gradients():
    p = nn.Parameter(torch.ones(2))
    optimizer = FusedAdam([p])
    optimizer.step()
    assert not optimizer.state
    assert torch.equal(p, torch.ones(2))


def test_torchs_adam_is_taken_where_the_kernel_does_not_fit():
    assert type(default_adam(nn.Linear(2, 2), 0.1)) is FusedAdam
    assert type(default_adam(nn.Linear(2, 2).double(), 0.1)) is FusedAdam
    assert type(default_adam(nn.Linear(2, 2).bfloat16(), 0.1)) is torch.optim.Adam
    assert type(default_adam(nn.Embedding(4, 2, sparse=True), 0.1)) is torch.optim.Adam
    assert type(default_adam(nn.Linear(2, 2, device="meta"), 0.1)) is torch.optim.Adam


def test_it_can_go_back_to_a_state_and_be_copied():
    model, x = net(), torch.randn(6, 1, 6, 6, dtype=torch.float64)
    optimizer = FusedAdam(model.parameters(), lr=0.01)
    step(model, optimizer, x)
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    step(model, optimizer, x)
    first = copy.deepcopy(model)
    model.load_state_dict(weights)
    optimizer.load_state_dict(state)
    step(model, optimizer, x)
    assert_same(model, first)
    twin = copy.deepcopy((model, optimizer))
    step(model, optimizer, x)
    step(*twin, x)
    assert_same(model, twin[0])


def test_parameters_may_take_turns():
    ours, theirs = ([nn.Parameter(torch.ones(2)) for _ in range(2)] for _ in range(2))
    optimizers = FusedAdam(ours, lr=0.1), torch.optim.Adam(theirs, lr=0.1)
    for number in range(5):
        for params, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            params[number % 2].mul(torch.arange(2.0) + number).sum().backward()
            optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q)
