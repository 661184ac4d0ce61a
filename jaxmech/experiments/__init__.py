"""Named experiments, their typed configurations, and the files that hold them.

Importing this package does not import jax; ``jaxmech.experiments.building`` does.
"""

from __future__ import annotations

from jaxmech.experiments.configuration import (
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
from jaxmech.experiments.files import config_of, read_config, write_config
from jaxmech.experiments.registry import EXPERIMENTS, experiment, is_as_described

__all__ = [
    "EXPERIMENTS",
    "SETTING_NAMES",
    "AdditiveTypes",
    "Colors",
    "Correlated",
    "FiniteSettingFile",
    "Identification",
    "Inventory",
    "KitchenSink",
    "MaxMin",
    "PPOSettings",
    "Proposition1",
    "Proposition2",
    "Proposition3",
    "Proposition4",
    "SequentialPriceExperiment",
    "TimberAuctions",
    "TwoWorlds",
    "config_of",
    "experiment",
    "is_as_described",
    "read_config",
    "write_config",
]
