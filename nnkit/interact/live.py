"""Sliders and the figure that follows them, in a notebook with a kernel."""

import time
from html import escape
from typing import TYPE_CHECKING, Any

from nnkit.interact.ranges import shown

if TYPE_CHECKING:
    from nnkit.interact.explorer import Explore

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
            description=name.replace("_", " "),
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
