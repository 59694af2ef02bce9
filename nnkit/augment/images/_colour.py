"""Changes of values: brightness, contrast, hue, sharpness, resolution. Nothing moves."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nnkit._precision import widened
from nnkit.augment.images._checks import Strength, check_images, per_sample

GREY = (0.299, 0.587, 0.114)  # the eye's weights of red, green and blue (ITU-R BT.601)


def adjust_brightness(x: Tensor, amount: Strength) -> Tensor:
    """Add an amount, one number or (N,), to images (N, C, H, W); 0 changes nothing.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import adjust_brightness
        >>> x = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
        >>> adjust_brightness(x, 0.25).flatten()  # cut off at white
        tensor([0.2500, 0.7500, 1.0000])
    """
    check_images(x, unit=True)
    return (x + per_sample("amount", amount, x)).clamp(0, 1)


def adjust_contrast(x: Tensor, factor: Strength) -> Tensor:
    """Stretch the distances to the mean grey of each image by a factor; 1 changes nothing.

    Args:
        x: images (N, C, H, W); three channels are weighed as the eye does for their mean grey.
        factor: one number or (N,), above 0.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import adjust_contrast
        >>> x = torch.tensor([0.25, 0.5, 0.75]).view(1, 1, 1, 3)
        >>> adjust_contrast(x, 2.0).flatten()
        tensor([0.0000, 0.5000, 1.0000])
    """
    check_images(x, unit=True)
    strength = per_sample("factor", factor, x, above=0.0)
    weights = x.new_tensor(GREY).view(3, 1, 1) if x.shape[1] == 3 else 1 / x.shape[1]
    mean = (x * weights).sum(1, keepdim=True).mean((-2, -1), keepdim=True)  # (N, 1, 1, 1)
    return torch.lerp(mean, x, strength).clamp(0, 1)


def adjust_hue(x: Tensor, degrees: Strength) -> Tensor:
    """Turn the wheel of colours: 120 makes red green, green blue, and blue red.

    Hue, saturation and value (HSV); the last two and every grey stay as they are.

    Args:
        x: images (N, 3, H, W), red, green and blue.
        degrees: one number or (N,).

    Source: Smith, 1978, "Color gamut transform pairs".

    Example:
        >>> import torch
        >>> from nnkit.augment.images import adjust_hue
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> adjust_hue(red, 120.0).flatten()  # green
        tensor([0., 1., 0.])
    """
    check_images(x, channels=3, unit=True)
    turn = per_sample("degrees", degrees, x) / 60
    value, strongest = x.max(1, keepdim=True)  # (N, 1, H, W)
    chroma = value - x.min(1, keepdim=True).values
    # the hue in sixths of the wheel: which channel is strongest, and which way the others lean
    lean = x.roll(-1, 1) - x.roll(-2, 1)  # green − blue, blue − red, red − green
    hue = 2 * strongest + lean.gather(1, strongest) / chroma.clamp(min=1e-12)
    place = x.new_tensor([5, 3, 1]).view(3, 1, 1) + hue + turn
    place = place.remainder(6)
    return value - chroma * torch.minimum(place, 4 - place).clamp(0, 1)


def adjust_sharpness(x: Tensor, factor: Strength) -> Tensor:
    """Blend with a blurred copy: 0 is the blur, 1 changes nothing, above 1 edges stand out.

    The blur is a weighted mean of 3×3 pixels; the outermost rows and columns stay.

    Args:
        x: images (N, C, H, W).
        factor: one number or (N,).

    Source: Pillow's ImageEnhance.Sharpness.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import adjust_sharpness
        >>> x = torch.zeros(1, 1, 5, 5)
        >>> x[0, 0, 2, 2] = 1.0
        >>> (13 * adjust_sharpness(x, 0.0)[0, 0, 2]).round()  # a dot becomes a blot
        tensor([0., 1., 5., 1., 0.])
    """
    check_images(x, unit=True)
    strength = per_sample("factor", factor, x)
    height, width = x.shape[-2:]
    if min(height, width) < 3:
        return x.clone()
    near = x.new_ones(3, 3) / 13
    near[1, 1] = 5 / 13
    inner = F.conv2d(x.reshape(-1, 1, height, width), near[None, None])
    blurred = x.clone()
    blurred[..., 1:-1, 1:-1] = inner.view_as(blurred[..., 1:-1, 1:-1])
    return torch.lerp(blurred, x, strength).clamp(0, 1)


def downscale(x: Tensor, scale: Strength) -> Tensor:
    """Shrink images and enlarge them again, so that detail is lost and the size is kept.

    Args:
        x: images (N, C, H, W).
        scale: share of a side's pixels that are left in between, one number or (N,), above 0;
            1 changes nothing.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import downscale
        >>> x = torch.rand(4, 1, 28, 28)
        >>> blurred = downscale(x, 0.25)  # 7 × 7 pixels in between
        >>> blurred.shape, bool(blurred.std() < 0.5 * x.std())
        (torch.Size([4, 1, 28, 28]), True)
    """
    check_images(x)
    kept = per_sample("scale", scale, x, above=0.0).view(-1)
    sides = torch.tensor(x.shape[-2:], device=x.device)
    sizes = (kept[:, None] * sides).round().clamp(min=1).minimum(sides).long()  # (N, 2)
    out = x.clone()
    for size in {(h, w) for h, w in sizes.tolist()}:  # interpolate() gives a batch one size
        rows = (sizes == sizes.new_tensor(size)).all(1)
        small = F.interpolate(widened(x[rows]), size, mode="bilinear", antialias=True)
        out[rows] = F.interpolate(small, x.shape[-2:], mode="bilinear").to(x.dtype)
    return out
