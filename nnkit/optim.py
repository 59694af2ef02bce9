r"""The update rules of gradient descent and its heirs, each a few lines that read like the formula.

In every formula $w$ is a weight, $g$ the gradient of the loss by it, to which the rule first adds
$\lambda w$, the gradient of an L2 penalty, when ``weight_decay`` $\lambda$ is given; $\eta$ is the
learning rate ``lr`` and $t$ counts the steps from 1. Products, roots and quotients of vectors are
element by element. What a rule remembers starts at zero. Each rule follows its namesake in
``torch.optim`` step for step; those are written for speed, these for reading.
"""

from collections.abc import Callable
from inspect import cleandoc
from math import inf
from numbers import Real
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

# ruff: noqa: D102 - every update does what `Rule.update` says; its formula heads its class
__all__ = [
    "RULES", "SGD", "AdaMax", "Adagrad", "Adam", "AdamW", "Momentum", "Nadam", "Nesterov",
    "RMSprop", "Rule",
]  # fmt: skip

State = dict[str, Any]
Options = SimpleNamespace  # the hyperparameters of a group: o.lr, o.momentum, ...

# Every hyperparameter is at least 0; here the bound that it must stay below, and what is usual.
_BOUNDS = {
    "lr": (inf, "usual are 0.0001 to 0.1"),
    "momentum": (1, "usual is 0.9"),
    "alpha": (1, "usual are 0.9 to 0.99"),
    "betas": (1, "usual are (0.9, 0.999)"),
    "eps": (inf, "usual is 1e-8"),
    "weight_decay": (inf, "usual are 0 to 0.1"),
    "momentum_decay": (inf, "usual is 0.004"),
}


class Rule(Optimizer):
    """A walk over the parameters: what happens to each of them is the rule's `update`.

    A rule of your own is a subclass with an ``__init__`` that names its hyperparameters, an
    `update` and, in `memory`, the tensors that it keeps for each parameter.

    Args:
        params: tensors, (name, tensor) pairs or dicts with options of their own, as in torch.
        options: the hyperparameters by name.

    Raises:
        TypeError, ValueError: a hyperparameter that is no number, or outside its range.

    Example:
        >>> import torch
        >>> from nnkit.optim import Rule
        >>> class SignSGD(Rule):
        ...     def update(self, w, g, s, t, o): w -= o.lr * g.sign()
        >>> w = torch.nn.Parameter(torch.tensor([3.0, -200.0]))
        >>> w.grad = torch.tensor([0.1, -50.0])
        >>> SignSGD([w], lr=1.0).step()
        >>> w.tolist()
        [2.0, -199.0]
    """

    memory: ClassVar[tuple[str, ...]] = ()
    decoupled: ClassVar[bool] = False  # whether `update` takes the weight decay on itself
    latex: ClassVar[str] = ""
    source: ClassVar[str] = ""

    def __init__(self, params: ParamsT, **options: Any) -> None:
        super().__init__(params, options)

    def __init_subclass__(cls) -> None:
        """Take the formula and its source from the docstring, so that each stands in one place."""
        doc = cleandoc(cls.__doc__ or "")
        cls.latex = " ".join(doc.partition("$$")[2].partition("$$")[0].split())
        cls.source = " ".join(doc.partition("Source: ")[2].partition("\n\n")[0].split()).rstrip(".")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with hyperparameters of their own, which are checked first."""
        options = self.defaults | param_group
        for name in self.defaults:
            _check(name, options[name])
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient; with a `closure`, compute the loss first."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            o = SimpleNamespace(**group)
            for w in group["params"]:
                if w.grad is not None:
                    s, g = self.state[w], w.grad.to_dense()  # an embedding's may be sparse
                    if w.is_complex():  # its parts are weights each
                        w, g = torch.view_as_real(w), torch.view_as_real(g)
                    if not s:
                        s.update({name: torch.zeros_like(w) for name in self.memory}, t=0)
                    s["t"] += 1
                    if not self.decoupled:
                        g = g + group.get("weight_decay", 0.0) * w
                    self.update(w, g, s, s["t"], o)
        return loss

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        """Change the weight `w` in place: gradient `g`, state `s`, step `t`, options `o`."""
        raise NotImplementedError(f"{type(self).__name__} has no update(w, g, s, t, o)")


def _check(name: str, value: Any) -> None:
    if name not in _BOUNDS:  # an option of a rule defined elsewhere
        return
    bound, usual = _BOUNDS[name]
    kind, length = ("two numbers", 2) if name == "betas" else ("a number", 1)
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(values) != length or not all(
        isinstance(v, Real) and not isinstance(v, bool) for v in values
    ):
        raise TypeError(f"{name} must be {kind}, got {value!r}; {usual}")
    if not all(0 <= v < bound for v in values):
        allowed = "at least 0 and finite" if bound == inf else f"in [0, {bound})"
        raise ValueError(f"{name} must be {allowed}, got {value!r}; {usual}")


class SGD(Rule):
    r"""Stochastic gradient descent: a step against the gradient of a mini-batch.

    $$ w \leftarrow w - \eta g $$

    Source: Robbins and Monro 1951.

    Example:
        >>> import torch
        >>> from nnkit.optim import SGD
        >>> w = torch.nn.Parameter(torch.tensor([1.0, 10.0]))
        >>> w.square().sum().backward()  # g = 2w
        >>> SGD([w], lr=0.25).step()
        >>> w.tolist()
        [0.5, 5.0]
    """

    def __init__(self, params: ParamsT, lr: float = 1e-3, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay)

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        w -= o.lr * g


class Momentum(Rule):
    r"""A ball with inertia: steps in the same direction add up, opposite ones cancel.

    $$ \begin{aligned} v &\leftarrow \gamma v + g \\ w &\leftarrow w - \eta v \end{aligned} $$

    $\gamma$ is ``momentum``. At a constant rate the same as $v \leftarrow \gamma v + \eta g$,
    $w \leftarrow w - v$; with a schedule, a new rate acts here on the whole velocity at once.

    Source: Polyak 1964.

    Example:
        >>> import torch
        >>> from nnkit.optim import Momentum
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> w.grad = torch.ones(1)
        >>> rule = Momentum([w], lr=0.1, momentum=0.9)
        >>> for _ in range(100): rule.step()
        >>> round(rule.state[w]["v"].item(), 2)  # where the slope is the same, v nears g / (1 - γ)
        10.0
    """

    memory = ("v",)

    def __init__(
        self, params: ParamsT, lr: float = 1e-3, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        v = s["v"] = o.momentum * s["v"] + g
        w -= o.lr * v


class Nesterov(Momentum):
    r"""Momentum whose gradient is taken where the velocity is about to carry the weights.

    $$ \begin{aligned} v &\leftarrow \gamma v + g \\
    w &\leftarrow w - \eta (g + \gamma v) \end{aligned} $$

    Here $w$ is the point looked ahead to: with $u = w + \eta\gamma v$ this is the textbook's
    $v \leftarrow \gamma v + \nabla L(u - \eta\gamma v)$, $u \leftarrow u - \eta v$.

    Source: Nesterov 1983; this form Sutskever et al. 2013.

    Example:
        >>> import torch
        >>> from nnkit.optim import Nesterov
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> w.grad = torch.ones(1)
        >>> Nesterov([w], lr=1.0, momentum=0.5).step()
        >>> w.item()  # by g + γv, where momentum first steps by g
        -1.5
    """

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        v = s["v"] = o.momentum * s["v"] + g
        w -= o.lr * (g + o.momentum * v)


class Adagrad(Rule):
    r"""A rate for each weight, smaller the more its gradients have summed up to; it falls to 0.

    $$ \begin{aligned} G &\leftarrow G + g^2 \\
    w &\leftarrow w - \eta\, \frac{g}{\sqrt{G} + \varepsilon} \end{aligned} $$

    $\varepsilon$ stands outside the root.

    Source: Duchi et al. 2011.

    Example:
        >>> import torch
        >>> from nnkit.optim import Adagrad
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> w.grad = torch.ones(1)
        >>> rule = Adagrad([w], lr=1.0)
        >>> for _ in range(4): rule.step()
        >>> rule.state[w]["G"].item()  # so that the rate is down to lr / √4
        4.0
    """

    memory = ("G",)

    def __init__(
        self, params: ParamsT, lr: float = 1e-2, eps: float = 1e-10, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, eps=eps, weight_decay=weight_decay)

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        G = s["G"] = s["G"] + g**2
        w -= o.lr * g / (G.sqrt() + o.eps)


class RMSprop(Rule):
    r"""Adagrad that forgets: a running mean of the squares in place of their sum.

    $$ \begin{aligned} E &\leftarrow \alpha E + (1 - \alpha) g^2 \\
    w &\leftarrow w - \eta\, \frac{g}{\sqrt{E} + \varepsilon} \end{aligned} $$

    $\varepsilon$ stands outside the root.

    Source: Tieleman and Hinton 2012.

    Example:
        >>> import torch
        >>> from nnkit.optim import RMSprop
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> w.grad = torch.ones(1)
        >>> rule = RMSprop([w], lr=1.0, alpha=0.5)
        >>> for _ in range(50): rule.step()
        >>> round(rule.state[w]["E"].item(), 2)  # a mean of g², not its sum: the rate does not fall
        1.0
    """

    memory = ("E",)

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay)

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        E = s["E"] = o.alpha * s["E"] + (1 - o.alpha) * g**2
        w -= o.lr * g / (E.sqrt() + o.eps)


class Adam(Rule):
    r"""Momentum over RMSprop; dividing by $1 - \beta^t$ makes up for starting both means at 0.

    $$ \begin{aligned} m &\leftarrow \beta_1 m + (1 - \beta_1) g,
    & \hat m &= \frac{m}{1 - \beta_1^t} \\
    v &\leftarrow \beta_2 v + (1 - \beta_2) g^2, & \hat v &= \frac{v}{1 - \beta_2^t} \\
    w &\leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon} \end{aligned} $$

    $\varepsilon$ stands outside the root and is added after the correction. The first step is
    about $\eta$ for every weight.

    Source: Kingma and Ba 2015.

    Example:
        >>> import torch
        >>> from nnkit.optim import Adam
        >>> w = torch.nn.Parameter(torch.zeros(2))
        >>> w.grad = torch.tensor([0.001, -1000.0])
        >>> Adam([w], lr=0.5).step()
        >>> w.data.round(decimals=2)  # the first step is lr, whatever the gradient
        tensor([-0.5000,  0.5000])
    """

    memory = ("m", "v")

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        beta1, beta2 = o.betas
        m = s["m"] = beta1 * s["m"] + (1 - beta1) * g
        v = s["v"] = beta2 * s["v"] + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w -= o.lr * m_hat / (v_hat.sqrt() + o.eps)


class AdamW(Adam):
    r"""Adam with weight decay beside the gradient, not in it: no division by $\sqrt{\hat v}$.

    $$ \begin{aligned} w &\leftarrow w - \eta \lambda w \\
    m &\leftarrow \beta_1 m + (1 - \beta_1) g,
    & \hat m &= \frac{m}{1 - \beta_1^t} \\
    v &\leftarrow \beta_2 v + (1 - \beta_2) g^2, & \hat v &= \frac{v}{1 - \beta_2^t} \\
    w &\leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon} \end{aligned} $$

    $\lambda$ is ``weight_decay``; the gradient $g$ is that of the loss alone.

    Source: Loshchilov and Hutter 2019.

    Example:
        >>> import torch
        >>> from nnkit.optim import AdamW
        >>> w = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
        >>> w.grad = torch.zeros(2)
        >>> AdamW([w], lr=0.5, weight_decay=0.5).step()
        >>> w.tolist()  # where nothing pulls, a weight decays by 1 - lr λ
        [0.75, -1.5]
    """

    decoupled = True

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        w -= o.lr * o.weight_decay * w
        super().update(w, g, s, t, o)


class AdaMax(Adam):
    r"""Adam whose scale is the largest recent gradient instead of a root mean square.

    $$ \begin{aligned} m &\leftarrow \beta_1 m + (1 - \beta_1) g,
    & \hat m &= \frac{m}{1 - \beta_1^t} \\
    u &\leftarrow \max(\beta_2 u,\; \lvert g \rvert + \varepsilon) \\
    w &\leftarrow w - \eta\, \frac{\hat m}{u} \end{aligned} $$

    $\varepsilon$ stands inside the maximum. A maximum needs no correction for its start at 0.

    Source: Kingma and Ba 2015.

    Example:
        >>> import torch
        >>> from nnkit.optim import AdaMax
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> rule = AdaMax([w])
        >>> for g in (8.0, 1.0):
        ...     w.grad = torch.tensor([g])
        ...     rule.step()
        >>> round(rule.state[w]["u"].item(), 3)  # the larger of 0.999 · 8 and 1
        7.992
    """

    memory = ("m", "u")

    def __init__(
        self,
        params: ParamsT,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        beta1, beta2 = o.betas
        m = s["m"] = beta1 * s["m"] + (1 - beta1) * g
        u = s["u"] = torch.maximum(beta2 * s["u"], g.abs() + o.eps)
        m_hat = m / (1 - beta1**t)
        w -= o.lr * m_hat / u


class Nadam(Rule):
    r"""Adam with Nesterov's look ahead: the mean $m$ enters as it will weigh in the next step.

    $$ \begin{aligned} m &\leftarrow \beta_1 m + (1 - \beta_1) g,
    & \mu_t &= \beta_1 \left(1 - \tfrac12\, 0.96^{t\psi}\right) \\
    v &\leftarrow \beta_2 v + (1 - \beta_2) g^2, & \hat v &= \frac{v}{1 - \beta_2^t} \\
    \hat m &= \frac{\mu_{t+1}\, m}{1 - \prod_{i \leq t+1} \mu_i}
    + \frac{(1 - \mu_t)\, g}{1 - \prod_{i \leq t} \mu_i},
    & w &\leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon} \end{aligned} $$

    $\psi$ is ``momentum_decay``; $\varepsilon$ stands outside the root.

    Source: Dozat 2016.

    Example:
        >>> import torch
        >>> from nnkit.optim import Nadam
        >>> a, b = (torch.nn.Parameter(torch.ones(3)) for _ in "ab")
        >>> a.grad = b.grad = torch.tensor([1.0, -2.0, 3.0])
        >>> Nadam([a], lr=0.1).step()
        >>> torch.optim.NAdam([b], lr=0.1).step()
        >>> torch.allclose(a, b)
        True
    """

    memory = ("m", "v")

    def __init__(
        self,
        params: ParamsT,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
        )

    def update(self, w: Tensor, g: Tensor, s: State, t: int, o: Options) -> None:
        beta1, beta2 = o.betas
        mu, mu_next = (beta1 * (1 - 0.96 ** (i * o.momentum_decay) / 2) for i in (t, t + 1))
        m = s["m"] = beta1 * s["m"] + (1 - beta1) * g
        v = s["v"] = beta2 * s["v"] + (1 - beta2) * g**2
        # the product in torch's default precision, because torch.optim.NAdam keeps it so
        prod = s["prod"] = (torch.tensor(s.get("prod", 1.0)) * mu).item()
        m_hat = mu_next * m / (1 - prod * mu_next) + (1 - mu) * g / (1 - prod)
        v_hat = v / (1 - beta2**t)
        w -= o.lr * m_hat / (v_hat.sqrt() + o.eps)


RULES: dict[str, type[Rule]] = {
    rule.__name__: rule
    for rule in (SGD, Momentum, Nesterov, Adagrad, RMSprop, Adam, Nadam, AdaMax, AdamW)
}
