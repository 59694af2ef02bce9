"""Augmentation of images (N, C, H, W) with values in [0, 1], each sample by a draw of its own.

Plain functions take a strength, one for all or one for each sample:

>>> import torch
>>> from nnkit.augment.images import Brightness, Compose, Flip, RotateZoom, rotate_zoom
>>> x = torch.rand(4, 3, 32, 32)
>>> turned = rotate_zoom(x, torch.tensor([0.0, 10.0, 20.0, 30.0]), zoom=1.2)

Transforms draw the strengths, ``(x, y) -> (x, y)``, for ``fit(..., transform=...)``:

>>> augment = Compose(Flip(), RotateZoom(15, 1.1), Brightness(0.2, p=0.5))
>>> x, y = augment(x, torch.arange(4))

Those that move pixels move a mask given as y together with the image: ``Flip(mask=True)``.
"""

from nnkit.augment.images._colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_sharpness,
    downscale,
)
from nnkit.augment.images._compose import Compose
from nnkit.augment.images._geometry import (
    elastic,
    flip,
    resized_crop,
    rotate_zoom,
    shift,
    smooth_field,
)
from nnkit.augment.images._transforms import (
    Brightness,
    Contrast,
    Downscale,
    Elastic,
    Flip,
    Hue,
    ImageTransform,
    RandomResizedCrop,
    RotateZoom,
    Sharpness,
    Shift,
)

__all__ = [
    "Brightness", "Compose", "Contrast", "Downscale", "Elastic", "Flip", "Hue", "ImageTransform",
    "RandomResizedCrop", "RotateZoom", "Sharpness", "Shift", "adjust_brightness", "adjust_contrast",
    "adjust_hue", "adjust_sharpness", "downscale", "elastic", "flip", "resized_crop", "rotate_zoom",
    "shift", "smooth_field",
]  # fmt: skip
