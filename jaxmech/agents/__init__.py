"""How participants value bundles and behave."""

from jaxmech.agents.demand import AdditiveDemand, BundleDemand, Demand, UnitDemand, Valuations
from jaxmech.agents.distributions import (
    CorrelatedUniform,
    FiniteMixture,
    Samples,
    ValueDistribution,
)
from jaxmech.agents.real_data import load_timber_bids
from jaxmech.agents.samples import load_samples, settings_from_samples
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
    "load_samples",
    "load_timber_bids",
    "setting",
    "settings_from_samples",
]
