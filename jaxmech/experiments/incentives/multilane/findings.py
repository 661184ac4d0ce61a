"""What is said of transfers that were designed for agents in lanes: tables, figures, statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.multilane.configuration import MultilaneStudy
from jaxmech.experiments.incentives.multilane.outcomes import DesignedLanes, LaneOutcomes
from jaxmech.experiments.learning import learning_curves
from jaxmech.oracles.multilane import UniformLanes
from jaxmech.reports.findings import (
    Certificate,
    Curve,
    Estimate,
    Figure,
    Findings,
    Oracle,
    Record,
    Table,
    with_interval,
)

ROUNDING = 1e-9
"""Up to which utilities and welfare count as the same."""

NONE = "no mechanism"


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
    for number, value in before.items():
        lanes = UniformLanes(number)
        estimates[f"{number}_agents/{NONE}"] = Estimate(value)
        oracles[f"{number}_agents/rational agents, {NONE}"] = Oracle(lanes.welfare_of_equilibrium)
        oracles[f"{number}_agents/first best"] = Oracle(lanes.welfare_of_first_best)
    return Findings(
        headline=f"Welfare without and with the mechanism: {'; '.join(gains)}.",
        estimates=estimates,
        oracles=oracles,
        certificates=_certificates(study, found),
        learning_curves=tuple(
            learning_curves(
                one.result,
                "welfare",
                label=one.case.label,
                references={
                    f"{NONE}, {one.case.num_agents} agents": before[one.case.num_agents],
                },
            )
            for one in found
        ),
        tables=(_welfare(found), _agents(found)),
        figures=tuple(_figure(number, found) for number in study.num_agents),
        records=tuple(_records(found)),
    )


def _welfare(found: Sequence[DesignedLanes]) -> Table:
    rows = []
    for one in found:
        number, coefficients = one.case.num_agents, one.mechanisms.mean(axis=0)
        of_rational = UniformLanes(number)
        shown = ", ".join(f"{value:.2f}" for value in coefficients)
        rows.append(
            (
                one.case.label,
                f"{float(one.without.judged.objective[0]):.4f}",
                with_interval(statements.learned(one.outcomes.judged)),
                f"{float(np.max(one.outcomes.judged.objective)):.4f}",
                f"{float(one.without.deviation[0]):.3f}",
                f"{float(np.mean(one.outcomes.deviation)):.3f}",
                f"{one.updates:,}",
                f"{one.valued:,}" if one.valued else "derivatives",
                shown if coefficients.size <= 3 else f"{coefficients.size} of them",
                f"{of_rational.welfare_of_equilibrium:.4f}",
                f"{of_rational.welfare_of_first_best:.4f}",
            )
        )
    return Table(
        "Welfare of an episode, transfers not counted",
        (
            "Design",
            "No mechanism",
            "Designed",
            "Best seed",
            "Deviation without",
            "Deviation with",
            "Updates",
            "Values used",
            "Coefficients",
            "Rational, no mechanism",
            "First best",
        ),
        tuple(rows),
        (
            "Expected in equilibrium on the grid; intervals are over seeds. The standard deviation "
            "is that of the welfare of one episode.",
            "Values used: by random gradients after a few responses of the agents, or as many as "
            "bring them to rest where the study asks for that; by PPO in full equilibrium, once "
            "for each step of each of its environments.",
            "Rational agents without a mechanism, Bayes-Nash, and the best that policies can reach "
            "which see their own position alone: in closed form without a grid.",
        ),
    )


def _agents(found: Sequence[DesignedLanes]) -> Table:
    rows = []
    for one in found:
        for name, outcomes in (("designed", one.outcomes), (NONE, one.without)):
            worst = int(np.argmin(outcomes.slack))
            rows.append(
                (
                    f"{one.case.label}, {name}",
                    f"{float(np.max(outcomes.exploitability)):.4g}",
                    f"{float(np.min(outcomes.allowed)):.4g}",
                    f"{float(np.max(outcomes.regret)):.4g}",
                    f"{float(outcomes.slack[worst]):.4g}",
                    f"{max(0.0, -float(outcomes.slack[worst])):.4g}",
                    f"{float(outcomes.judged.residual.max()):.1e}",
                )
            )
    return Table(
        "What agents could gain, and whether they take part",
        (
            "Design",
            "Best response adds",
            "Explained by temperature",
            "Acting as from elsewhere adds",
            "Lowest utility",
            "Subsidy needed",
            "Residual",
        ),
        tuple(rows),
        (
            "The worst of all seeds. A best response is to the others' policies, in expectation; "
            "boundedly rational agents leave some of its gain, and no more than is explained.",
            "The lowest utility is that of the position that expects least, transfers included; "
            "a subsidy of as much to everybody changes no choice and lets all take part.",
        ),
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


def _certificates(study: MultilaneStudy, found: Sequence[DesignedLanes]) -> dict[str, Certificate]:
    every: list[LaneOutcomes] = [part for one in found for part in (one.outcomes, one.without)]
    gains = np.concatenate([part.exploitability for part in every])
    allowed = np.concatenate([part.allowed for part in every])
    if study.agents == "blind":
        allowed = np.zeros_like(allowed)
    worst = int(np.argmax(gains - allowed))
    # NumPy's maximum, unlike Python's, keeps what is no number.
    moved = float(
        np.max([np.max(np.abs(part.subsidised_welfare - part.judged.objective)) for part in every])
    )
    stated = {
        "equilibrium": statements.at_rest(*(part.judged.residual for part in every)),
        "best responses": statements.exploitability(
            gains[worst], tolerance=max(float(allowed[worst]), statements.GAIN_TOLERANCE)
        ),
        "incentive compatibility": statements.truthful(
            *(part.regret for part in every), type_word="position"
        ),
        "individual rationality": statements.takes_part(*(one.outcomes.slack for one in found)),
        f"individual rationality, {NONE}": statements.takes_part(
            *(one.without.slack for one in found)
        ),
        "individual rationality with the subsidy": statements.takes_part(
            *(part.subsidised_slack for part in every), tolerance=ROUNDING
        ),
        "welfare with the subsidy": Certificate(
            moved <= ROUNDING,
            f"The subsidies change welfare in equilibrium by {moved:.1e} at most.",
            moved,
            ROUNDING,
        ),
    }
    if study.paid_position == "initial":
        apart = float(
            np.max(
                [
                    np.max(np.abs(one.outcomes.judged.objective - one.without.judged.objective))
                    for one in found
                ]
            )
        )
        stated["payment for initial positions"] = Certificate(
            apart <= ROUNDING,
            f"What is paid for initial positions changes welfare by {apart:.1e} at most.",
            apart,
            ROUNDING,
        )
    return stated


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
            for metric in ("deviation", "exploitability", "allowed", "regret", "slack"):
                for seed, value in enumerate(getattr(outcomes, metric).tolist()):
                    yield Record(scheme, metric, value, cell=cell, seed=seed if of_seeds else None)
