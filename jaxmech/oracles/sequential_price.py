"""Exact values of sequential price mechanisms and their baselines, by setting.

Families as in Brero et al. (2021), from the most to the least powerful: adaptive order
and prices (``optimal``) and its restrictions to a static order (``static_order_optimum``)
or to what is left (``agents_items_optimum``); static order with a price vector for each
agent (``personalised_static_prices``) or one for all (``anonymous_static_prices``); and
random serial dictatorship, which posts zero. ``expected_offline_optimum`` bounds the
welfare of all. Where the optimum is not known because values share an unknown centre,
``purchase_history_lower_bound`` and ``known_centre_upper_bound`` enclose it.

Agents buy only at strictly positive utility. Everything here is NumPy in float64, run
on the host, once per setting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np

from jaxmech.agents import CorrelatedUniform, FiniteMixture, Samples, Setting, UnitDemand
from jaxmech.oracles import continuous_values, sample_averages
from jaxmech.oracles.agents_items_program import agents_items_value
from jaxmech.oracles.belief_program import adaptive_optimum, static_order_value
from jaxmech.oracles.centre_bounds import (
    known_centre_upper_bound,
    numbers_left_value,
    purchase_history_lower_bound,
)
from jaxmech.oracles.decision_problem import DecisionProblem, ProgramObjective, decision_problem
from jaxmech.oracles.finite_economy import (
    Floats,
    bundle_values,
    bundles_of,
    finite_economy,
    is_additive,
)
from jaxmech.oracles.finite_expectations import (
    best_packing,
    offline_expectation,
    serial_dictatorship,
)
from jaxmech.oracles.offline_max_min import expected_offline_max_min
from jaxmech.oracles.refusals import NotKnown
from jaxmech.oracles.setting_parts import (
    additive_only,
    correlation,
    identical_values,
    item_values,
    unknown,
    useful_units,
)
from jaxmech.oracles.static_program import (
    StaticPriceResult,
    anonymous_static_optimum,
    personalised_static_optimum,
)

__all__ = [
    "StaticPriceResult",
    "agents_items_optimum",
    "anonymous_static_prices",
    "expected_offline_max_min",
    "expected_offline_optimum",
    "known_centre_upper_bound",
    "optimal",
    "personalised_static_prices",
    "purchase_history_lower_bound",
    "random_serial_dictatorship",
    "static_order_optimum",
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
      objective: ``"welfare"``, ``"revenue"`` (one item type or additive values) or
        ``"max_min"`` (finite supports), the expectation of the smallest value of any agent.
      max_states: refuse a dynamic program that may have more states.

    Raises:
      ValueError: ``objective`` is none of these.
      NotKnown: the optimum is not known, or costs too much; the message says why.
    """
    _check_objective(setting, objective)
    distribution = setting.distribution
    match distribution:
        case FiniteMixture():
            return adaptive_optimum(_problem(setting, objective), max_states=max_states)
        case CorrelatedUniform():
            return _correlated_optimum(setting, distribution, objective)
        case Samples():
            raise _too_many_worlds(distribution)
    raise unknown(setting)


def static_order_optimum(
    setting: Setting,
    *,
    objective: ProgramObjective = "welfare",
    max_states: int = 1_000_000,
    max_orders: int = 10_000,
) -> float:
    """As ``optimal``, with the best order fixed in advance; prices use the whole history.

    Raises:
      ValueError, NotKnown: as ``optimal``; ``NotKnown`` also where agents of different
        distributions have more than ``max_orders`` orders.
    """
    _check_objective(setting, objective)
    match setting.distribution:
        case FiniteMixture():
            return static_order_value(
                _problem(setting, objective), max_states=max_states, max_orders=max_orders
            )
        case CorrelatedUniform():
            # Agents are alike until visited, so no order is better than another.
            return optimal(setting, objective=objective)
        case Samples():
            raise _too_many_worlds(setting.distribution)
    raise unknown(setting)


def agents_items_optimum(
    setting: Setting,
    *,
    objective: ProgramObjective = "welfare",
    first_agents: Sequence[int] = (),
    max_states: int = 1_000_000,
    max_decisions: int = 200_000,
) -> float:
    """As ``optimal``, for deterministic policies that see only the agents and units left.

    Exact for finite supports, by a search over policies. Such a policy may choose whom to
    visit so that the agents left tell what happened. For ``CorrelatedUniform`` this is
    excluded: agents come in index order and each type is priced by its own units left, so
    the policy sees numbers only; numerical there, a local optimum, but for delta 0 and 1.

    Args:
      setting: economy with a ``FiniteMixture`` or a ``CorrelatedUniform``.
      objective: as in ``optimal``.
      first_agents: for finite supports, agents to visit before all others, in this order.
      max_states: refuse a search with more situations, or bounds with more states.
      max_decisions: give up after as many decisions tried.

    Raises:
      ValueError: as ``optimal``, or ``first_agents`` are not distinct indices of agents.
      NotKnown: as ``optimal``, or the search costs too much; the message says why.
    """
    _check_objective(setting, objective)
    distribution = setting.distribution
    num_agents = distribution.num_agents
    if len(set(first_agents)) < len(first_agents) or not set(first_agents) <= {*range(num_agents)}:
        raise ValueError(
            f"first_agents: got {tuple(first_agents)}; allowed are distinct indices of the "
            f"{num_agents} agents"
        )
    match distribution:
        case FiniteMixture():
            return agents_items_value(
                _problem(setting, objective),
                first_agents=first_agents,
                max_states=max_states,
                max_decisions=max_decisions,
            )
        case CorrelatedUniform():
            if objective == "max_min" or correlation(distribution) in (0, 1):
                return optimal(setting, objective=objective)
            return numbers_left_value(setting, objective=objective)
        case Samples():
            raise _too_many_worlds(distribution)
    raise unknown(setting)


def personalised_static_prices(setting: Setting, *, max_vectors: int = 20_000) -> StaticPriceResult:
    """The best prices for each agent, fixed in advance, in a fixed order.

    Exact for finite supports, with the best order where agents differ. Numerical for
    ``CorrelatedUniform`` (gradient search, local optimum) and ``Samples`` (coordinate
    search, agents in index order).

    Raises:
      NotKnown: not built for this setting, or it costs too much; the message says why.
    """
    if isinstance(setting.distribution, FiniteMixture):
        return personalised_static_optimum(finite_economy(setting), max_vectors=max_vectors)
    return _static_prices_by_type(
        setting,
        continuous_values.best_personalised_prices,
        sample_averages.best_personalised_sample_prices,
    )


def anonymous_static_prices(setting: Setting, *, max_vectors: int = 20_000) -> StaticPriceResult:
    """The best single price for each item type, fixed in advance, in a fixed order.

    Exact for finite supports, with the best order where agents differ. Numerical for
    ``CorrelatedUniform`` and ``Samples`` (search over prices, agents in index order).

    Raises:
      NotKnown: not built for this setting, or it costs too much; the message says why.
    """
    distribution, demand = setting.distribution, setting.distribution.demand
    if isinstance(distribution, FiniteMixture):
        return anonymous_static_optimum(finite_economy(setting), max_vectors=max_vectors)
    if isinstance(distribution, Samples) and not is_additive(demand):
        value, best = sample_averages.best_anonymous_sample_prices(
            bundle_values(demand, np.asarray(distribution.values, np.float64)),
            bundles_of(demand),
            np.asarray(setting.units),
            additive=False,
        )
        order = np.arange(distribution.num_agents)
        return StaticPriceResult(value, best, order, exact=False)
    return _static_prices_by_type(
        setting,
        continuous_values.best_anonymous_price,
        sample_averages.best_anonymous_sample_price,
    )


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
      NotKnown: not built for this setting, or it costs too much; the message says why.
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


def _static_prices_by_type(
    setting: Setting,
    of_uniform: Callable[[int, int, float], tuple[float, float | Floats]],
    of_samples: Callable[[Floats, int], tuple[float, float | Floats]],
) -> StaticPriceResult:
    """Item types priced one by one, each by a function that gives value and prices."""
    distribution, units = setting.distribution, useful_units(setting)
    match distribution:
        case CorrelatedUniform():
            additive_only(setting)
            delta, num_agents = correlation(distribution), distribution.num_agents
            found = [of_uniform(num_agents, count, delta) for count in units]
        case Samples():
            additive_only(setting)
            values = item_values(distribution)
            found = [of_samples(values[..., item], count) for item, count in enumerate(units)]
        case _:
            raise unknown(setting)
    prices = np.stack([np.asarray(prices) for _, prices in found], axis=-1)
    order = np.arange(distribution.num_agents)
    value = sum(value for value, _ in found)
    return StaticPriceResult(value, prices, order, identical_values(distribution))


def _problem(setting: Setting, objective: ProgramObjective) -> DecisionProblem:
    return decision_problem(finite_economy(setting), objective)


def _check_objective(setting: Setting, objective: ProgramObjective) -> None:
    if objective not in get_args(ProgramObjective):
        raise ValueError(f"objective: got {objective!r}; allowed are {get_args(ProgramObjective)}")
    if objective == "revenue" and not is_additive(setting.distribution.demand):
        raise NotKnown(
            "objective: got 'revenue'; allowed are 'welfare' and 'max_min' where there are "
            "several item types and values are not additive"
        )
    if objective == "max_min" and isinstance(setting.distribution, CorrelatedUniform):
        raise NotKnown(
            "objective: got 'max_min'; allowed are 'welfare' and 'revenue' for continuous values"
        )


def _too_many_worlds(samples: Samples) -> NotKnown:
    return NotKnown(
        f"distribution: got {len(samples.values)} samples; the optimum is known for "
        "finite supports with few worlds (every sample is a world of its own) and for "
        "iid values"
    )


def _correlated_optimum(
    setting: Setting, distribution: CorrelatedUniform, objective: ProgramObjective
) -> float:
    additive_only(setting)
    delta, num_agents = correlation(distribution), distribution.num_agents
    if delta == 0:
        gain = {
            "welfare": continuous_values.uniform_welfare_gain,
            "revenue": continuous_values.uniform_revenue_gain,
        }[objective]
        # Types and agents are independent, so a joint order costs no type anything.
        values = [continuous_values.iid_optimum(gain, num_agents, n) for n in setting.units]
        return sum(float(value[-1]) for value in values)
    if delta == 1 and objective == "welfare":
        return sum(useful_units(setting)) / 2
    raise NotKnown(
        f"delta: got {delta:g}; the optimal {objective} is known where values are iid (delta 0)"
        + (" or identical (delta 1)" if objective == "welfare" else "")
    )
