"""A computed study's run: what it found, written to its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jaxmech.experiments.files import config_of
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import population_of
from jaxmech.experiments.reserve_pricing.study import reserve_pricing
from jaxmech.experiments.software import devices_and_versions
from jaxmech.reports import earlier_findings as findings
from jaxmech.reports.console import say, working
from jaxmech.reports.earlier_findings import Findings
from jaxmech.runner import run_folder


def compute(experiment: ReservePricingStudy) -> Findings:
    """What an experiment finds; nothing is written."""
    return reserve_pricing(experiment.resolved())


def run(experiment: Any, directory: Path) -> int:
    """Computes a study and writes its folder; 0.

    Raises:
      FileExistsError: ``directory`` is there already.
      ValueError: a file that the study reads cannot be used.
    """
    if isinstance(experiment, ReservePricingStudy):
        population_of(experiment)  # A file of bids is refused before there is a folder.
    run_folder.check_free(directory)
    run_folder.create(directory, run_folder.config_text(config_of(experiment)))
    say(f"{experiment.title}: writing {directory}")
    return resume(experiment, directory)


def resume(experiment: Any, directory: Path) -> int:
    """Computes the study whose folder is there, unless that is done; 0."""
    if findings.read(directory) is not None:
        say(f"{directory}: already finished")
    else:
        with working("computing"):
            found = compute(experiment)
        about = {"experiment": experiment.title, **devices_and_versions()}
        findings.write(directory, found, about)
    return 0
