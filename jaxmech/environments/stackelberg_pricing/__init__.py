"""A leader who prices what followers take of a capacity that they share."""

from jaxmech.environments.stackelberg_pricing.factory import make
from jaxmech.environments.stackelberg_pricing.game import PricedQuantities, StackelbergPricing
from jaxmech.environments.stackelberg_pricing.params import StackelbergPricingParams, params_of

__all__ = [
    "PricedQuantities",
    "StackelbergPricing",
    "StackelbergPricingParams",
    "make",
    "params_of",
]
