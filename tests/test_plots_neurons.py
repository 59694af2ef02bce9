"""The picture of one neuron."""

import numpy as np
import pytest
import torch

from nnkit.plots import neuron


def test_the_walk_follows_the_formula_and_marks_the_edge():
    w, bias = torch.tensor([3.0, 4.0]), -5.0
    _, walked = neuron(w, bias, title="one neuron").axes
    curve, _, edge = walked.lines
    steps = torch.as_tensor(np.asarray(curve.get_xdata()))
    expected = torch.sigmoid(bias + (w / 5) @ w * steps)  # a step along w is a step along w / ‖w‖
    np.testing.assert_allclose(curve.get_ydata(), expected, rtol=1e-5)
    assert list(edge.get_xdata()) == [1.0, 1.0]  # |bias| / ‖w‖


def test_the_map_is_one_half_on_the_edge():
    seen, _ = neuron([0.0, 2.0], 2.0).axes
    border = [c for c in seen.collections if c.get_linewidth()[0] > 3]
    heights = np.concatenate([path.vertices[:, 1] for c in border for path in c.get_paths()])
    np.testing.assert_allclose(heights, -1.0, atol=1e-5)


@pytest.mark.parametrize("w", [[0.0, 0.0], [1.0], [1.0, 2.0, 3.0]])
def test_weights_that_are_no_direction_are_refused(w):
    with pytest.raises(ValueError, match="two weights"):
        neuron(w, 0.0)


def test_an_unbounded_activation_is_drawn_too():
    _, walked = neuron([1.0, 1.0], 0.0, "relu").axes
    assert walked.lines[0].get_ydata().min() == 0
