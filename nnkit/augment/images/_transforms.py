"""Random image transforms, (x, y) -> (x, y): each draws strengths and calls a plain function."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from nnkit._checks import number, one_of
from nnkit._devices import check_generator, uniform
from nnkit.augment.images import _colour as colour
from nnkit.augment.images import _geometry as geometry
from nnkit.augment.images._checks import check_images

Change = Callable[..., Tensor]


@dataclass(kw_only=True, eq=False, repr=False)
class ImageTransform:
    """A random change of images (N, C, H, W), drawn anew for every sample of every batch.

    Args:
        p: the probability that a sample is changed at all.
        mask: True if y is a mask (N, 1, H, W) or (N, H, W), which then moves with its image.
        generator: what draws; None for torch's own state, which the `seed` of `fit` sets.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import ImageTransform
        >>> class Invert(ImageTransform):
        ...     def draw(self, x): return lambda x: 1 - x
        >>> x, y = Invert(p=0.5)(torch.zeros(1000, 1, 2, 2), torch.zeros(1000))
        >>> round(x.mean().item(), 1)  # half of the samples were changed
        0.5
    """

    p: float = 1.0
    mask: bool | None = None
    generator: torch.Generator | None = None
    moves: ClassVar[bool] = False  # whether pixels change their place

    def __post_init__(self) -> None:
        number("p", self.p, at_least=0, at_most=1)
        for strength in self._strengths():
            number(strength, getattr(self, strength), at_least=0.0)
        check_generator(self.generator)

    def draw(self, x: Tensor) -> Change:
        """A change with a strength drawn for each image of x."""
        raise NotImplementedError

    def __call__(self, x: Tensor, y: Any) -> tuple[Tensor, Any]:
        """The images changed; y as it is, or moved in the same way if it is a mask."""
        check_images(x)
        takes_mask = self.moves and _is_mask(x, y, self.mask)
        rows = self._rows(x)
        change = self.draw(x if rows is None else x[rows])
        if takes_mask:
            labels = y.view(len(y), 1, *y.shape[-2:])
            y = _replaced(labels, rows, partial(change, nearest=True)).view(y.shape)
        return _replaced(x, rows, change), y

    def between(self, low: float, high: float, x: Tensor) -> Tensor:
        """A number for each image of x, uniform in [low, high), (N,)."""
        return low + (high - low) * uniform((len(x),), self.generator, x.device).to(x)

    def _rows(self, x: Tensor) -> Tensor | None:
        """The numbers of the samples to be changed; None for all."""
        if self.p == 1:
            return None
        return (self.between(0, 1, x) < self.p).nonzero()[:, 0]

    def _strengths(self) -> list[str]:
        """The names of what may be given without its name."""
        return [field.name for field in fields(self) if not field.kw_only]

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name):g}" for name in self._strengths()]
        if self.p != 1 and "p" not in self._strengths():
            shown.append(f"p={self.p:g}")
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(kw_only=True, eq=False, repr=False)
class Move(ImageTransform):
    """A transform that moves pixels; `border` is what lies outside, as in :func:`shift`."""

    border: str = "zeros"
    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("border", self.border, geometry.BORDERS)


@dataclass(eq=False, repr=False)
class Flip(ImageTransform):
    """Mirror left to right; half of the samples unless `p` says otherwise.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Flip
        >>> x, mask = torch.rand(4, 3, 8, 8), torch.arange(256).view(4, 8, 8)
        >>> x_new, mask_new = Flip(1.0, mask=True)(x, mask)
        >>> torch.equal(x_new, x.flip(-1)), torch.equal(mask_new, mask.flip(-1))
        (True, True)
    """

    p: float = 0.5
    moves: ClassVar[bool] = True

    def draw(self, x: Tensor) -> Change:
        """The mirror."""
        return geometry.flip


@dataclass(eq=False, repr=False)
class RandomResizedCrop(Move):
    """A window anywhere in the image, with sides of `min_side` to 1 of the image's, enlarged.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import RandomResizedCrop
        >>> x, mask = torch.rand(4, 3, 28, 28), (torch.rand(4, 28, 28) > 0.5).long()
        >>> x, mask = RandomResizedCrop(0.7, mask=True)(x, mask)
        >>> x.shape, mask.unique().tolist()  # labels stay labels
        (torch.Size([4, 3, 28, 28]), [0, 1])
    """

    min_side: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        number("min_side", self.min_side, above=0, at_most=1)

    def draw(self, x: Tensor) -> Change:
        """A window of random size at a random place."""
        side = self.between(self.min_side, 1, x)
        right, down = (self.between(0, 1, x) for _ in "xy")
        return partial(geometry.resized_crop, side=side, right=right, down=down, border=self.border)


@dataclass(eq=False, repr=False)
class Shift(Move):
    """A shift by up to `amount` of the width and of the height, to any side.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Shift
        >>> x, y = Shift(0.5)(torch.ones(4, 1, 8, 8), torch.arange(4))
        >>> bool((x.mean((1, 2, 3)) < 1).all())  # black comes in at the borders
        True
        >>> x, y = Shift(0.5, border="border")(torch.ones(4, 1, 8, 8), torch.arange(4))
        >>> bool((x == 1).all())
        True
    """

    amount: float = 0.1

    def draw(self, x: Tensor) -> Change:
        """A shift to the right and down."""
        right, down = (self.between(-self.amount, self.amount, x) for _ in "xy")
        return partial(geometry.shift, right=right, down=down, border=self.border)


@dataclass(eq=False, repr=False)
class RotateZoom(Move):
    """A rotation by up to `degrees` either way, and a zoom between 1/`zoom` and `zoom`.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import RotateZoom
        >>> x, y = torch.rand(1, 1, 28, 28).expand(8, -1, -1, -1), torch.zeros(8)
        >>> new, y = RotateZoom(15, 1.2)(x, y)
        >>> len(new.unique(dim=0))  # of one picture eight others
        8
    """

    degrees: float = 15.0
    zoom: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        number("zoom", self.zoom, at_least=1.0)

    def draw(self, x: Tensor) -> Change:
        """An angle and an enlargement."""
        degrees = self.between(-self.degrees, self.degrees, x)
        zoom = torch.exp(math.log(self.zoom) * self.between(-1, 1, x))
        return partial(geometry.rotate_zoom, degrees=degrees, zoom=zoom, border=self.border)


@dataclass(eq=False, repr=False)
class Elastic(Move):
    """Smooth random displacements with a deviation of `amount` and bumps of `smooth` of the sides.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Elastic
        >>> x, y = torch.rand(4, 1, 28, 28), torch.arange(4)
        >>> new, y = Elastic(0.03, border="reflection")(x, y)
        >>> new.shape, torch.allclose(new, x)
        (torch.Size([4, 1, 28, 28]), False)
    """

    amount: float = 0.03
    smooth: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        number("smooth", self.smooth, above=0, at_most=1)

    def draw(self, x: Tensor) -> Change:
        """A field of displacements."""
        size = (len(x), *x.shape[-2:])
        field = geometry.smooth_field(size, self.smooth, self.generator, x.device)
        return partial(geometry.elastic, field=self.amount * field, border=self.border)


@dataclass(eq=False, repr=False)
class Brightness(ImageTransform):
    """An amount between −`amount` and `amount` added.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Brightness
        >>> grey = torch.full((100, 1, 8, 8), 0.5)
        >>> x, y = Brightness(0.2)(grey, torch.zeros(100))
        >>> bool(((x - 0.5).abs() <= 0.2).all()), len(x.unique(dim=0))  # an amount for each
        (True, 100)
    """

    amount: float = 0.2

    def draw(self, x: Tensor) -> Change:
        """An amount to add."""
        return partial(colour.adjust_brightness, amount=self.between(-self.amount, self.amount, x))


@dataclass(eq=False, repr=False)
class Contrast(ImageTransform):
    """Contrast times a factor between 1/(1 + `amount`) and 1 + `amount`.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Contrast
        >>> x, y = 0.4 + 0.2 * torch.rand(4, 1, 8, 8), torch.zeros(4)
        >>> new, y = Contrast(0.5)(x, y)
        >>> torch.allclose(new.mean((1, 2, 3)), x.mean((1, 2, 3)))  # no image gets brighter
        True
    """

    amount: float = 0.5

    def draw(self, x: Tensor) -> Change:
        """A factor."""
        factor = torch.exp(math.log1p(self.amount) * self.between(-1, 1, x))
        return partial(colour.adjust_contrast, factor=factor)


@dataclass(eq=False, repr=False)
class Hue(ImageTransform):
    """The wheel of colours turned by up to `degrees` either way.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Hue
        >>> x, y = torch.rand(4, 3, 8, 8), torch.zeros(4)
        >>> new, y = Hue(20)(x, y)
        >>> torch.allclose(new.amax(1), x.amax(1))  # the strongest colour is as strong as before
        True
    """

    degrees: float = 20.0

    def draw(self, x: Tensor) -> Change:
        """An angle on the wheel."""
        return partial(colour.adjust_hue, degrees=self.between(-self.degrees, self.degrees, x))


@dataclass(eq=False, repr=False)
class Sharpness(ImageTransform):
    """Sharpness between 1 − `amount`, blurred for `amount` = 1, and 1 + `amount`.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Sharpness
        >>> flat, y = torch.full((4, 1, 8, 8), 0.5), torch.zeros(4)
        >>> new, y = Sharpness(1.0)(flat, y)
        >>> torch.allclose(new, flat)  # where there is no edge, nothing changes
        True
    """

    amount: float = 1.0

    def draw(self, x: Tensor) -> Change:
        """A factor."""
        factor = self.between(1 - self.amount, 1 + self.amount, x)
        return partial(colour.adjust_sharpness, factor=factor)


@dataclass(eq=False, repr=False)
class Downscale(ImageTransform):
    """A resolution between `min_scale` and 1 of the image's, at the same size.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import Downscale
        >>> x, y = torch.rand(4, 1, 28, 28), torch.zeros(4)
        >>> new, y = Downscale(0.4)(x, y)
        >>> new.shape, bool(new.std() < x.std())  # the size stays, detail is lost
        (torch.Size([4, 1, 28, 28]), True)
    """

    min_scale: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        number("min_scale", self.min_scale, above=0, at_most=1)

    def draw(self, x: Tensor) -> Change:
        """The share of a side's pixels left in between."""
        return partial(colour.downscale, scale=self.between(self.min_scale, 1, x))


def _replaced(x: Tensor, rows: Tensor | None, change: Change) -> Tensor:
    """A copy of x with these rows changed."""
    return change(x) if rows is None else x.index_copy(0, rows, change(x[rows]))


def _is_mask(x: Tensor, y: Any, said: bool | None) -> bool:
    """Whether y moves with x: as said; a y that looks like a mask is not left behind unasked."""
    n, size = len(x), tuple(x.shape[-2:])
    fits = isinstance(y, Tensor) and tuple(y.shape) in ((n, *size), (n, 1, *size))
    if said and not fits:
        given = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ValueError(f"a mask must be {(n, *size)} or {(n, 1, *size)}, got {given}")
    if fits and said is None:
        raise ValueError(
            f"y {tuple(y.shape)} looks like a mask. "
            "Hint: mask=True moves it with the images, mask=False leaves it"
        )
    return bool(said)
