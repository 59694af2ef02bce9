"""Sounds as pictures and as players."""

import base64
import io
import math
import re
import wave

import numpy as np
import pytest
import torch
from IPython.utils.capture import capture_output

from nnkit import plots

RATE = 8000
TONE = 0.25 * torch.sin(2 * math.pi * 200 * torch.arange(RATE) / RATE)


def test_waveform_above_spectrogram_on_common_scales():
    figure = plots.sounds({"long": TONE, "short": TONE[:4000]}, RATE, voice=True, top=2000)
    axes = np.array(figure.axes).reshape(2, 2)
    for (upper, lower), title, seconds in zip(axes.T, ("long", "short"), (1, 0.5), strict=True):
        assert upper.get_title(loc="left") == title
        t, x = upper.lines[0].get_data()
        assert t[-1] == pytest.approx(seconds - 1 / RATE)
        np.testing.assert_array_equal(x, TONE[: len(x)])
        image = lower.images[0]
        left, right, bottom, top = image.get_extent()
        assert (bottom, top) == (0, 4)
        assert right - left == pytest.approx(image.get_array().shape[1] / 100)
        row = int(image.get_array()[:, 20].argmax())
        assert row / (image.get_array().shape[0] - 1) * 4 == pytest.approx(0.2, abs=0.02)
        heard = lower.lines[0].get_ydata()
        assert np.nanmedian(heard) == pytest.approx(0.2, abs=0.001)
    assert axes[1, 1].get_xlim() == (0, 1)
    assert axes[1, 0].get_ylim() == (0, 2)
    assert plots.sounds({"one": TONE}, RATE).axes[1].get_ylim() == (0, 4)


def test_players_hold_the_sounds_themselves(monkeypatch):
    shown = []
    import IPython

    monkeypatch.setattr(IPython, "get_ipython", lambda: "a kernel")
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append((data, raw)))
    plots.listen({"quiet & clear": TONE, "half": TONE / 2}, RATE)
    ((data, raw),) = shown
    assert raw
    assert data["text/plain"] == "[sounds: quiet & clear, half]"
    page = data["text/html"]
    assert page.count("<audio controls") == 2
    assert 'aria-label="quiet &amp; clear"' in page
    assert "<div>quiet &amp; clear</div>" in page
    assert "http" not in page
    levels = []
    for sound in re.findall('base64,([^"]*)', page):
        with wave.open(io.BytesIO(base64.b64decode(sound))) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
        assert np.corrcoef(samples, TONE)[0, 1] > 0.9999
        levels.append(abs(samples).max())
    assert levels == pytest.approx([0.95, 0.475], abs=1e-3)
    plots.listen({"bare": TONE}, RATE, captions=False)
    assert "<div>" not in shown[1][0]["text/html"]
    assert 'aria-label="bare"' in shown[1][0]["text/html"]


def test_silence_is_played_and_outside_a_notebook_nothing_is_shown():
    with capture_output() as captured:
        plots.listen({"silence": torch.zeros(100)}, RATE)
    assert not captured.outputs
    assert captured.stdout == ""


@pytest.mark.parametrize("draw", [plots.sounds, plots.listen])
@pytest.mark.parametrize(
    ("waves", "rate", "message"),
    [
        ({}, RATE, "at least one sound"),
        ({"two": torch.zeros(2, 9)}, RATE, r"sound 'two' must be one waveform .*\(2, 9\)"),
        ({"one": torch.zeros(9)}, 8, "sample_rate=16000"),
    ],
)
def test_what_is_no_sound_is_refused(draw, waves, rate, message):
    with pytest.raises(ValueError, match=message):
        draw(waves, rate)
