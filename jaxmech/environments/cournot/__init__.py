"""Firms that compete by quantities: an emission tax, and a leader who prices a shared capacity."""

from jaxmech.environments.cournot.factory import make
from jaxmech.environments.cournot.game import Cournot
from jaxmech.environments.cournot.params import CournotParams, params_of
from jaxmech.environments.cournot.pricing import (
    PricedQuantities,
    StackelbergPricing,
    StackelbergPricingParams,
    pricing_params,
)

__all__ = [
    "Cournot",
    "CournotParams",
    "PricedQuantities",
    "StackelbergPricing",
    "StackelbergPricingParams",
    "make",
    "params_of",
    "pricing_params",
]
