"""The sunspot series against what is known of the sun; its windows by their law."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnkit.data import lagged, sunspots


def test_every_year_once():
    years, numbers = sunspots()
    assert torch.equal(years, torch.arange(1700, 2009))
    assert (numbers.shape, numbers.dtype) == ((309,), torch.float32)
    assert numbers.min() >= 0
    numbers.zero_()
    assert sunspots()[1].any()  # the next caller does not see what this one did


def test_it_is_the_edition_before_2015():
    years, numbers = sunspots()
    at = dict(zip(years.tolist(), numbers.tolist(), strict=True))
    # the highest year on record; the revision of 2015 raised it to 269.3
    assert max(at, key=at.__getitem__) == 1957
    assert at[1957] == pytest.approx(190.2)
    # the spotless year of the Dalton minimum, and two of the Maunder minimum's end
    assert at[1810] == at[1711] == at[1712] == 0


def test_the_sun_beats_about_every_eleven_years():
    numbers = sunspots()[1]
    power = torch.fft.rfft(numbers - numbers.mean()).abs().square()
    period = 309 / power.argmax()
    assert 10 < period < 12


@given(
    series=st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=40).map(torch.tensor),
    data=st.data(),
)
def test_a_row_holds_the_past_newest_first(series, data):
    lags = data.draw(st.integers(1, len(series) - 1))
    X, y = lagged(series, lags)
    assert (X.shape, y.shape) == ((len(series) - lags, lags), (len(series) - lags, 1))
    for t in range(len(y)):
        assert y[t, 0] == series[lags + t]
        for back in range(1, lags + 1):
            assert X[t, back - 1] == series[lags + t - back]


def test_the_rows_are_copies():
    series = torch.arange(5.0)
    X, y = lagged(series, 2)
    series.zero_()
    assert (X[0].tolist(), y[0].item()) == ([1, 0], 2)


@pytest.mark.parametrize(
    ("series", "lags", "error", "message"),
    [
        (torch.zeros(3, 2), 1, ValueError, r"series must be \(T,\) .* got shape \(3, 2\)"),
        (torch.zeros(4), 4, ValueError, r"with T above lags=4, got shape \(4,\)"),
        (torch.zeros(4), 0, ValueError, "lags must be at least 1, got 0"),
        (torch.zeros(4), 1.5, TypeError, r"lags must be a whole number, got 1\.5"),
    ],
)
def test_wrong_arguments_are_refused(series, lags, error, message):
    with pytest.raises(error, match=message):
        lagged(series, lags)
