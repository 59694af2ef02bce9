"""Put a figure on the slide, with words for those who cannot see it."""

import sys

from matplotlib.figure import Figure

from nnkit.plots.encoding import png

#: Pixels of the PNG per pixel on the slide: sharp on a dense screen and on a large wall.
SCALE = 2.0


def show(figure: Figure, *, alt: str) -> None:
    """Display a figure in the notebook with its alternative text, then close it.

    Args:
        figure: any matplotlib figure, one of pyplot's included.
        alt: what the picture shows, in a sentence.

    Raises:
        ValueError: ``alt`` is empty.

    Outside IPython nothing is displayed.

    Example:
        >>> from nnkit import plots
        >>> figure = plots.lines([1, 2, 3], {"loss": [1.0, 0.5, 0.25]}, xlabel="epoch")
        >>> plots.show(figure, alt="The loss halves with every epoch.")  # in a notebook
        >>> plots.show(figure, alt="")
        Traceback (most recent call last):
            ...
        ValueError: alt='': say in a sentence what the figure shows...
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(
            f"alt={alt!r}: say in a sentence what the figure shows, "
            'for example alt="Loss falls for 20 epochs, then levels off"'
        )
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        width, height = figure.get_size_inches() * figure.dpi
        metadata = {"alt": alt, "width": round(width), "height": round(height)}
        ipython.display.display(
            {"image/png": png(figure, SCALE), "text/plain": alt},
            metadata={"image/png": metadata},
            raw=True,
        )
    close(figure)


def close(figure: Figure) -> None:
    """Forget a figure: pyplot, if it is in use, shall not draw it a second time."""
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close(figure)
