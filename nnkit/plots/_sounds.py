"""Sounds, to be seen and heard: waveform above spectrogram, and players that need no network."""

import base64
import io
import wave
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from nnkit.augment.speech import log_spectrogram, pitch
from nnkit.augment.speech._checks import check_rate, check_waves
from nnkit.plots._canvas import Picture, display, in_notebook
from nnkit.plots.style import BLUE, ORANGE, SEQUENTIAL

#: A browser's own player; it gives the arrow keys back to the slides, and is named for all.
PLAYER = """\
<div style="text-align:center">{caption}
<audio controls src="data:audio/wav;base64,{data}" aria-label="{title}"
 onpointerup="setTimeout(() => this.blur())" style="width:{width}px;height:44px;display:block">\
</audio></div>
"""
ROW = '<div style="display:flex;justify-content:center;gap:24px">{players}</div>'


def sounds(
    waves: Mapping[str, Tensor],
    sample_rate: int,
    *,
    voice: bool = False,
    top: float | None = None,
    height: float = 3.7,
) -> Figure:
    """Draw sounds side by side, each waveform above its spectrogram, on common scales.

    Args:
        waves: waveforms (T,) by their titles; their lengths may differ.
        sample_rate: samples per second.
        voice: draw the measured pitch into the spectrogram.
        top: the highest frequency shown, in Hz; None for sample_rate/2.
        height: of the figure, in inches; it is 10 wide.

    Returns:
        The figure.

    Raises:
        TypeError, ValueError: if a waveform or the rate is none.

    Example:
        >>> from nnkit import plots
        >>> from nnkit.augment.speech import pitch_shift
        >>> from nnkit.data import reading
        >>> x, rate = reading()
        >>> figure = plots.sounds({"as read": x, "higher": pitch_shift(x, 4, rate)}, rate)
        >>> [axes.get_title(loc="left") for axes in figure.axes[:2]]
        ['as read', 'higher']
    """
    rate = _check(waves, sample_rate)
    figure = Picture(figsize=(10, height))
    axes: Any = figure.subplots(
        2, len(waves), sharex=True, sharey="row", squeeze=False, height_ratios=(2, 5)
    )
    for (upper, lower), (title, x) in zip(axes.T, waves.items(), strict=True):
        upper.plot(np.arange(len(x)) / rate, x.cpu().numpy(), color=BLUE, lw=0.5)
        upper.set(title=title)
        S = log_spectrogram(x, rate).cpu().numpy()
        box = (-0.005, S.shape[1] / 100 - 0.005, 0, rate / 2000)  # a frame every 10 ms
        lower.imshow(
            S, origin="lower", aspect="auto", extent=box, cmap=SEQUENTIAL, vmin=-80, vmax=-15
        )
        if voice:
            heard = pitch(x, rate).cpu() / 1000
            lower.plot(np.arange(len(heard)) / 100, heard, ".", color=ORANGE, ms=5)
        lower.set(xlabel="seconds")
    lower.set(xlim=(0, max(map(len, waves.values())) / rate))
    axes[0, 0].set(yticks=[])
    axes[1, 0].set(ylabel="kHz", ylim=(0, (rate / 2 if top is None else top) / 1000))
    return figure


def listen(waves: Mapping[str, Tensor], sample_rate: int, *, captions: bool = True) -> None:
    """Put a player for each sound on the slide, side by side; the sounds travel in the page.

    Args:
        waves: waveforms (T,) by their titles. All are made louder by one factor, so that the
            loudest fills the range.
        sample_rate: samples per second; with the length it decides the size: 3 s at 8000 are 64 kB.
        captions: show the titles; without, they are there for screen readers only.

    Outside IPython nothing is displayed.

    Raises:
        TypeError, ValueError: if a waveform or the rate is none.

    Example:
        >>> from nnkit import plots
        >>> from nnkit.data import reading
        >>> x, rate = reading()
        >>> plots.listen({"as read": x, "at half the rate": x[::2]}, rate)  # players in a notebook
    """
    rate = _check(waves, sample_rate)
    peak = max(float(x.abs().max()) for x in waves.values()) or 1.0
    width = min(400, 1080 // len(waves))
    players = [
        PLAYER.format(
            title=escape(title),
            caption=f"<div>{escape(title)}</div>" if captions else "",
            data=_wav(x / peak, rate),
            width=width,
        )
        for title, x in waves.items()
    ]
    if in_notebook():
        page = ROW.format(players="".join(players))
        words = f"[sounds: {', '.join(waves)}]"
        display({"text/html": page, "text/plain": words})


def _wav(x: Tensor, rate: int) -> str:
    """A file of 16-bit samples, in base64."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        samples = (0.95 * 32767 * x).round().to(torch.int16)
        writer.writeframes(samples.cpu().numpy().astype("<i2").tobytes())
    return base64.b64encode(file.getvalue()).decode("ascii")


def _check(waves: Mapping[str, Tensor], sample_rate: int) -> int:
    if not waves:
        raise ValueError("waves must hold at least one sound, got none")
    for title, x in waves.items():
        check_waves(x)
        if x.ndim != 1:
            raise ValueError(f"sound {title!r} must be one waveform (T,), got {tuple(x.shape)}")
    return check_rate(sample_rate)
