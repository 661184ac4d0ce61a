"""An experiment's run: trained, evaluated and written to its folder; started or gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from jaxmech import report, runner
from jaxmech.experiments.files import config_of
from jaxmech.experiments.sequential_price.building import References, Study, build, references_of
from jaxmech.experiments.sequential_price.configuration import SequentialPriceExperiment
from jaxmech.experiments.sequential_price.evaluating import evaluate_run
from jaxmech.reports.console import say, working
from jaxmech.runner import RunResult
from jaxmech.runner.progress import ConsoleProgress


def run(experiment: SequentialPriceExperiment, directory: Path) -> int:
    """As ``start``, of an experiment that is not built yet.

    Raises:
      ValueError: a field is out of range, or the samples cannot be used.
      FileExistsError, TrainingDivergedError: see ``start``.
    """
    study = build(experiment)
    references = references_for(study)
    say(f"{experiment.title}: writing {directory}")
    return start(study, directory, references)


def resume(experiment: SequentialPriceExperiment, directory: Path) -> int:
    """As ``go_on``, of an experiment that is not built yet; a finished one is left as it is."""
    summary = directory / "summary.json"
    if summary.is_file() and json.loads(summary.read_text())["updates"] == experiment.updates:
        say(f"{directory}: already finished")
        return 0
    study = build(experiment)
    return go_on(study, directory, references_for(study))


def references_for(study: Study) -> References:
    """What the learned mechanisms are compared with; says that it takes a moment."""
    with working("computing exact values"):
        return references_of(study)


def start(study: Study, directory: Path, references: References) -> int:
    """Trains from the start, evaluates, and writes the run's folder.

    Returns:
      0, or 128 + the number of the signal that stopped it; it then said how to go on.

    Raises:
      FileExistsError: ``directory`` is there already.
      TrainingDivergedError: see ``runner.run``.
    """
    result = runner.run(
        study.designer,
        directory=directory,
        seeds=study.seeds,
        updates=study.experiment.updates,
        config=config_of(study.experiment),
        progress=_progress(references),
    )
    return _finish(study, result, references)


def go_on(study: Study, directory: Path, references: References) -> int:
    """As ``start``, from the newest checkpoint of the run in ``directory``.

    Raises:
      FileNotFoundError, ValueError, TrainingDivergedError: see ``runner.resume``.
    """
    result = runner.resume(
        study.designer,
        directory=directory,
        updates=study.experiment.updates,
        progress=_progress(references),
    )
    return _finish(study, result, references)


def _progress(references: References) -> ConsoleProgress:
    """A progress bar that shows the optimum, or else the offline optimum."""
    for name in ("optimum", "offline_optimum"):
        if name in references.oracles:
            return ConsoleProgress({name.replace("_", " "): references.oracles[name]})
    return ConsoleProgress()


def _finish(study: Study, result: RunResult, references: References) -> int:
    """Evaluates; or says how to go on with a stopped run."""
    directory, updates = result.directory, study.experiment.updates
    how = f"go on with: jaxmech resume {directory}"
    if result.interrupted_by is not None:
        signal = result.interrupted_by.name
        say(f"stopped by {signal} after {np.max(result.updates)} of {updates} updates; {how}")
        return 128 + result.interrupted_by
    try:
        with working("evaluating"):
            summary, picture = evaluate_run(study, result, references)
    except KeyboardInterrupt:
        say(f"stopped while evaluating; {how}")
        return 130
    report.write_evaluation(directory, summary, picture)
    return 0
