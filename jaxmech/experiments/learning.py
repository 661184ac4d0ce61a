"""Learning curves, from what a training was evaluated as while it went on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmech.reports.findings import LearningCurves
from jaxmech.runner import RunResult, read_log

_STEPS = "environment_steps"


def learning_curves(
    result: RunResult,
    metric: str = "objective",
    *,
    label: str = "",
    references: Mapping[str, float] | None = None,
) -> LearningCurves:
    """The curve of every seed.

    Args:
      result: of ``Workspace.train`` with ``evaluate``.
      metric: of those that ``evaluate`` gives.
      label: what was trained, where several are drawn together.
      references: values to draw beside the curves, by what they are called.
    """
    log = read_log(result.directory / "metrics.csv")
    steps, values = [], []
    for place, seed in enumerate(result.seeds):
        made = log["seed"] == seed
        # Where a designer does not say how many steps it takes, its updates are counted.
        of_updates = log[_STEPS][made] if _STEPS in log else np.ones(int(made.sum()))
        taken = np.concatenate([[0.0], np.cumsum(of_updates)])
        of_seed = result.evaluations[metric][:, place]
        there = np.isfinite(of_seed)
        steps.append(tuple(float(taken[at]) for at in result.evaluation_updates[there]))
        values.append(tuple(map(float, of_seed[there])))
    return LearningCurves(
        metric=metric,
        seeds=tuple(result.seeds),
        steps=tuple(steps),
        values=tuple(values),
        label=label,
        references=dict(references or {}),
    )
