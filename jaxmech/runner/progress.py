"""What a person sees of a running training.

The runner tells a ``Progress`` what happens; by default, ``NoProgress``.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from signal import Signals
from typing import Protocol

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar


class Progress(Protocol):
    """What the runner calls, in this order; it does nothing where a subclass does not say."""

    def start(self, update: int, updates: int) -> None:
        """Training goes from ``update`` to ``updates``; tracing and compiling come first."""
        return

    def compiled(self, seconds: float) -> None:
        """All is compiled, which took ``seconds``."""
        return

    def advance(self, update: int, seconds: float, metrics: Mapping[str, np.ndarray]) -> None:
        """A chunk that took ``seconds`` ended at ``update``.

        Metrics are [updates, seeds], NaN where a seed had stopped before.
        """
        return

    def stopping(self, received: Signals) -> None:
        """A signal came, and is obeyed as soon as may be; called at any time, by a thread."""
        return

    def message(self, text: str) -> None:
        """Something a person should know."""

    def stop(self) -> None:
        """Training has ended, well or not."""
        return


class NoProgress(Progress):
    """Says nothing, except that a message becomes a warning."""

    def message(self, text: str) -> None:
        warnings.warn(text, stacklevel=2)


class ConsoleProgress:
    """A live bar on a terminal; elsewhere a line every now and then.

    Args:
      references: values to show the objective beside, e.g. ``{"optimum": 0.692}``.
      console: where to; by default the terminal.
      say: shows a line to a person, in place of the console and without a bar.
      line_seconds: off a terminal, the least time between two lines.
    """

    def __init__(
        self,
        references: Mapping[str, float] | None = None,
        *,
        console: Console | None = None,
        say: Callable[[str], None] | None = None,
        line_seconds: float = 10.0,
    ):
        self._references = dict(references or {})
        self._console = console or Console()
        self._say = say
        self._line_seconds = line_seconds
        self._bar: Bar | None = None

    def start(self, update: int, updates: int) -> None:
        self._updates = updates
        self._last_line = time.monotonic()
        if self._say is not None or not self._console.is_terminal:
            self.message("compiling ...")
            return
        self._bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("updates{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task = self._bar.add_task("compiling", total=updates, completed=update, figures="")
        self._bar.start()

    def compiled(self, seconds: float) -> None:
        self.message(f"compiled in {seconds:.1f} s")
        if self._bar:
            self._bar.update(self._task, description="training")

    def advance(self, update: int, seconds: float, metrics: Mapping[str, np.ndarray]) -> None:
        figures = _figures(seconds, metrics, self._references)
        if self._bar:
            self._bar.update(self._task, completed=update, figures=figures)
            return
        now = time.monotonic()
        if update == self._updates or now - self._last_line >= self._line_seconds:
            self._last_line = now
            self.message(f"update {update}/{self._updates}{figures}")

    def stopping(self, received: Signals) -> None:
        self.message(f"{received.name}: stopping once what is compiled or computed now is done")

    def message(self, text: str) -> None:
        if self._say is not None:
            self._say(text)
        else:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def stop(self) -> None:
        if self._bar:
            self._bar.stop()


def _figures(
    seconds: float, metrics: Mapping[str, np.ndarray], references: Mapping[str, float]
) -> str:
    """Speed and objective of a chunk, mean over its updates and over the seeds."""
    figures = []
    if "environment_steps" in metrics and seconds > 0:
        speed = float(np.nansum(metrics["environment_steps"])) / seconds
        figures.append(f"{speed:,.0f} steps/s")
    name = next((name for name in ("objective", "episode_return") if name in metrics), None)
    if name is not None and np.isfinite(metrics[name]).any():
        beside = ", ".join(f"{of} {value:.4g}" for of, value in references.items())
        value = f"{name.replace('_', ' ')} {np.nanmean(metrics[name]):.4g}"
        figures.append(f"{value} ({beside})" if beside else value)
    return "".join(f", {figure}" for figure in figures)
