"""What a run gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import Any

import numpy as np


@dataclass(frozen=True)
class RunResult:
    """Where a run stands.

    Attributes:
      states: the designer's states, every array [seeds, ...].
      seeds: in the order of that axis.
      updates: int32 [seeds], made so far; fewer of a seed that stopped earlier.
      metrics: of each seed's last update, each float64 [seeds]; empty before the first.
      seconds: spent on updates, those before a resume included, compiling excluded.
      compile_seconds: spent tracing and compiling, by this call.
      interrupted_by: the signal that came while it trained, and ended that; a command then
        exits with 128 + its number.
      directory: the run's folder.
      evaluation_updates: int64 [evaluations], the updates after which it was evaluated.
      evaluations: what ``evaluate`` gave, each float64 [evaluations, seeds]; NaN of a seed that
        had stopped before.
    """

    states: Any
    seeds: tuple[int, ...]
    updates: np.ndarray
    metrics: dict[str, np.ndarray]
    seconds: float
    compile_seconds: float
    interrupted_by: Signals | None
    directory: Path
    evaluation_updates: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    evaluations: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def interrupted(self) -> bool:
        return self.interrupted_by is not None
