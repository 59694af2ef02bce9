"""The course's look on screens: style sheets for exported decks and for JupyterLab.

Colours come from :mod:`nnkit.plots.style`, so that slides and figures cannot drift apart.
"""

import base64
from itertools import pairwise, product
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent
SHEETS = ("content", "code", "stage")  # of decks and of JupyterLab alike
FACES = (  # family, file, weight, style
    ("Inter", "Inter-Regular", "400", "normal"),
    ("Inter", "Inter-Italic", "400", "italic"),
    ("Inter", "Inter-Bold", "700", "normal"),
    ("Inter", "Inter-BoldItalic", "700", "italic"),
    ("JetBrains Mono", "JetBrainsMono-Regular", "400", "normal"),
    ("JetBrains Mono", "JetBrainsMono-Bold", "700", "normal"),
    ("Noto Sans Math", "NotoSansMath-Regular", "400", "normal"),
)


def stylesheet(*names: str) -> str:
    """Join fonts, colours and style sheets of the theme into one text that loads nothing.

    Args:
        names: style sheets in this folder, without ``.css``; those that all pages share come first.

    Returns:
        The CSS.
    """
    sheets = [(HERE / f"{name}.css").read_text("utf-8") for name in SHEETS + names]
    return "\n".join([fonts(), colours(), *sheets])


def scripts(*names: str) -> str:
    """Join scripts of the folder ``stage``, which present slides, into one text.

    Args:
        names: of scripts, without ``.js``; what one needs comes before it.
    """
    return "\n".join((HERE / "stage" / f"{name}.js").read_text("utf-8") for name in names)


def fonts() -> str:
    """Return the faces as ``@font-face`` rules that carry the fonts themselves."""
    return "\n".join(_face(*face) for face in FACES)


def colours() -> str:
    """Return the palette of the figures as CSS variables: ``--ink``, ``--blue`` and so on."""
    from nnkit.plots.style import PALETTE

    variables = "".join(f"--{name.lower()}: {value}; " for name, value in PALETTE.items())
    return f':root {{ {variables}--motif: url("{motif(PALETTE["PAPER"], PALETTE["ORANGE"])}"); }}'


def motif(line: str, accent: str) -> str:
    """Draw a network in faint lines, the ground of the slide that opens a part.

    Args:
        line: colour of the network, which fades out to the left, where words stand.
        accent: colour of its one output.

    Returns:
        An SVG of 640 × 720 as a data address.
    """
    layers = [
        [(120 + 150 * column, 360 + 132 * (row - (size - 1) / 2)) for row in range(size)]
        for column, size in enumerate((3, 5, 4, 1))
    ]
    pairs = [pair for left, right in pairwise(layers) for pair in product(left, right)]
    edges = "".join(f"M{x0} {y0:g}L{x1} {y1:g}" for (x0, y0), (x1, y1) in pairs)
    nodes = "".join(f'<circle cx="{x}" cy="{y:g}" r="17"/>' for layer in layers for x, y in layer)
    ((x, y),) = layers[-1]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 720">'
        '<linearGradient id="fade"><stop offset=".55" stop-color="#000"/>'
        '<stop offset=".8" stop-color="#fff"/></linearGradient>'
        '<mask id="words"><rect width="640" height="720" fill="url(#fade)"/></mask>'
        f'<g mask="url(#words)" stroke="{line}" fill="none" stroke-width="2">'
        f'<path d="{edges}" opacity=".1"/><g opacity=".3">{nodes}</g></g>'
        f'<circle cx="{x}" cy="{y:g}" r="17" fill="{accent}"/></svg>'
    )
    return f"data:image/svg+xml,{quote(svg)}"


def _face(family: str, file: str, weight: str, style: str) -> str:
    data = base64.b64encode((HERE / "fonts" / f"{file}.woff2").read_bytes()).decode("ascii")
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-style: {style}; '
        f'src: url("data:font/woff2;base64,{data}") format("woff2"); }}'
    )
