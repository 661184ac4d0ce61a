"""Named experiments, their typed configurations, and the files that hold them.

Importing this package does not import jax; ``jaxmech.experiments.sequential_price.building`` does.
"""

from __future__ import annotations

from jaxmech.experiments.auctions.configuration import (
    Equilibrium,
    ExponentialValues,
    LogNormalValues,
    PowerValues,
    RevenueEquivalence,
    Squashing,
    UniformValues,
)
from jaxmech.experiments.earlier_registry import EXPERIMENTS, experiment, is_as_described
from jaxmech.experiments.files import config_of, experiment_in, read_config, write_config
from jaxmech.experiments.kinds import KINDS, Experiment, kind_of
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.settings import (
    Ablation,
    BidderKinds,
    LearnedPolicies,
    ModelTraining,
    SearchSettings,
)
from jaxmech.experiments.sequential_price.configuration import (
    SETTING_NAMES,
    AdditiveTypes,
    Colors,
    Correlated,
    FiniteSettingFile,
    Identification,
    Inventory,
    KitchenSink,
    MaxMin,
    PPOSettings,
    Proposition1,
    Proposition2,
    Proposition3,
    Proposition4,
    SequentialPriceExperiment,
    TimberAuctions,
    TwoWorlds,
)

__all__ = [
    "EXPERIMENTS",
    "KINDS",
    "SETTING_NAMES",
    "Ablation",
    "AdditiveTypes",
    "BidderKinds",
    "Colors",
    "Correlated",
    "Equilibrium",
    "Experiment",
    "ExponentialValues",
    "FiniteSettingFile",
    "Identification",
    "Inventory",
    "KitchenSink",
    "LearnedPolicies",
    "LogNormalValues",
    "MaxMin",
    "ModelTraining",
    "PPOSettings",
    "PowerValues",
    "Proposition1",
    "Proposition2",
    "Proposition3",
    "Proposition4",
    "ReservePricingStudy",
    "RevenueEquivalence",
    "SearchSettings",
    "SequentialPriceExperiment",
    "Squashing",
    "TimberAuctions",
    "TwoWorlds",
    "UniformValues",
    "config_of",
    "experiment",
    "experiment_in",
    "is_as_described",
    "kind_of",
    "read_config",
    "write_config",
]
