"""Running the panels of a paper's figures, so that the whole can be stopped and gone on with.

A panel's folder holds a run for each mechanism, and once all are evaluated ``panel.json``
and the figure, see ``jaxmech.panel_results``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxmech import page, panel_results, report, runner
from jaxmech.experiments import SequentialPriceExperiment, config_of, read_config, running
from jaxmech.experiments.sequential_price.building import References, build, references_in
from jaxmech.experiments.sequential_price.panels import Panel, Protocol
from jaxmech.reports.console import console, fail, say

_WORDS = ("summary", "reproduces")
"""Fields of a configuration that decide nothing."""


def run_all(panels: Sequence[Panel], protocol: Protocol, directory: Path) -> int:
    """Runs what is not finished of every panel, and compares the mechanisms of each.

    A mechanism whose training diverges is left out of its panel's comparison, which says so.

    Returns:
      0; 1 where training diverged; or 128 + the number of the signal that stopped it.

    Raises:
      ValueError: a folder holds a run that was asked for something else; raised before
        anything is run.
    """
    for panel in panels:
        for mechanism, experiment in panel.experiments(protocol).items():
            _check(panel_results.folder_of(panel, directory) / mechanism, experiment)
    diverged: list[str] = []
    for number, panel in enumerate(panels, 1):
        place = f"panel {number} of {len(panels)}, {panel.name}"
        status, reasons = _run_panel(panel, protocol, directory, place)
        if status:
            say("the same command goes on with what is not finished")
            return status
        diverged += [f"{panel.name}, {mechanism}: {why}" for mechanism, why in reasons.items()]
    for line in diverged:
        fail(line)
    return 1 if diverged else 0


def run_panel(panel: Panel, protocol: Protocol, directory: Path) -> int:
    """As ``run_all``, of one panel."""
    return run_all([panel], protocol, directory)


def _run_panel(
    panel: Panel, protocol: Protocol, directory: Path, place: str
) -> tuple[int, dict[str, str]]:
    """0 or what a signal asks to exit with, and why mechanisms diverged; ``place`` is printed."""
    folder = panel_results.folder_of(panel, directory)
    experiments = panel.experiments(protocol)
    diverged: dict[str, str] = {}
    for number, (mechanism, experiment) in enumerate(experiments.items(), 1):
        where = f"{place}; mechanism {number} of {len(experiments)}, {mechanism}"
        run = folder / mechanism
        _check(run, experiment)
        if _is_finished(run):
            say(f"{where}: finished already, in {run}")
        else:
            say(f"{where}: writing {run}")
            try:
                status = _run(run, experiment, _references_found(folder, experiments))
            except runner.TrainingDivergedError as error:
                diverged[mechanism] = str(error)
                fail(str(error))
                continue
            if status:
                return status, diverged
        if not (run / "report.html").is_file():
            report.write_report(report.read_run(run))
    if len(diverged) < len(experiments):
        comparison = panel_results.write(panel, folder, diverged)
        console().print(panel_results.rich_table(comparison))
        say(f"figure: {folder / 'panel.png'}")
    return 0, diverged


def _run(run: Path, experiment: SequentialPriceExperiment, found: References | None) -> int:
    study = build(experiment)
    references = found or running.references_for(study)
    if runner.has_checkpoint(run):
        return running.go_on(study, run, references)
    if (run / "config.yaml").is_file():
        # It was stopped before its first update: there is nothing to go on from.
        shutil.rmtree(run)
    return running.start(study, run, references)


def _is_finished(run: Path) -> bool:
    return (run / "summary.json").is_file()


def _references_found(
    folder: Path, experiments: dict[str, SequentialPriceExperiment]
) -> References | None:
    """What an evaluated mechanism of the panel was compared with; the same for all of them."""
    for mechanism in experiments:
        if _is_finished(folder / mechanism):
            return references_in(json.loads((folder / mechanism / "summary.json").read_text()))
    return None


def _check(run: Path, experiment: SequentialPriceExperiment) -> None:
    """Refuses to go on with a run that was asked for something else."""
    if not runner.has_checkpoint(run) and not _is_finished(run):
        return
    was, asked = (_flat(config_of(one)) for one in (read_config(run / "config.yaml"), experiment))
    differing = [name for name in asked if was.get(name) != asked[name]]
    if differing:
        name = differing[0]
        more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
        raise ValueError(
            f"{name}: got {asked[name]}; the run in {run} has {was.get(name)}{more}; "
            "give another --directory, or remove that run"
        )


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in page.flat(config) if name not in _WORDS}
