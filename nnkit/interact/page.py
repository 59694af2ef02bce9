"""Frames to scrub on a page without a kernel: one image, sliders, and no script of its own."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nnkit.interact.frames import Frame
from nnkit.interact.ranges import shown
from nnkit.plots.style import BLUE

#: One frame is in the page; the others wait in a JSON block that no browser lays out.
FIGURE = """\
<figure class="explore" data-prevent-swipe oninput="{move}" onkeydown="{escape}">
<style>{style}</style>
<img src="{source}" alt="{alt}" width="{width}" height="{height}" decoding="sync">
<figcaption>{sliders}</figcaption>
<script type="application/json">{data}</script>
</figure>
"""

SLIDER = """\
<label><span>{name}</span><input type="range" min="0" max="{last}" step="1" value="{index}"
 autocomplete="off" aria-valuetext="{value}" onpointerup="this.blur()">
<output aria-hidden="true">{value}</output></label>
"""

STYLE = (
    ".explore{margin:0;text-align:center}"
    ".explore img{display:block;margin:0 auto;max-width:100%;height:auto;object-fit:contain}"
    ".explore figcaption{display:flex;flex-wrap:wrap;justify-content:center;gap:.2em 2em}"
    ".explore label{display:inline-flex;align-items:center;gap:.6em}"
    f".explore input{{width:14em;height:1.6em;accent-color:{BLUE};cursor:pointer}}"
    ".explore output{min-width:4.5em;text-align:left;font-variant-numeric:tabular-nums}"
)

#: Runs on the figure when a slider moves: the frame's number is that of its values, last fastest.
MOVE = """\
const data = this.data ||= JSON.parse(this.querySelector('script').textContent);
const image = this.querySelector('img');
let frame = 0;
this.querySelectorAll('input').forEach((slider, i) => {
  const value = data.values[i][slider.value];
  frame = frame * data.values[i].length + Number(slider.value);
  slider.setAttribute('aria-valuetext', value);
  slider.nextElementSibling.value = value;
});
image.src = data.sources[data.frames[frame]];
image.alt = data.alts[frame];"""

#: Escape leaves the slider, so that the arrow keys turn slides again.
ESCAPE = "if (event.key === 'Escape') { event.target.blur(); event.stopPropagation(); }"


def page(frames: Sequence[Frame], ranges: Mapping[str, Sequence[Any]], start: Sequence[int]) -> str:
    """Return the HTML of a figure with sliders.

    Args:
        frames: one for every combination of values, the last range moving fastest.
        ranges: the values of every slider.
        start: the position of every slider at first.
    """
    first = 0
    for values, position in zip(ranges.values(), start, strict=True):
        first = first * len(values) + position
    sources = list(dict.fromkeys(frame.source for frame in frames))  # equal pictures only once
    data = {
        "values": [[shown(value) for value in values] for values in ranges.values()],
        "frames": [sources.index(frame.source) for frame in frames],
        "alts": [frame.alt for frame in frames],
        "sources": sources,
    }
    sliders = [
        SLIDER.format(
            name=escape(name.replace("_", " ")),
            last=len(values) - 1,
            index=position,
            value=escape(shown(values[position])),
        )
        for (name, values), position in zip(ranges.items(), start, strict=True)
    ]
    return FIGURE.format(
        move=escape(MOVE),
        escape=escape(ESCAPE),
        style=STYLE,
        source=frames[first].source,
        alt=escape(frames[first].alt),
        width=frames[first].width,
        height=frames[first].height,
        sliders="".join(sliders),
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    )
