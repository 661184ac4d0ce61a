"""What a run writes down as it goes, and reads back to go on: plan, logs, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmech.runner import run_folder
from jaxmech.runner.checkpoints import Checkpoints, Restored
from jaxmech.runner.chunks import Program, Training
from jaxmech.runner.run_folder import Log


@dataclass(frozen=True)
class Plan:
    """What a run was asked for and a resume must know; kept in every checkpoint."""

    directory: Path
    seeds: tuple[int, ...]
    updates: int
    evaluate_every: int | None

    def updates_to_next_stop(self, update: int) -> int:
        """From ``update`` to the next evaluation or the end, whichever comes first."""
        remaining = self.updates - update
        if self.evaluate_every is None:
            return remaining
        return min(remaining, self.evaluate_every - update % self.evaluate_every)


def read_plan(directory: Path) -> Plan:
    """The plan of the run in ``directory``.

    Raises:
      FileNotFoundError: there is no run.
      ValueError: no checkpoint of it can be read.
    """
    folder = directory / run_folder.CHECKPOINTS
    if not folder.is_dir():
        raise FileNotFoundError(f"directory: {directory} holds no run (no {folder.name}/ in it)")
    with closing(Checkpoints(folder, read_only=True)) as checkpoints:
        about = checkpoints.about()
    return Plan(directory, tuple(about["seeds"]), about["updates"], about["evaluate_every"])


class Record:
    """The logs and checkpoints of a run under way."""

    def __init__(self, plan: Plan, program: Program, restored: Restored | None):
        self._plan = plan
        self._program = program
        self._saved = restored.update if restored else -1
        self.saved_at = time.monotonic()
        self._seconds = run_folder.seconds_until(plan.directory, max(self._saved, 0))

        def log(name: str, *columns: str) -> Log:
            return Log(plan.directory / name, ("update", *columns))

        self._metrics = log(run_folder.METRICS, "seed", *program.metrics)
        self._timing = log(run_folder.TIMING, "seconds")
        self._logs = [self._metrics, self._timing]
        if plan.evaluate_every:
            self._evaluation = log(run_folder.EVALUATION, "seed", *program.evaluation_metrics)
            self._logs.append(self._evaluation)
        self._checkpoints = Checkpoints(plan.directory / run_folder.CHECKPOINTS)

    def close(self) -> None:
        self._checkpoints.close()

    def updates(
        self,
        after: int,
        metrics: Mapping[str, np.ndarray],
        seconds: float | None = None,
    ) -> None:
        """Logs the updates after ``after``; metrics are [updates, seeds]."""
        columns = [metrics[name] for name in self._program.metrics]
        self._metrics.append(run_folder.long_rows(after + 1, self._plan.seeds, columns))
        if seconds is not None:
            self._seconds += seconds
            self._timing.append([(after + len(columns[0]), f"{self._seconds:.6f}")])

    def evaluation(self, update: int, metrics: Mapping[str, np.ndarray]) -> None:
        """Logs an evaluation; metrics are [seeds]."""
        columns = [metrics[name][None] for name in self._program.evaluation_metrics]
        self._evaluation.append(run_folder.long_rows(update, self._plan.seeds, columns))

    def save(self, update: int, training: Training) -> None:
        """Writes a checkpoint, unless ``update`` has one; the logs reach the disk before it."""
        if update <= self._saved:
            return
        for log in self._logs:
            log.sync()
        about = {
            "seeds": list(self._plan.seeds),
            "updates": self._plan.updates,
            "evaluate_every": self._plan.evaluate_every,
        }
        self._checkpoints.save(update, training, about)
        self._saved, self.saved_at = update, time.monotonic()


def cut_back(plan: Plan, update: int) -> None:
    """Cuts the logs back to ``update``.

    Raises:
      ValueError: rows up to ``update`` are missing.
    """
    for name in (run_folder.METRICS, run_folder.TIMING, run_folder.EVALUATION):
        rows = run_folder.cut_back(plan.directory / name, update)
        if name == run_folder.METRICS and rows != update * len(plan.seeds):
            raise ValueError(
                f"{plan.directory / name}: has {rows} whole rows up to update {update}, "
                f"the checkpoint's, which should be {update * len(plan.seeds)}"
            )
