"""Exact values of sequential price mechanisms and their baselines, by setting.

Families as in Brero et al. (2021), from the most to the least powerful: adaptive order
and prices (``optimal``), static order with a price vector for each agent
(``personalised_static_prices``) or one for all (``anonymous_static_prices``), and random
serial dictatorship, which posts zero. ``expected_offline_optimum`` bounds them all.

Agents buy only at strictly positive utility. Everything here is NumPy in float64, run
on the host, once per setting.
"""

from __future__ import annotations

from typing import get_args

import numpy as np

from jaxmech.agents import (
    BundleDemand,
    CorrelatedUniform,
    FiniteMixture,
    Samples,
    Setting,
    UnitDemand,
    ValueDistribution,
)
from jaxmech.oracles import continuous_values, sample_averages
from jaxmech.oracles.belief_program import ProgramObjective, adaptive_optimum
from jaxmech.oracles.finite_economy import (
    Floats,
    bundle_values,
    bundles_of,
    exact_decimals,
    finite_economy,
    is_additive,
)
from jaxmech.oracles.finite_expectations import (
    best_packing,
    offline_expectation,
    serial_dictatorship,
)
from jaxmech.oracles.refusals import NotKnown
from jaxmech.oracles.static_program import (
    StaticPriceResult,
    anonymous_static_optimum,
    personalised_static_optimum,
)

__all__ = [
    "StaticPriceResult",
    "anonymous_static_prices",
    "expected_offline_optimum",
    "optimal",
    "personalised_static_prices",
    "random_serial_dictatorship",
]


def optimal(
    setting: Setting,
    *,
    objective: ProgramObjective = "welfare",
    max_states: int = 1_000_000,
) -> float:
    """Expected objective of the best sequential price mechanism, order and prices adaptive.

    Exact: dynamic programming over beliefs for finite supports, a recursion for iid
    uniform values. Revenue is a supremum, as agents buy only below their value.

    Args:
      setting: economy with a ``FiniteMixture``, or a ``CorrelatedUniform`` of delta 0 or 1.
      objective: ``"welfare"`` or ``"revenue"``; revenue needs one item type or additive
        values.
      max_states: refuse a dynamic program that may have more states.

    Raises:
      ValueError: ``objective`` is neither.
      NotKnown: the optimum is not known, or costs too much; the message says why.
    """
    if objective not in get_args(ProgramObjective):
        raise ValueError(f"objective: got {objective!r}; allowed are {get_args(ProgramObjective)}")
    distribution = setting.distribution
    if objective == "revenue" and not is_additive(distribution.demand):
        raise NotKnown(
            "objective: got 'revenue'; allowed is 'welfare' where there are several item types "
            "and values are not additive"
        )
    match distribution:
        case FiniteMixture():
            economy = finite_economy(setting)
            return adaptive_optimum(economy, objective=objective, max_states=max_states)
        case CorrelatedUniform():
            return _correlated_optimum(setting, distribution, objective)
        case Samples():
            raise NotKnown(
                f"distribution: got {len(distribution.values)} samples; the optimum is known for "
                "finite supports with few worlds (every sample is a world of its own) and for "
                "iid values"
            )
    raise _unknown(setting)


def personalised_static_prices(setting: Setting, *, max_vectors: int = 20_000) -> StaticPriceResult:
    """The best prices for each agent, fixed in advance, in a fixed order.

    Exact for finite supports, with the best order where agents differ. Numerical for
    ``CorrelatedUniform`` (gradient search, local optimum) and ``Samples`` (coordinate
    search, agents in index order).

    Raises:
      NotKnown: not built for this setting, or it costs too much; the message says why.
    """
    distribution = setting.distribution
    match distribution:
        case FiniteMixture():
            return personalised_static_optimum(finite_economy(setting), max_vectors=max_vectors)
        case CorrelatedUniform():
            _additive_only(setting)
            delta, num_agents = _delta(distribution), distribution.num_agents
            found = [
                continuous_values.best_personalised_prices(num_agents, units, delta)
                for units in _useful_units(setting)
            ]
        case Samples():
            _additive_only(setting)
            values = _item_values(distribution)
            found = [
                sample_averages.best_personalised_sample_prices(values[..., item], units)
                for item, units in enumerate(_useful_units(setting))
            ]
        case _:
            raise _unknown(setting)
    prices = np.stack([prices for _, prices in found], axis=1)
    value = sum(value for value, _ in found)
    order = np.arange(distribution.num_agents)
    return StaticPriceResult(value, prices, order, _identical_values(distribution))


def anonymous_static_prices(setting: Setting, *, max_vectors: int = 20_000) -> StaticPriceResult:
    """The best single price for each item type, fixed in advance, in a fixed order.

    Exact for finite supports, with the best order where agents differ. Numerical for
    ``CorrelatedUniform`` and ``Samples`` (search over prices, agents in index order).

    Raises:
      NotKnown: not built for this setting, or it costs too much; the message says why.
    """
    distribution, demand = setting.distribution, setting.distribution.demand
    order = np.arange(distribution.num_agents)
    match distribution:
        case FiniteMixture():
            return anonymous_static_optimum(finite_economy(setting), max_vectors=max_vectors)
        case CorrelatedUniform():
            _additive_only(setting)
            delta, num_agents = _delta(distribution), distribution.num_agents
            found = [
                continuous_values.best_anonymous_price(num_agents, units, delta)
                for units in _useful_units(setting)
            ]
        case Samples():
            if not is_additive(demand):
                value, best = sample_averages.best_anonymous_sample_prices(
                    bundle_values(demand, np.asarray(distribution.values, np.float64)),
                    bundles_of(demand),
                    np.asarray(setting.units),
                    additive=False,
                )
                return StaticPriceResult(value, best, order, exact=False)
            values = _item_values(distribution)
            found = [
                sample_averages.best_anonymous_sample_price(values[..., item], units)
                for item, units in enumerate(_useful_units(setting))
            ]
        case _:
            raise _unknown(setting)
    prices = np.array([price for _, price in found])
    value = sum(value for value, _ in found)
    return StaticPriceResult(value, prices, order, _identical_values(distribution))


def random_serial_dictatorship(setting: Setting, *, buys_at_zero_utility: bool = False) -> float:
    """Exact expected welfare with all prices zero and agents in uniformly random order.

    Raises:
      NotKnown: not built for this setting, or it costs too much; the message says why.
    """
    distribution = setting.distribution
    match distribution:
        case FiniteMixture():
            economy = finite_economy(setting)
            return serial_dictatorship(economy, buys_at_zero_utility=buys_at_zero_utility)
        case CorrelatedUniform():
            # Everybody wants everything, so whoever comes first is served: a mean of 1/2.
            _additive_only(setting)
            return sum(_useful_units(setting)) / 2
        case Samples():
            _additive_only(setting)
            return sample_averages.sample_serial_dictatorship(
                _item_values(distribution),
                np.asarray(setting.units),
                buys_at_zero_utility=buys_at_zero_utility,
            )
    raise _unknown(setting)


def expected_offline_optimum(setting: Setting) -> float:
    """Exact expectation of the greatest welfare any allocation reaches, all values known.

    Raises:
      NotKnown: not built for this setting, or it costs too much; the message says why.
    """
    distribution, demand = setting.distribution, setting.distribution.demand
    match distribution:
        case FiniteMixture():
            return offline_expectation(finite_economy(setting))
        case CorrelatedUniform():
            _additive_only(setting)
            delta, num_agents = _delta(distribution), distribution.num_agents
            return sum(
                continuous_values.correlated_offline(num_agents, units, delta)
                for units in setting.units
            )
        case Samples():
            if is_additive(demand):
                ordered = -np.sort(-_item_values(distribution), axis=1)
                ranks = np.arange(distribution.num_agents)[:, None]
                served = np.where(ranks < np.asarray(setting.units), ordered, 0)
                return float(served.sum(axis=(1, 2)).mean())
            values = np.asarray(distribution.values, np.float64)
            units = np.asarray(_useful_units(setting))
            if isinstance(demand, UnitDemand):
                return sample_averages.sample_assignment(values, units)
            packed = best_packing(bundle_values(demand, values), bundles_of(demand), units)
            return float(packed.mean())
    raise _unknown(setting)


def _correlated_optimum(
    setting: Setting, distribution: CorrelatedUniform, objective: ProgramObjective
) -> float:
    _additive_only(setting)
    delta, num_agents = _delta(distribution), distribution.num_agents
    if delta == 0:
        gain = {
            "welfare": continuous_values.uniform_welfare_gain,
            "revenue": continuous_values.uniform_revenue_gain,
        }[objective]
        # Types and agents are independent, so a joint order costs no type anything.
        values = [continuous_values.iid_optimum(gain, num_agents, n) for n in setting.units]
        return sum(float(value[-1]) for value in values)
    if delta == 1 and objective == "welfare":
        return sum(_useful_units(setting)) / 2
    raise NotKnown(
        f"delta: got {delta:g}; the optimal {objective} is known where values are iid (delta 0)"
        + (" or identical (delta 1)" if objective == "welfare" else "")
    )


def _additive_only(setting: Setting) -> None:
    demand = setting.distribution.demand
    if not is_additive(demand):
        kind = type(setting.distribution).__name__
        raise NotKnown(
            f"demand: got {demand} with {kind} values; allowed are {UnitDemand(1)} or "
            "AdditiveDemand, where item types do not compete for an agent"
        )


def _delta(distribution: CorrelatedUniform) -> float:
    return float(exact_decimals(distribution.delta))


def _useful_units(setting: Setting) -> list[int]:
    """Units of each type that can be sold: at most one to each agent."""
    return [min(units, setting.distribution.num_agents) for units in setting.units]


def _item_values(samples: Samples) -> Floats:
    """Float64 [samples, agents, items], where values are additive."""
    values = np.asarray(samples.values, np.float64)
    return values[..., 1:] if isinstance(samples.demand, BundleDemand) else values


def _identical_values(distribution: ValueDistribution) -> bool:
    """Whether all agents surely have the same value, so that static prices lose nothing."""
    return isinstance(distribution, CorrelatedUniform) and _delta(distribution) == 1


def _unknown(setting: Setting) -> NotKnown:
    kind = type(setting.distribution).__name__
    return NotKnown(
        f"distribution: got {kind}; allowed are FiniteMixture, CorrelatedUniform and Samples"
    )
