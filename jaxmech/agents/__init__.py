"""How participants value bundles and behave."""

from jaxmech.agents import interim_rules
from jaxmech.agents.bid_functions import BidFunctions, l2_distance, tabulated
from jaxmech.agents.bid_history import BidBins, BidHistory
from jaxmech.agents.bid_log_writer import write_bid_logs
from jaxmech.agents.bid_logs import BidLogs, load_bid_logs, split_logs
from jaxmech.agents.bidder_population import BidderPopulation, bidder_population
from jaxmech.agents.bidders import (
    EquilibriumTable,
    LogitResponse,
    linear_shading,
    logit_response,
    truthful,
)
from jaxmech.agents.daily_bidders import DailyBidders
from jaxmech.agents.demand import AdditiveDemand, BundleDemand, Demand, UnitDemand, Valuations
from jaxmech.agents.distributions import (
    CorrelatedUniform,
    FiniteMixture,
    Samples,
    UniformMixture,
    ValueDistribution,
)
from jaxmech.agents.equilibrium_learning import learn_equilibrium
from jaxmech.agents.finite_settings import finite_setting, one_of, surely
from jaxmech.agents.joint_distributions import (
    AffiliatedSignals,
    CopulaValueQuality,
    MineralRights,
    SignalsAndValues,
    ValuesAndQuality,
)
from jaxmech.agents.keyword_distribution import keyword_distribution, load_keywords
from jaxmech.agents.named_settings import SETTINGS, setting
from jaxmech.agents.no_regret import Exp3, Hedge, RegretMatching
from jaxmech.agents.numerical_distributions import Beta, Empirical, FromDistrax, empirical
from jaxmech.agents.real_data import load_timber_bids
from jaxmech.agents.samples import load_samples, settings_from_samples
from jaxmech.agents.setting_files import load_setting
from jaxmech.agents.settings import Setting
from jaxmech.agents.value_distributions import (
    Exponential,
    LogNormal,
    Power,
    TruncatedEqualRevenue,
    Uniform,
    UnivariateDistribution,
)
from jaxmech.agents.virtual_values import (
    IronedVirtualValue,
    density,
    ironed_virtual_value,
    virtual_value,
)

__all__ = [
    "SETTINGS",
    "AdditiveDemand",
    "AffiliatedSignals",
    "Beta",
    "BidBins",
    "BidFunctions",
    "BidHistory",
    "BidLogs",
    "BidderPopulation",
    "BundleDemand",
    "CopulaValueQuality",
    "CorrelatedUniform",
    "DailyBidders",
    "Demand",
    "Empirical",
    "EquilibriumTable",
    "Exp3",
    "Exponential",
    "FiniteMixture",
    "FromDistrax",
    "Hedge",
    "IronedVirtualValue",
    "LogNormal",
    "LogitResponse",
    "MineralRights",
    "Power",
    "RegretMatching",
    "Samples",
    "Setting",
    "SignalsAndValues",
    "TruncatedEqualRevenue",
    "Uniform",
    "UniformMixture",
    "UnitDemand",
    "UnivariateDistribution",
    "Valuations",
    "ValueDistribution",
    "ValuesAndQuality",
    "bidder_population",
    "density",
    "empirical",
    "finite_setting",
    "interim_rules",
    "ironed_virtual_value",
    "keyword_distribution",
    "l2_distance",
    "learn_equilibrium",
    "linear_shading",
    "load_bid_logs",
    "load_keywords",
    "load_samples",
    "load_setting",
    "load_timber_bids",
    "logit_response",
    "one_of",
    "setting",
    "settings_from_samples",
    "split_logs",
    "surely",
    "tabulated",
    "truthful",
    "virtual_value",
    "write_bid_logs",
]
