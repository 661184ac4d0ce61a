"""The kinds of experiments: how each is configured, and which modules run and report it.

Nothing here imports jax.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxmech.experiments.sequential_price.configuration import SequentialPriceExperiment

Experiment = SequentialPriceExperiment


@dataclass(frozen=True)
class Kind:
    """One way to experiment; its modules are imported when they are needed.

    Attributes:
      configuration: a dataclass with ``name``, ``summary``, ``reproduces``, ``title`` and
        ``resolved()``.
      running: module with ``run(experiment, directory)`` and ``resume(experiment,
        directory)``, which write a run's folder and return the status to exit with.
      reporting: module with ``show(directory)``, which prints a run's results and returns
        the path of the page it writes.
    """

    configuration: type[Any]
    running: str
    reporting: str


KINDS: dict[str, Kind] = {
    "sequential_price": Kind(
        SequentialPriceExperiment, "jaxmech.experiments.running", "jaxmech.report"
    ),
}
"""What ``config.yaml`` calls each kind."""


def kind_of(experiment: Experiment) -> str:
    """The name in ``KINDS`` of an experiment's kind."""
    return next(name for name, kind in KINDS.items() if kind.configuration is type(experiment))
