"""What torch lacks among losses: hinges on raw scores, and softmax with a temperature.

Like every loss here and in torch they take (output, target) and average over the batch.
"""

import torch
from torch import Tensor
from torch._C._functorch import is_batchedtensor
from torch.nn import functional as F

from nnkit._checks import number, one_of

__all__ = ["hinge", "multiclass_hinge", "softmax"]


def hinge(scores: Tensor, target: Tensor, margin: float = 1.0) -> Tensor:
    """Mean of max(0, margin - y f): zero for every score on the right side by the margin.

    Args:
        scores: raw scores f, (N,) or (N, 1).
        target: y, each -1 or +1, of the shape of ``scores``.
        margin: the score wanted beyond the boundary.

    Returns:
        The mean over the batch, a scalar.

    Raises:
        TypeError: if the scores are no floats.
        ValueError: if shapes differ, a target is neither -1 nor +1, or margin < 0.

    Source: Cortes and Vapnik, 1995.

    Example:
        >>> import torch
        >>> from nnkit.losses import hinge
        >>> scores = torch.tensor([3.0, -1.0, 0.5, -0.5])
        >>> y = torch.tensor([1.0, -1.0, 1.0, 1.0])
        >>> hinge(scores, y)  # 0 from the margin on, 0.5 within it, 1.5 on the wrong side
        tensor(0.5000)
    """
    number("margin", margin, at_least=0.0)
    _check_floats(scores)
    if scores.shape != target.shape:
        raise ValueError(
            f"scores {tuple(scores.shape)} and target {tuple(target.shape)} must have one shape; "
            "scores (N, 1) go with target[:, None]"
        )
    y = target.to(torch.promote_types(target.dtype, scores.dtype))  # of bytes 255 would equal -1
    if _readable(target) and (wrong := target[(y != 1) & (y != -1)]).numel():
        raise ValueError(
            f"hinge target must be -1 or +1, got {wrong[0].item()}; labels 0 and 1 become 2 * y - 1"
        )
    return F.relu(margin - y * scores).mean()


def multiclass_hinge(
    scores: Tensor, target: Tensor, margin: float = 1.0, kind: str = "crammer-singer"
) -> Tensor:
    """Mean hinge over several classes: the right score should lead every other by the margin.

    With m_c = max(0, margin + f_c - f_y) for every wrong class c, Crammer and Singer (2001) take
    the largest m_c, Weston and Watkins (1999) their sum. For two classes both are the binary
    hinge of f_1 - f_0.

    Args:
        scores: raw scores f, (N, C) with at least two classes.
        target: right classes y, (N,), whole numbers in 0..C-1.
        margin: the lead wanted.
        kind: "crammer-singer" or "weston-watkins".

    Returns:
        The mean over the batch, a scalar.

    Raises:
        TypeError: if the targets are not whole numbers, or the scores no floats.
        ValueError: if shapes do not fit, a target is not in 0..C-1, margin < 0 or the kind is
            unknown.

    Example:
        >>> import torch
        >>> from nnkit.losses import multiclass_hinge
        >>> scores, y = torch.tensor([[2.0, 1.5, 1.5]]), torch.tensor([0])
        >>> multiclass_hinge(scores, y)  # a lead of 0.5 where 1 is wanted
        tensor(0.5000)
        >>> multiclass_hinge(scores, y, kind="weston-watkins")  # over two rivals
        tensor(1.)
    """
    number("margin", margin, at_least=0.0)
    one_of("kind of multiclass hinge", kind, ("crammer-singer", "weston-watkins"))
    _check_floats(scores)
    if scores.ndim != 2 or scores.shape[1] < 2 or target.shape != scores.shape[:1]:
        raise ValueError(
            "scores must be (N, C) with C >= 2 and target (N,), "
            f"got {tuple(scores.shape)} and {tuple(target.shape)}"
        )
    if target.is_floating_point() or target.is_complex():
        raise TypeError(f"target must hold class numbers, got {target.dtype}; use target.long()")
    classes = scores.shape[1]
    if _readable(target) and (wrong := target[(target < 0) | (target >= classes)]).numel():
        raise ValueError(f"target must be in 0..{classes - 1}, got {wrong[0].item()}")
    right = target.long()[:, None]  # (N, 1)
    lead = F.relu(margin + scores - scores.gather(1, right))  # (N, C)
    wrong = lead.scatter(1, right, 0.0)  # the right class does not compete with itself
    per_row = wrong.amax(1) if kind == "crammer-singer" else wrong.sum(1)
    return per_row.mean()


def softmax(scores: Tensor, temperature: float = 1.0) -> Tensor:
    """Probabilities e^(f_c / τ) / Σ e^(f_k / τ) over the last dimension.

    Args:
        scores: f, (..., C), floats; -inf is never chosen.
        temperature: τ > 0; larger is closer to uniform, towards 0 the largest score takes all.

    Returns:
        Probabilities, (..., C), each row summing to 1.

    Raises:
        TypeError: if the scores are no floats.
        ValueError: if τ is not positive and finite.

    Example:
        >>> import torch
        >>> from nnkit.losses import softmax
        >>> scores = torch.tensor([1.0, 2.0, 3.0])
        >>> softmax(scores, temperature=0.01).round(decimals=2)  # towards the argmax
        tensor([0., 0., 1.])
        >>> softmax(scores, temperature=100.0).round(decimals=2)  # towards uniform
        tensor([0.3300, 0.3300, 0.3400])
    """
    _check_floats(scores)
    tau = number("temperature", temperature, above=0)
    single = torch.finfo(torch.float32)
    holds = single.tiny <= tau <= single.max and scores.dtype != torch.float64
    f = scores.to(torch.float32 if holds else torch.float64)
    if tau < 1:
        # the shift changes nothing and keeps f / τ from overflowing; at a large τ it would itself
        f = f - f.detach().amax(-1, keepdim=True)
    return torch.softmax(f / tau, dim=-1).to(scores.dtype)


def _check_floats(scores: Tensor) -> None:
    if not scores.is_floating_point():
        raise TypeError(f"scores must be floats, got {scores.dtype}; use scores.float()")


def _readable(target: Tensor) -> bool:
    """Whether values may be looked at: it would stall a GPU, and fails compiled or under vmap."""
    return (
        target.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and not is_batchedtensor(target)
    )
