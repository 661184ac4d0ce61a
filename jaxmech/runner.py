"""The one training loop for people (stub: signatures fixed, body being written)."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np


class TrainingDiverged(FloatingPointError):
    """A metric or the state became non-finite. Attributes: update: int, seed: int, names: list."""


@dataclass(frozen=True)
class RunResult:
    states: Any                      # designer states, every leaf [seeds, ...]
    seeds: tuple[int, ...]
    updates: int                     # updates done
    metrics: dict[str, np.ndarray]   # of the last update, each [seeds]
    seconds: float                   # in training chunks (compile excluded), earlier parts included
    compile_seconds: float           # this process only
    interrupted_by: signal.Signals | None   # SIGINT / SIGTERM: CLI exits 128 + result.interrupted_by
    directory: Path

    @property
    def interrupted(self) -> bool:
        return self.interrupted_by is not None


def run(
    designer: Any,
    *,
    directory: str | Path,
    seeds: int | Sequence[int],          # int: 0 .. seeds - 1; seed s starts from jax.random.key(s)
    updates: int,
    config: Mapping[str, Any] | None = None,   # plain mapping, written to config.yaml first
    evaluate: Callable[[Any, jax.Array], dict[str, jax.Array]] | None = None,  # (state, key) of one seed
    evaluate_every: int | None = None,   # needed with evaluate; evaluation.csv at its multiples
    updates_per_chunk: int | None = None,
    checkpoint_seconds: float = 120.0,
    progress: Any = None,                # jaxmech.progress.ConsoleProgress(references={"optimum": .692})
) -> RunResult:
    """FileExistsError when directory exists and is not empty; ValueError for bad arguments."""
    raise NotImplementedError


def resume(
    designer: Any,
    *,
    directory: str | Path,
    updates: int | None = None,          # default: the number the run was started with
    evaluate: Callable[[Any, jax.Array], dict[str, jax.Array]] | None = None,
    updates_per_chunk: int | None = None,
    checkpoint_seconds: float = 120.0,
    progress: Any = None,
) -> RunResult:
    """Goes on from the newest readable checkpoint; a finished run returns at once."""
    raise NotImplementedError


def load(designer: Any, *, directory: str | Path) -> RunResult:
    """The newest readable checkpoint as a RunResult, read only (for reports)."""
    raise NotImplementedError
