"""The tables of transfers that were designed for agents in lanes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.multilane.certified import NONE, compared
from jaxmech.experiments.incentives.multilane.outcomes import DesignedLanes
from jaxmech.oracles.multilane import UniformLanes
from jaxmech.reports.findings import Table, with_interval

SAME = 1e-5
"""Up to which two climbs end at the same welfare."""


def tables(found: Sequence[DesignedLanes]) -> Iterator[Table]:
    """All of them; those of climbs and of learners where there are some."""
    yield _welfare(found)
    yield from _best(found)
    yield from _learners(found)
    yield _agents(found)


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
                f"{paid_by(one.outcomes.judged):.1f}",
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
            "Paid",
        ),
        tuple(rows),
        (
            "Transfers cost nothing in the objective: the designer loses what agents get, which "
            "cancels in welfare, so that nothing but the bounds keeps a design from paying much. "
            "Paid is what all agents together expect to get in an episode; below 0 they pay.",
            "Expected in equilibrium on the grid; intervals are over seeds. The standard deviation "
            "is that of the welfare of one episode.",
            "Values used: by random gradients after a few responses of the agents, or as many as "
            "bring them to rest where the study asks for that; by PPO in full equilibrium, once "
            "for each step of each of its environments.",
            "Rational agents without a mechanism, Bayes-Nash, and the best that policies can reach "
            "which see their own position alone: in closed form without a grid.",
        ),
    )


def paid_by(judged: statements.Judged) -> float:
    """What all agents get together in an episode, mean over mechanisms."""
    return float(np.mean(np.sum(judged.utilities, axis=-1) - np.asarray(judged.objective)))


def _best(found: Sequence[DesignedLanes]) -> Iterator[Table]:
    """What was designed beside the best transfer found, where one was looked for."""
    rows = []
    for one in found:
        if one.best is None:
            continue
        welfare, best = np.asarray(one.outcomes.judged.objective), one.best
        seed, reached, allowed = compared(one)
        same = int(np.sum(best.ends >= best.objective - SAME))
        rows.append(
            (
                one.case.label,
                f"{best.objective:.6f}",
                f"{np.max(welfare):.6f}",
                f"{np.min(welfare):.6f}",
                f"{best.objective - reached:.1e} ({seed})",
                f"{best.objective - np.min(welfare):.1e}",
                f"{allowed:g}",
                f"{same} of {best.ends.size}",
                f"{best.gradients}",
                f"{best.slope:.0e}",
            )
        )
    if rows:
        yield Table(
            "Best transfers found, beside what was designed",
            (
                "Design",
                "Best found",
                "Best seed",
                "Worst seed",
                "Lacks",
                "Worst seed lacks",
                "Allowed",
                "Climbs that end there",
                "Gradients",
                "Slope there",
            ),
            tuple(rows),
            (
                "The best found is where the highest of several climbs ends, from a grid of "
                "transfers or from some that are drawn, along exact gradients in equilibrium "
                f"(L-BFGS-B). Climbs that end within {SAME:g} of it are counted, and the gradients "
                "of all. That nothing is better is not proved.",
                "The worst seed is compared, and may lack more where the gradient is random; of "
                "transfers under which climbs end at different heights it is the best seed, as of "
                "restarts. Where what it lacks is below 0 the design is better than all climbs.",
            ),
        )


def _learners(found: Sequence[DesignedLanes]) -> Iterator[Table]:
    """What agents do at the end who learned while the mechanism was designed, if they did."""
    rows = [
        (
            one.case.label,
            with_interval(statements.over_seeds(one.learners.objective)),
            with_interval(statements.learned(one.outcomes.judged)),
            f"{float(np.max(one.learners.apart)):.1e}",
            f"{float(np.max(one.learners.gain)):.1e}",
            f"{float(np.max(one.learners.exploitability)):.4g}",
        )
        for one in found
        if one.learners is not None
    ]
    if rows:
        yield Table(
            "What learners do at the end of the design",
            (
                "Design",
                "Welfare with them",
                "In equilibrium",
                "Apart from logit response",
                "Logit response adds",
                "Best response adds",
            ),
            tuple(rows),
            (
                "Learners where the design ended, maybe still on their way, beside the "
                "equilibrium in which they would come to rest; the last three are the worst of all "
                "seeds. Apart is the largest difference of a probability. What the logit response "
                "adds is expected and counts what departing from random moves costs; a best "
                "response spares nothing for that.",
                "Where gradients are random, learners live with mechanisms near the designer's "
                "own, and respond to that itself until they are at rest before they are judged.",
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
