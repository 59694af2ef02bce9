"""The progress bar: in a terminal and in a notebook, and nowhere else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from nnkit.training.run import Run

PATIENCE = 1.0  # seconds before a bar appears
INTERVAL = 0.1  # seconds between two ticks of the clock
FORMAT = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"


def bar_maker() -> Callable[..., Any] | None:
    """Makes tqdm's bar for this place; None in a log, without tqdm and with TQDM_DISABLE=1."""
    if os.environ.get("TQDM_DISABLE"):
        return None
    try:
        if _in_notebook():
            import ipywidgets  # noqa: F401 - tqdm's notebook bar needs it
            from tqdm.notebook import tqdm

            return partial(tqdm, display=False)
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm.std import tqdm

            return tqdm  # type: ignore[no-any-return]
    except ImportError:
        return None
    return None


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config


class Progress:
    """A clock that ticks a few times a second and the bar that it moves.

    Args:
        total: batches of the whole run, or None if not known.
        show: whether there may be a bar at all.
    """

    def __init__(self, total: int | None, show: bool = True) -> None:
        self.total = total
        self._maker = bar_maker() if show else None
        self._bar: Any = None
        self._output: Any = None  # the place in a notebook where the bar is shown
        self._start = time.perf_counter()
        self.next_tick = self._start + INTERVAL

    def update(self, run: Run) -> None:
        """Show how far the run is; wind up the clock for the next tick."""
        now = time.perf_counter()
        self.next_tick = now + INTERVAL
        if self._maker is None or now - self._start < PATIENCE:
            return
        where = f"epoch {run.epoch}/{run.epochs}"
        if self._bar is None:
            self._bar = self._maker(
                desc=where,
                total=self.total,
                initial=run.step,
                leave=False,
                mininterval=0,  # the clock here is the throttle
                miniters=1,
                dynamic_ncols=True,
                bar_format=None if self.total is None else FORMAT,
            )
            if hasattr(self._bar, "container"):  # a widget
                from IPython.display import display

                self._output = display(self._bar.container, display_id=True)  # type: ignore[no-untyped-call]
        last = run.history.rows[-1] if run.history.rows else {}
        shown = [f"{name} {last[name]:.3g}" for name in ("loss", "val_loss") if name in last]
        self._bar.set_description_str(where, refresh=False)
        self._bar.set_postfix_str(" ".join(shown), refresh=False)
        self._bar.update(run.step - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        if self._output is not None:  # or the notebook, once saved, would show half a bar
            self._output.update({"text/plain": ""}, raw=True)
