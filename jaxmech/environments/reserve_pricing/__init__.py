"""Daily reserve prices in sponsored search."""

from jaxmech.environments.reserve_pricing.environment import ReservePricing, ReservePricingState
from jaxmech.environments.reserve_pricing.factory import make
from jaxmech.environments.reserve_pricing.params import ReservePricingParams, params_of
from jaxmech.environments.reserve_pricing.relative import RelativeReserves

__all__ = [
    "RelativeReserves",
    "ReservePricing",
    "ReservePricingParams",
    "ReservePricingState",
    "make",
    "params_of",
]
