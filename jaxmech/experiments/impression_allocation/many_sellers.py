"""One market of ever more sellers, and what is learned among few of them played among many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxmech.experiments.impression_allocation.configuration import ManySellersStudy, MarketStudy
from jaxmech.experiments.impression_allocation.episodes import rewards_of_seeds, testing_keys
from jaxmech.experiments.impression_allocation.learners import LABELS, learner
from jaxmech.experiments.impression_allocation.market import (
    INTERVALS,
    REFERENCE,
    best_seen,
    policies_of_seeds,
    trained,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Mean, mean_of, ratio_of_means
from jaxmech.reports.findings import Estimate, Findings, Record, Table, with_interval


@dataclass(frozen=True)
class Carried:
    """What was learned among few sellers, played among many.

    Attributes:
      reward: mean reward per round.
      percent: of what is earned by what was learned among the many.
    """

    reward: Estimate
    percent: Mean


def compute(study: ManySellersStudy, workspace: Workspace) -> Findings:
    """Each population in a cell, and the first learner of the first played in the others."""
    studies = study.studies()
    cells = {number: workspace.cell(_cell(number)) for number in studies}
    found: dict[int, Findings] = {}
    for number, of_number in studies.items():
        workspace.say(f"{study.name}: {number} sellers")
        found[number] = cells[number].run(of_number)
    few, name = studies[study.sellers], study.learners[0]
    states = trained(few, cells[study.sellers], name, learner(name, few, *few.build())).states
    carried: dict[int, Carried] = {}
    for number in study.more_sellers:
        rewards = _carried(states, studies[number], workspace)
        mean, there = mean_of(rewards), np.array(found[number].estimates["learned"].per_seed)
        share = ratio_of_means(rewards, there)
        carried[number] = Carried(
            Estimate(mean.mean, mean.half_width, tuple(rewards.tolist()), over="seeds"),
            Mean(100 * share.mean, None if share.half_width is None else 100 * share.half_width),
        )
    label = LABELS[name]
    kept = [f"{one.percent.mean:.1f} % with {number:,}" for number, one in carried.items()]
    return Findings(
        headline=f"{label} trained with {study.sellers} sellers earns, of what one trained there "
        f"earns, {', '.join(kept)}.",
        estimates={
            f"{_cell(number)}/{scheme}": estimate
            for number, findings in found.items()
            for scheme, estimate in findings.estimates.items()
        }
        | {f"{_cell(number)}/carried": one.reward for number, one in carried.items()},
        tables=(_table(study, found, carried),),
        records=tuple(_records(study, found, carried)),
    )


def _cell(number: int) -> str:
    return f"{number}_sellers"


def _carried(states: Any, many: MarketStudy, workspace: Workspace) -> NDArray[np.float64]:
    """Mean reward among many sellers of what each seed learned among few, float [seeds].

    Args:
      states: of the first learner, of each seed.
    """
    env, params = many.build()
    designer = learner(many.learners[0], many, env, params)
    rewards = workspace.kept(
        f"carried_to_{_cell(many.sellers)}",
        rewards_of_seeds,
        designer.env,
        params,
        policies_of_seeds(designer, states),
        testing_keys(many.all_seeds),
        many.evaluation_episodes,
    )
    return np.asarray(rewards, np.float64).mean(axis=1)


def _table(
    study: ManySellersStudy, found: Mapping[int, Findings], carried: Mapping[int, Carried]
) -> Table:
    first, *others = study.learners
    rows = []
    for number, findings in found.items():
        estimates = findings.estimates
        best = best_seen(findings)
        one = carried.get(number)
        rows.append(
            (
                f"{number:,}",
                with_interval(estimates["learned"]),
                "" if one is None else with_interval(one.reward),
                "" if one is None else with_interval(one.percent, ".1f"),
                *(with_interval(estimates[other]) for other in others),
                f"{with_interval(estimates[best])}, {best}",
                with_interval(estimates[REFERENCE]),
            )
        )
    return Table(
        "Mean reward of a round in testing",
        (
            "Sellers",
            f"{LABELS[first]}, trained there",
            f"Trained with {study.sellers}",
            "% of trained there",
            *(LABELS[other] for other in others),
            "Best that is not learned",
            REFERENCE.capitalize(),
        ),
        tuple(rows),
        (INTERVALS,),
    )


def _records(
    study: ManySellersStudy, found: Mapping[int, Findings], carried: Mapping[int, Carried]
) -> list[Record]:
    records = [
        replace(record, cell=_cell(number))
        for number, findings in found.items()
        for record in findings.records
    ]
    for number, one in carried.items():
        cell, reward = _cell(number), one.reward
        records.append(Record("carried", "reward", reward.mean, reward.half_width, cell=cell))
        for seed, value in zip(study.all_seeds, reward.per_seed, strict=True):
            records.append(Record("carried", "reward", value, seed=seed, cell=cell))
        percent = one.percent
        records.append(
            Record(
                "carried", "percent_of_trained_there", percent.mean, percent.half_width, cell=cell
            )
        )
    return records
