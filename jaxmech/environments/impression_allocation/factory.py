"""The environment of impression allocation by its options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxmech.agents.sellers.population import (
    STRATEGIC_EXPLORATION,
    SellerKind,
    is_traced,
    seller_population,
)
from jaxmech.environments.impression_allocation.environment import ActionForm, ImpressionAllocation
from jaxmech.environments.impression_allocation.params import (
    ImpressionAllocationParams,
    params_of,
)
from jaxmech.environments.kinds import kind_of_each
from jaxmech.environments.registry import check_options


def make(
    sellers: SellerKind | Sequence[SellerKind] = "resampling",
    *,
    num_sellers: int | None = None,
    num_records: int = 5,
    num_rounds: int = 100,
    rounds_per_cost: int = 20,
    action_form: ActionForm = "shares",
    prices_shown: bool = True,
    num_buyers: int | None = None,
    entry_rate: float = 0.0,
    exit_rate: float = 0.0,
    exploration: float | Sequence[float] = STRATEGIC_EXPLORATION,
    noise: float | Sequence[float] = 0.05,
    discount: float = 0.9,
    price_grid: int | Sequence[float] = 11,
    price_high: float = 1.0,
    **market_options: Any,
) -> tuple[ImpressionAllocation, ImpressionAllocationParams]:
    """A platform that divides the impressions of its buyers among sellers.

    Numbers of the market and of how sellers explore may be traced, so that ``jax.vmap`` of
    parameters that are made is a sweep; see ``params_of`` and ``seller_population`` for which.
    Sellers can leave and enter where a rate is above 0 or traced.

    Args:
      sellers: the kind of each seller, or of all alike.
      num_sellers: as many as kinds are listed, or 50, unless given.
      num_records, num_rounds, rounds_per_cost, action_form, prices_shown, num_buyers: see
        ``ImpressionAllocation``.
      exploration, noise, discount, price_grid, price_high: see
        ``jaxmech.agents.sellers.population.seller_population``.
      entry_rate, exit_rate, market_options: see ``params_of`` in
        ``jaxmech.environments.impression_allocation.params``.

    Raises:
      ValueError: an unknown option, a value out of range, or one that another rules out.
    """
    check_options("impression_allocation", market_options, make, params_of)
    population = seller_population(
        kind_of_each("sellers", sellers, num_sellers, default=50),
        exploration=exploration,
        noise=noise,
        discount=discount,
        price_grid=price_grid,
        price_high=price_high,
    )
    params = params_of(
        population,
        num_records=num_records,
        num_rounds=num_rounds,
        entry_rate=entry_rate,
        exit_rate=exit_rate,
        **market_options,
    )
    env = ImpressionAllocation(
        num_sellers=population.num_sellers,
        num_records=num_records,
        num_rounds=num_rounds,
        rounds_per_cost=rounds_per_cost,
        kinds=population.kinds,
        num_choices=population.num_choices,
        action_form=action_form,
        prices_shown=prices_shown,
        turnover=any(is_traced(rate) or rate > 0 for rate in (entry_rate, exit_rate)),
        num_buyers=num_buyers,
    )
    return env, params
