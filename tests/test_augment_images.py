"""Augmentation of images: laws, and kornia and colorsys as references."""

import colorsys
import math
import sys

import kornia
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nnkit import data
from nnkit.augment.images import (
    Brightness,
    Compose,
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
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_sharpness,
    downscale,
    elastic,
    flip,
    resized_crop,
    rotate_zoom,
    shift,
    smooth_field,
)
from nnkit.models import MLP
from nnkit.regularizers import InputNoise
from nnkit.training import fit

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
MOVES = [Flip(1.0), RandomResizedCrop(0.5), Shift(0.2), RotateZoom(40, 1.5), Elastic(0.05)]
COLOURS = [Brightness(0.4), Contrast(1.0), Hue(90), Sharpness(1.5), Downscale(0.3)]
every = pytest.mark.parametrize("transform", [*MOVES, *COLOURS], ids=repr)
every_move = pytest.mark.parametrize("transform", MOVES, ids=repr)
close = torch.testing.assert_close


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=5, channels=3, height=20, width=24, seed=0):
    return torch.rand(n, channels, height, width, generator=seeded(seed))


def drawn_by(transform, seed, **changes):
    own = {name: getattr(transform, name) for name in transform._strengths()}
    return type(transform)(**{**own, "generator": seeded(seed), **changes})


# What strength 0 and strength 1 do


IDENTITIES = {
    "flip twice": lambda x: flip(flip(x)),
    "shift": lambda x: shift(x, 0.0, 0.0),
    "resized_crop": lambda x: resized_crop(x, 1.0),
    "rotate_zoom": lambda x: rotate_zoom(x, 0.0),
    "elastic": lambda x: elastic(x, torch.zeros(len(x), 2, *x.shape[-2:])),
    "brightness": lambda x: adjust_brightness(x, 0.0),
    "contrast": lambda x: adjust_contrast(x, 1.0),
    "hue": lambda x: adjust_hue(x, 0.0),
    "hue once round": lambda x: adjust_hue(x, 360.0),
    "sharpness": lambda x: adjust_sharpness(x, 1.0),
    "resolution": lambda x: downscale(x, 1.0),
}


@pytest.mark.parametrize("same", IDENTITIES.values(), ids=IDENTITIES)
@given(st.integers(1, 3), st.integers(1, 17), st.integers(1, 17), st.integers(0, 99))
@settings(deadline=None, max_examples=15)
def test_no_strength_no_change(same, n, height, width, seed):
    x = images(n, 3, height, width, seed)
    close(same(x), x, atol=1e-5, rtol=0)  # places are rounded to some 1e-6 of a pixel


def test_flip_is_a_reflection():
    x = images()
    assert torch.equal(flip(x), torch.flip(x, (-1,)))
    close(flip(x), kornia.geometry.hflip(x))


# Moves, against torch and kornia


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_is_that_of_rot90(quarters):
    x = images(height=16, width=16)
    close(rotate_zoom(x, 90.0 * quarters), x.rot90(quarters, (-2, -1)), atol=1e-5, rtol=0)
    labels = (9 * x[:, :1]).long()
    turned = rotate_zoom(labels, 90.0 * quarters, nearest=True)
    assert torch.equal(turned, labels.rot90(quarters, (-2, -1)))


def test_rotation_is_kornias_on_an_oblong_image():
    x, degrees = images(), torch.tensor([10.0, -35.0, 90.0, 170.0, 0.5])
    close(rotate_zoom(x, degrees), kornia.geometry.rotate(x, degrees), atol=1e-4, rtol=0)


def test_zoom_and_shift_are_kornias():
    x, zoom = images(), torch.tensor([0.5, 0.8, 1.0, 1.3, 3.0])
    theirs = kornia.geometry.scale(x, zoom[:, None].expand(-1, 2))
    close(rotate_zoom(x, 0.0, zoom), theirs, atol=1e-4, rtol=0)
    right = torch.tensor([0.1, -0.2, 0.0, 0.33, 0.5])
    down = torch.tensor([0.0, 0.1, -0.4, 0.2, 0.7])
    pixels = torch.stack([24 * right, 20 * down], 1)
    close(shift(x, right, down), kornia.geometry.translate(x, pixels), atol=1e-4, rtol=0)


@pytest.mark.parametrize("border", ["zeros", "border", "reflection"])
def test_elastic_is_kornias_for_a_field_of_both(border):
    x, field = images(), 0.05 * smooth_field((5, 20, 24), 0.1, seeded())
    theirs = kornia.geometry.transform.elastic_transform2d(
        x, 2 * field, kernel_size=(1, 1), sigma=(1.0, 1.0), padding_mode=border
    )
    close(elastic(x, field, border=border), theirs, atol=1e-4, rtol=0)


def test_a_shift_by_whole_pixels_moves_them():
    x = images(height=10, width=10)
    moved = shift(x, 0.3, -0.2)
    close(moved[..., :8, 3:], x[..., 2:, :7], atol=1e-5, rtol=0)
    assert not moved[..., 8:, :].any()
    assert not moved[..., :3].any()


def test_a_fragment_is_a_window_enlarged():
    x = images(height=16, width=16)
    window = x[..., 8:, 4:12]  # half a side, at the bottom, in the middle
    enlarged = F.interpolate(window, (16, 16), mode="bilinear")
    found = resized_crop(x, 0.5, right=0.5, down=1.0)
    # at a window's edge, what lies beyond it has its say
    close(found[..., 1:-1, 1:-1], enlarged[..., 1:-1, 1:-1], atol=1e-5, rtol=0)


def test_what_lies_outside():
    x = torch.ones(1, 1, 6, 6)
    close(shift(x, 0.5, 0.0)[0, 0, 0], torch.tensor([0.0, 0, 0, 1, 1, 1]))
    close(shift(x, 0.5, 0.0, border="border"), x)
    ramp = torch.arange(6.0).expand(1, 1, 6, 6) / 5
    reflected = shift(ramp, 0.5, 0.0, border="reflection")[0, 0, 0]
    close(reflected, torch.tensor([2.0, 1, 0, 0, 1, 2]) / 5, atol=1e-5, rtol=0)


@given(st.floats(0.02, 0.5), st.sampled_from([(12, 12), (20, 31)]))
@settings(deadline=None, max_examples=8)
def test_a_smooth_field_has_variance_one_and_is_smooth(smooth, size):
    field = smooth_field((4000, *size), smooth, seeded())
    corner = field[..., 0, 0]
    assert abs(field.var() - 1) < 0.1
    assert abs(corner.var() - 1) < 0.1  # 8,000 draws: five standard errors
    near, far = ((corner * field[..., 0, i]).mean() for i in (1, -1))
    # equal Gaussian weights a pixel apart, sampled at the pixels: narrow ones hardly overlap
    pixels = torch.arange(-50, 51) / size[1]
    weights = torch.exp(-(pixels**2) / (2 * smooth**2))
    expected = (weights[1:] * weights[:-1]).sum() / weights.square().sum()
    assert near > expected - 0.1
    assert near >= far - 0.05


# Colours, against kornia, colorsys and Pillow's definition


@given(st.floats(-1, 1), st.floats(0.01, 4), st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_brightness_and_contrast_are_kornias(amount, factor, seed):
    x = images(seed=seed)
    close(adjust_brightness(x, amount), kornia.enhance.adjust_brightness(x, amount))
    theirs = kornia.enhance.adjust_contrast_with_mean_subtraction(x, factor)
    close(adjust_contrast(x, factor), theirs, atol=1e-4, rtol=0)
    grey = x[:, :1]
    theirs = kornia.enhance.adjust_contrast_with_mean_subtraction(grey, factor)
    close(adjust_contrast(grey, factor), theirs, atol=1e-4, rtol=0)


@given(st.floats(-720, 720), st.lists(st.integers(0, 4), min_size=3, max_size=3))
@settings(deadline=None, max_examples=60)
def test_hue_is_that_of_colorsys(degrees, quarters):
    red, green, blue = (q / 4 for q in quarters)  # ties and greys come often
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    expected = colorsys.hsv_to_rgb((hue + degrees / 360) % 1, saturation, value)
    found = adjust_hue(torch.tensor([red, green, blue]).view(1, 3, 1, 1), degrees)
    close(found.flatten(), torch.tensor(expected), atol=1e-4, rtol=0)


def test_hue_is_kornias():
    x, degrees = images(), torch.tensor([10.0, -100.0, 179.0, 60.0, 1.0])
    theirs = kornia.enhance.adjust_hue(x, degrees.deg2rad())
    close(adjust_hue(x, degrees), theirs, atol=1e-4, rtol=0)
    one, *_ = adjust_hue(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1), 120.0)
    close(one.flatten(), torch.tensor([0.0, 1, 0]))


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.7, 3.0])
def test_sharpness_is_kornias(factor):
    x = images()
    close(adjust_sharpness(x, factor), kornia.enhance.sharpness(x, factor), atol=1e-4, rtol=0)


def test_lower_resolution_loses_detail_and_keeps_the_rest():
    checks = (torch.arange(16)[:, None] + torch.arange(16)).remainder(2).float()[None, None]
    assert downscale(checks, 0.5)[..., 2:-2, 2:-2].sub(0.5).abs().max() < 0.1
    x = images(2)
    assert downscale(x, 0.01).flatten(2).var(-1).max() < 1e-10  # one pixel is left
    both = downscale(x, torch.tensor([1.0, 0.3]))
    assert torch.equal(both[:1], x[:1])
    small = F.interpolate(x[1:], (6, 7), mode="bilinear", antialias=True)
    assert torch.equal(both[1:], F.interpolate(small, (20, 24), mode="bilinear"))


# Strengths for each sample


@pytest.mark.parametrize(
    ("change", "strengths"),
    [
        (rotate_zoom, [10.0, 20.0, 40.0]),
        (lambda x, s: rotate_zoom(x, 5.0, s), [0.7, 1.0, 1.5]),
        (lambda x, s: shift(x, s, -s), [0.1, 0.2, -0.3]),
        (lambda x, s: resized_crop(x, 0.5, s, 1 - s), [0.1, 0.9, 0.3]),
        (adjust_brightness, [0.1, 0.2, -0.3]),
        (adjust_contrast, [0.5, 2.0, 3.0]),
        (adjust_hue, [10.0, 100.0, -50.0]),
        (adjust_sharpness, [0.0, 1.0, 2.0]),
        (downscale, [0.2, 0.5, 1.0]),
    ],
)
def test_each_sample_has_its_own_strength(change, strengths):
    x = images(3)
    one_by_one = [change(x[i : i + 1], torch.tensor([s])) for i, s in enumerate(strengths)]
    close(change(x, torch.tensor(strengths)), torch.cat(one_by_one), atol=1e-5, rtol=0)


# Random transforms


@every
@given(st.integers(0, 9))
@settings(deadline=None, max_examples=4)
def test_same_generator_same_draws_and_other_samples_other_draws(transform, seed):
    x = images(1).expand(6, -1, -1, -1)
    labels = torch.arange(6)
    first, y = drawn_by(transform, seed)(x, labels)
    again, _ = drawn_by(transform, seed)(x, labels)
    assert y is labels
    assert torch.equal(first, again)
    if not isinstance(transform, Flip):
        assert len(torch.unique(first, dim=0)) > 3  # two may be drawn equally small
    torch.manual_seed(seed)
    by_state = transform(x, labels)[0]
    torch.manual_seed(seed)
    assert torch.equal(transform(x, labels)[0], by_state)


@every
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_type_device_and_range_stay(transform, device, dtype):
    x = images(4).to(device, dtype)
    before = x.clone()
    for given_generator in (None, seeded()):
        out, _ = drawn_by(transform, 0, generator=given_generator)(x, None)
        assert (out.shape, out.dtype, out.device) == (x.shape, dtype, x.device)
        assert out.min() >= -1e-6
        assert out.max() <= 1 + 1e-6
        assert not torch.equal(out, x)
    assert torch.equal(x, before)  # the batch given is left alone


@every
def test_p_is_the_probability_to_be_changed(transform):
    x = images(1, height=8, width=8).expand(1000, -1, -1, -1)
    changed = (drawn_by(transform, 0, p=0.3)(x, None)[0] != x).flatten(1).any(1)
    assert abs(changed.float().mean() - 0.3) < 0.06  # four standard errors
    none, _ = drawn_by(transform, 0, p=0.0)(x, None)
    assert torch.equal(none, x)


BOUNDS = [
    (Brightness(0.3), "adjust_brightness", "amount", -0.3, 0.3),
    (Contrast(1.0), "adjust_contrast", "factor", 0.5, 2.0),
    (Hue(30), "adjust_hue", "degrees", -30, 30),
    (Sharpness(0.5), "adjust_sharpness", "factor", 0.5, 1.5),
    (Downscale(0.4), "downscale", "scale", 0.4, 1.0),
    (RotateZoom(20, 1.0), "rotate_zoom", "degrees", -20, 20),
    (RotateZoom(0, 2.0), "rotate_zoom", "zoom", 0.5, 2.0),
    (Shift(0.1), "shift", "right", -0.1, 0.1),
    (Shift(0.1), "shift", "down", -0.1, 0.1),
    (RandomResizedCrop(0.6), "resized_crop", "side", 0.6, 1.0),
    (RandomResizedCrop(0.6), "resized_crop", "down", 0.0, 1.0),
]


@pytest.mark.parametrize(("transform", "function", "name", "low", "high"), BOUNDS, ids=str)
def test_strengths_fill_their_bounds(transform, function, name, low, high):
    change = transform.draw(torch.zeros(2000, 1, 2, 2))
    strength = change.keywords[name]
    assert change.func.__name__ == function
    least, most, near = strength.min().item(), strength.max().item(), 0.01 * (high - low)
    assert low - 1e-6 <= least < low + near
    assert high - near < most <= high + 1e-6


def test_elastic_displaces_by_its_deviation():
    field = Elastic(0.03, 0.2).draw(torch.zeros(500, 1, 16, 16)).keywords["field"]
    assert field.std() == pytest.approx(0.03, rel=0.1)


# Masks


@every_move
@pytest.mark.parametrize("channel", [True, False])
def test_a_mask_moves_with_its_image(transform, channel):
    picture, coins = data.coins()
    x = picture.expand(4, -1, -1, -1)
    y = coins.expand(4, *([1] if channel else []), -1, -1)
    moved, mask = drawn_by(transform, 1, mask=True, p=0.5 + 0.5 * channel)(x, y)
    assert (mask.shape, mask.dtype) == (y.shape, y.dtype)
    assert set(mask.unique().tolist()) <= set(coins.unique().tolist())
    # an image of the mask, moved by the same draws, is the mask wherever it is all one label
    painted = (coins > 0).float().expand(4, 1, -1, -1)
    as_image, _ = drawn_by(transform, 1, p=0.5 + 0.5 * channel)(painted, None)
    sure = (as_image < 1e-4) | (as_image > 1 - 1e-4)
    flat = mask.view(4, 1, *mask.shape[-2:]) > 0
    assert torch.equal(flat[sure], as_image[sure] > 0.5)
    assert sure.float().mean() > 0.8
    assert not torch.equal(moved, x)


@every_move
def test_mask_and_image_are_one_for_the_nearest_pixel(transform):
    labels = (9 * images(4, 1)).round()
    change = drawn_by(transform, 3).draw(labels)
    as_floats = change(labels, nearest=True)
    assert torch.equal(change(labels.long(), nearest=True), as_floats.long())
    assert torch.equal(change(labels.bool(), nearest=True), as_floats.bool())


@every_move
@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.int32, torch.uint8, torch.bool, torch.float16, torch.float64]
)
def test_every_label_of_any_type_moves_as_it_is(transform, dtype):
    n, side = 3, 12
    number = torch.arange(n * side * side).view(n, 1, side, side) % 200
    large = {torch.int64: 2**60, torch.int32: 2**30, torch.float64: 2.0**50}.get(dtype, 0)
    labels = (number + large).to(dtype)
    change = transform.draw(torch.rand(n, 3, side, side))
    moved, places = change(labels, nearest=True), change(number.float(), nearest=True)
    outside = change(torch.ones(n, 1, side, side), nearest=True) == 0
    mapped = (places.long() + large).to(dtype).masked_fill(outside, 0)
    assert torch.equal(moved, mapped)
    assert moved.dtype == dtype


@every_move
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_images_in_half_precision_move_as_far(transform, dtype):
    x = images(2, 3, 40, 700)
    change = transform.draw(x)
    found = change(x.to(dtype))
    assert found.dtype == dtype
    close(found.float(), change(x.to(dtype).float()), rtol=0, atol=0.01)


@pytest.mark.parametrize("transform", COLOURS, ids=repr)
def test_colours_leave_a_mask(transform):
    x, y = images(), torch.ones(5, 20, 24)
    assert drawn_by(transform, 0, mask=True)(x, y)[1] is y
    assert drawn_by(transform, 0)(x, y)[1] is y


def test_what_looks_like_a_mask_is_not_left_behind_unasked():
    x, y = images(), torch.ones(5, 20, 24, dtype=torch.long)
    with pytest.raises(ValueError, match="looks like a mask"):
        Flip()(x, y)
    assert Flip(1.0, mask=False)(x, y)[1] is y
    with pytest.raises(ValueError, match=r"a mask must be .*got \(5,\)"):
        Flip(mask=True)(x, torch.arange(5))
    with pytest.raises(ValueError, match="got list"):
        Flip(mask=True)(x, [1, 2, 3, 4, 5])


# One after another


def test_compose_is_one_after_another():
    x, y = images(), torch.arange(5)
    parts = Compose(RotateZoom(20), Brightness(0.2), InputNoise(0.1), generator=seeded())
    torch.manual_seed(0)
    found, labels = parts(x, y)
    g = seeded()
    torch.manual_seed(0)
    expected = x
    for part in (RotateZoom(20, generator=g), Brightness(0.2, generator=g), InputNoise(0.1)):
        expected, _ = part(expected, y)
    assert torch.equal(found, expected)
    assert labels is y


def test_compose_tells_its_parts_once():
    own = seeded(1)
    told = Compose(Flip(), Shift(0.1, mask=False, generator=own), mask=True, generator=seeded())
    assert [part.mask for part in told.transforms] == [True, False]
    assert told.transforms[0].generator is told.generator
    assert told.transforms[1].generator is own
    x, y = images(), torch.ones(5, 20, 24)
    found, mask = Compose(Flip(1.0), Hue(), Shift(0.3), mask=True)(x, y)
    assert found.shape == x.shape
    assert mask.min() == 0  # what was shifted in


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28)])
def test_flat_digits(shape):
    rows = torch.rand(6, 784)
    g = seeded()
    found, _ = Compose(Shift(0.1), Elastic(0.03), shape=shape, generator=g)(rows, None)
    g = seeded()
    as_images = Compose(Shift(0.1), Elastic(0.03), generator=g)(rows.view(6, 1, 28, 28), None)[0]
    assert torch.equal(found, as_images.view(6, 784))
    columns = rows.T.contiguous().T  # rows that do not lie one after another
    found, _ = Compose(Flip(1.0), shape=shape)(columns, None)
    assert torch.equal(found, rows.view(6, 28, 28).flip(-1).view(6, 784))


def test_in_training():
    X, y = torch.rand(40, 16), torch.arange(40) % 2
    augment = Compose(Shift(0.2), Brightness(0.1), shape=(4, 4))

    def trained(transform, seed=0):
        model = MLP([16, 4, 2], seed=0)
        fit(model, (X, y), loss=F.cross_entropy, epochs=2, seed=seed, transform=transform)
        return model.layers[0].weight

    assert torch.equal(trained(augment), trained(augment))  # the seed of fit draws
    assert not torch.equal(trained(augment), trained(None))


# Refusals


WRONG = [
    (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), TypeError, "uint8.*divide by 255"),
    (torch.zeros(2, 3, 8, 8, dtype=torch.long), TypeError, r"int64.*x\.float"),
    ([[0.5]], TypeError, "list"),
    (torch.zeros(3, 8, 8), ValueError, r"\(3, 8, 8\).*x\[None\]"),
    (torch.zeros(2, 784), ValueError, r"Compose\(\.\.\., shape"),
    (torch.zeros(4), ValueError, "reshape"),
]


@every
@pytest.mark.parametrize(("x", "error", "message"), WRONG)
def test_wrong_images_are_refused(transform, x, error, message):
    with pytest.raises(error, match=message):
        transform(x, None)


@pytest.mark.parametrize("transform", COLOURS[:4], ids=repr)
@pytest.mark.parametrize("wrong", [255.0, -0.5, math.nan])
def test_colours_need_values_between_0_and_1(transform, wrong):
    with pytest.raises(ValueError, match=r"\[0, 1\].*standardise afterwards"):
        transform(torch.full((2, 3, 8, 8), wrong), None)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: rotate_zoom(x, torch.ones(3)), ValueError, r"degrees .* each of 5.*\(3,\)"),
        (lambda x: rotate_zoom(x, math.nan), ValueError, "degrees must be finite"),
        (lambda x: rotate_zoom(x, 0.0, 0.0), ValueError, "zoom must be finite and above 0"),
        (lambda x: rotate_zoom(x, 0.0, border="zero"), ValueError, "did you mean 'zeros'"),
        (lambda x: resized_crop(x, -1.0), ValueError, "side"),
        (lambda x: elastic(x, torch.zeros(5, 20, 24)), ValueError, r"\(5, 2, 20, 24\)"),
        (lambda x: smooth_field((1, 2, 2), 0.0), ValueError, "smooth must be finite and above 0"),
        (lambda x: adjust_hue(x[:, :1], 3.0), ValueError, "3 channels .* got 1"),
        (lambda x: adjust_contrast(x, 0.0), ValueError, "factor"),
        (lambda x: downscale(x, 0.0), ValueError, "scale"),
        (lambda x: Flip(1.5), ValueError, r"p must be in \[0, 1\]"),
        (lambda x: Flip(p="half"), TypeError, "p must be a number"),
        (lambda x: Hue(-1), ValueError, "degrees must be .* at least 0"),
        (lambda x: RotateZoom(5, 0.5), ValueError, "zoom .* at least 1"),
        (lambda x: RotateZoom(5, border="mirror"), ValueError, "unknown border"),
        (lambda x: RandomResizedCrop(0.0), ValueError, r"min_side .* \(0, 1\]"),
        (lambda x: Downscale(1.5), ValueError, r"min_scale .* \(0, 1\]"),
        (lambda x: Elastic(0.1, 0.0), ValueError, r"smooth .* \(0, 1\]"),
        (lambda x: Compose(shape=(784,)), ValueError, r"\(H, W\) or \(C, H, W\)"),
        (lambda x: Compose(shape=(28, 28))(torch.rand(2, 64), None), ValueError, "rows of 784"),
        (lambda x: Compose(shape=(20, 24))(x, None), ValueError, "rows of 480 pixels"),
        (lambda x: Flip(generator=3), TypeError, "torch.Generator or None, got 3"),
    ],
)
def test_wrong_strengths_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(images())


def test_a_transform_of_your_own_draws():
    class Darker(ImageTransform):
        def draw(self, x):
            amount = self.between(-0.5, -0.1, x)
            return lambda images: adjust_brightness(images, amount)

    x = images()
    darker, _ = Darker(generator=seeded())(x, None)
    assert (darker <= x).all()
    with pytest.raises(NotImplementedError):
        ImageTransform()(x, None)


def test_a_transform_says_what_it_is():
    assert repr(RotateZoom(15, 1.1, p=0.5)) == "RotateZoom(degrees=15, zoom=1.1, p=0.5)"
    assert repr(Compose(Flip(), Hue(30))) == "Compose(Flip(p=0.5), Hue(degrees=30))"


# Stored photographs


def test_photographs():
    cat = data.photograph()
    assert (cat.shape, cat.dtype) == ((3, 170, 256), torch.float32)
    assert cat.min() >= 0
    assert 0.7 < cat.max() <= 1
    assert cat[0].mean() > cat[2].mean()  # a ginger cat, more red than blue
    cat.zero_()
    assert data.photograph().any()


def test_coins_lie_where_the_mask_says():
    image, mask = data.coins()
    assert (image.shape, mask.shape) == ((1, 151, 192), (151, 192))
    assert (image.dtype, mask.dtype) == (torch.float32, torch.int64)
    assert mask.unique().tolist() == list(range(25))
    brightness = torch.stack([image[0][mask == k].mean() for k in range(25)])
    assert (brightness[1:] > brightness[0]).all()
    rows, columns = torch.meshgrid(torch.arange(151.0), torch.arange(192.0), indexing="ij")
    for k in range(1, 25):  # coins are round: no pixel is far beyond the circle of their area
        coin = mask == k
        y, x = rows[coin], columns[coin]
        reach = ((y - y.mean()) ** 2 + (x - x.mean()) ** 2).max().sqrt()
        assert reach < 1.35 * math.sqrt(coin.sum() / math.pi)


def test_without_pillow_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'Pillow: pip install "nnkit-course\[plots\]"'):
        data.photograph()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_resolution_of_images_in_half_precision_is_lowered(dtype):
    x = torch.rand(3, 2, 8, 8).to(dtype)
    new = downscale(x, 0.5)
    assert new.dtype == dtype
    wanted = downscale(x.float(), 0.5)
    torch.testing.assert_close(new.float(), wanted, atol=0.01, rtol=0.01)
