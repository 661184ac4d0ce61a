"""Running, resuming and loading."""

from __future__ import annotations

import operator
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from signal import Signals
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.runner import chunks, run_folder
from jaxmech.runner.checkpoints import Checkpoints, Restored
from jaxmech.runner.chunks import Evaluate, Program
from jaxmech.runner.interruption import Interruption
from jaxmech.runner.progress import NoProgress, Progress
from jaxmech.runner.record import Plan, Record, cut_back, read_plan

_CHUNK_SECONDS = 1.5


class TrainingDiverged(FloatingPointError):
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
      updates: made so far.
      metrics: of the last update, each float64 [seeds]; empty before the first.
      seconds: spent on updates, those before a resume included, compiling excluded.
      compile_seconds: spent tracing and compiling, by this call.
      interrupted_by: the signal that ended the run early; a command then exits with
        128 + its number.
      directory: the run's folder.
    """

    states: Any
    seeds: tuple[int, ...]
    updates: int
    metrics: dict[str, np.ndarray]
    seconds: float
    compile_seconds: float
    interrupted_by: Signals | None
    directory: Path

    @property
    def interrupted(self) -> bool:
        return self.interrupted_by is not None


def run(
    designer: Any,
    *,
    directory: str | Path,
    seeds: int | Sequence[int],
    updates: int,
    config: Mapping[str, Any] | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    updates_per_chunk: int | None = None,
    checkpoint_seconds: float = 120.0,
    progress: Progress | None = None,
) -> RunResult:
    """Trains ``designer`` from the start and writes the run's folder.

    Ended early by SIGINT or SIGTERM (once the chunk under way is done, or what is being
    compiled; a second signal does not wait for a chunk), the run has a checkpoint to resume
    from and says so in its result.

    Args:
      designer: has ``init`` and ``update``; metrics are a dict of scalars.
      directory: the folder to make; where it exists it must be empty.
      seeds: which, or how many (0, 1, ...). Seed s starts from ``init(jax.random.key(s))``.
      updates: how many.
      config: what the run was asked to do, as numbers, strings, lists and mappings.
      evaluate: pure ``(state, key) -> dict of scalars`` of one seed.
      evaluate_every: updates between two evaluations.
      updates_per_chunk: by default as many as take about 1.5 seconds. Results do not
        depend on it.
      checkpoint_seconds: time between two checkpoints.
      progress: for example ``jaxmech.runner.progress.ConsoleProgress()``.

    Raises:
      FileExistsError: the folder is there already.
      ValueError: an argument is not allowed; raised before anything is compiled or written.
      TrainingDiverged: something became NaN or infinite. The last checkpoint is then of
        the update before.
    """
    directory = Path(directory)
    seeds = _seeds(seeds)
    updates = _at_least("updates", updates, 1)
    if (evaluate is None) != (evaluate_every is None):
        raise ValueError("evaluate, evaluate_every: give both or neither")
    if evaluate_every is not None:
        evaluate_every = _at_least("evaluate_every", evaluate_every, 1)
    pace = _pace(updates_per_chunk, checkpoint_seconds)
    config_text = run_folder.config_text(config)
    run_folder.check_free(directory)
    progress = progress or NoProgress()
    with _shown(progress, 0, updates):
        program = chunks.trace(designer, seeds, evaluate)
        run_folder.create(directory, config_text)
        plan = Plan(directory, seeds, updates, evaluate_every)
        return _train(program, plan, None, pace, progress)


def resume(
    designer: Any,
    *,
    directory: str | Path,
    updates: int | None = None,
    evaluate: Evaluate | None = None,
    updates_per_chunk: int | None = None,
    checkpoint_seconds: float = 120.0,
    progress: Progress | None = None,
) -> RunResult:
    """Goes on with a run from its newest checkpoint that can be read.

    The logs are cut back to that checkpoint's update first. A newer checkpoint that cannot
    be read is moved to ``checkpoints_unreadable/``, which ``progress`` is told (by default
    it warns). A run that is finished is returned as it is.

    Args:
      designer, evaluate: the same as when the run was started.
      updates: in total; by default as the run was started with.
      directory, updates_per_chunk, checkpoint_seconds, progress: see ``run``.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: an argument is not allowed, no checkpoint can be read, or the designer's
        state is not built like the one saved.
      TrainingDiverged: see ``run``.
    """
    progress = progress or NoProgress()
    plan = read_plan(Path(directory))
    pace = _pace(updates_per_chunk, checkpoint_seconds)
    if updates is not None:
        plan = replace(plan, updates=_at_least("updates", updates, 1))
    if (evaluate is None) != (plan.evaluate_every is None):
        was = "evaluated" if evaluate is None else "not evaluated"
        raise ValueError(f"evaluate: the run in {directory} was {was} when it was started")
    program = chunks.trace(designer, plan.seeds, evaluate)
    with closing(Checkpoints(plan.directory / run_folder.CHECKPOINTS)) as checkpoints:
        restored = checkpoints.newest(program.abstract)
        if plan.updates < restored.update:
            raise ValueError(
                f"updates: got {plan.updates}; the run in {directory} has made {restored.update}"
            )
        if restored.skipped:
            aside = checkpoints.set_aside(list(restored.skipped))
            for update, reason in restored.skipped.items():
                progress.message(
                    f"checkpoint {update} of {directory} cannot be read ({reason}) and is now "
                    f"in {aside}; going on from checkpoint {restored.update}"
                )
    cut_back(plan, restored.update)
    if restored.update == plan.updates:
        return _result(plan, restored, 0.0, None)
    with _shown(progress, restored.update, plan.updates):
        return _train(program, plan, restored, pace, progress)


def load(designer: Any, *, directory: str | Path) -> RunResult:
    """A run as its newest checkpoint that can be read has it; changes nothing on disk.

    Raises: see ``resume``.
    """
    plan = read_plan(Path(directory))
    program = chunks.trace(designer, plan.seeds)
    folder = plan.directory / run_folder.CHECKPOINTS
    with closing(Checkpoints(folder, read_only=True)) as checkpoints:
        restored = checkpoints.newest(program.abstract)
    return _result(plan, restored, 0.0, None)


@contextmanager
def _shown(progress: Progress, update: int, updates: int) -> Iterator[None]:
    progress.start(update, updates)
    try:
        yield
    finally:
        progress.stop()


@dataclass(frozen=True)
class _Pace:
    updates_per_chunk: int | None
    checkpoint_seconds: float


def _train(
    program: Program,
    plan: Plan,
    restored: Restored | None,
    pace: _Pace,
    progress: Progress,
) -> RunResult:
    """Trains from ``restored``, or from the start, to the end of the plan."""
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption(progress.stopping))
        record = stack.enter_context(closing(Record(plan, program, restored)))
        update = restored.update if restored else 0
        compiled = program.compile(with_start=restored is None)
        compile_seconds = program.trace_seconds + compiled.seconds
        progress.compiled(compile_seconds)
        training = jax.device_put(restored.tree) if restored else compiled.start()
        record.save(update, training)

        length = pace.updates_per_chunk or 1
        while update < plan.updates and interruption.received is None:
            count = min(length, plan.updates_to_next_stop(update))
            # What a chunk that diverges goes back to; the donated one is overwritten.
            before = jax.tree.map(jnp.copy, training)
            started = time.perf_counter()
            training, metrics, broken = compiled.chunk(training, count)
            seconds = time.perf_counter() - started
            if broken.any():
                good = int(broken.any(axis=(1, 2)).argmax())
                record.updates(update, {name: metrics[name][: good + 1] for name in metrics})
                before, _, _ = compiled.chunk(before, good)
                record.save(update + good, before)
                raise _diverged(update + good, broken[good], program, plan)

            record.updates(update, metrics, seconds)
            update += count
            progress.advance(update, seconds, metrics)
            if plan.evaluate_every and update % plan.evaluate_every == 0:
                record.evaluation(update, compiled.evaluation(training.state, update))
            if time.monotonic() - record.saved_at >= pace.checkpoint_seconds:
                record.save(update, training)
            if not pace.updates_per_chunk:
                length = int(np.clip(_CHUNK_SECONDS * count / seconds, 1, chunks.MAX_UPDATES))
        record.save(update, training)

    interrupted_by = interruption.received if update < plan.updates else None
    return _result(plan, Restored(update, training, {}), compile_seconds, interrupted_by)


def _diverged(good: int, broken: np.ndarray, program: Program, plan: Plan) -> TrainingDiverged:
    """The error for update ``good + 1``; ``broken`` is bool [seeds, quantities]."""
    index = int(broken.any(axis=1).argmax())
    seed = plan.seeds[index]
    quantities = tuple(np.array(program.quantities)[broken[index]].tolist())
    named = ", ".join(quantities[:5]) + (", ..." if len(quantities) > 5 else "")
    return TrainingDiverged(
        f"update {good + 1}, seed {seed}: no longer finite: {named}; "
        f"the last good checkpoint in {plan.directory} is that of update {good}",
        update=good + 1,
        seed=seed,
        quantities=quantities,
    )


def _result(
    plan: Plan,
    restored: Restored,
    compile_seconds: float,
    interrupted_by: Signals | None,
) -> RunResult:
    return RunResult(
        states=jax.device_put(restored.tree.state),
        seeds=plan.seeds,
        updates=restored.update,
        metrics=run_folder.last_metrics(plan.directory, restored.update, plan.seeds),
        seconds=run_folder.seconds_until(plan.directory, restored.update),
        compile_seconds=compile_seconds,
        interrupted_by=interrupted_by,
        directory=plan.directory,
    )


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    rule = "allowed are a number of seeds, or a list of different seeds from 0 to 2**31 - 1"
    try:
        if isinstance(seeds, Sequence | np.ndarray):
            chosen = tuple(operator.index(seed) for seed in seeds)
        else:
            chosen = tuple(range(operator.index(seeds)))
    except TypeError as error:
        raise ValueError(f"seeds: got {seeds!r}; {rule}") from error
    if not chosen or len(set(chosen)) < len(chosen) or min(chosen) < 0 or max(chosen) >= 2**31:
        raise ValueError(f"seeds: got {seeds!r}; {rule}")
    return chosen


def _at_least(field: str, number: int, least: int) -> int:
    try:
        if operator.index(number) >= least:
            return operator.index(number)
    except TypeError:
        pass
    raise ValueError(f"{field}: got {number!r}; allowed are integers of at least {least}")


def _pace(updates_per_chunk: int | None, checkpoint_seconds: float) -> _Pace:
    if updates_per_chunk is not None:
        updates_per_chunk = _at_least("updates_per_chunk", updates_per_chunk, 1)
        if updates_per_chunk > chunks.MAX_UPDATES:
            raise ValueError(
                f"updates_per_chunk: got {updates_per_chunk}; "
                f"allowed are integers from 1 to {chunks.MAX_UPDATES}"
            )
    if not checkpoint_seconds >= 0:
        raise ValueError(
            f"checkpoint_seconds: got {checkpoint_seconds!r}; allowed are numbers of at least 0"
        )
    return _Pace(updates_per_chunk, checkpoint_seconds)
