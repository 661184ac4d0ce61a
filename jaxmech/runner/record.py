"""The folder of a run: what is written down as it goes, and read back to go on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jaxmech.runner import checkpoints
from jaxmech.runner.chunks import Program, abstract_training
from jaxmech.runner.files import full_disk_explained, write_whole
from jaxmech.runner.logs import Extent, Log
from jaxmech.runner.plan import Plan, read_plan
from jaxmech.runner.training import Training

CONFIG = "config.yaml"
PLAN = "plan.json"
METRICS = "metrics.csv"
TIMING = "timing.csv"
EVALUATION = "evaluation.csv"
CHECKPOINTS = "checkpoints"

SECONDS_BETWEEN = 120.0
"""From one checkpoint to the next, at least."""

TIMES_BETWEEN = 20.0
"""How many times as long as the last one took, at least: those of large replays take minutes."""


@dataclass(frozen=True)
class Saved:
    """What a checkpoint says of its run beside the training.

    Attributes:
      plan: what the run was asked for.
      update: the most that a seed has made; -1 where there is no checkpoint.
      num_metrics: how many metrics are logged.
      running: whether a seed has not stopped.
      seconds: spent on updates.
      logs: how much is written of each, by file name.
    """

    plan: Plan
    update: int = -1
    num_metrics: int = 0
    running: bool = True
    seconds: float = 0.0
    logs: Mapping[str, Extent] = field(default_factory=dict)


def config_text(config: Mapping[str, Any] | None) -> str:
    """``config`` as YAML, in its own order.

    Raises:
      ValueError: it holds something YAML has no plain form for.
    """
    try:
        return yaml.safe_dump(dict(config or {}), sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        raise ValueError(
            f"config: got {error.args[-1]!r}; allowed are numbers, strings, booleans, "
            "None, lists and mappings of them"
        ) from error


def begin(directory: Path, plan: Plan, config: str | None = None) -> None:
    """Writes the plan, and the configuration if there is one, into a claimed folder.

    What a run that came to no checkpoint has left of logs and checkpoints is removed.
    """
    with full_disk_explained(directory, "nothing has been computed yet"):
        left = (METRICS, TIMING, EVALUATION, PLAN, CHECKPOINTS, checkpoints.UNREADABLE)
        for path in map(directory.joinpath, left):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        # The plan first: with it alone a run can be gone on with.
        note_plan(directory, plan)
        if config is not None:
            write_whole(directory / CONFIG, config)


def note_plan(directory: Path, plan: Plan) -> None:
    """Writes down what a run is asked for, before anything is computed for it."""
    write_whole(directory / PLAN, _text_of(plan))


def is_noted(directory: Path, plan: Plan) -> bool:
    """Whether that is what the run in ``directory`` was last asked for."""
    path = directory / PLAN
    return path.is_file() and path.read_bytes() == _text_of(plan).encode()


def _text_of(plan: Plan) -> str:
    return json.dumps(asdict(plan), indent=1) + "\n"


def has_checkpoint(directory: str | Path) -> bool:
    """Whether the run in ``directory`` came as far as its first checkpoint."""
    return bool(checkpoints.updates_in(Path(directory) / CHECKPOINTS))


def read_saved(directory: Path) -> Saved:
    """How the run in ``directory`` was begun and how far it came.

    Raises:
      FileNotFoundError: there is no run.
      ValueError: it cannot be read.
    """
    if has_checkpoint(directory):
        about, _, _ = checkpoints.newest(directory / CHECKPOINTS)
        return _saved(directory / CHECKPOINTS, about)
    path = directory / PLAN
    if not path.is_file():
        raise FileNotFoundError(
            f"directory: {directory} holds no run (neither a checkpoint nor {PLAN} in it)"
        )
    try:
        return Saved(read_plan(json.loads(path.read_text())))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: is no plan of a run ({str(error)[:200]}); remove {directory}, which has no "
            "checkpoint yet, and start the run again"
        ) from error


def _saved(folder: Path, about: Mapping[str, Any]) -> Saved:
    try:
        return Saved(
            plan=read_plan(about["plan"]),
            update=about["update"],
            num_metrics=about["num_metrics"],
            running=about["running"],
            seconds=about["seconds"],
            logs={name: Extent(**extent) for name, extent in about["logs"].items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder}: the newest checkpoint is of another version of jaxmech ({error}); "
            "go on with that version, or remove the run to begin anew"
        ) from error


def restored(
    directory: Path, designer: Any, *, say: Callable[[str], None] | None = None
) -> tuple[Saved, Training]:
    """The run of ``designer`` in ``directory`` as its newest checkpoint that can be read has it.

    Args:
      say: with it, newer checkpoints, which cannot be read, are moved out of the way, and it is
        told.

    Returns:
      What was saved, and the training, of NumPy arrays and typed keys.

    Raises:
      ValueError: no checkpoint can be read, the newest holds a training built differently, or
        a log has changed since.
    """
    folder = directory / CHECKPOINTS
    saved = read_saved(directory)
    abstract = abstract_training(designer, saved.plan.typed_keys(), saved.num_metrics)
    about, training, skipped = checkpoints.newest(folder, abstract)
    saved = _saved(folder, about)
    for name, extent in saved.logs.items():
        if name != TIMING:
            extent.check(directory / name)
    if say is not None:
        for update, reason in skipped.items():
            say(
                f"checkpoint {update} of {directory} cannot be read ({reason}) and is now in "
                f"{checkpoints.set_aside(folder, update)}; going on from checkpoint {saved.update}"
            )
    return saved, training


class Record:
    """The logs and checkpoints of a run under way.

    Args:
      directory: the run's folder.
      saved: where it goes on from, with the plan that it goes on with.
      program: what it logs.
      say: is told where something had to be mended.

    Attributes:
      saved: as the newest checkpoint has it.

    Raises:
      ValueError: a log has changed since it was saved, or has other columns.
    """

    def __init__(self, directory: Path, saved: Saved, program: Program, say: Callable[[str], None]):
        self.saved = replace(saved, num_metrics=len(program.metrics))
        self._saved_at, self._saving_seconds = time.monotonic(), 0.0
        self._directory = directory
        self._seconds = saved.seconds
        columns = {METRICS: ("seed", *program.metrics), TIMING: ("seconds",)}
        if saved.plan.evaluate_every:
            columns[EVALUATION] = ("seed", *program.evaluation_metrics)
        with self._explained():
            self._logs = {
                name: self._opened(name, ("update", *rest), say) for name, rest in columns.items()
            }

    def _opened(self, name: str, columns: tuple[str, ...], say: Callable[[str], None]) -> Log:
        path = self._directory / name
        try:
            return Log(path, columns, self.saved.logs.get(name))
        except (ValueError, OSError) as error:
            if name != TIMING:
                raise
            # Times are no result: a run goes on without those that were lost.
            log = Log(path, columns)
            if self.saved.update > 0:
                log.append([(self.saved.update, f"{self._seconds:.6f}")])
            say(f"{error}; it begins anew at update {self.saved.update}")
            return log

    def log(
        self, name: str, first_update: int, made: np.ndarray, metrics: Mapping[str, np.ndarray]
    ) -> None:
        """Logs metrics [seeds, updates], of each seed as many updates as it ``made``, [seeds]."""
        with self._explained():
            self._logs[name].append_metrics(first_update, self.saved.plan.seeds, made, metrics)

    def time(self, update: int, seconds: float) -> None:
        """Logs that the updates up to ``update``, since the last time, took ``seconds``."""
        self._seconds = round(self._seconds + seconds, 6)
        with self._explained():
            self._logs[TIMING].append([(update, f"{self._seconds:.6f}")])

    def is_due(self, seconds: float | None) -> bool:
        """Whether the last checkpoint was ``seconds`` ago; where None, whether one is worth it."""
        if seconds is None:
            seconds = max(SECONDS_BETWEEN, TIMES_BETWEEN * self._saving_seconds)
        return time.monotonic() - self._saved_at >= seconds

    def save(self, update: int, training: Training) -> None:
        """Writes a checkpoint, unless ``update`` has one; the logs reach the disk before it."""
        if update <= self.saved.update:
            return
        saved = replace(
            self.saved,
            update=update,
            running=bool(np.any(training.running)),
            seconds=self._seconds,
            logs={name: log.extent for name, log in self._logs.items()},
        )
        started = time.monotonic()
        with self._explained():
            for log in self._logs.values():
                log.sync()
            checkpoints.save(self._directory / CHECKPOINTS, update, training, asdict(saved))
        self.saved, self._saved_at = saved, time.monotonic()
        self._saving_seconds = self._saved_at - started

    def _explained(self) -> AbstractContextManager[None]:
        safe = "nothing was computed yet"
        if self.saved.update >= 0:
            safe = f"the checkpoint of update {self.saved.update} is whole and safe"
        return full_disk_explained(self._directory, safe)
