"""What is said of transfers that were designed for agents in lanes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.multilane.certified import NONE, certificates
from jaxmech.experiments.incentives.multilane.configuration import MultilaneStudy
from jaxmech.experiments.incentives.multilane.outcomes import DesignedLanes
from jaxmech.experiments.incentives.multilane.tables import paid_by, tables
from jaxmech.experiments.learning import learning_curves
from jaxmech.oracles.multilane import UniformLanes
from jaxmech.reports.findings import (
    Curve,
    Estimate,
    Figure,
    Findings,
    Oracle,
    Record,
)


def findings(study: MultilaneStudy, found: Sequence[DesignedLanes]) -> Findings:
    """All that the study shows."""
    before = {one.case.num_agents: float(one.without.judged.objective[0]) for one in found}
    gains = [
        f"{before[one.case.num_agents]:.3f} to {statements.learned(one.outcomes.judged).mean:.3f}"
        f" ({one.case.label})"
        for one in found
    ]
    estimates: dict[str, Estimate] = {}
    oracles: dict[str, Oracle] = {}
    for one in found:
        estimates[f"{one.case.name}/learned"] = statements.learned(one.outcomes.judged)
        if one.learners is not None:
            estimates[f"{one.case.name}/learners"] = statements.over_seeds(one.learners.objective)
        if one.best is not None:
            kind = f"{one.case.num_agents}_agents/{one.case.transfer.replace('_', ' ')}"
            oracles[f"{kind}, best found"] = Oracle(one.best.objective, exact=False)
    for number, value in before.items():
        lanes = UniformLanes(number)
        estimates[f"{number}_agents/{NONE}"] = Estimate(value)
        oracles[f"{number}_agents/rational agents, {NONE}"] = Oracle(lanes.welfare_of_equilibrium)
        oracles[f"{number}_agents/first best"] = Oracle(lanes.welfare_of_first_best)
    return Findings(
        headline="Welfare without and with the mechanism, what is paid not counted: "
        f"{'; '.join(gains)}.",
        estimates=estimates,
        oracles=oracles,
        certificates=certificates(study, found),
        learning_curves=tuple(
            learning_curves(
                one.result,
                "welfare",
                label=one.case.label,
                references={
                    f"{NONE}, {one.case.num_agents} agents": before[one.case.num_agents],
                }
                | ({"best found": one.best.objective} if one.best is not None else {}),
            )
            for one in found
        ),
        tables=tuple(tables(found)),
        figures=tuple(_figure(number, found) for number in study.num_agents),
        records=tuple(_records(found)),
    )


def _figure(number: int, found: Sequence[DesignedLanes]) -> Figure:
    """Mean and standard deviation of the welfare of an episode, in the course of the design."""
    of_number = [one for one in found if one.case.num_agents == number]
    curves, last = [], 0.0
    for one in of_number:
        welfare, deviation = (one.result.evaluations[name] for name in ("welfare", "deviation"))
        # Of an episode of any seed: what seeds differ by adds to what episodes do.
        spread = np.sqrt(np.mean(deviation**2, axis=1) + np.var(welfare, axis=1))
        places = tuple(map(float, one.result.evaluation_updates))
        last = max(last, *places)
        curves.append(
            Curve(
                "designed" if len(of_number) == 1 else one.case.label,
                places,
                tuple(map(float, welfare.mean(axis=1))),
                deviation=tuple(map(float, spread)),
            )
        )
    without = of_number[0].without
    value, apart = float(without.judged.objective[0]), float(without.deviation[0])
    curves.append(Curve(NONE, (0.0, last), (value, value), deviation=(apart, apart)))
    return Figure(
        name=f"welfare_{number}_agents",
        caption=f"Welfare of an episode of {number} agents while the mechanism is designed. Solid: "
        "expected in equilibrium, mean over seeds. Dashed: one standard deviation of a single "
        "episode to either side.",
        x_label="updates",
        y_label="welfare of an episode",
        curves=tuple(curves),
        title=f"{number} agents",
    )


def _records(found: Sequence[DesignedLanes]) -> Iterator[Record]:
    for one in found:
        for scheme, outcomes in (("learned", one.outcomes), (NONE, one.without)):
            cell, of_seeds = one.case.name, scheme == "learned"
            yield from statements.records_of(
                outcomes.judged,
                one.mechanisms if of_seeds else None,
                scheme=scheme,
                cell=cell,
                of_seeds=of_seeds,
            )
            yield Record(scheme, "paid", paid_by(outcomes.judged), cell=cell)
            for metric in ("deviation", "exploitability", "allowed", "regret", "slack"):
                for seed, value in enumerate(getattr(outcomes, metric).tolist()):
                    yield Record(scheme, metric, value, cell=cell, seed=seed if of_seeds else None)
        if one.learners is not None:
            for metric in ("objective", "apart", "gain", "exploitability"):
                for seed, value in enumerate(getattr(one.learners, metric).tolist()):
                    yield Record("learners", metric, value, cell=cell, seed=seed)
        if one.best is not None:
            yield Record("best found", "objective", one.best.objective, cell=cell)
            for place, value in enumerate(one.best.mechanism.tolist()):
                yield Record("best found", f"coefficient_{place + 1}", value, cell=cell)
