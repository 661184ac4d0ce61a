"""A game whose mechanism a designer sets round after round."""

from jaxmech.environments.incentives.environment import IncentiveDesign, IncentiveDesignState
from jaxmech.environments.incentives.factory import incentive_design
from jaxmech.environments.incentives.params import IncentiveDesignParams, params_of
from jaxmech.environments.incentives.participation import (
    ParticipationParams,
    WithParticipation,
    least_subsidy,
)

__all__ = [
    "IncentiveDesign",
    "IncentiveDesignParams",
    "IncentiveDesignState",
    "ParticipationParams",
    "WithParticipation",
    "incentive_design",
    "least_subsidy",
    "params_of",
]
