"""Welfare that needs no prices to be chosen: random serial dictatorship and offline optimum."""

from __future__ import annotations

import numpy as np

from jaxmech.agents import CorrelatedUniform, FiniteMixture, Samples, Setting, UnitDemand
from jaxmech.oracles.sequential_price import continuous_values, sample_averages
from jaxmech.oracles.sequential_price.finite_economies import (
    bundle_values,
    bundles_of,
    finite_economy,
    is_additive,
)
from jaxmech.oracles.sequential_price.finite_expectations import (
    best_packing,
    offline_expectation,
    serial_dictatorship,
)
from jaxmech.oracles.sequential_price.setting_parts import (
    additive_only,
    correlation,
    item_values,
    unknown,
    useful_units,
)


def random_serial_dictatorship(setting: Setting, *, buys_at_zero_utility: bool = False) -> float:
    """Exact expected welfare with all prices zero and agents in uniformly random order.

    Raises:
      NotKnownError: not built for this setting, or it costs too much; the message says why.
    """
    distribution = setting.distribution
    match distribution:
        case FiniteMixture():
            economy = finite_economy(setting)
            return serial_dictatorship(economy, buys_at_zero_utility=buys_at_zero_utility)
        case CorrelatedUniform():
            # Everybody wants everything, so whoever comes first is served: a mean of 1/2.
            additive_only(setting)
            return sum(useful_units(setting)) / 2
        case Samples():
            additive_only(setting)
            return sample_averages.sample_serial_dictatorship(
                item_values(distribution),
                np.asarray(setting.units),
                buys_at_zero_utility=buys_at_zero_utility,
            )
    raise unknown(setting)


def expected_offline_optimum(setting: Setting) -> float:
    """Exact expectation of the greatest welfare any allocation reaches, all values known.

    Raises:
      NotKnownError: not built for this setting, or it costs too much; the message says why.
    """
    distribution, demand = setting.distribution, setting.distribution.demand
    match distribution:
        case FiniteMixture():
            return offline_expectation(finite_economy(setting))
        case CorrelatedUniform():
            additive_only(setting)
            delta, num_agents = correlation(distribution), distribution.num_agents
            return sum(
                continuous_values.correlated_offline(num_agents, units, delta)
                for units in setting.units
            )
        case Samples():
            if is_additive(demand):
                ordered = -np.sort(-item_values(distribution), axis=1)
                ranks = np.arange(distribution.num_agents)[:, None]
                served = np.where(ranks < np.asarray(setting.units), ordered, 0)
                return float(served.sum(axis=(1, 2)).mean())
            values = np.asarray(distribution.values, np.float64)
            units = np.asarray(useful_units(setting))
            if isinstance(demand, UnitDemand):
                return sample_averages.sample_assignment(values, units)
            packed = best_packing(bundle_values(demand, values), bundles_of(demand), units)
            return float(packed.mean())
    raise unknown(setting)
