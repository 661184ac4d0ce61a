"""Training from where a run stands to where it shall be."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.runner.chunks import Compiled, Program
from jaxmech.runner.errors import TrainingDivergedError
from jaxmech.runner.interruption import Interruption
from jaxmech.runner.plan import Plan
from jaxmech.runner.progress import Progress
from jaxmech.runner.record import Place, Record
from jaxmech.runner.training import MAX_UPDATES, Training, Written

_CHUNK_SECONDS = 1.5


@dataclass(frozen=True)
class Pace:
    """How often the device is left: updates in a chunk, and seconds between checkpoints."""

    updates_per_chunk: int | None
    checkpoint_seconds: float


@dataclass(frozen=True)
class Trained:
    """Where a training ended; see ``Place`` and ``RunResult``."""

    place: Place
    compile_seconds: float
    interrupted_by: Signals | None


def train(
    program: Program,
    plan: Plan,
    directory: Path,
    place: Place | None,
    pace: Pace,
    progress: Progress,
) -> Trained:
    """Trains from ``place``, or from the start, to the end of the plan or until all have stopped.

    Raises:
      TrainingDivergedError: something became NaN or infinite; there is a checkpoint of the
        update before.
      DiskFullError: there is no room for logs or checkpoints.
    """
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption(progress.stopping))
        record = stack.enter_context(
            closing(Record(directory, plan, program, place, progress.message))
        )
        compiled = program.compile(with_start=place is None)
        compile_seconds = program.trace_seconds + compiled.seconds
        progress.compiled(compile_seconds)
        training = jax.device_put(place.training) if place else compiled.start()
        update, made = _made(training)
        running = bool(np.any(training.running))
        record.save(update, training)

        length = pace.updates_per_chunk or 1
        while running and update < plan.updates and interruption.received is None:
            count = min(length, plan.updates_to_next_stop(update))
            # What a chunk that diverges goes back to; the donated one is overwritten.
            before = jax.tree.map(jnp.copy, training)
            started = time.perf_counter()
            training, written = compiled.chunk(training, count)
            seconds = time.perf_counter() - started
            if written.broken_state.any() or written.broken_metrics.any():
                raise _diverged(before, update, compiled, program, plan, record, directory)

            now, made_now = _made(training)
            record.updates(update, made_now - made, _of_cell(written))
            record.time(now, seconds)
            progress.advance(now, seconds, _shown(written, made_now - made))
            update, made = now, made_now
            running = bool(np.any(training.running))
            if plan.evaluate_every and update % plan.evaluate_every == 0:
                evaluated = compiled.evaluation(training.state, update)
                of_cell = {name: values[0] for name, values in evaluated.items()}
                record.evaluation(update, (made == update).astype(int), of_cell)
            if time.monotonic() - record.saved_at >= pace.checkpoint_seconds:
                record.save(update, training)
            if not pace.updates_per_chunk:
                length = int(np.clip(_CHUNK_SECONDS * count / seconds, 1, MAX_UPDATES))
        record.save(update, training)
        reached = Place(update, training, record.extents, record.seconds, {})
    return Trained(reached, compile_seconds, interruption.received)


def _made(training: Training) -> tuple[int, np.ndarray]:
    """The most updates that a seed has made, and those of each, int [seeds]."""
    made = np.asarray(training.updates)[0]
    return int(made.max()), made


def _of_cell(written: Written) -> dict[str, np.ndarray]:
    """The metrics of the one cell, each [seeds, updates]."""
    return {name: np.asarray(rows)[0] for name, rows in written.metrics.items()}


def _shown(written: Written, made: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics, each float64 [updates, seeds], NaN where a seed made no such update."""
    updates = np.arange(int(made.max()))[:, None]
    return {
        name: np.where(updates < made, rows.T[: len(updates)], np.nan)
        for name, rows in _of_cell(written).items()
    }


def _diverged(
    training: Training,
    update: int,
    compiled: Compiled,
    program: Program,
    plan: Plan,
    record: Record,
    directory: Path,
) -> TrainingDivergedError:
    """Makes the updates of a chunk again one by one, up to the first that diverges.

    What is before it is logged and saved, and its own metrics are logged.

    Args:
      training, update: from before the chunk.
    """
    _, made = _made(training)
    while True:
        before = jax.tree.map(jnp.copy, training)
        training, written = compiled.chunk(training, 1)
        _, made_now = _made(training)
        broken = np.concatenate([written.broken_state, written.broken_metrics], axis=-1)[0]
        if broken.any():
            break
        record.updates(update, made_now - made, _of_cell(written))
        update, made = update + 1, made_now
    record.save(update, before)
    record.updates(update, made_now - made, _of_cell(written))
    index = int(broken.any(axis=1).argmax())
    seed = plan.seeds[index]
    names = np.array([*program.state_parts, *program.metrics])
    quantities = tuple(names[broken[index]].tolist())
    named = ", ".join(quantities[:5]) + (", ..." if len(quantities) > 5 else "")
    return TrainingDivergedError(
        f"update {update + 1}, seed {seed}: no longer finite: {named}; "
        f"the last good checkpoint in {directory} is that of update {update}",
        update=update + 1,
        seed=seed,
        quantities=quantities,
    )
