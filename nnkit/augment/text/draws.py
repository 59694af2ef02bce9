"""What the random functions share: the check of their arguments, and who is touched."""

import torch

from nnkit._checks import number
from nnkit._draws import check_generator, uniform


def checked_text(text: object) -> str:
    """Return the text if it is one, else raise a TypeError."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {text!r}. Hint: for a list, call it for each")
    return text


def chosen(n: int, share: float, generator: torch.Generator | None) -> list[bool]:
    """Draw which of n things are touched: each with the probability `share`.

    Raises:
        TypeError: if share is no number or generator none.
        ValueError: if share is not in [0, 1].
    """
    if number("share", share, at_least=0.0) > 1:
        raise ValueError(f"share is a part of the text, in [0, 1], got {share!r}")
    check_generator(generator)
    touched: list[bool] = (uniform((n,), generator, "cpu") < share).tolist()
    return touched


def order(n: int, generator: torch.Generator | None) -> list[int]:
    """Draw an order of n things, each as likely."""
    where = None if generator is None else generator.device
    drawn: list[int] = torch.randperm(n, generator=generator, device=where).tolist()
    return drawn
