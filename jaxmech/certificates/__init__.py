"""What can be bounded about a mechanism: gains from misreporting, and losses from taking part."""

from jaxmech.certificates.best_responses import exploitability, interim_exploitability
from jaxmech.certificates.finite_games import Deviations, deviations
from jaxmech.certificates.gain_bounds import Budget, GainBound, quasilinear, quasilinear_in_clicks
from jaxmech.certificates.interim import (
    InterimDeviations,
    interim_deviations,
    largest_logit_gains,
)
from jaxmech.certificates.misreports import incentive_regret
from jaxmech.certificates.participation import (
    IndividualRationality,
    individual_rationality,
)

__all__ = [
    "Budget",
    "Deviations",
    "GainBound",
    "IndividualRationality",
    "InterimDeviations",
    "deviations",
    "exploitability",
    "incentive_regret",
    "individual_rationality",
    "interim_deviations",
    "interim_exploitability",
    "largest_logit_gains",
    "quasilinear",
    "quasilinear_in_clicks",
]
