"""What a run writes down as it goes, and reads back to go on: logs and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxmech.runner import run_folder
from jaxmech.runner.checkpoints import Checkpoints, Restored
from jaxmech.runner.chunks import Program
from jaxmech.runner.errors import full_disk_explained
from jaxmech.runner.logs import Extent, Log, by_update, last_rows, read_log, rows_of
from jaxmech.runner.plan import Plan
from jaxmech.runner.training import Training


@dataclass(frozen=True)
class Place:
    """Where a run stands on the disk: what its newest readable checkpoint says.

    Attributes:
      update: of the checkpoint, the most that a seed has made.
      training: of NumPy arrays and typed keys.
      extents: of each log, by file name.
      seconds: spent on updates.
      unreadable: newer checkpoints, {update: reason}.
    """

    update: int
    training: Training
    extents: Mapping[str, Extent]
    seconds: float
    unreadable: Mapping[int, str]

    @property
    def running(self) -> bool:
        """Whether a seed has not stopped."""
        return bool(np.any(self.training.running))


@dataclass(frozen=True)
class Begun:
    """What can be told of a run without its designer.

    Attributes:
      plan: what it was asked for.
      num_metrics: how many metrics it logs.
      update: of its newest readable checkpoint; -1 where there is no checkpoint.
      running: whether a seed has not stopped.
    """

    plan: Plan
    num_metrics: int
    update: int
    running: bool


def read_begun(directory: Path) -> Begun:
    """How the run in ``directory`` was begun and how far it came.

    Raises:
      FileNotFoundError: there is no run.
      ValueError: it cannot be read.
    """
    if not run_folder.has_checkpoint(directory):
        return Begun(run_folder.read_plan(directory), num_metrics=0, update=-1, running=True)
    folder = directory / run_folder.CHECKPOINTS
    with closing(Checkpoints(folder, read_only=True)) as checkpoints:
        about = checkpoints.about()
    try:
        return Begun(
            Plan.from_json(about["plan"]), about["num_metrics"], about["update"], about["running"]
        )
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{folder}: the newest checkpoint is of another version of jaxmech ({error}); "
            "go on with that version, or remove the run to begin anew"
        ) from error


def find_place(
    directory: Path, abstract: Training, *, say: Callable[[str], None] | None = None
) -> Place:
    """Where the run in ``directory`` stands.

    Args:
      abstract: how its training is built.
      say: with it, checkpoints that cannot be read are moved out of the way, and it is told.

    Raises:
      ValueError: no checkpoint can be read, the newest holds a training built differently, or
        a log has changed since.
    """
    folder = directory / run_folder.CHECKPOINTS
    with closing(Checkpoints(folder, read_only=say is None)) as checkpoints:
        restored = checkpoints.newest(abstract)
        place = _place(restored)
        for name, extent in place.extents.items():
            if name != run_folder.TIMING:
                extent.check(directory / name)
        if say is not None and restored.skipped:
            aside = checkpoints.set_aside(list(restored.skipped))
            for update, reason in restored.skipped.items():
                say(
                    f"checkpoint {update} of {directory} cannot be read ({reason}) and is now "
                    f"in {aside}; going on from checkpoint {restored.update}"
                )
    return place


def _place(restored: Restored) -> Place:
    extents = {name: Extent(**extent) for name, extent in restored.about["logs"].items()}
    return Place(
        restored.update, restored.tree, extents, restored.about["seconds"], restored.skipped
    )


@dataclass(frozen=True)
class Logged:
    """What the logs say of a run, see ``RunResult``."""

    metrics: dict[str, np.ndarray]
    evaluation_updates: np.ndarray
    evaluations: dict[str, np.ndarray]


def read_logged(directory: Path, plan: Plan, extents: Mapping[str, Extent]) -> Logged:
    """What the logs say, as far as their ``extents``.

    Raises:
      OSError, ValueError: see ``read_log``.
    """

    def log(name: str) -> dict[str, np.ndarray]:
        return read_log(directory / name, length=extents[name].length)

    metrics = last_rows(log(run_folder.METRICS), plan.seeds)
    if run_folder.EVALUATION not in extents:
        return Logged(metrics, np.zeros(0, np.int64), {})
    return Logged(metrics, *by_update(log(run_folder.EVALUATION), plan.seeds))


class Record:
    """The logs and checkpoints of a run under way.

    Args:
      directory: the run's folder.
      plan: what it was asked for.
      program: what it logs.
      place: where it goes on from, or None.
      say: is told where something had to be mended.

    Raises:
      ValueError: a log has changed since ``place``, or has other columns.
    """

    def __init__(
        self,
        directory: Path,
        plan: Plan,
        program: Program,
        place: Place | None,
        say: Callable[[str], None],
    ):
        self._directory = directory
        self._plan = plan
        self._program = program
        self._say = say
        self._saved = place.update if place else -1
        self.saved_at = time.monotonic()
        self.seconds = place.seconds if place else 0.0
        self._logs: dict[str, Log] = {}
        columns = {
            run_folder.METRICS: ("seed", *program.metrics),
            run_folder.TIMING: ("seconds",),
        }
        if plan.evaluate_every:
            columns[run_folder.EVALUATION] = ("seed", *program.evaluation_metrics)
        with self._explained():
            for name, rest in columns.items():
                extent = place.extents[name] if place else None
                self._logs[name] = self._opened(name, ("update", *rest), extent)
            self._checkpoints = Checkpoints(directory / run_folder.CHECKPOINTS)

    def _opened(self, name: str, columns: tuple[str, ...], extent: Extent | None) -> Log:
        path = self._directory / name
        if name != run_folder.TIMING:
            return Log(path, columns, extent)
        try:
            return Log(path, columns, extent)
        except (ValueError, OSError) as error:
            # Times are no result: a run goes on without those that were lost.
            log = Log(path, columns)
            if self._saved > 0:
                log.append([(self._saved, f"{self.seconds:.6f}")])
            self._say(f"{error}; it begins anew at update {self._saved}")
            return log

    @property
    def extents(self) -> dict[str, Extent]:
        return {name: log.extent for name, log in self._logs.items()}

    def close(self) -> None:
        self._checkpoints.close()

    def updates(self, after: int, made: np.ndarray, metrics: Mapping[str, np.ndarray]) -> None:
        """Logs the updates after ``after``; ``made`` int [seeds], metrics [seeds, updates]."""
        columns = [metrics[name] for name in self._program.metrics]
        with self._explained():
            rows = rows_of(after + 1, self._plan.seeds, made, columns)
            self._logs[run_folder.METRICS].append(rows)

    def time(self, update: int, seconds: float) -> None:
        """Logs that the updates up to ``update``, since the last time, took ``seconds``."""
        self.seconds = round(self.seconds + seconds, 6)
        with self._explained():
            self._logs[run_folder.TIMING].append([(update, f"{self.seconds:.6f}")])

    def evaluation(self, update: int, made: np.ndarray, metrics: Mapping[str, np.ndarray]) -> None:
        """Logs an evaluation of the seeds with ``made`` [seeds] 1, not 0; metrics [seeds]."""
        columns = [metrics[name][:, None] for name in self._program.evaluation_metrics]
        with self._explained():
            rows = rows_of(update, self._plan.seeds, made, columns)
            self._logs[run_folder.EVALUATION].append(rows)

    def save(self, update: int, training: Training) -> None:
        """Writes a checkpoint, unless ``update`` has one; the logs reach the disk before it."""
        if update <= self._saved:
            return
        with self._explained():
            for log in self._logs.values():
                log.sync()
            about = {
                "plan": self._plan.as_json(),
                "num_metrics": len(self._program.metrics),
                "running": bool(np.any(training.running)),
                "seconds": self.seconds,
                "logs": {name: asdict(extent) for name, extent in self.extents.items()},
            }
            self._checkpoints.save(update, training, about)
        self._saved, self.saved_at = update, time.monotonic()

    def _explained(self) -> Any:
        safe = "nothing was computed yet"
        if self._saved >= 0:
            safe = f"the checkpoint of update {self._saved} is whole and safe"
        return full_disk_explained(self._directory, safe)
