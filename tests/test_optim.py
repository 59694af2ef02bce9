"""The update rules: equal to torch.optim on a real network, and good torch citizens."""

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from nnkit import optim
from nnkit.data import digits
from nnkit.models import MLP
from nnkit.optim import RULES, Rule
from nnkit.training import fit

torch_sgd = torch.optim.SGD

# Each rule, its twin in torch and the options given to both; lr and weight_decay are added below.
TWINS: list[tuple[type[Rule], Callable[..., torch.optim.Optimizer], dict[str, Any]]] = [
    (optim.SGD, torch_sgd, {}),
    (optim.Momentum, torch_sgd, {"momentum": 0.9}),
    (optim.Momentum, torch_sgd, {"momentum": 0.5}),
    (optim.Nesterov, torch_sgd, {"momentum": 0.9}),
    (optim.Adagrad, torch.optim.Adagrad, {}),
    (optim.Adagrad, torch.optim.Adagrad, {"eps": 1e-3}),
    (optim.RMSprop, torch.optim.RMSprop, {}),
    (optim.RMSprop, torch.optim.RMSprop, {"alpha": 0.7, "eps": 1e-3}),
    (optim.Adam, torch.optim.Adam, {}),
    (optim.Adam, torch.optim.Adam, {"betas": (0.5, 0.7), "eps": 1e-3}),
    (optim.Nadam, torch.optim.NAdam, {}),
    (optim.Nadam, torch.optim.NAdam, {"betas": (0.5, 0.7), "eps": 1e-3, "momentum_decay": 0.1}),
    (optim.AdaMax, torch.optim.Adamax, {}),
    (optim.AdaMax, torch.optim.Adamax, {"betas": (0.5, 0.7), "eps": 1e-3}),
    (optim.AdamW, torch.optim.AdamW, {}),
    (optim.AdamW, torch.optim.AdamW, {"betas": (0.5, 0.7), "eps": 1e-3}),
]
LR = {optim.SGD: 0.1, optim.Momentum: 0.02, optim.Nesterov: 0.02, optim.Adagrad: 0.02}


@pytest.fixture(scope="module")
def batches() -> list[tuple[Tensor, Tensor]]:
    X, y = digits()
    # Without the pixels that are nearly always blank: decay alone moves their weights, to 0, where
    # rounding decides the sign of a normalised step (torch's own loops differ there by 1e-8).
    X = X[:, (X > 0).sum(0) > 50]
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
    parts = [order[i * 7 : i * 7 + 32] for i in range(200)]
    return [(X[part].double(), y[part]) for part in parts]


def network() -> MLP:
    return MLP([50, 16, 12, 10], "tanh", seed=0).double()


def train(net: nn.Module, optimizer: torch.optim.Optimizer, batches: Any) -> list[list[Tensor]]:
    """Return the parameters after every step."""
    steps = []
    for X, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()
        optimizer.step()
        steps.append([w.detach().clone() for w in net.parameters()])
    return steps


def assert_same_steps(ours: list[list[Tensor]], theirs: list[list[Tensor]]) -> None:
    for t, (mine, other) in enumerate(zip(ours, theirs, strict=True), start=1):
        worst = max(float((a - b).detach().abs().max()) for a, b in zip(mine, other, strict=True))
        assert worst < 1e-10, f"step {t}: weights differ by {worst:g}"


@pytest.mark.parametrize("weight_decay", [None, 0.0, 0.1])
@pytest.mark.parametrize(("rule", "twin", "options"), TWINS)
def test_every_step_equals_torch(rule, twin, options, weight_decay, batches):
    options = {"lr": LR.get(rule, 0.005)} | options
    if weight_decay is not None:  # None leaves both at their default, which AdamW has at 0.01
        options["weight_decay"] = weight_decay
    nesterov = {"nesterov": True} if rule is optim.Nesterov else {}
    net, other = network(), network()
    ours = train(net, rule(net.parameters(), **options), batches)
    theirs = train(other, twin(other.parameters(), **options, **nesterov), batches)
    assert_same_steps(ours, theirs)
    moved = max(float((a - b).abs().max()) for a, b in zip(ours[0], ours[-1], strict=True))
    assert moved > 0.05  # the comparison is of networks that learn


@pytest.mark.parametrize(
    ("rule", "twin"),
    [
        (optim.SGD, torch.optim.SGD),
        (optim.Adagrad, torch.optim.Adagrad),
        (optim.RMSprop, torch.optim.RMSprop),
        (optim.Adam, torch.optim.Adam),
        (optim.Nadam, torch.optim.NAdam),
        (optim.AdaMax, torch.optim.Adamax),
        (optim.AdamW, torch.optim.AdamW),
    ],
)
def test_defaults_are_those_of_torch(rule, twin):
    defaults = twin([torch.zeros(1)]).defaults
    assert rule([torch.zeros(1)]).defaults.items() <= defaults.items()


def schedule(optimizer: torch.optim.Optimizer) -> Any:
    return torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=30)


@pytest.mark.parametrize(
    ("rule", "twin", "options"),
    [
        (optim.Momentum, torch_sgd, {"lr": 0.02, "momentum": 0.9}),
        (optim.Nadam, torch.optim.NAdam, {"lr": 0.01}),
        (optim.AdamW, torch.optim.AdamW, {"lr": 0.01}),
    ],
)
def test_follows_torch_under_a_schedule_and_with_groups(rule, twin, options, batches):
    def run(make: Callable[..., torch.optim.Optimizer]) -> list[list[Tensor]]:
        net = network()
        vectors = [w for w in net.parameters() if w.dim() == 1]
        matrices = [w for w in net.parameters() if w.dim() > 1]
        groups = [
            {"params": vectors, "weight_decay": 0.0, "lr": 0.001},
            {"params": matrices, "weight_decay": 0.3},
        ]
        optimizer = make(groups, **options)
        scheduler = schedule(optimizer)
        steps = []
        for batch in batches[:60]:
            steps += train(net, optimizer, [batch])
            scheduler.step()
        assert optimizer.param_groups[0]["lr"] != optimizer.param_groups[1]["lr"]
        return steps

    assert_same_steps(run(rule), run(twin))


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_trains_in_fit_as_its_twin_does(name, batches):
    data = tuple(torch.cat(parts) for parts in zip(*batches[:10], strict=True))

    def run(optimizer: Any) -> tuple[list[float], MLP]:
        net = network()
        history = fit(
            net,
            data,
            loss=F.cross_entropy,
            optimizer=optimizer,
            lr=0.01,
            scheduler=partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5),
            epochs=3,
            seed=0,
            progress=False,
        )
        return history["loss"], net

    (ours, net), (theirs, other) = run(RULES[name]), run(getattr(torch.optim, name))
    assert ours == pytest.approx(theirs, abs=1e-10)
    assert ours[-1] < ours[0]
    assert_same_steps([[*net.parameters()]], [[*other.parameters()]])


def test_one_cycle_schedule_moves_the_momentum(batches):
    net = network()
    optimizer = optim.Momentum(net.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.05, total_steps=20)
    start = optimizer.param_groups[0]["momentum"]
    for batch in batches[:5]:
        train(net, optimizer, [batch])
        scheduler.step()
    assert optimizer.param_groups[0]["momentum"] < start


@pytest.mark.parametrize("name", RULES)
def test_resumes_from_its_state(name, batches, tmp_path):
    net = network()
    optimizer = RULES[name](net.parameters(), lr=0.01)
    train(net, optimizer, batches[:10])
    torch.save((net.state_dict(), optimizer.state_dict()), tmp_path / "state.pt")
    straight = train(net, optimizer, batches[10:20])

    weights, state = torch.load(tmp_path / "state.pt", weights_only=True)
    resumed = network()
    resumed.load_state_dict(weights)
    optimizer = RULES[name](resumed.parameters(), lr=1.0)  # the state brings its own rate
    optimizer.load_state_dict(state)
    again = train(resumed, optimizer, batches[10:20])
    assert all(torch.equal(a, b) for a, b in zip(straight[-1], again[-1], strict=True))


@pytest.mark.parametrize("name", RULES)
def test_can_be_copied_and_pickled(name):
    w = nn.Parameter(torch.ones(3))
    w.grad = torch.ones(3)
    optimizer = RULES[name]([w], lr=0.1)
    optimizer.step()
    for twin in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert twin.state_dict().keys() == optimizer.state_dict().keys()
        twin.step()


@pytest.mark.parametrize("name", RULES)
def test_memory_is_what_the_rule_says(name):
    w = nn.Parameter(torch.ones(3))
    optimizer = RULES[name]([w], lr=0.1)
    w.grad = torch.ones(3)
    optimizer.step()
    tensors = {key for key, value in optimizer.state[w].items() if isinstance(value, Tensor)}
    assert tensors == set(RULES[name].memory)


@pytest.mark.parametrize("name", RULES)
def test_leaves_alone_what_has_no_gradient(name):
    w, still = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = RULES[name]([w, still], lr=0.1, weight_decay=0.5)
    w.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(still, torch.ones(2))
    assert not torch.equal(w, torch.ones(2))
    assert torch.equal(w.grad, torch.ones(2))  # and a gradient is read, never changed
    assert still not in optimizer.state


@pytest.mark.parametrize("name", RULES)
def test_closure_is_evaluated_with_gradients_on_and_its_loss_returned(name):
    w = nn.Parameter(torch.tensor(3.0))
    optimizer = RULES[name]([w], lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = w**2
        loss.backward()
        return loss

    assert optimizer.step(closure) == 9
    assert w < 3


@pytest.mark.parametrize("name", RULES)
def test_sparse_gradients_count_as_what_they_stand_for(name):
    table = nn.Embedding(5, 3, sparse=True)
    dense = nn.Embedding.from_pretrained(table.weight.detach().clone(), freeze=False)
    for net in (table, dense):
        optimizer = RULES[name](net.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            net(torch.tensor([1, 3, 3])).square().sum().backward()
            optimizer.step()
    assert torch.allclose(table.weight, dense.weight, atol=1e-7)


def test_nadam_equals_torch_in_either_default_precision(batches):
    torch.set_default_dtype(torch.float64)
    try:
        net, other = network(), network()
        ours = train(net, optim.Nadam(net.parameters(), lr=0.005), batches)
        theirs = train(other, torch.optim.NAdam(other.parameters(), lr=0.005), batches)
    finally:
        torch.set_default_dtype(torch.float32)
    assert_same_steps(ours, theirs)


def test_nesterov_is_momentum_with_a_look_ahead():
    """The textbook form v ← γv + η∇L(u - γv), u ← u - v walks along u = w + ηγv."""
    eta, gamma = 0.05, 0.9
    curvature = torch.tensor([1.0, 10.0], dtype=torch.float64)
    w = nn.Parameter(torch.tensor([2.0, 1.0], dtype=torch.float64))
    optimizer = optim.Nesterov([w], lr=eta, momentum=gamma)
    u, v = w.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for _ in range(50):
        w.grad = curvature * w.detach()
        optimizer.step()
        v = gamma * v + eta * curvature * (u - gamma * v)
        u = u - v
        assert torch.allclose(u, w + eta * gamma * optimizer.state[w]["v"], atol=1e-12)


def test_momentum_in_the_textbook_form_at_a_constant_rate():
    eta, gamma = 0.05, 0.9
    w = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = optim.Momentum([w], lr=eta, momentum=gamma)
    u, v = w.detach().clone(), torch.zeros(1, dtype=torch.float64)
    for _ in range(50):
        w.grad = w.detach().clone()
        optimizer.step()
        v = gamma * v + eta * u
        u = u - v
        assert torch.allclose(u, w, atol=1e-12)


@pytest.mark.parametrize("name", ["Adam", "AdaMax", "AdamW", "RMSprop", "Adagrad"])
def test_where_epsilon_stands(name):
    """Outside the root: for a tiny gradient g, the first step is η g / (g + ε) up to ε's share."""
    g, eps = 1e-6, 1e-8
    w = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    alpha = {"alpha": 0.0} if name == "RMSprop" else {}  # so that E is g² at once
    optimizer = RULES[name]([w], lr=1.0, eps=eps, **alpha)
    w.grad = torch.full_like(w, g)
    optimizer.step()
    assert math.isclose(-w.item(), g / (g + eps), rel_tol=1e-6)  # inside the root it were 0.01


@pytest.mark.parametrize("name", RULES)
def test_table_has_formula_source_and_a_short_update(name):
    rule = RULES[name]
    assert rule.__name__ == name
    assert r"w &\leftarrow w - \eta" in rule.latex or r"w \leftarrow w - \eta" in rule.latex
    assert rule.latex.count("{") == rule.latex.count("}")
    assert "|" not in rule.latex  # it would end a cell of a Markdown table
    assert "$" not in rule.latex
    assert rule.source[-4:].isdigit()
    assert len(inspect.getsource(rule.update).splitlines()) <= 12
    assert ("varepsilon" in rule.latex) == ("eps" in inspect.signature(rule).parameters)


def test_table_names_the_nine_rules_in_the_order_of_the_lecture():
    assert list(RULES) == [
        "SGD", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "Nadam", "AdaMax", "AdamW",
    ]  # fmt: skip


def test_the_formula_typesets():
    mathtext = pytest.importorskip("matplotlib.mathtext")
    for rule in RULES.values():  # matplotlib has no aligned: typeset the pieces between & and \\
        inner = rule.latex.replace(r"\begin{aligned}", "").replace(r"\end{aligned}", "")
        for piece in inner.replace(r"\lvert", "|").replace(r"\rvert", "|").split(r"\\"):
            formula = piece.replace("&", "").replace(r"\tfrac12", r"\frac{1}{2}").strip()
            mathtext.MathTextParser("path").parse(f"${formula}$")


# What is refused --------------------------------------------------------------------------------

FORBIDDEN = {
    "lr": [-1, -1e-9, math.nan, math.inf],
    "weight_decay": [-0.1, math.nan],
    "momentum": [-0.1, 1.0, 2],
    "alpha": [-0.1, 1.0],
    "betas": [(-0.1, 0.9), (0.9, 1.0), (math.nan, 0.9)],
    "eps": [-1e-8, math.inf],
    "momentum_decay": [-1],
}


def cases(table: dict[str, list[Any]]) -> list[tuple[type[Rule], str, Any]]:
    return [
        (rule, name, value)
        for rule in RULES.values()
        for name, values in table.items()
        if name in inspect.signature(rule).parameters
        for value in values
    ]


@pytest.mark.parametrize(("rule", "name", "value"), cases(FORBIDDEN))
def test_forbidden_value_is_refused_with_name_value_and_hint(rule, name, value):
    with pytest.raises(ValueError, match=f"^{name} must be .*usual") as error:
        rule([torch.zeros(1)], **{name: value})
    assert repr(value) in str(error.value)


WRONG_KIND = {
    "lr": ["0.1", None, [0.1, 0.2], [0.1, 0.2, 0.3]],
    "betas": [0.9, (0.9,), (0.9, 0.9, 0.9), ("a", "b")],
}


@pytest.mark.parametrize(("rule", "name", "value"), cases(WRONG_KIND))
def test_wrong_kind_is_refused(rule, name, value):
    with pytest.raises(TypeError, match=f"^{name} must be (a number|two numbers), got"):
        rule([torch.zeros(1)], **{name: value})


def test_a_group_with_a_forbidden_value_is_refused_and_not_added():
    w, other = torch.zeros(1), torch.zeros(1)
    with pytest.raises(ValueError, match="lr must be at least 0 and finite, got -1"):
        optim.Adam([{"params": [w], "lr": -1}])
    optimizer = optim.Adam([w])
    with pytest.raises(ValueError, match=r"betas must be in \[0, 1\)"):
        optimizer.add_param_group({"params": [other], "betas": (0.9, 1.5)})
    assert len(optimizer.param_groups) == 1


def test_an_option_that_the_rule_lacks_is_refused():
    with pytest.raises(TypeError, match="momentum"):
        optim.SGD([torch.zeros(1)], momentum=0.9)  # type: ignore[call-arg]


@given(
    lr=st.floats(0, 10),
    beta1=st.floats(0, 1, exclude_max=True),
    beta2=st.floats(0, 1, exclude_max=True),
    eps=st.floats(0, 1),
    decay=st.floats(0, 10),
)
def test_any_allowed_value_is_taken(lr, beta1, beta2, eps, decay):
    w = torch.zeros(1)
    for rule in (optim.Adam, optim.Nadam, optim.AdaMax, optim.AdamW):
        group = rule([w], lr, (beta1, beta2), eps, decay).param_groups[0]
        assert (group["lr"], group["betas"]) == (lr, (beta1, beta2))
        assert (group["eps"], group["weight_decay"]) == (eps, decay)


# A rule of one's own -----------------------------------------------------------------------------


class SignSGD(Rule):
    r"""Only the sign of the gradient.

    $$ w \leftarrow w - \eta\, \mathrm{sign}\, g $$

    Source: Bernstein et al. 2018.
    """

    def __init__(self, params: Any, lr: float = 0.1, bits: int = 1) -> None:
        super().__init__(params, lr=lr, bits=bits)

    def update(self, w, g, s, t, o):
        w -= o.lr * g.sign() * o.bits


def test_a_rule_of_ones_own_takes_ten_lines():
    w = nn.Parameter(torch.tensor([1.0, -1.0]))
    optimizer = SignSGD([w])
    w.grad = torch.tensor([5.0, -0.1])
    optimizer.step()
    assert torch.allclose(w.detach(), torch.tensor([0.9, -0.9]))
    assert SignSGD.latex == r"w \leftarrow w - \eta\, \mathrm{sign}\, g"
    assert SignSGD.source == "Bernstein et al. 2018"


def test_a_rule_without_an_update_says_so():
    w = nn.Parameter(torch.ones(1))
    w.grad = torch.ones(1)
    with pytest.raises(NotImplementedError, match="Rule has no update"):
        Rule([w]).step()


def test_a_rule_without_a_docstring_has_no_formula():
    class Bare(Rule):
        pass

    assert (Bare.latex, Bare.source) == ("", "")


@pytest.mark.parametrize(
    ("rule", "namesake"),
    [
        (optim.SGD, torch.optim.SGD),
        (optim.Momentum, partial(torch.optim.SGD, momentum=0.9)),
        (optim.Adagrad, torch.optim.Adagrad),
        (optim.RMSprop, torch.optim.RMSprop),
        (optim.Adam, torch.optim.Adam),
        (optim.AdamW, torch.optim.AdamW),
        (optim.Nadam, torch.optim.NAdam),
        (optim.AdaMax, torch.optim.Adamax),
    ],
)
def test_the_parts_of_complex_weights_are_weights_each(rule, namesake):
    start = torch.randn(5, dtype=torch.complex128)
    found = []
    for kind in (rule, namesake):
        w = start.clone().requires_grad_()
        optimizer = kind([w], lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            (w - (2 - 1j)).abs().pow(4).sum().backward()
            optimizer.step()
        found.append(w.detach())
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("option", ["lr", "weight_decay"])
def test_a_truth_value_is_no_hyperparameter(option):
    with pytest.raises(TypeError, match=f"{option} must be a number, got True"):
        optim.SGD([torch.ones(2, requires_grad=True)], **{option: True})
