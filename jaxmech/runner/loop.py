"""Training from where a run stands to where it shall be, and what that gives."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.runner.chunks import Program
from jaxmech.runner.interruption import noting
from jaxmech.runner.logs import by_update, read_log
from jaxmech.runner.progress import Progress
from jaxmech.runner.record import EVALUATION, METRICS, Record, Saved
from jaxmech.runner.training import MAX_UPDATES, Training
from jaxmech.runner.trees import floats

_CHUNK_SECONDS = 1.5


class TrainingDivergedError(FloatingPointError):
    """A metric, or a part of a designer's state, is no longer finite.

    Attributes:
      update: the first update after which this is so.
      seed: the first such seed.
      quantities: names of the metrics and parts of the state.
    """

    def __init__(self, message: str, update: int, seed: int, quantities: tuple[str, ...]):
        super().__init__(message)
        self.update = update
        self.seed = seed
        self.quantities = quantities


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
        """Whether a signal came while it trained, be it during the last updates."""
        return self.interrupted_by is not None


def result_of(
    directory: Path,
    saved: Saved,
    training: Training,
    compile_seconds: float = 0.0,
    interrupted_by: Signals | None = None,
) -> RunResult:
    """The result of a run whose newest checkpoint holds ``saved`` and ``training``.

    Raises:
      OSError, ValueError: see ``read_log``.
    """
    training = jax.tree.map(lambda leaf: leaf[0], jax.device_put(training))
    updates, seeds = np.asarray(training.updates), saved.plan.seeds
    logged = {
        name: by_update(read_log(directory / name, length=saved.logs[name].length), seeds)
        for name in (METRICS, EVALUATION)
        if name in saved.logs
    }
    _, metrics = logged[METRICS]
    last = updates - 1, range(len(seeds))
    evaluation_updates, evaluations = logged.get(EVALUATION, (np.zeros(0, np.int64), {}))
    return RunResult(
        states=training.state,
        seeds=tuple(seeds),
        updates=updates,
        metrics={name: rows[last] for name, rows in metrics.items() if len(rows)},
        seconds=saved.seconds,
        compile_seconds=compile_seconds,
        interrupted_by=interrupted_by,
        directory=directory,
        evaluation_updates=evaluation_updates,
        evaluations=evaluations,
    )


def train(
    program: Program,
    saved: Saved,
    training: Training | None,
    directory: Path,
    updates_per_chunk: int | None,
    checkpoint_seconds: float | None,
    progress: Progress,
) -> RunResult:
    """Trains to the end of the plan in ``saved``, or until all seeds have stopped.

    Args:
      program: of the run's designer.
      saved, training: where the run stands, the training on the device, which the first chunk takes
        over; without a training it starts.
      directory: the run's folder, claimed, with its plan in it.
      updates_per_chunk, checkpoint_seconds, progress: see ``jaxmech.runner.run``.

    Raises:
      TrainingDivergedError: something became NaN or infinite; there is a checkpoint of the
        update before.
      DiskFullError: there is no room for logs or checkpoints.
    """
    plan = saved.plan
    evaluate_every = plan.evaluate_every or plan.updates
    with noting(progress.stopping) as interruption:
        record = Record(directory, saved, program, progress.message)
        program.compile(with_start=training is None)
        progress.compiled(program.compile_seconds)
        training = program.start() if training is None else training
        update, made = _made(training)
        record.save(update, training)

        length, adapts = updates_per_chunk or 1, updates_per_chunk is None
        while np.any(training.running) and update < plan.updates and interruption.received is None:
            to_evaluation = evaluate_every - update % evaluate_every
            count = min(length, plan.updates - update, to_evaluation)
            # What a chunk that diverges goes back to; the donated one is overwritten.
            before = jax.tree.map(jnp.copy, training)
            started = time.perf_counter()
            training, written = program.chunk(training, count)
            seconds = time.perf_counter() - started
            broken = np.concatenate([written.broken_state, written.broken_metrics], axis=-1)[0]
            if broken.any() and count > 1:
                # Made again one by one, up to the first update that diverges.
                training, length, adapts = before, 1, False
                continue
            now, made_now = _made(training)
            metrics = {name: np.asarray(rows)[0] for name, rows in written.metrics.items()}
            if broken.any():
                record.save(update, before)
                record.log(METRICS, now, made_now - made, metrics)
                raise _diverged(now, broken, training, program, saved, directory)
            # Makes room for a checkpoint that is being written, and for the next copy.
            del before

            record.log(METRICS, update + 1, made_now - made, metrics)
            record.time(now, seconds)
            progress.advance(now, seconds, _shown(metrics, made_now - made))
            update, made = now, made_now
            if plan.evaluate_every and update % evaluate_every == 0:
                evaluated = program.evaluation(training.state, update)
                of_cell = {name: values[0][:, None] for name, values in evaluated.items()}
                record.log(EVALUATION, update, (made == update).astype(int), of_cell)
            if record.is_due(checkpoint_seconds):
                record.save(update, training)
            if adapts:
                length = int(np.clip(_CHUNK_SECONDS * count / seconds, 1, MAX_UPDATES))
        record.save(update, training)
    received, compile_seconds = interruption.received, program.compile_seconds
    return result_of(directory, record.saved, training, compile_seconds, received)


def _made(training: Training) -> tuple[int, np.ndarray]:
    """The most updates that a seed has made, and those of each, int [seeds]."""
    made = np.asarray(training.updates)[0]
    return int(made.max()), made


def _shown(metrics: dict[str, np.ndarray], made: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics [seeds, updates], each float64 [updates, seeds], NaN where a seed made none."""
    updates = np.arange(int(made.max()))[:, None]
    return {
        name: np.where(updates < made, rows.T[: len(updates)], np.nan)
        for name, rows in metrics.items()
    }


def _diverged(
    update: int,
    broken: np.ndarray,
    training: Training,
    program: Program,
    saved: Saved,
    directory: Path,
) -> TrainingDivergedError:
    """The error of an update; ``broken`` is bool [seeds, float arrays and metrics]."""
    index = int(broken.any(axis=1).argmax())
    seed = saved.plan.seeds[index]
    names = np.array([*(name for name, _ in floats({"state": training.state})), *program.metrics])
    quantities = tuple(names[broken[index]].tolist())
    named = ", ".join(quantities[:5]) + (", ..." if len(quantities) > 5 else "")
    return TrainingDivergedError(
        f"update {update}, seed {seed}: no longer finite: {named}; "
        f"the last good checkpoint in {directory} is that of update {update - 1}",
        update=update,
        seed=seed,
        quantities=quantities,
    )
