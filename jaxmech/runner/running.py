"""Running, going on and loading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax

from jaxmech import checks
from jaxmech.runner import record
from jaxmech.runner.chunks import Evaluate, Program
from jaxmech.runner.files import check_free, claim
from jaxmech.runner.loop import RunResult, result_of, train
from jaxmech.runner.plan import Plan, check_same, learner_of, plan_of
from jaxmech.runner.progress import NoProgress, Progress
from jaxmech.runner.record import Saved, has_checkpoint, read_saved
from jaxmech.runner.training import MAX_UPDATES, Stop


def run(
    designer: Any,
    *,
    directory: str | Path,
    seeds: int | Sequence[int],
    updates: int,
    keys: Sequence[jax.Array] | jax.Array | None = None,
    config: Mapping[str, Any] | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    stop: Stop | None = None,
    updates_per_chunk: int | None = None,
    checkpoint_seconds: float | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Trains ``designer`` from the start and writes the run's folder.

    Ended early by SIGINT or SIGTERM (once the chunk under way is done, or what is being
    compiled; a second signal does not wait for a chunk), the run has a checkpoint to resume
    from and says so in its result.

    Args:
      designer: has ``init`` and ``update``; metrics are a dict of scalars.
      directory: the folder to make; where it exists it must be empty.
      seeds: which, or how many (0, 1, ...).
      updates: how many, at most, of each seed.
      keys: typed, what each seed starts from; by default ``jax.random.key(seed)``.
      config: what the run was asked to do, as numbers, strings, lists and mappings.
      evaluate: pure ``(state, key) -> dict of scalars`` of one seed.
      evaluate_every: updates between two evaluations.
      stop: pure ``metrics -> bool []``, asked of each seed after each of its updates. A seed
        that it is True of is frozen: that was its last update.
      updates_per_chunk: by default as many as take about 1.5 seconds. Results do not
        depend on it.
      checkpoint_seconds: time between two checkpoints; by default 120, or twenty times as long as
        the last one took to write, where that is longer.
      progress: for example ``jaxmech.runner.progress.ConsoleProgress()``.

    Raises:
      FileExistsError: the folder is there already.
      ValueError: an argument is not allowed; raised before anything is compiled or written.
      TrainingDivergedError: something became NaN or infinite. The last checkpoint is then of
        the update before.
      DiskFullError: there is no room; checkpoints are safe.
    """
    directory = Path(directory)
    plan = plan_of(
        designer,
        seeds=seeds,
        updates=updates,
        keys=keys,
        evaluate=evaluate,
        evaluate_every=evaluate_every,
        stop=stop,
    )
    _check_pace(updates_per_chunk, checkpoint_seconds)
    config_text = record.config_text(config)
    check_free(directory)
    progress = progress or NoProgress()
    with _shown(progress, 0, plan.updates):
        program = Program(designer, plan.typed_keys(), evaluate, stop)
        with claim(directory):
            check_free(directory)
            record.begin(directory, plan, config_text)
            return train(
                program,
                Saved(plan),
                None,
                directory,
                updates_per_chunk,
                checkpoint_seconds,
                progress,
            )


def resume(
    designer: Any,
    *,
    directory: str | Path,
    updates: int | None = None,
    evaluate: Evaluate | None = None,
    stop: Stop | None = None,
    updates_per_chunk: int | None = None,
    checkpoint_seconds: float | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Goes on with a run from its newest checkpoint that can be read, or else begins it anew.

    The logs are cut back to that checkpoint's update first. A newer checkpoint that cannot
    be read is moved to ``checkpoints_unreadable/``, which ``progress`` is told (by default
    it warns). A run that is finished is returned as it is.

    Args:
      designer, evaluate, stop: the same as when the run was started.
      updates: in total; by default as the run was started with.
      directory, updates_per_chunk, checkpoint_seconds, progress: see ``run``.

    Raises:
      FileNotFoundError: there is no such run.
      ValueError: an argument is not allowed, no checkpoint can be read, a log has changed since
        it was written, or the designer is not the one that the run was started with.
      TrainingDivergedError, DiskFullError: see ``run``.
    """
    directory = Path(directory)
    _check_pace(updates_per_chunk, checkpoint_seconds)
    was = read_saved(directory).plan
    total = was.updates if updates is None else checks.integer("updates", updates)
    if (evaluate is None) != (was.evaluate_every is None):
        done = "evaluated" if evaluate is None else "not evaluated"
        raise ValueError(f"evaluate: the run in {directory} was {done} when it was started")
    plan = replace(was, updates=total, learner=learner_of(designer, evaluate, stop))
    # Fewer updates are as good, as long as they are not made yet.
    check_same(replace(plan, updates=max(total, was.updates)), was, directory, extend=True)
    with claim(directory):
        return _begin_or_go_on(
            designer,
            plan,
            directory,
            evaluate,
            stop,
            updates_per_chunk,
            checkpoint_seconds,
            progress,
        )


def run_or_resume(
    designer: Any,
    *,
    directory: str | Path,
    seeds: int | Sequence[int],
    updates: int,
    keys: Sequence[jax.Array] | jax.Array | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    stop: Stop | None = None,
    made_with: Mapping[str, Any] | None = None,
    extend: bool = False,
    progress: Progress | None = None,
    updates_per_chunk: int | None = None,
    checkpoint_seconds: float | None = None,
) -> RunResult:
    """As ``run`` where the folder holds no whole checkpoint, else as ``resume``.

    What is asked for is compared with what the run was begun with, field by field. What an
    earlier start has left before its first checkpoint is removed. A run that is finished is
    returned as it is.

    Args:
      directory: the folder; made where there is none.
      made_with: plain values, or mappings and lists of them, to be compared too, such as the
        configuration and the hashes of files read.
      extend: whether the run may have been begun with fewer updates.
      designer, seeds, updates, keys, evaluate, evaluate_every, stop, progress,
        updates_per_chunk, checkpoint_seconds: see ``run``.

    Raises:
      ValueError: an argument is not allowed, or is not what the run was begun with (the message
        begins with the field's name); no checkpoint can be read; a log has changed since it
        was written.
      TrainingDivergedError, DiskFullError: see ``run``.
    """
    directory = Path(directory)
    plan = plan_of(
        designer,
        seeds=seeds,
        updates=updates,
        keys=keys,
        evaluate=evaluate,
        evaluate_every=evaluate_every,
        stop=stop,
        made_with=made_with,
    )
    _check_pace(updates_per_chunk, checkpoint_seconds)
    with claim(directory):
        if has_checkpoint(directory):
            # An extension that was stopped before its first checkpoint is gone on with.
            extend = extend or record.is_noted(directory, plan)
            check_same(plan, read_saved(directory).plan, directory, extend=extend)
        return _begin_or_go_on(
            designer,
            plan,
            directory,
            evaluate,
            stop,
            updates_per_chunk,
            checkpoint_seconds,
            progress,
        )


def load(designer: Any, *, directory: str | Path) -> RunResult:
    """A run as its newest checkpoint that can be read has it; changes nothing on disk.

    Args:
      designer: its state must be built like that of the run; nothing else is compared.
      directory: the run's folder.

    Raises:
      FileNotFoundError: there is no such run.
      ValueError: no checkpoint can be read, or a log has changed since it was written.
      StructureMismatchError: the designer's state is not built like the one saved.
    """
    directory = Path(directory)
    if not has_checkpoint(directory):
        raise FileNotFoundError(f"directory: {directory} holds no checkpoint of a run")
    return result_of(directory, *record.restored(directory, designer))


def is_finished(directory: str | Path, *, updates: int) -> bool:
    """Whether every seed of a run has made its updates, or has stopped.

    Args:
      directory: its folder, which need not be there.
      updates: how many it shall make.

    Raises:
      ValueError: there are checkpoints, and none can be read.
    """
    directory = Path(directory)
    if not has_checkpoint(directory):
        return False
    saved = read_saved(directory)
    return saved.update >= updates or not saved.running


def _begin_or_go_on(
    designer: Any,
    plan: Plan,
    directory: Path,
    evaluate: Evaluate | None,
    stop: Stop | None,
    updates_per_chunk: int | None,
    checkpoint_seconds: float | None,
    progress: Progress | None,
) -> RunResult:
    """In a claimed folder, whose run is the plan's."""
    progress = progress or NoProgress()
    saved, training = Saved(plan), None
    if has_checkpoint(directory):
        saved, training = record.restored(directory, designer, say=progress.message)
        if plan.updates < saved.update:
            raise ValueError(
                f"updates: got {plan.updates}; the run in {directory} has made {saved.update}"
            )
        if saved.update == plan.updates or not saved.running:
            return result_of(directory, saved, training)
        # The first chunk takes it over; arrays of the host would stay in memory until the end.
        training = jax.device_put(training)
    with _shown(progress, max(saved.update, 0), plan.updates):
        program = Program(designer, plan.typed_keys(), evaluate, stop)
        if training is None:
            record.begin(directory, plan)
        elif plan != saved.plan:
            record.note_plan(directory, plan)
        return train(
            program,
            replace(saved, plan=plan),
            training,
            directory,
            updates_per_chunk,
            checkpoint_seconds,
            progress,
        )


def _check_pace(updates_per_chunk: int | None, checkpoint_seconds: float | None) -> None:
    """
    Raises:
      ValueError: one is not allowed.
    """
    if updates_per_chunk is not None:
        checks.integer("updates_per_chunk", updates_per_chunk, high=MAX_UPDATES)
    if checkpoint_seconds is not None:
        checks.number("checkpoint_seconds", checkpoint_seconds, low=0, finite=False)


@contextmanager
def _shown(progress: Progress, update: int, updates: int) -> Iterator[None]:
    progress.start(update, updates)
    try:
        yield
    finally:
        progress.stop()
