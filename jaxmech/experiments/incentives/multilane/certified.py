"""What is certified of transfers that were designed for agents in lanes, and up to what margin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.multilane.configuration import (
    Gradient,
    MultilaneStudy,
    PPOName,
    TransferName,
)
from jaxmech.experiments.incentives.multilane.outcomes import DesignedLanes, LaneOutcomes
from jaxmech.oracles.multilane import UniformLanes
from jaxmech.reports.findings import Certificate

NONE = "no mechanism"

ROUNDING = 1e-9
"""Up to which utilities and welfare count as the same."""

EXACT_MARGIN, RANDOM_MARGIN = 1e-3, 0.02
"""Welfare that a design may lack of the best transfer found, along derivatives and from values of
mechanisms that were tried. By the first of them learners may differ from their equilibrium, and
designs at temperature 0 lack the first best, beside what a grid of moves costs."""

MARGINS: dict[Gradient | PPOName, float] = {
    "implicit": EXACT_MARGIN,
    "unrolled": EXACT_MARGIN,
    "social": EXACT_MARGIN,
    "two_point": RANDOM_MARGIN,
    "one_point": RANDOM_MARGIN,
    "PPO": RANDOM_MARGIN,
}

OF_SEVERAL_OPTIMA: tuple[TransferName, ...] = ("piecewise_linear", "table", "network")
"""Transfers of many coefficients, under which climbs end at different heights. Their seeds count as
restarts, the best of which is compared; it may lack ``RANDOM_MARGIN`` along any gradient."""


def compared(design: DesignedLanes) -> tuple[str, float, float]:
    """Which seed of a design is compared with the best transfer found, its welfare and margin."""
    welfare = np.asarray(design.outcomes.judged.objective)
    if design.case.transfer in OF_SEVERAL_OPTIMA:
        return "best", float(np.max(welfare)), RANDOM_MARGIN
    return "worst", float(np.min(welfare)), MARGINS[design.case.found_by]


def certificates(study: MultilaneStudy, found: Sequence[DesignedLanes]) -> dict[str, Certificate]:
    """All that is certified of a study."""
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
    stated = dict(_of_designs(study, found)) | {
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


def lost_on_grid(num_agents: int, num_actions: int) -> float:
    """Welfare that is lost where agents end up to half a cell of moves off, evenly distributed.

    Args:
      num_actions: points of the grid of moves, from 0 to half the lane.
    """
    lanes = UniformLanes(num_agents)
    variance = (lanes.length / 2 / (num_actions - 1)) ** 2 / 12
    return 2 * lanes.mismatch_cost * num_agents * (num_agents - 1) * variance


def beside_first_best(study: MultilaneStudy, one: DesignedLanes) -> Certificate:
    """Whether best responses to the transfer of every seed are as good as policies can be."""
    number = one.case.num_agents
    return statements.no_worse(
        f"Welfare by the worst seed ({one.case.label})",
        float(np.min(one.outcomes.judged.objective)),
        UniformLanes(number).welfare_of_first_best,
        EXACT_MARGIN + lost_on_grid(number, study.num_actions),
    )


def beside_nothing(one: DesignedLanes) -> Certificate:
    """Whether no seed's transfer is worse than none."""
    worst = float(np.min(one.outcomes.judged.objective))
    without = float(one.without.judged.objective[0])
    lacking = without - worst
    return Certificate(
        bool(lacking <= ROUNDING),
        f"Welfare by the worst seed is {worst:.7g} ({one.case.label}), and {without:.7g} with "
        f"{NONE}.",
        lacking,
        ROUNDING,
    )


def _of_designs(
    study: MultilaneStudy, found: Sequence[DesignedLanes]
) -> Iterator[tuple[str, Certificate]]:
    for one in found:
        label = one.case.label
        yield f"no worse than {NONE}, {label}", beside_nothing(one)
        if study.resolved_temperature == 0:
            yield f"first best, {label}", beside_first_best(study, one)
        welfare = np.asarray(one.outcomes.judged.objective)
        if one.best is not None:
            seed, reached, allowed = compared(one)
            yield (
                f"best transfer found, {label}",
                statements.no_worse(
                    f"Welfare by the {seed} seed ({label})",
                    reached,
                    one.best.objective,
                    allowed,
                ),
            )
        if one.learners is not None:
            learned = np.asarray(one.learners.objective)
            yield f"learners' welfare, {label}", _as_in_equilibrium(label, learned, welfare)
            gain = float(np.max(one.learners.gain))
            yield f"learners at rest, {label}", _at_rest(label, gain)


def _at_rest(label: str, gain: float) -> Certificate:
    return Certificate(
        gain <= EXACT_MARGIN,
        f"By the logit response to what the others do at the end some learner would gain "
        f"{gain:.1e} ({label}), what departing from random moves costs counted.",
        gain,
        EXACT_MARGIN,
    )


def _as_in_equilibrium(
    label: str, learned: NDArray[np.float64], welfare: NDArray[np.float64]
) -> Certificate:
    """Whether learners' welfare is near that of their equilibrium, both float [seeds]."""
    distances = np.abs(learned - welfare)
    worst = int(np.argmax(distances))
    return Certificate(
        bool(distances[worst] <= EXACT_MARGIN),
        f"What learners do at the end is worth {learned[worst]:.7g}, and their equilibrium "
        f"{welfare[worst]:.7g} ({label}, the seed that differs most).",
        float(distances[worst]),
        EXACT_MARGIN,
    )
