"""A really pretrained piece of network, and photographs of surfaces to use it on."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnkit._checks import whole
from nnkit._extras import install
from nnkit.data._stored import stored

SURFACES = ("brick", "grass", "gravel")
SIDE = 32  # pixels of a patch
MEAN = (0.485, 0.456, 0.406)  # of the pixels of ImageNet: red, green, blue


class ResNetStem(nn.Module):
    """The first layer and the first residual block of ResNet-50, then the mean over all places.

    Images (N, 3, H, W) in [0, 1] give 256 features (N, 256). As in use, with the batch
    normalisation folded into the convolutions: there is nothing to switch.

    Args:
        pretrained: the weights learned on ImageNet's photographs; else random ones.

    Source: He, Zhang, Ren and Sun, 2016; their licence and the way here in stored/resnet_block.

    Example:
        >>> import torch
        >>> from nnkit.data import ResNetStem
        >>> ResNetStem()(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 256])
    """

    mean: Tensor

    def __init__(self, pretrained: bool = True) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.branch2a = nn.Conv2d(64, 64, 1)
        self.branch2b = nn.Conv2d(64, 64, 3, padding=1)
        self.branch2c = nn.Conv2d(64, 256, 1)
        self.branch1 = nn.Conv2d(64, 256, 1)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        if pretrained:
            with stored("resnet_block", "resnet50_block1.npz").open("rb") as file:
                arrays = np.load(file)
                self.load_state_dict(
                    {name: torch.from_numpy(arrays[name]).float() for name in arrays.files}
                )

    def forward(self, x: Tensor) -> Tensor:
        """The features (N, 256) of images (N, 3, H, W)."""
        a = F.max_pool2d(F.relu(self.first(x - self.mean)), 3, stride=2, padding=1)
        inner = F.relu(self.branch2b(F.relu(self.branch2a(a))))
        features: Tensor = F.relu(self.branch2c(inner) + self.branch1(a))
        return features.mean(dim=(2, 3))


def surfaces(n: int, *, test: bool = False, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return `n` patches each of brick, grass and gravel: X (3n, 3, 32, 32) in [0, 1], and y (3n,).

    Each is turned by a random quarter turn, and has a random brightness and contrast, so that
    neither tells the surface. Patches of the test come from the other half of each photograph.

    Args:
        n: patches of each surface, at least 1.
        test: take them from the right halves, else from the left ones.
        seed: of the draw.

    Raises:
        ValueError: n is no whole number, at least 1.

    Source: CC0Textures and others (CC0), as carried by scikit-image; see stored/textures.

    Example:
        >>> from nnkit.data import surfaces
        >>> X, y = surfaces(2)
        >>> X.shape, y.tolist()
        (torch.Size([6, 3, 32, 32]), [0, 0, 1, 1, 2, 2])
    """
    whole("n", n, at_least=1)
    draw = torch.Generator().manual_seed(seed)
    patches = [_patch(_photograph(name), test, draw) for name in SURFACES for _ in range(n)]
    X = torch.stack(patches)[:, None].expand(-1, 3, -1, -1).contiguous()
    return X, torch.arange(len(SURFACES)).repeat_interleave(n)


def _patch(picture: Tensor, right: bool, draw: torch.Generator) -> Tensor:
    """A random patch (32, 32) of one half, turned, its brightness and contrast drawn anew."""
    half = picture.shape[1] // 2
    row = int(torch.randint(picture.shape[0] - SIDE, (), generator=draw))
    column = int(torch.randint(half - SIDE, (), generator=draw)) + half * right
    patch = picture[row : row + SIDE, column : column + SIDE]
    patch = patch.rot90(int(torch.randint(4, (), generator=draw)))
    contrast, brightness = torch.rand(2, generator=draw).unbind()
    even: Tensor = (patch - patch.mean()) / patch.std()
    return (even * (0.05 + 0.14 * contrast) + 0.3 + 0.4 * brightness).clamp(0, 1)


def _photograph(name: str) -> Tensor:
    """The stored picture, (256, 256) in [0, 1]."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{name}.jpg is read by Pillow: {install('plots')}") from error
    with stored("textures", f"{name}.jpg").open("rb") as source, Image.open(source) as image:
        pixels: Tensor = torch.from_numpy(np.array(image))
    return pixels.float() / 255
