"""The spread of several runs."""

import numpy as np
import pytest

from nnkit.plots import spread


def test_line_is_the_mean_band_one_deviation_and_every_run_a_dot():
    x = [1.0, 2.0, 4.0]
    runs = np.array([[1.0, 3.0], [2.0, 6.0], [5.0, 5.0]])
    ax = spread(x, runs, label="two runs").axes[0]
    mean, *dots = ax.lines
    np.testing.assert_allclose(mean.get_ydata(), runs.mean(1))
    np.testing.assert_allclose([dot.get_ydata() for dot in dots], runs.T)
    corners = ax.collections[0].get_paths()[0].vertices
    for at, low, high in zip(
        x, runs.mean(1) - runs.std(1), runs.mean(1) + runs.std(1), strict=True
    ):
        heights = corners[corners[:, 0] == at, 1]
        assert np.isclose(heights.min(), low)
        assert np.isclose(heights.max(), high)
    assert [text.get_text() for text in ax.texts] == ["two runs"]


@pytest.mark.parametrize("shape", [(3,), (2, 5), (5, 3)])
def test_runs_that_do_not_match_the_settings_are_refused(shape):
    with pytest.raises(ValueError, match="a row per x"):
        spread([1, 2, 3], np.zeros(shape))
