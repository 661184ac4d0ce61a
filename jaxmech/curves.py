"""The learning curves of a run, from the metrics in its folder."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curves:
    """The objective while learning.

    Attributes:
      steps: float [updates, seeds], steps of the environment taken so far.
      objective: float [updates, seeds], mean over the episodes of each update.
      seeds: in the order of that axis.
    """

    steps: NDArray[np.float64]
    objective: NDArray[np.float64]
    seeds: tuple[int, ...]

    @property
    def total_steps(self) -> int:
        """Steps of the environment taken by all seeds together."""
        return round(self.steps[-1].sum())


def read_curves(directory: Path) -> Curves | None:
    """The curves in a run's ``metrics.csv``; none where nothing is logged yet."""
    path = directory / "metrics.csv"
    if not path.is_file():
        return None
    # A run that is going on, or was killed, may leave its last line unfinished.
    whole = path.read_text().rpartition("\n")[0]
    lines = list(csv.DictReader(whole.splitlines()))
    seeds = list(dict.fromkeys(int(line["seed"]) for line in lines))
    updates = len(lines) // max(len(seeds), 1)
    if updates == 0:
        return None
    lines = lines[: updates * len(seeds)]

    def column(name: str) -> NDArray[np.float64]:
        return np.array([float(line[name]) for line in lines]).reshape(updates, len(seeds))

    steps = np.cumsum(column("environment_steps"), axis=0)
    return Curves(steps, column("objective"), tuple(seeds))
