"""The best prices fixed in advance, in a fixed or an adaptive order, by setting."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jaxmech.agents import CorrelatedUniform, FiniteMixture, Samples, Setting
from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price import continuous_values, sample_averages
from jaxmech.oracles.sequential_price.adaptive_order import (
    AdaptiveOrderResult,
    anonymous_adaptive_order_optimum,
    personalised_adaptive_order_optimum,
)
from jaxmech.oracles.sequential_price.finite_economies import (
    Floats,
    bundle_values,
    bundles_of,
    finite_economy,
    is_additive,
)
from jaxmech.oracles.sequential_price.setting_parts import (
    additive_only,
    correlation,
    identical_values,
    item_values,
    too_many_worlds,
    unknown,
    useful_units,
)
from jaxmech.oracles.sequential_price.static_program import (
    StaticPriceResult,
    anonymous_static_optimum,
    personalised_static_optimum,
)


def personalised_static_prices(setting: Setting, *, max_vectors: int = 20_000) -> StaticPriceResult:
    """The best prices for each agent, fixed in advance, in a fixed order.

    Exact for finite supports, with the best order where agents differ. Numerical for
    ``CorrelatedUniform`` (gradient search, local optimum) and ``Samples`` (coordinate
    search, agents in index order).

    Raises:
      NotKnownError: not built for this setting, or it costs too much; the message says why.
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
      NotKnownError: not built for this setting, or it costs too much; the message says why.
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


def adaptive_order_personalised_prices(
    setting: Setting,
    *,
    max_assignments: int = 100_000,
    max_programs: int = 2_000,
    max_states: int = 1_000_000,
) -> AdaptiveOrderResult:
    """As ``personalised_static_prices``, but whom to visit next may depend on what happened.

    Exact for finite supports. Numerical for ``CorrelatedUniform``, and known only where an
    adaptive order is no better than a static one: values are independent or identical
    (delta 0 or 1), there is a single unit, or there are units of every type for all agents.

    Args:
      setting: economy with a ``FiniteMixture`` or a ``CorrelatedUniform``.
      max_assignments: refuse where prices can be assigned to agents in more ways.
      max_programs: give up after as many dynamic programs.
      max_states: refuse where a dynamic program may have more states.

    Raises:
      NotKnownError: not known for this setting, or it costs too much; the message says why.
    """
    distribution = setting.distribution
    match distribution:
        case FiniteMixture():
            return personalised_adaptive_order_optimum(
                finite_economy(setting),
                max_assignments=max_assignments,
                max_programs=max_programs,
                max_states=max_states,
            )
        case CorrelatedUniform():
            delta = correlation(distribution)
            enough_for_all = all(units >= distribution.num_agents for units in setting.units)
            if delta not in (0, 1) and sum(setting.units) > 1 and not enough_for_all:
                raise NotKnownError(
                    f"delta: got {delta:g}, with units {setting.units}; the best adaptive order "
                    "for personalised prices is known where values are iid (delta 0) or "
                    "identical (delta 1), for a single unit, and for units for all agents"
                )
            return _in_any_order(personalised_static_prices(setting))
        case Samples():
            raise too_many_worlds(distribution)
    raise unknown(setting)


def adaptive_order_anonymous_prices(
    setting: Setting, *, max_programs: int = 2_000, max_states: int = 1_000_000
) -> AdaptiveOrderResult:
    """As ``anonymous_static_prices``, but whom to visit next may depend on what happened.

    Exact for finite supports. Numerical for ``CorrelatedUniform``, where no order is better
    than another.

    Args:
      setting: economy with a ``FiniteMixture`` or a ``CorrelatedUniform``.
      max_programs: refuse where more price vectors differ in effect.
      max_states: refuse where the dynamic program of a vector may have more states.

    Raises:
      NotKnownError: not known for this setting, or it costs too much; the message says why.
    """
    distribution = setting.distribution
    match distribution:
        case FiniteMixture():
            return anonymous_adaptive_order_optimum(
                finite_economy(setting), max_programs=max_programs, max_states=max_states
            )
        case CorrelatedUniform():
            # Agents are alike until visited, and all face the same prices.
            return _in_any_order(anonymous_static_prices(setting))
        case Samples():
            raise too_many_worlds(distribution)
    raise unknown(setting)


def _in_any_order(result: StaticPriceResult) -> AdaptiveOrderResult:
    return AdaptiveOrderResult(result.value, result.prices, result.exact)


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
