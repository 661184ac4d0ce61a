"""What can be bounded about a mechanism: gains from misreporting, and losses from taking part."""

from jaxmech.certificates.exploitability import exploitability, interim_exploitability
from jaxmech.certificates.incentive_regret import incentive_regret
from jaxmech.certificates.individual_rationality import (
    IndividualRationality,
    individual_rationality,
)
from jaxmech.certificates.play import Budget, GainBound, quasilinear, quasilinear_in_clicks

__all__ = [
    "Budget",
    "GainBound",
    "IndividualRationality",
    "exploitability",
    "incentive_regret",
    "individual_rationality",
    "interim_exploitability",
    "quasilinear",
    "quasilinear_in_clicks",
]
