"""A game whose mechanism a designer sets round after round."""

from jaxmech.environments.incentives.environment import IncentiveDesign, IncentiveDesignState
from jaxmech.environments.incentives.factory import incentive_design
from jaxmech.environments.incentives.params import IncentiveDesignParams, params_of

__all__ = [
    "IncentiveDesign",
    "IncentiveDesignParams",
    "IncentiveDesignState",
    "incentive_design",
    "params_of",
]
