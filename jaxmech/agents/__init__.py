"""How participants value bundles and behave."""

from jaxmech.agents.demand import AdditiveDemand, BundleDemand, Demand, UnitDemand, Valuations
from jaxmech.agents.distributions import (
    CorrelatedUniform,
    FiniteMixture,
    Samples,
    ValueDistribution,
)
from jaxmech.agents.settings import SETTINGS, Setting, setting

__all__ = [
    "SETTINGS",
    "AdditiveDemand",
    "BundleDemand",
    "CorrelatedUniform",
    "Demand",
    "FiniteMixture",
    "Samples",
    "Setting",
    "UnitDemand",
    "Valuations",
    "ValueDistribution",
    "setting",
]
