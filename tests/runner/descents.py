"""What the tests of the runner share: a designer, a run of it, and a progress that looks on."""

from __future__ import annotations

import csv
import os
import signal
from typing import Any

import jax
import numpy as np
from noisy_descent import DescentState, NoisyDescent

from jaxmech.runner.progress import NoProgress

DESIGNER = NoisyDescent()


def rows(path: Any) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def assert_same(left: DescentState, right: DescentState) -> None:
    """Bit for bit."""
    assert (jax.random.key_data(left.key) == jax.random.key_data(right.key)).all()
    data = [state.replace(key=None) for state in (left, right)]
    jax.tree.map(np.testing.assert_array_equal, *data)


class Recorder(NoProgress):
    """Remembers where the chunks ended, and sends a signal after one of them."""

    def __init__(self, send: signal.Signals | None = None, after: int = 0):
        self.ends: list[int] = []
        self.compile_seconds: list[float] = []
        self.stopped = 0
        self._send, self._after = send, after

    def compiled(self, seconds: float) -> None:
        self.compile_seconds.append(seconds)

    def advance(self, update: int, seconds: float, metrics: Any) -> None:
        self.ends.append(update)
        if self._send is not None and update >= self._after:
            os.kill(os.getpid(), self._send)
            self._send = None

    def stop(self) -> None:
        self.stopped += 1
