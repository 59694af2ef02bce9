"""Augmentation of speech: what is measured afterwards is what was asked for."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnkit import data
from nnkit.augment import speech
from nnkit.augment.speech import (
    Compose,
    Crop,
    Noise,
    PitchShift,
    SpecAugment,
    SpeechTransform,
    TimeStretch,
    add_noise,
    bend_pitch,
    crop,
    log_mel,
    log_spectrogram,
    pitch,
    pitch_shift,
    resample,
    shift_band,
    snr,
    time_stretch,
)
from nnkit.augment.speech._spectra import istft, mel_filters, stft
from nnkit.training import fit

RATE = 8000
SECOND = torch.arange(RATE) / RATE


def harmonic(f=110.0, seconds=1.0, rate=RATE):
    """A tone with the overtones of a voice."""
    t = torch.arange(round(seconds * rate)) / rate
    overtones = range(1, min(16, math.ceil(rate / 2 / f)))
    return sum(torch.sin(2 * math.pi * f * k * t + k) / k for k in overtones) / 4


def sines(*frequencies):
    return sum(torch.sin(2 * math.pi * f * SECOND) for f in frequencies) / 4


def hertz(x, rate=RATE):
    return float(pitch(x, rate).nanmedian())


def at(x, f):
    """The amplitude of x (RATE,) at a whole frequency, by its definition."""
    middle = x[1000:7000] * torch.hann_window(6000)
    wave = torch.polar(torch.ones(()), 2 * math.pi * f * SECOND[1000:7000])
    return float(2 * (middle * wave).sum().abs() / 3000)


def gen(seed=0):
    return torch.Generator().manual_seed(seed)


voices = pytest.mark.parametrize("rate", [8000, 16000, 22050])
within_1_percent = {"rel": 0.01}


# Pitch and time


@voices
@pytest.mark.parametrize("f", [80.0, 110.0, 220.0, 440.0])
def test_pitch_of_a_tone_with_overtones(f, rate):
    assert hertz(harmonic(f, rate=rate), rate) == pytest.approx(f, rel=0.003)


def test_pitch_follows_a_glide_and_hears_no_voice_in_noise_or_silence():
    f = torch.linspace(100, 200, 2 * RATE)
    glide = torch.sin(2 * math.pi * (f / RATE).cumsum(0))
    heard = pitch(glide, RATE)
    assert heard.shape == (201,)
    torch.testing.assert_close(heard[10:190], f[::80][10:190], rtol=0.02, atol=0)
    assert pitch(torch.zeros(RATE), RATE).isnan().all()
    assert pitch(torch.randn(RATE, generator=gen()), RATE).isnan().float().mean() > 0.8
    half = torch.cat([harmonic(), torch.zeros(RATE)])
    assert pitch(half, RATE)[5:95].isfinite().all()
    assert pitch(half, RATE)[105:].isnan().all()


@voices
@pytest.mark.parametrize("semitones", [-7, -1.5, 0, 4, 12])
def test_shift_by_semitones_at_the_same_length(semitones, rate):
    x = harmonic(rate=rate)
    shifted = pitch_shift(x, semitones, rate)
    assert shifted.shape == x.shape
    assert hertz(shifted, rate) == pytest.approx(110 * 2 ** (semitones / 12), **within_1_percent)


@voices
@pytest.mark.parametrize("speed", [0.5, 0.8, 1, 1.25, 2])
def test_stretch_changes_the_length_and_not_the_pitch(speed, rate):
    x = harmonic(rate=rate)
    stretched = time_stretch(x, speed, rate)
    assert stretched.shape == (round(rate / speed),)
    assert hertz(stretched, rate) == pytest.approx(110, **within_1_percent)
    middle = slice(len(stretched) // 4, 3 * len(stretched) // 4)
    assert float(stretched[middle].std()) == pytest.approx(
        float(x.std()), rel=0.05
    )  # as loud as before


def test_events_happen_when_they_should():
    clicks = torch.zeros(RATE)
    clicks[[2000, 6000]] = 1.0
    fast = time_stretch(clicks, 2, RATE)
    for half, expected in ((fast[:2000], 1000), (fast[2000:], 1000)):
        assert abs(int(half.abs().argmax()) - expected) <= 128  # one hop of the transform
    higher = pitch_shift(clicks, 4, RATE)
    for half in (higher[:4000], higher[4000:]):
        assert abs(int(half.abs().argmax()) - 2000) <= 128


def test_each_waveform_by_its_own_strength():
    x = harmonic().expand(3, -1)
    steps = torch.tensor([-3.0, 0.0, 5.0])
    shifted = pitch_shift(x, steps, RATE)
    for row, step in zip(shifted, steps, strict=True):
        alone = pitch_shift(x[0], float(step), RATE)
        torch.testing.assert_close(row, alone, atol=1e-4, rtol=0)


def test_pitch_along_a_curve():
    x = harmonic(seconds=2.0)
    curve = torch.linspace(-5, 5, len(x))
    heard = pitch(bend_pitch(x, curve, RATE), RATE)[10:-10]
    expected = 110 * 2 ** (curve[::80] / 12)
    torch.testing.assert_close(heard, expected[10 : 10 + len(heard)], rtol=0.01, atol=0)


def test_a_level_curve_is_a_shift():
    x = torch.stack([harmonic(), harmonic(150.0)])
    shifted = pitch_shift(x, 4, RATE)
    for curve in (torch.full((RATE,), 4.0), torch.full((2, RATE), 4.0)):
        torch.testing.assert_close(bend_pitch(x, curve, RATE), shifted)
    torch.testing.assert_close(bend_pitch(x[0], curve[0], RATE), shifted[0], atol=1e-5, rtol=0)


def test_only_the_band_moves():
    x = sines(300, 1000, 2500)
    moved = shift_band(x, 12, 800, 1300, RATE)
    assert at(moved, 300) == pytest.approx(0.25, abs=0.01)
    assert at(moved, 2500) == pytest.approx(0.25, abs=0.01)
    assert at(moved, 1000) < 0.01
    assert at(moved, 2000) == pytest.approx(0.25, abs=0.03)


def test_what_would_rise_above_half_the_rate_is_gone_not_folded_back():
    shifted = pitch_shift(sines(400, 3000), 12, RATE)
    assert at(shifted, 800) == pytest.approx(0.25, abs=0.03)
    assert float(shifted.std()) == pytest.approx(0.25 / math.sqrt(2), rel=0.1)  # nothing but that


@pytest.mark.parametrize("rows", [(), (3,)])
def test_strength_nought_changes_nothing(rows):
    x = 0.1 * torch.randn(*rows, 5000, generator=gen())
    for same in (
        pitch_shift(x, 0, RATE),
        bend_pitch(x, torch.zeros(5000), RATE),
        shift_band(x, 0, 500, 1000, RATE),
        time_stretch(x, 1, RATE),
        crop(x, 0, RATE, at="middle"),
        add_noise(x, math.inf),
        resample(x, RATE, RATE),
    ):
        assert same.shape == x.shape
        torch.testing.assert_close(same, x, atol=1e-5, rtol=0)


@given(length=st.integers(1, 3000), speed=st.floats(0.2, 5), steps=st.floats(-24, 24))
@settings(deadline=None, max_examples=25)
def test_any_length_will_do(length, speed, steps):
    x = torch.ones(2, length) / 2
    assert time_stretch(x, speed, RATE).shape == (2, max(1, round(length / speed)))
    for changed in (time_stretch(x, speed, RATE), pitch_shift(x, steps, RATE)):
        assert changed.isfinite().all()
    assert pitch_shift(x, steps, RATE).shape == x.shape
    torch.testing.assert_close(istft(stft(x, RATE), RATE, length), x, atol=1e-5, rtol=0)


# Cuts and noise


def test_crop_at_the_start_and_at_the_end():
    x = torch.randn(2, RATE, generator=gen())
    assert torch.equal(crop(x, 0.25, RATE), x[:, 2000:])
    assert torch.equal(crop(x, 0.25, RATE, at="end"), x[:, :-2000])
    assert torch.equal(crop(x[0], 0.25, RATE, at="end"), x[0, :-2000])


def test_crop_in_the_middle_joins_what_is_left_without_a_click():
    x = torch.randn(RATE, generator=gen())
    left = crop(x, 0.25, RATE, at="middle")
    assert left.shape == (6000,)
    assert torch.equal(left[:2979], x[:2979])
    assert torch.equal(left[3021:], x[5021:])
    step = crop((torch.arange(RATE) >= 4000).float(), 0.25, RATE, at="middle")
    assert step.diff().abs().max() < 0.05  # a hard edge would be 1


@pytest.mark.parametrize("ratio", [-10.0, 0.0, 13.5, 40.0])
@pytest.mark.parametrize("noise", [None, "long", "short"])
def test_noise_is_as_loud_as_asked(ratio, noise):
    x = 0.3 * torch.randn(3, 6000, generator=gen(1))
    recording = {"long": data.aircraft()[0], "short": data.aircraft()[0][:500]}.get(noise)
    noisy = add_noise(x, ratio, recording, generator=gen())
    torch.testing.assert_close(snr(x, noisy), torch.full((3,), ratio), atol=0.1, rtol=0)
    one = snr(x[0], add_noise(x[0], ratio, recording))
    assert float(one) == pytest.approx(ratio, abs=0.1)


def test_each_waveform_has_its_own_noise_and_ratio():
    x = harmonic().expand(2, -1)
    noisy = add_noise(x, torch.tensor([0.0, 20.0]))
    assert snr(x, noisy).tolist() == pytest.approx([0, 20], abs=0.1)
    added = noisy - x
    assert abs(F.cosine_similarity(added[0], added[1], 0)) < 0.1


def test_white_noise_is_white_and_a_recording_is_itself():
    x, recording = harmonic(), data.aircraft()[0]
    spectrum = torch.fft.rfft(add_noise(x, 0, generator=gen()) - x).abs().square()
    bands = spectrum[:4000].view(8, 500).mean(1)
    assert bands.max() / bands.min() < 1.5  # 5 deviations of a mean of 500 are 0.22
    added = add_noise(x, 0, recording, generator=gen()) - x
    n = len(recording)
    spectra = torch.fft.rfft(recording), torch.fft.rfft(added, n)
    first = int(torch.fft.irfft(spectra[0] * spectra[1].conj(), n).argmax())
    piece = recording[first : first + RATE]
    assert F.cosine_similarity(added, piece, dim=0) > 0.9999


def test_silence_gets_no_noise():
    assert not add_noise(torch.zeros(2, 100), 10).any()


# Spectra


def test_a_tone_stands_at_its_frequency_and_level():
    S = log_spectrogram(sines(1000), RATE)
    assert S.shape == (129, 101)
    assert (S[:, 5:-5].argmax(0) == 32).all()  # bins of 31.25 Hz
    assert S[32, 50] == pytest.approx(20 * math.log10(0.25), abs=0.1)
    assert S.min() == pytest.approx(-80)
    assert log_spectrogram(torch.zeros(2, 4000), RATE).unique().tolist() == pytest.approx([-80])


def test_spectrogram_is_the_short_time_transform_by_its_definition():
    x, m, k = torch.randn(2000, generator=gen()), 12, 20
    window = torch.hann_window(200)
    piece = x[80 * m - 100 : 80 * m + 100] * window
    n = torch.arange(200)
    S = (piece * torch.polar(torch.ones(()), -2 * math.pi * k * n / 256)).sum()
    expected = 20 * (2 * S.abs() / window.sum()).log10()
    torch.testing.assert_close(log_spectrogram(x, RATE)[k, m], expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("f", [200, 1000, 3000])
def test_mel_bands_hold_a_tone_where_the_formula_says(f):
    mel = log_mel(sines(f), RATE)
    assert mel.shape == (40, 101)
    place = 2595 * math.log10(1 + f / 700) / (2595 * math.log10(1 + 4000 / 700)) * 41 - 1
    assert abs(int(mel[:, 50].argmax()) - place) <= 1


def test_mel_filters_share_out_every_bin():
    filters = mel_filters(30, 513, 16000)
    assert filters.shape == (30, 513)
    first, last = int(filters[0].argmax()), int(filters[-1].argmax())
    torch.testing.assert_close(filters.sum(0)[first + 1 : last], torch.ones(last - first - 1))


def test_resampling_keeps_the_sound():
    x = harmonic(rate=16000)
    fewer = resample(x, 16000, RATE)
    torch.testing.assert_close(fewer, harmonic(), atol=2e-3, rtol=0)
    torch.testing.assert_close(resample(fewer, RATE, 16000), x, atol=2e-3, rtol=0)
    assert resample(x.expand(3, -1), 16000, 22050).shape == (3, 22050)


# Random transforms

TRANSFORMS = {
    "Crop": lambda g=None: Crop(0.2, RATE, generator=g),
    "TimeStretch": lambda g=None: TimeStretch(1.3, RATE, generator=g),
    "PitchShift": lambda g=None: PitchShift(4, RATE, generator=g),
    "Noise": lambda g=None: Noise(5, 30, RATE, generator=g),
}
every_transform = pytest.mark.parametrize("make", TRANSFORMS.values(), ids=TRANSFORMS)


@every_transform
def test_every_waveform_by_a_draw_of_its_own(make):
    x, y = harmonic().repeat(4, 1), torch.arange(4)
    before, state = x.clone(), torch.get_rng_state()
    changed, labels = make(gen())(x, y)
    assert labels is y
    assert changed.shape == x.shape
    assert changed.dtype == x.dtype
    assert changed.isfinite().all()
    assert torch.equal(x, before)
    assert len({tuple(row.tolist()) for row in changed}) == 4
    again, other = make(gen())(x, y)[0], make(gen(1))(x, y)[0]
    assert torch.equal(again, changed)
    assert not torch.equal(other, changed)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    first = make()(x, y)[0]
    torch.manual_seed(5)
    assert torch.equal(make()(x, y)[0], first)


def test_draws_keep_to_their_bounds():
    x = harmonic().repeat(40, 1)
    heard = pitch(PitchShift(4, RATE, gen())(x, None)[0], RATE).nanmedian(1).values
    steps = 12 * (heard / 110).log2()
    assert -4.1 < steps.min() < -2
    assert 2 < steps.max() < 4.1
    noisy = Noise(5, 15, RATE, generator=gen())(x, None)[0]
    ratios = snr(x, noisy)
    assert 4.9 < ratios.min() < 7
    assert 13 < ratios.max() < 15.1
    stretched = TimeStretch(1.25, RATE, gen())(x, None)[0]
    ends = (stretched.abs() > 0.02).int().cumsum(1).argmax(1)  # where the last sound is
    assert 6300 < ends.min() < 7000  # RATE / 1.25 is 6400
    assert ends.max() > 7900
    assert pitch(stretched, RATE).nanmedian(1).values.sub(110).abs().max() < 1.1
    cropped = Crop(0.2, RATE, gen())(x + 0.01, None)[0]
    lost = (cropped == 0).flip(1).int().cumprod(1).sum(1)
    assert lost.max() <= 1600
    assert lost.max() > 1200


def test_composed():
    x, y = harmonic().repeat(2, 1), torch.arange(2)
    g = gen()
    parts = PitchShift(3, RATE, g), Noise(5, 30, RATE, data.aircraft()[0], g)
    composed = Compose(*parts)(x, y)[0]
    g.manual_seed(0)
    assert torch.equal(parts[1](*parts[0](x, y))[0], composed)
    assert repr(Compose(*parts)) == (
        "Compose(PitchShift(semitones=3, sample_rate=8000), "
        "Noise(min_snr=5, max_snr=30, sample_rate=8000))"
    )


def test_fit_takes_them():
    X, y, _ = data.number_words()

    class Listener(nn.Sequential):
        def forward(self, x):
            return super().forward(log_mel(x, RATE).mean(2))

    model = Listener(nn.Linear(40, 28))
    augment = Compose(PitchShift(2, RATE), Crop(0.1, RATE))
    history = fit(model, (X, y), loss=F.cross_entropy, transform=augment, epochs=2, lr=1e-3)
    assert all(math.isfinite(value) for value in history["loss"])


def test_masks_hide_bands_and_stretches():
    S = torch.arange(4 * 30 * 50.0).view(4, 30, 50)
    masked, y = SpecAugment(bins=8, frames=10, generator=gen())(S, "y")
    assert y == "y"
    for before, after in zip(S, masked, strict=True):
        hidden = after != before
        rows, columns = hidden.all(1), hidden.all(0)
        assert torch.equal(hidden, rows[:, None] | columns)
        assert rows.sum() <= 8
        assert columns.sum() <= 10
        assert rows.int().diff().abs().sum() <= 2  # in one piece
        assert (after[hidden] == before.mean()).all()
    short = S[:, :5]
    drawn = [SpecAugment(3, 0, generator=gen(seed))(short, 0)[0] != short for seed in range(60)]
    rows = torch.cat(drawn).all(2)  # (240, 5)
    assert rows.sum(1).unique().tolist() == [0, 1, 2, 3]
    assert rows[rows.sum(1) == 1].any(0).all()  # anywhere, the first and the last included
    assert torch.equal(SpecAugment(0, 0)(S, 0)[0], S)
    assert torch.equal(SpecAugment(8, 10, masks=0)(S, 0)[0], S)
    channels, _ = SpecAugment(8, 10, generator=gen())(S[:, None].expand(-1, 2, -1, -1), 0)
    assert torch.equal(channels[:, 0] != S, masked != S)
    assert repr(SpecAugment(8, 10)) == "SpecAugment(bins=8, frames=10, masks=1)"


# What is refused

x = torch.zeros(2, 1000)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: time_stretch(x.short(), 1, RATE), TypeError, r"int16. Hint: x / 32768"),
        (lambda: pitch([0.0], RATE), TypeError, "floats in .*, got list"),
        (lambda: pitch_shift(x[None], 1, RATE), ValueError, r"got \(1, 2, 1000\). Hint: average"),
        (lambda: log_mel(x[:, :0], RATE), ValueError, "not empty"),
        (lambda: time_stretch(x, 1, 16), ValueError, "16 kHz is sample_rate=16000"),
        (lambda: time_stretch(x, 1, 8000.5), TypeError, r"whole number of samples .* got 8000\.5"),
        (lambda: crop(x, 0.1, "8k"), TypeError, "sample_rate must be a number"),
        (lambda: time_stretch(x, 0, RATE), ValueError, r"speed must be in \[0.1, 10\], got 0"),
        (lambda: pitch_shift(x, 25, RATE), ValueError, "semitones must be from -24 to 24, got 25"),
        (lambda: pitch_shift(x, math.nan, RATE), ValueError, "semitones must be"),
        (lambda: pitch_shift(x, torch.ones(3), RATE), ValueError, r"each of 2 waveforms, .*\(3,\)"),
        (lambda: bend_pitch(x, torch.ones(9), RATE), ValueError, r"\(2, 1000\) or \(1000,\)"),
        (lambda: shift_band(x, 1, 10, 5000, RATE), ValueError, r"half the rate.*\[0, 4000\]"),
        (lambda: shift_band(x, 1, 900, 800, RATE), ValueError, r"low.* must be in \[0, 800\]"),
        (lambda: crop(x, 0.2, RATE), ValueError, r"seconds must be in \[0, "),
        (lambda: crop(x, 0.1, RATE, at="centre"), ValueError, "unknown place 'centre': allowed"),
        (lambda: add_noise(x, -200), ValueError, "snr must be at least -100"),
        (lambda: add_noise(x, 3, torch.zeros(9)), ValueError, "not silent"),
        (lambda: add_noise(x, 3, x), ValueError, r"one recording \(L,\)"),
        (lambda: pitch(x, RATE, high=3000), ValueError, r"high must be in \[1, 2000\]"),
        (lambda: pitch(x, RATE, low=900), ValueError, r"low must be in \[1, 500\]"),
        (lambda: resample(x, RATE, 0), ValueError, "at least 1000, got 0"),
        (lambda: log_mel(x, RATE, mels=0), ValueError, "mels must be at least 1"),
        (lambda: log_spectrogram(x, RATE, frame=0), ValueError, "frame must be"),
        (lambda: Crop(-1, RATE), ValueError, "seconds must be"),
        (lambda: TimeStretch(0.8, RATE), ValueError, r"speed must be in \[1, 10\], got 0.8"),
        (lambda: PitchShift(-1, RATE), ValueError, r"semitones must be in \[0, 24\]"),
        (lambda: Noise(20, 10, RATE), ValueError, r"max_snr must be in \[20"),
        (lambda: PitchShift(1, RATE, generator=3), TypeError, "must be a torch.Generator or None"),
        (lambda: PitchShift(1, RATE)(x[0], 0), ValueError, r"takes a batch .* x\[None\]"),
        (lambda: SpeechTransform(RATE)(x, 0), NotImplementedError, None),
        (lambda: SpecAugment(-1, 1), ValueError, "bins must be at least 0"),
        (lambda: SpecAugment(1, 1, generator=3), TypeError, "must be a torch.Generator"),
        (lambda: SpecAugment(1, 1)(x, 0), TypeError, r"got .*\(2, 1000\)\). Hint: log_mel"),
        (
            lambda: SpecAugment(9, 1)(x.view(2, 5, 200), 0),
            ValueError,
            "up to 9 is wider than the 5",
        ),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Recordings


def test_recordings_are_what_they_say():
    for load, seconds in ((data.reading, 2.99), (data.aircraft, 4)):
        x, rate = load()
        assert rate == 16000
        assert (x.dtype, x.ndim) == (torch.float32, 1)
        assert len(x) / rate == seconds
        assert 0.1 < x.abs().max() < 1
        x.zero_()
        assert load()[0].any()  # the next caller does not see what this one did


def test_number_words_of_two_speakers():
    X, y, speaker = data.number_words()
    assert X.shape == (56, 8379)
    assert (X.dtype, y.dtype, speaker.dtype) == (torch.float32, torch.int64, torch.int64)
    assert X.abs().max() <= 1
    assert X.abs().amax(1).min() > 0.1
    for who in (0, 1):
        assert y[speaker == who].tolist() == list(range(28))
    assert len(set(data.NUMBER_WORDS)) == 28
    length = (X != 0).int().cumsum(1).argmax(1) + 1  # the last sample that is not silent
    letters = torch.tensor([len(data.NUMBER_WORDS[k]) for k in y])
    both = torch.stack([length.float(), letters.float()])
    assert torch.corrcoef(both)[0, 1] > 0.7  # longer words take longer to say


def test_the_reader_is_a_bass():
    x, rate = data.reading()
    assert 70 < hertz(x, rate) < 100
    higher = hertz(pitch_shift(x, 4, rate), rate)
    assert higher / hertz(x, rate) == pytest.approx(2 ** (4 / 12), rel=0.05)


EVERY = {
    "crop": lambda x: speech.crop(x, 0.01, 8000),
    "time_stretch": lambda x: speech.time_stretch(x, 1.2, 8000),
    "pitch_shift": lambda x: speech.pitch_shift(x, 2, 8000),
    "bend_pitch": lambda x: speech.bend_pitch(x, torch.zeros(2000), 8000),
    "shift_band": lambda x: speech.shift_band(x, 2, 500, 1000, 8000),
    "pitch": lambda x: speech.pitch(x, 8000),
    "add_noise": lambda x: speech.add_noise(x, 10),
    "noise": lambda x: speech.add_noise(torch.ones(2000), 10, noise=x),
    "snr": lambda x: speech.snr(torch.ones(2000), x),
    "log_spectrogram": lambda x: speech.log_spectrogram(x, 8000),
    "log_mel": lambda x: speech.log_mel(x, 8000),
    "resample": lambda x: speech.resample(x, 8000, 4000),
    "PitchShift": lambda x: speech.PitchShift(2, 8000)(x[None], None),
    "Noise": lambda x: speech.Noise(0, 10, 8000, noise=x),
}


@pytest.mark.parametrize("call", EVERY.values(), ids=EVERY)
def test_what_is_no_finite_sound_of_32_or_64_bits_is_refused(call):
    x = torch.rand(2000)
    for value in (math.nan, math.inf, -math.inf):
        x[17] = value
        with pytest.raises(ValueError, match=rf"waveform.* is {value} at sample 17"):
            call(x)
    for dtype in (torch.float16, torch.bfloat16, torch.int16, torch.int64, torch.complex64):
        with pytest.raises(TypeError, match=rf"of 32 or 64 bits, got {dtype}\. Hint: "):
            call(torch.ones(2000).to(dtype))


def test_the_waveform_that_is_not_finite_is_named():
    x = torch.rand(3, 400)
    x[2, 5] = math.nan
    with pytest.raises(ValueError, match="waveform 2 is nan at sample 5"):
        speech.crop(x, 0.01, 8000)
    with pytest.raises(ValueError, match="one shape"):
        speech.snr(torch.rand(2, 10), torch.rand(10))
    with pytest.raises(ValueError, match="spectrograms must be finite"):
        speech.SpecAugment(1, 1)(torch.full((1, 3, 3), math.nan), None)
