"""How participants value bundles and behave."""

from jaxmech.agents.demand import AdditiveDemand, BundleDemand, Demand, UnitDemand, Valuations
from jaxmech.agents.distributions import (
    CorrelatedUniform,
    FiniteMixture,
    Samples,
    UniformMixture,
    ValueDistribution,
)
from jaxmech.agents.finite_settings import finite_setting, one_of, surely
from jaxmech.agents.named_settings import SETTINGS, setting
from jaxmech.agents.real_data import load_timber_bids
from jaxmech.agents.samples import load_samples, settings_from_samples
from jaxmech.agents.setting_files import load_setting
from jaxmech.agents.settings import Setting

__all__ = [
    "SETTINGS",
    "AdditiveDemand",
    "BundleDemand",
    "CorrelatedUniform",
    "Demand",
    "FiniteMixture",
    "Samples",
    "Setting",
    "UniformMixture",
    "UnitDemand",
    "Valuations",
    "ValueDistribution",
    "finite_setting",
    "load_samples",
    "load_setting",
    "load_timber_bids",
    "one_of",
    "setting",
    "settings_from_samples",
    "surely",
]
