"""The course's look on screens: style sheets for exported decks and for JupyterLab.

Colours come from :mod:`nnkit.plots.style`, so that slides and figures cannot drift apart.
"""

import base64
from pathlib import Path

HERE = Path(__file__).parent
FACES = (  # family, file, weights, style
    ("Atkinson Hyperlegible Next", "AtkinsonHyperlegibleNext-Regular", "400", "normal"),
    ("Atkinson Hyperlegible Next", "AtkinsonHyperlegibleNext-Italic", "400", "italic"),
    ("Atkinson Hyperlegible Next", "AtkinsonHyperlegibleNext-Bold", "700", "normal"),
    ("Atkinson Hyperlegible Next", "AtkinsonHyperlegibleNext-BoldItalic", "700", "italic"),
    ("Atkinson Hyperlegible Mono", "AtkinsonHyperlegibleMono", "200 800", "normal"),
)


def stylesheet(*names: str) -> str:
    """Join fonts, colours and style sheets of the theme into one text that loads nothing.

    Args:
        names: style sheets in this folder, without ``.css``; ``content`` and ``code`` come first.

    Returns:
        The CSS.
    """
    sheets = [(HERE / f"{name}.css").read_text("utf-8") for name in ("content", "code", *names)]
    return "\n".join([fonts(), colours(), *sheets])


def fonts() -> str:
    """Return the faces as ``@font-face`` rules that carry the fonts themselves."""
    return "\n".join(_face(*face) for face in FACES)


def colours() -> str:
    """Return the palette of the figures as CSS variables: ``--ink``, ``--blue`` and so on."""
    from nnkit.plots.style import PALETTE

    variables = "".join(f"--{name.lower()}: {value}; " for name, value in PALETTE.items())
    return f":root {{ {variables}}}"


def _face(family: str, file: str, weight: str, style: str) -> str:
    data = base64.b64encode((HERE / "fonts" / f"{file}.woff2").read_bytes()).decode("ascii")
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-style: {style}; '
        f'src: url("data:font/woff2;base64,{data}") format("woff2"); }}'
    )
