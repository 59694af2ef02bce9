"""Moves of pixels: every one but the flip says where each pixel comes from, and ``_sampled`` looks.

The same move takes a mask along: ``nearest=True`` reads the nearest pixel, so labels stay labels.
Coordinates are torch's: x to the right and y down, each from −1 to 1 over the image.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from nnkit._checks import number, one_of
from nnkit._devices import normal
from nnkit.augment.images._checks import Strength, check_images, per_sample

BORDERS = ("zeros", "border", "reflection")


def flip(x: Tensor, *, nearest: bool = False) -> Tensor:
    """Mirror images (N, C, H, W) left to right, exactly; a reflection, not a rotation.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import flip
        >>> x = torch.tensor([0.1, 0.2, 0.3]).view(1, 1, 1, 3)
        >>> flip(x).flatten()
        tensor([0.3000, 0.2000, 0.1000])
    """
    check_images(x, labels=nearest)
    return x.flip(-1)


def shift(
    x: Tensor, right: Strength, down: Strength, *, nearest: bool = False, border: str = "zeros"
) -> Tensor:
    """Move images to the right and down by shares of their width and height.

    Args:
        x: images (N, C, H, W), or label maps with ``nearest``.
        right: share of the width, one number or (N,).
        down: share of the height, one number or (N,).
        nearest: take the nearest pixel instead of a mean of four.
        border: what lies outside: "zeros", "border" (its pixel repeated) or "reflection".

    Example:
        >>> import torch
        >>> from nnkit.augment.images import shift
        >>> labels = torch.tensor([1, 2, 3, 4]).view(1, 1, 1, 4)
        >>> shift(labels, right=0.25, down=0.0, nearest=True).flatten()  # by a quarter of the width
        tensor([0, 1, 2, 3])
    """
    grid = _grid(x, nearest, border)
    step = _pair("right", right, "down", down, grid)
    return _sampled(x, grid - 2 * step, nearest, border)


def resized_crop(
    x: Tensor,
    side: Strength,
    right: Strength = 0.5,
    down: Strength = 0.5,
    *,
    nearest: bool = False,
    border: str = "zeros",
) -> Tensor:
    """Cut out a window and enlarge it to the size of the whole.

    Args:
        x: images (N, C, H, W), or label maps with ``nearest``.
        side: height and width of the window as a share of the image's, above 0.
        right: where it lies, from 0 (at the left edge) to 1 (at the right one).
        down: the same from the top edge to the bottom one.
        nearest: take the nearest pixel instead of a mean of four.
        border: what lies outside, as in :func:`shift`.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import resized_crop
        >>> labels = torch.tensor([[1, 2], [3, 4]]).view(1, 1, 2, 2)
        >>> resized_crop(labels, side=0.5, right=1.0, down=0.0, nearest=True)[0, 0]  # upper right
        tensor([[2, 2],
                [2, 2]])
    """
    grid = _grid(x, nearest, border)
    size = per_sample("side", side, grid, above=0.0)
    place = _pair("right", right, "down", down, grid)
    return _sampled(x, grid * size + (1 - size) * (2 * place - 1), nearest, border)


def rotate_zoom(
    x: Tensor,
    degrees: Strength,
    zoom: Strength = 1.0,
    *,
    nearest: bool = False,
    border: str = "zeros",
) -> Tensor:
    """Rotate images about their centre, counter-clockwise, and enlarge them.

    Args:
        x: images (N, C, H, W), or label maps with ``nearest``.
        degrees: angles, one number or (N,).
        zoom: enlargements above 0; 1 keeps the size.
        nearest: take the nearest pixel instead of a mean of four.
        border: what lies outside, as in :func:`shift`.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import rotate_zoom
        >>> x = torch.rand(4, 1, 28, 28)
        >>> torch.allclose(rotate_zoom(x, 90.0), x.rot90(1, (2, 3)), atol=1e-4)
        True
    """
    grid = _grid(x, nearest, border)
    angle = per_sample("degrees", degrees, grid).deg2rad()
    zooms = per_sample("zoom", zoom, grid, above=0.0)
    cos, sin = angle.cos() / zooms, angle.sin() / zooms
    aspect = x.shape[-1] / x.shape[-2]  # a pixel is square, the coordinates are not
    right, down = grid[:, :1, :, :1], grid[:, :, :1, 1:]  # (N, 1, W, 1) and (N, H, 1, 1)
    step_right = torch.cat([cos, sin * aspect], dim=-1)  # (N, 1, 1, 2)
    step_down = torch.cat([-sin / aspect, cos], dim=-1)
    return _sampled(x, right * step_right + down * step_down, nearest, border)


def elastic(x: Tensor, field: Tensor, *, nearest: bool = False, border: str = "zeros") -> Tensor:
    """Let every pixel look aside, by a field of displacements.

    Args:
        x: images (N, C, H, W), or label maps with ``nearest``.
        field: how far to the right and down each pixel looks, as shares of width and height,
            (N, 2, H, W); :func:`smooth_field` draws one.
        nearest: take the nearest pixel instead of a mean of four.
        border: what lies outside, as in :func:`shift`.

    Source: Simard, Steinkraus and Platt, 2003.

    Example:
        >>> import torch
        >>> from nnkit.augment.images import elastic, smooth_field
        >>> x, field = torch.rand(4, 1, 28, 28), smooth_field((4, 28, 28), smooth=0.1)
        >>> wavy = elastic(x, 0.03 * field)  # by 3 % of the sides
        >>> torch.allclose(elastic(x, 0 * field), x, atol=1e-4)
        True
    """
    grid = _grid(x, nearest, border)
    needed = (len(x), 2, *x.shape[-2:])
    if field.shape != needed:
        raise ValueError(f"field must be (N, 2, H, W), here {needed}, got {tuple(field.shape)}")
    aside = field.to(grid).movedim(1, -1)  # (N, H, W, 2)
    return _sampled(x, grid + 2 * aside, nearest, border)


def smooth_field(
    size: tuple[int, int, int],
    smooth: float,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Random displacements (N, 2, H, W), N(0, 1) at every pixel and alike at its neighbours.

    Noise is smoothed by a Gaussian along rows and columns; weights of unit norm keep the
    variance at 1, also at the borders.

    Args:
        size: (N, H, W).
        smooth: deviation of the Gaussian as a share of the sides, above 0.
        generator: what draws; None for torch's own state.
        device: where the field is wanted.

    Example:
        >>> from nnkit.augment.images import smooth_field
        >>> field = smooth_field((100, 28, 28), smooth=0.1)
        >>> field.shape, round(field.std().item())
        (torch.Size([100, 2, 28, 28]), 1)
    """
    number("smooth", smooth, above=0)
    n, height, width = size
    rows, columns = (_gaussian(side, smooth).to(device) for side in (height, width))
    noise = normal((n, 2, height, width), generator, like=rows)
    return rows @ noise @ columns.T


def _gaussian(side: int, smooth: float) -> Tensor:
    place = torch.arange(side) / side
    weights = torch.exp(-((place[:, None] - place) ** 2) / (2 * smooth**2))  # (side, side)
    return F.normalize(weights, dim=1)


def _pair(first: str, right: Strength, second: str, down: Strength, grid: Tensor) -> Tensor:
    """Two strengths side by side, as the coordinates lie, (N, 1, 1, 2)."""
    return torch.cat([per_sample(first, right, grid), per_sample(second, down, grid)], dim=-1)


def _grid(x: Tensor, nearest: bool, border: str) -> Tensor:
    """The coordinates of the pixels' centres, (N, H, W, 2), once all is seen to be right."""
    one_of("border", border, BORDERS)
    check_images(x, labels=nearest)
    # a place in half precision would be off by up to a pixel
    floats = torch.float64 if x.dtype == torch.float64 else torch.float32
    same = torch.eye(2, 3, device=x.device, dtype=floats)[None]
    grid = F.affine_grid(same, [1, *x.shape[1:]], align_corners=False)
    return grid.expand(len(x), -1, -1, -1)


def _sampled(x: Tensor, grid: Tensor, nearest: bool, border: str) -> Tensor:
    """The values of x at the places of the grid (N, H, W, 2)."""
    if nearest:
        return _nearest(x, grid, border)
    found: Tensor = F.grid_sample(x.to(grid), grid, "bilinear", border, align_corners=False)
    return found.to(x.dtype)


def _nearest(x: Tensor, grid: Tensor, border: str) -> Tensor:
    """The values of the nearest pixels, of any type: what is sampled is the pixels' own places."""
    n, channels, height, width = x.shape
    rows, columns = (torch.arange(1, side + 1).to(grid) for side in (height, width))
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))  # from 1; outside is 0
    found = F.grid_sample(
        places.expand(n, -1, -1, -1), grid, "nearest", border, align_corners=False
    )
    row, column = (found.long() - 1).flatten(2).unbind(1)  # (N, H·W)
    pixel = (row * width + column).clamp(min=0)[:, None].expand(-1, channels, -1)
    values = x.flatten(2).gather(2, pixel).masked_fill((row < 0)[:, None], 0)
    return values.view(x.shape)
