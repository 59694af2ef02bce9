"""Many small images in one picture."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from nnkit.plots import tiles


def drawn(images, **options):
    return tiles(images, **options).axes[0].images


@pytest.mark.parametrize(
    ("n", "columns", "rows"), [(1, 1, 1), (8, 4, 2), (10, 5, 2), (64, 12, 6), (3, 3, 1)]
)
def test_tiles_fill_rows_and_are_centred_at_whole_numbers(n, columns, rows):
    ax = tiles(torch.zeros(n, 5, 5)).axes[0]
    centres = [
        (sum(image.get_extent()[:2]) / 2, sum(image.get_extent()[2:]) / 2) for image in ax.images
    ]
    np.testing.assert_allclose(centres, [(k % columns, k // columns) for k in range(n)], atol=1e-9)
    assert ax.get_xlim() == (-0.5, columns - 0.5)
    assert ax.get_ylim() == (rows - 0.5, -0.5)


def test_columns_may_be_chosen():
    assert tiles(torch.zeros(6, 2, 2), columns=2).axes[0].get_xlim() == (-0.5, 1.5)


def test_zero_is_white_and_one_is_black():
    (image,) = drawn(torch.tensor([[[0.0, 1.0], [0.25, 7.0]]]))
    np.testing.assert_allclose(image.get_array()[..., 0], [[1, 0], [0.75, 0]])


def test_colours_are_red_green_and_blue():
    pixels = torch.rand(2, 3, 4, 6)
    for image, given in zip(drawn(pixels), pixels, strict=True):
        np.testing.assert_allclose(image.get_array(), given.permute(1, 2, 0), rtol=1e-6)


def test_a_signed_image_is_scaled_by_its_own_largest():
    small, zero = drawn(torch.tensor([[[-0.1, 0.2]], [[0.0, 0.0]]]), signed=True)
    assert small.get_clim() == pytest.approx((-0.2, 0.2))
    assert zero.get_clim() == (-1, 1)


def test_gradients_do_not_matter_and_axes_may_be_given():
    figure, ax = plt.subplots()
    assert tiles(torch.rand(2, 3, 3, requires_grad=True), ax, title="two") is figure
    assert ax.get_title(loc="left") == "two"
    plt.close(figure)


@pytest.mark.parametrize("shape", [(3, 3), (0, 3, 3), (2, 1, 3, 3), (2, 4, 3, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(n, height, width\) or \(n, 3, height, width\)"):
        tiles(torch.zeros(shape))


def test_signed_colours_are_refused():
    with pytest.raises(ValueError, match="got three"):
        tiles(torch.zeros(1, 3, 2, 2), signed=True)
