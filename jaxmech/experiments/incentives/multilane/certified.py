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
from jaxmech.reports.findings import Certificate

NONE = "no mechanism"

ROUNDING = 1e-9
"""Up to which utilities and welfare count as the same."""

EXACT_MARGIN, RANDOM_MARGIN = 1e-3, 0.02
"""Welfare that a design may lack of the best transfer found, and learners of their equilibrium:
along derivatives, and from values of mechanisms that were tried."""

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
    stated = dict(_of_designs(found)) | {
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


def _of_designs(found: Sequence[DesignedLanes]) -> Iterator[tuple[str, Certificate]]:
    for one in found:
        label, margin = one.case.label, MARGINS[one.case.found_by]
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
            yield f"learners' welfare, {label}", _as_in_equilibrium(label, learned, welfare, margin)
            yield (
                f"learners at rest, {label}",
                _at_rest(label, float(np.max(one.learners.gain)), margin),
            )


def _at_rest(label: str, gain: float, margin: float) -> Certificate:
    return Certificate(
        gain <= margin,
        f"By the logit response to what the others do at the end some learner would gain "
        f"{gain:.1e} ({label}), what departing from random moves costs counted.",
        gain,
        margin,
    )


def _as_in_equilibrium(
    label: str, learned: NDArray[np.float64], welfare: NDArray[np.float64], margin: float
) -> Certificate:
    """Whether learners' welfare is near that of their equilibrium, both float [seeds]."""
    distances = np.abs(learned - welfare)
    worst = int(np.argmax(distances))
    return Certificate(
        bool(distances[worst] <= margin),
        f"What learners do at the end is worth {learned[worst]:.7g}, and their equilibrium "
        f"{welfare[worst]:.7g} ({label}, the seed that differs most).",
        float(distances[worst]),
        margin,
    )
