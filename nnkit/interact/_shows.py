"""The two ways to show frames: a live widget, and a page to scrub without a kernel."""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.figure import Figure

from nnkit.interact._ranges import shown, spoken
from nnkit.plots._canvas import close, png
from nnkit.plots.style import BLUE

#: Pixels of a frame per pixel on the slide: sharp where slides are thrown at 2560 × 1440 and more.
SCALE = 2.0


class Frame(NamedTuple):
    """A picture: its PNG as a data address, its words, its size in pixels of the page."""

    source: str
    alt: str
    width: int
    height: int


def encode(figure: Figure, alt: str) -> Frame:
    """Turn a figure into a frame and close it."""
    if not isinstance(figure, Figure):
        raise TypeError(f"draw returned {figure!r}; let it return the figure")
    width, height = figure.get_size_inches() * figure.dpi
    data = base64.b64encode(png(figure, SCALE, palette=True)).decode()
    close(figure)
    return Frame(f"data:image/png;base64,{data}", alt, round(width), round(height))


if TYPE_CHECKING:
    from nnkit.interact._explorer import Explore

#: A figure that takes longer to draw, in seconds, follows when the slider is let go.
SLOW = 0.3


def widget(explore: "Explore") -> Any:
    """Return an ipywidgets box: a slider for every range over the figure's image."""
    import ipywidgets

    image = ipywidgets.HTML()
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=[(shown(value), value) for value in values],
            value=explore.start[name],
            description=spoken(name),
            style={"description_width": "initial"},
            layout={"width": "28em"},
        )
        for name, values in explore.ranges.items()
    }

    def redraw(_: Any = None) -> None:
        began, drawn = time.perf_counter(), explore.frame.cache_info().misses
        image.value = picture(explore, [slider.index for slider in sliders.values()])
        if explore.frame.cache_info().misses > drawn:
            for slider in sliders.values():
                slider.continuous_update = time.perf_counter() - began < SLOW

    for slider in sliders.values():
        slider.observe(redraw, "value")
    image.value = picture(explore, explore.positions)
    controls = ipywidgets.Box(
        list(sliders.values()), layout={"flex_flow": "row wrap", "justify_content": "center"}
    )
    return ipywidgets.VBox([image, controls], layout={"align_items": "center"})


def picture(explore: "Explore", positions: list[int]) -> str:
    """Return the HTML of one frame, or of what went wrong in drawing it."""
    try:
        frame = explore.frame(*positions)
    except Exception as error:  # shown where the figure would be: a widget has no other place
        said = escape(f"{type(error).__name__}: {error}")
        return f'<pre role="alert" style="color:#9C3A05;white-space:pre-wrap">{said}</pre>'
    return (
        f'<img src="{frame.source}" alt="{escape(frame.alt)}" width="{frame.width}" '
        f'height="{frame.height}" decoding="sync" style="max-width:100%;height:auto">'
    )


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
            name=escape(spoken(name)),
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
