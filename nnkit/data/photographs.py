"""Photographs stored beside this file, to be augmented and segmented."""

import numpy as np
import torch
from torch import Tensor

from nnkit._extras import install
from nnkit.data.files import stored


def photograph() -> Tensor:
    """Return a cat's face: (3, 170, 256), red, green and blue in [0, 1].

    Source: Chelsea, photographed by Stéfan van der Walt (CC0), as carried by scikit-image.

    Example:
        >>> from nnkit.data import photograph
        >>> batch = photograph()[None]  # as a transform takes it
        >>> batch.shape
        torch.Size([1, 3, 170, 256])
    """
    return _pixels("chelsea.jpg").permute(2, 0, 1).contiguous() / 255


def coins() -> tuple[Tensor, Tensor]:
    """Return 24 ancient coins, (1, 151, 192) in [0, 1], and which of them is where, (151, 192).

    The mask holds 0 for the ground and 1 to 24 for the coins, int64; ``mask > 0`` is any coin.

    Source: archives of the Brooklyn Museum, as carried by scikit-image; the mask is ours.

    Example:
        >>> from nnkit.data import coins
        >>> image, mask = coins()
        >>> image.shape, mask.shape, mask.max().item()
        (torch.Size([1, 151, 192]), torch.Size([151, 192]), 24)
    """
    return _pixels("coins.png")[None] / 255, _pixels("coins_mask.png").long()


def _pixels(file: str) -> Tensor:
    """The pixels as stored, (H, W) or (H, W, 3), uint8."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{file} is read by Pillow: {install('plots')}") from error
    with stored("photographs", file).open("rb") as source, Image.open(source) as image:
        return torch.from_numpy(np.array(image))
