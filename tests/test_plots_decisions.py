"""What a threshold decides, drawn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from nnkit.plots import decisions


@pytest.fixture
def screening():
    generator = torch.Generator().manual_seed(0)
    y = (torch.rand(500, generator=generator) < 0.2).long()
    scores = torch.randn(500, generator=generator) + 1.5 * y
    return scores.round(decimals=1), y  # rounded: many ties


def test_counts_and_curves_are_those_of_scikit_learn(screening):
    scores, y = screening
    _, matrix, roc, pr = decisions(scores, y, threshold=0.7).axes
    shown = [int(text.get_text().replace(",", "")) for text in matrix.texts]
    assert shown == confusion_matrix(y, scores > 0.7).ravel().tolist()

    false_alarms, hits, _ = roc_curve(y, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc.lines[0].get_xydata(), np.stack([false_alarms, hits], 1))

    precision, recall, _ = precision_recall_curve(y, scores)
    drawn = pr.lines[0].get_xydata()
    np.testing.assert_allclose(drawn, np.stack([recall, precision], 1)[:-1][::-1])


def test_the_points_lie_on_their_curves(screening):
    scores, y = screening
    *_, roc, pr = decisions(scores, y, threshold=0.75).axes  # between two scores
    for ax in (roc, pr):
        curve, point = ax.lines[0].get_xydata(), ax.lines[1].get_xydata()
        assert np.abs(curve - point).sum(1).min() < 1e-12


def test_a_threshold_above_all_scores_says_no_to_all(screening):
    scores, y = screening
    _, matrix, *_ = decisions(scores, y, threshold=99.0).axes
    assert [text.get_text() for text in matrix.texts] == [str(int((y == 0).sum())), "0",
                                                          str(int(y.sum())), "0"]  # fmt: skip


@pytest.mark.parametrize(("scores", "y"), [(torch.zeros(3), torch.zeros(3)),
                                           (torch.zeros(3), torch.ones(3)),
                                           (torch.zeros(2), torch.tensor([0, 1, 1]))])  # fmt: skip
def test_one_class_or_other_lengths_are_refused(scores, y):
    with pytest.raises(ValueError, match="both classes"):
        decisions(scores, y, 0.0)
