"""`sweep`: the method is chosen here, and the work is divided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nnkit._checks import one_of, whole
from nnkit._modes import eval_mode
from nnkit.sweep._result import Settings, Sweep, Trial, all_settings
from nnkit.sweep._task import Task, one_thread, train_together
from nnkit.training import _checks
from nnkit.training._batches import Data
from nnkit.training._probe import MISTAKES
from nnkit.training._stack import check_apart, grouped, is_plain_mlp

# Measured by tests/benchmarks/sweep.py on one core: where stacking stops to pay.
LARGEST_MODEL = 120_000  # operations per row, two per weight; one larger model fills the core
STACK_FLOATS = 250_000  # parameters that a stack holds at most, so that it stays in the cache
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
METHODS = ("auto", "stacked", "sequential")
Pair = tuple[Settings, int]  # settings and seed of a trial


def sweep(
    model: Callable[[int], nn.Module],
    data: Data,
    *,
    loss: Callable[..., Tensor],
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | Sequence[int] = 1,
    validation: Data | None = None,
    regularizer: Callable[..., Any] | None = None,
    optimizer: Callable[..., Optimizer] | None = None,
    lr: float = 1e-3,
    method: str = "auto",
    n_jobs: int = 1,
    **options: Any,
) -> Sweep:
    """Train a model for every setting of the grid and every seed; as `fit` would, but at once.

    Args:
        model: seed -> module; all of one form.
        data: as for `fit`; at once only a pair of tensors (X, y).
        loss: (output, target) -> scalar tensor; it may take hyperparameters by name, too.
        grid: the values of each hyperparameter: "lr", or any argument of the loss, the
            regularizer or the optimizer; None for seeds alone.
        seeds: how many (0, 1, …), or which; a seed draws the weights and the batches.
        validation: held-out data, looked at after each epoch.
        regularizer: a penalty, or what makes one from hyperparameters: ``L2`` takes "lam",
            ``lambda a, b: L2(a) + L1(b)`` takes "a" and "b".
        optimizer: None for Adam, or a factory such as torch.optim.SGD.
        lr: the step size, unless the grid has it.
        method: "auto", "sequential" or "stacked", which is refused where it is impossible. Left to
            itself, models with dropout, or with batch normalisation unless the optimizer is SGD,
            are trained one by one, for together their numbers would be others, as of other seeds.
        n_jobs: processes (needs joblib), -1 for one per core; inside
            ``joblib.parallel_config(backend=…)`` they are that backend's workers.
        options: further arguments of `fit`: epochs, batch_size, metrics, device (None is where
            `model` makes them; else they are moved and stay there); with others, such as transform
            or callbacks, the models are trained one by one.

    Returns:
        the trials: to select from, to plot, to ask for the best setting.

    Raises:
        ValueError, TypeError: what was given cannot be trained, or not by `method`; the reason.

    Example:
        >>> import torch
        >>> from nnkit.models import MLP
        >>> from nnkit.sweep import sweep
        >>> X = torch.randn(64, 2)
        >>> result = sweep(lambda seed: MLP([2, 8, 1], seed=seed), (X, X[:, :1]), epochs=3,
        ...                loss=torch.nn.functional.mse_loss, grid={"lr": [0.001, 0.1]}, seeds=3)
        >>> result.values("loss").shape, result.best("loss")
        ((2, 3), {'lr': 0.1})
    """
    one_of("method", method, METHODS)
    if whole("n_jobs", n_jobs, at_least=-1) == 0:
        raise ValueError("n_jobs must be -1 for one per core, or at least 1, got 0")
    chosen = _checked_seeds(seeds)
    grid = _checked_grid(grid)
    options = {**options, "validation": validation}
    task = Task(model, data, loss, regularizer, optimizer, lr, options)
    task.check(grid)
    _checks.check_grad_mode()
    pairs = [(settings, seed) for settings in all_settings(grid) for seed in chosen]
    first = model(chosen[0])
    if not isinstance(first, nn.Module):
        raise TypeError(f"model must be a function of a seed that gives a module, got {first!r}")
    _checks.check_model(first)
    check_apart([first, model(chosen[-1])])

    reason = "asked for" if method == "sequential" else impossible(task)
    if method == "auto" and not reason:
        reason = unwise(task, first, len(pairs))
    if not reason:
        try:
            return Sweep(grid, chosen, *_together(task, first, pairs, n_jobs))
        except (ValueError, RuntimeError) as error:  # of the kind that cannot be stacked
            reason = str(error).partition("\n")[0]
    if method == "stacked":
        raise ValueError(f"the models cannot be stacked: {reason}")
    return Sweep(grid, chosen, _each(task.train, pairs, n_jobs), "sequential", reason)


def impossible(task: Task) -> str:
    """Why these models cannot be trained together; "" if nothing is known against it."""
    for name, data in (("data", task.data), ("validation", task.options["validation"])):
        if data is not None and not _is_pair(data):
            return f"{name} is no pair of tensors"
    together = ("validation", "epochs", "batch_size", "metrics", "device", "progress",
                "clip_norm", "scheduler", "scheduler_step")  # fmt: skip
    for name, value in task.options.items():
        if name not in together and value:
            return f"{name} is known to `fit` alone"
    if any(hasattr(metric, "update") for metric in (task.options.get("metrics") or {}).values()):
        return "a metric that gathers its own sums is of one model"
    return ""


def unwise(task: Task, first: nn.Module, count: int) -> str:
    """Why training together would not be faster, or give other numbers; "" if it is better."""
    if count == 1:
        return "there is only one model"
    try:
        work = operations(first, task.data[0][:1])
    except MISTAKES:
        work = 0  # one that cannot take a single row, or these data: `fit` says what is wrong
    if work > LARGEST_MODEL:
        return f"one model of {work} operations per row fills the processor"
    if any(isinstance(m, DROPOUTS) and m.p > 0 for m in first.modules()):
        return "dropout draws other numbers when models are trained together"
    if any(isinstance(m, BATCH_NORMS) for m in first.modules()) and not _is_sgd(task.optimizer):
        return (
            "the gradient of a bias before batch normalisation is mere rounding, of which "
            "optimisers like Adam make full steps: together, they would be others"
        )
    return ""


def operations(model: nn.Module, x: Tensor) -> int:
    """Multiplications and additions in the matrix products and convolutions for the inputs x."""
    from torch.utils.flop_counter import FlopCounterMode  # with CUDA it takes a second to import

    counter = FlopCounterMode(display=False)
    device = next(model.parameters()).device
    with torch.no_grad(), eval_mode(model), counter:
        model(x.to(device))
    return int(counter.get_total_flops())


def _together(
    task: Task, first: nn.Module, pairs: list[Pair], n_jobs: int
) -> tuple[list[Trial], str, str]:
    """The trials in the order of the pairs, how they were trained, and a remark."""
    size = sum(p.numel() for p in first.parameters())
    most = max(1, STACK_FLOATS // size)
    if n_jobs != 1:
        most = min(most, -(-len(pairs) // _workers(n_jobs)))
    groups = grouped([_own_options(task, settings) for settings, _ in pairs])
    stacks = [group[i : i + most] for group in groups for i in range(0, len(group), most)]
    work = [(task, [pairs[number] for number in stack]) for stack in stacks]
    trained = _each(train_together, work, n_jobs)
    found = dict(zip(chain.from_iterable(stacks), chain.from_iterable(trained), strict=True))
    trials = [found[number] for number in range(len(pairs))]
    form = "batched" if is_plain_mlp(first) else "vmap"
    return trials, form, f"{len(pairs)} models in stacks of {min(most, len(pairs))}"


def _own_options(task: Task, settings: Settings) -> dict[str, Any]:
    """The hyperparameters of the optimiser that the settings give, but for lr."""
    made = task.optimizer_for(settings)
    return {} if made is task.optimizer else dict(made.keywords)


def _each(function: Callable[..., Any], work: Sequence[tuple[Any, ...]], n_jobs: int) -> list[Any]:
    """The function's value for each piece of work, here or in other processes."""
    if n_jobs == 1:
        return [function(*args) for args in work]
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=n_jobs)(delayed(one_thread)(function, *args) for args in work))


def _workers(n_jobs: int) -> int:
    from joblib import effective_n_jobs

    return int(effective_n_jobs(n_jobs))


def _is_sgd(optimizer: Any) -> bool:
    return getattr(optimizer, "func", optimizer) is torch.optim.SGD


def _is_pair(data: Any) -> bool:
    return (
        isinstance(data, (tuple, list))
        and len(data) == 2
        and all(isinstance(part, Tensor) for part in data)
    )


def _checked_seeds(seeds: int | Sequence[int]) -> list[int]:
    if not isinstance(seeds, Sequence):
        return list(range(whole("seeds", seeds, at_least=1)))
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds must be a number, or different seeds, got {seeds!r}")
    return [whole("each of seeds", seed, at_least=0) for seed in seeds]


def _checked_grid(grid: Any) -> dict[str, list[Any]]:
    if grid is None:
        return {}
    if not isinstance(grid, Mapping) or not grid:
        raise TypeError(f'grid must be a dict such as {{"lam": [0.01, 0.1]}}, got {grid!r}')
    for name, values in grid.items():
        if isinstance(values, str) or not hasattr(values, "__len__") or not len(values):
            raise ValueError(f"grid: {name} must have a list of values, got {values!r}")
    return {name: [_plain(value) for value in values] for name, values in grid.items()}


def _plain(value: Any) -> Any:
    """A number of NumPy or torch as Python's."""
    return value.item() if getattr(value, "ndim", None) == 0 else value
