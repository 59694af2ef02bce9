"""What a figure shows, in words and numbers that a reference can hold.

A kernel that tests run writes a figure's description into its PNG, and the plugin reads it from
there. Places are percent of the width and the height of the axes, so that a band that is twice as
wide, exchanged axes or another colour are seen, whatever the scale. The kernel executes the text of
this file, which therefore imports nothing of the tests.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

SAMPLES = 5  # points told of each group of marks
MARK = "  ▸ "  # begins each line of a description
END = b"\0\0\0\0IEND"  # the last chunk of a PNG
_PLAIN = re.compile(r"\$\\mathdefault\{(.*?)\}\$")
_DATA = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")
_BLOCK = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)


def describe(figure: Figure) -> str:
    """Titles, labels and marks of a figure, a line each; marks that look alike are one."""
    return "\n".join(MARK + line for axes in figure.axes for line in _axes(axes))


def _axes(axes: Axes) -> Iterator[str]:
    title = " ".join(axes.get_title(loc) for loc in ("left", "center", "right"))
    heads = [title, axes.get_xlabel(), axes.get_ylabel(), *(_ticks(axis) for axis in _axis(axes))]
    yield "axes " + " | ".join(" ".join(head.split()) for head in heads)
    legend = axes.get_legend()
    if legend is not None:
        yield "legend " + _texts(legend.get_texts())
    if texts := _texts(axes.texts):
        yield "texts " + texts
    groups: dict[str, list[np.ndarray]] = defaultdict(list)
    for artist in [*axes.lines, *axes.collections, *axes.patches]:
        if artist.get_visible():
            for look, points in _marks(artist):
                groups[look].append(_places(axes, points))
    for look, places in groups.items():
        yield f"{look}: {len(places)} of {_sampled(np.concatenate(places))}"
    for image in axes.images:
        yield _image(image)


def _axis(axes: Axes) -> list[Any]:
    return [axes.xaxis, axes.yaxis] if axes.axison else []


def _ticks(axis: Any) -> str:
    """The first labels of an axis and the last, for between them nothing is new."""
    labels = _texts(axis.get_ticklabels()).split(" · ") if axis.get_visible() else []
    return " · ".join(labels if len(labels) < 5 else [*labels[:2], "…", labels[-1]])


def _texts(texts: Sequence[Any]) -> str:
    written = (" ".join(text.get_text().split()) for text in texts if text.get_visible())
    return _PLAIN.sub(r"\1", " · ".join(filter(None, written)))


def _marks(artist: Artist) -> Iterator[tuple[str, np.ndarray]]:
    """How an artist looks, and its points on the screen; once for each of its colours."""
    if isinstance(artist, Line2D):
        marker = artist.get_marker()
        line = artist.get_linestyle() if artist.get_linewidth() else "None"
        look = (
            f"line {line} {'' if marker in (None, 'None') else marker} {_hex(artist.get_color())}"
        )
        yield " ".join(look.split()), artist.get_transform().transform(artist.get_xydata())
    elif isinstance(artist, Patch):
        path = artist.get_path().transformed(artist.get_transform())
        face = artist.get_facecolor() if artist.get_fill() else artist.get_edgecolor()
        yield f"{type(artist).__name__} {_hex(face)}", path.vertices
    elif isinstance(artist, Collection):
        yield from _collection(artist)


def _collection(artist: Collection) -> Iterator[tuple[str, np.ndarray]]:
    artist.update_scalarmappable()
    faces, name = artist.get_facecolor(), type(artist).__name__
    colours = faces if len(faces) else artist.get_edgecolor()
    paths = artist.get_paths()
    offsets = np.ma.filled(artist.get_offsets(), np.nan)
    if len(offsets) and (len(offsets) > 1 or (len(paths) == 1 and np.any(offsets))):
        points = [place[None] for place in artist.get_offset_transform().transform(offsets)]
    else:
        points = [path.transformed(artist.get_transform()).vertices for path in paths]
    if isinstance(artist, ContourSet):  # how many points a curve has is chance
        points = [place.mean(0)[None] for place in points if len(place)]
    of_colour: dict[str, list[np.ndarray]] = defaultdict(list)
    for i, place in enumerate(points):
        of_colour[_hex(colours[i % len(colours)]) if len(colours) else "none"].append(place)
    if len(of_colour) > SAMPLES:  # shades, told from the least value to the greatest
        values = artist.get_array()
        ranks = (
            range(len(points)) if values is None else np.argsort(np.ravel(values), kind="stable")
        )
        ranked = [points[rank] for rank in ranks if rank < len(points)]
        yield (
            f"{name} {_shades(artist)}",
            np.array([place.mean(0) for place in ranked if len(place)]),
        )
        return
    for colour, places in of_colour.items():
        yield f"{name} {colour}", np.concatenate(places)


def _image(artist: AxesImage) -> str:
    """Its size, and how bright its quarters are: an image that is turned is another."""
    values = np.asarray(np.ma.filled(artist.get_array().astype(float), np.nan))
    values = values.mean(-1) if values.ndim == 3 else values
    rows, columns = values.shape
    low, high = np.nanmin(values), np.nanmax(values)
    values = 100 * (values - low) / ((high - low) or 1)
    halves = np.array_split(values if artist.origin == "upper" else values[::-1], 2)
    (a, b), (c, d) = ([round(part.mean()) for part in np.array_split(h, 2, 1)] for h in halves)
    return f"image {_shades(artist)}: {rows} of {columns} points ({a}, {b}) ({c}, {d})"


def _shades(artist: ScalarMappable) -> str:
    """Between which colours its values are."""
    return " to ".join(to_hex(artist.get_cmap()(end)) for end in (0.0, 1.0))


def _places(axes: Axes, points: Any) -> np.ndarray:
    """Points of the screen as percent of the axes."""
    with np.errstate(all="ignore"):
        places = 100 * axes.transAxes.inverted().transform(np.asarray(points, float).reshape(-1, 2))
    return places[np.isfinite(places).all(1)]


def _sampled(places: np.ndarray) -> str:
    """How many points there are, where some of them are, and where all are on average."""
    if not len(places):
        return "0 points"
    chosen = places[np.linspace(0, len(places) - 1, min(SAMPLES, len(places))).round().astype(int)]
    told = np.concatenate([chosen, places.mean(0)[None]]).clip(-10, 110).round().astype(int)
    return f"{len(places)} points " + " ".join(f"({x}, {y})" for x, y in told.tolist())


def _hex(colour: Any) -> str:
    return "none" if colour is None else str(to_hex(colour))


def install() -> None:
    """Have every picture that `nnkit` encodes carry its description."""
    from nnkit.interact import _shows
    from nnkit.plots import _canvas

    plain = _canvas.png

    def png(figure: Figure, *args: Any, **options: Any) -> bytes:
        return with_text(plain(figure, *args, **options), describe(figure))

    _canvas.png = _shows.png = png


def with_text(png: bytes, text: str) -> bytes:
    """A PNG with a text in a chunk of its own, before the last one."""
    chunk = b"iTXtfigure\0\0\0\0\0" + text.encode()
    size, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    head, end, tail = png.rpartition(END)
    return head + size + chunk + check + end + tail


def text_of_png(data: str) -> str:
    """The description that a PNG carries, given in base 64; "" if it carries none."""
    _, found, rest = base64.b64decode(data).rpartition(b"iTXtfigure\0\0\0\0\0")
    return rest[: rest.rindex(END) - 4].decode() if found else ""


def text_of_slider(html: str) -> str:
    """The descriptions of three frames of `explore`: the one it starts with, one amid, the last."""
    block = _BLOCK.search(html)
    assert block is not None, "a figure with sliders holds its frames"
    sources = json.loads(block[1])["sources"]
    start = _DATA.findall(html[: block.start()])
    chosen = [*start, *(_DATA.findall(sources[i])[0] for i in (len(sources) // 2, -1))]
    return "\n".join(filter(None, map(text_of_png, dict.fromkeys(chosen))))
