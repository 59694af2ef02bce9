"""The progress bar: tqdm's, in a terminal and in a notebook, and nowhere else."""

from __future__ import annotations

import os
import time
from typing import Any

from nnkit.training._callbacks import Run

PATIENCE = 1.0  # seconds before a bar appears
INTERVAL = 0.1  # seconds between two ticks of the clock
FORMAT = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"


class Progress:
    """A clock that ticks a few times a second and the bar that it moves.

    Args:
        total: batches of the whole run, or None if not known.
        show: whether there may be a bar at all.
    """

    def __init__(self, total: int | None, show: bool = True) -> None:
        self.total, self.show = total, show and not os.environ.get("TQDM_DISABLE")
        self._bar: Any = None
        self._place: Any = None  # where a notebook shows the bar
        self._start = time.perf_counter()
        self.next_tick = self._start + INTERVAL

    def update(self, run: Run) -> None:
        """Show how far the run is; wind up the clock for the next tick."""
        now = time.perf_counter()
        self.next_tick = now + INTERVAL
        if not self.show or now - self._start < PATIENCE:
            return
        if self._bar is None and not self._open(run):
            return
        last = run.history.rows[-1] if run.history.rows else {}
        shown = [f"{name} {last[name]:.3g}" for name in ("loss", "val_loss") if name in last]
        self._bar.set_description_str(f"epoch {run.epoch}/{run.epochs}", refresh=False)
        self._bar.set_postfix_str(" ".join(shown), refresh=False)
        self._bar.update(run.step - self._bar.n)

    def _open(self, run: Run) -> bool:
        """Make the bar; False where tqdm is not installed."""
        try:
            from tqdm.auto import tqdm
        except ImportError:
            self.show = False
            return False
        self._bar = tqdm(
            total=self.total,
            initial=run.step,
            desc=f"epoch {run.epoch}/{run.epochs}",
            leave=False,
            disable=None,  # where it is not seen, such as in a log
            delay=1e-9,  # shown by the first update, or below
            mininterval=0,  # the clock here is the throttle
            miniters=1,
            dynamic_ncols=True,
            bar_format=None if self.total is None else FORMAT,
        )
        if hasattr(self._bar, "container"):  # a widget: shown where it can be taken away
            from IPython.display import display

            self._bar.displayed = True
            self._place = display(self._bar.container, display_id=True)  # type: ignore[no-untyped-call]
        return True

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        if self._place is not None:  # or the notebook, once saved, would show half a bar
            self._place.update({"text/plain": ""}, raw=True)
