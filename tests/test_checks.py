"""The messages that refuse a wrong argument."""

import math
import re

import numpy as np
import pytest
import torch

from nnkit._checks import flag, number, one_of, whole


def test_one_of_returns_what_it_knows():
    assert one_of("colour", "red", {"red": 1, "blue": 2}) == "red"


def test_one_of_names_the_value_the_allowed_and_the_nearest():
    with pytest.raises(ValueError, match="unknown colour 'rad': allowed are red, blue; did you"):
        one_of("colour", "rad", ["red", "blue"])
    with pytest.raises(ValueError, match=r"allowed are red, blue$"):
        one_of("colour", 7, ["red", "blue"])


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), np.int64(3)])
def test_number_takes_every_kind_of_number(value):
    checked = number("x", value)
    assert checked == 3
    assert type(checked) is float


@pytest.mark.parametrize("value", ["3", None, True, [3]])
def test_number_refuses_what_is_none(value):
    with pytest.raises(TypeError, match="x must be a number, got"):
        number("x", value)


BOUNDS = {
    "at_least": (1.0, "[{:g}, "),
    "above": (1.0, "({:g}, "),
    "at_most": (2.0, "{:g}]"),
    "below": (2.0, "{:g})"),
}


@pytest.mark.parametrize("low", ["at_least", "above"])
@pytest.mark.parametrize("high", ["at_most", "below"])
@pytest.mark.parametrize("value", [0.5, 1, 1.5, 2, 2.5, math.nan])
def test_number_keeps_within_its_bounds(low, high, value):
    bounds = {low: 1.0, high: 2.0}
    fits = 1 < value < 2 or (low, value) == ("at_least", 1) or (high, value) == ("at_most", 2)
    if fits:
        assert number("x", value, **bounds) == value
    else:
        interval = "".join(BOUNDS[name][1].format(bound) for name, bound in bounds.items())
        with pytest.raises(ValueError, match=re.escape(f"x must be in {interval}, got {value}")):
            number("x", value, **bounds)


def test_number_says_the_one_bound_there_is():
    with pytest.raises(ValueError, match="x must be finite and above 0, got 0"):
        number("x", 0, above=0)
    with pytest.raises(ValueError, match="x must be finite and at most 1, got 2"):
        number("x", 2, at_most=1)


def test_a_flag_is_true_or_false():
    assert flag("on", True) is True
    with pytest.raises(TypeError, match="on must be True or False, got 1"):
        flag("on", 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_must_be_finite(value):
    with pytest.raises(ValueError, match="x must be finite, got"):
        number("x", value)


def test_number_has_a_least_value():
    assert number("x", 0, at_least=0) == 0
    with pytest.raises(ValueError, match=r"finite and at least 0, got -0\.1"):
        number("x", -0.1, at_least=0)


@pytest.mark.parametrize("value", [3, np.int32(3)])
def test_whole_takes_whole_numbers(value):
    assert type(whole("n", value, at_least=3)) is int


def test_whole_refuses_the_rest():
    with pytest.raises(TypeError, match=r"n must be a whole number, got 3\.0"):
        whole("n", 3.0, at_least=0)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        whole("n", 0, at_least=1)


@pytest.mark.parametrize("value", [True, np.bool_(True), torch.tensor(True)])
def test_a_truth_value_is_no_whole_number(value):
    with pytest.raises(TypeError, match="layer must be a whole number, got"):
        whole("layer", value, at_least=0)
