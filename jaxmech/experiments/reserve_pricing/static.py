"""The static schemes: reserves fixed in advance, some with knowledge that no scheme can have."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech.agents.keywords.bid_history import BidBins, BidHistory
from jaxmech.designers.planning.initial_reserves import best_initial_reserves
from jaxmech.designers.planning.simulators import ExactSimulator
from jaxmech.designers.planning.static_reserves import (
    best_nearby_reserves,
    myerson_reserves,
    reserve_grid,
    revenue_of_days,
)
from jaxmech.environments import ReservePricing, ReservePricingParams, ReservePricingState
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.planned import simulator_of
from jaxmech.experiments.reserve_pricing.schemes import DAYS_FORESEEN, STATIC
from jaxmech.experiments.workspace import Workspace


def static_reserves(
    workspace: Workspace,
    study: ReservePricingStudy,
    env: ReservePricing,
    params: ReservePricingParams,
    lstm: Any,
    keywords: Keywords,
    suffix: str = "",
) -> dict[str, jax.Array]:
    """The reserves of each static scheme, float [keywords, bidders].

    Args:
      workspace: keeps each of them.
      study: how many levels are tried, and how many auctions stand for a day.
      env, params: the environment and its parameters.
      lstm: parameters of the bidder model that one of them is the best on.
      keywords: that reserves are for.
      suffix: of the names under which the workspace keeps them.
    """
    states = keywords.states
    grid = reserve_grid(params.bins, params.reserve_high, study.reserve_levels)
    deployed = states.history.reserves[:, -1]
    myerson = workspace.kept("myerson" + suffix, of_myerson, states.history, params.bins)
    candidates = jnp.stack([deployed, myerson], axis=1)
    initial = workspace.kept("static_initial" + suffix, best_at_first, env, params, grid, states)
    candidates = jnp.concatenate([candidates, initial[:, None]], axis=1)
    model = workspace.kept(
        "static_model" + suffix,
        best_on_model,
        env,
        study.search.auctions,
        params,
        lstm,
        grid,
        states,
        candidates,
    )
    candidates = jnp.concatenate([candidates, model[:, None]], axis=1)
    hindsight = workspace.kept(
        "static_hindsight" + suffix, best_in_hindsight, env, params, grid, keywords, candidates
    )
    return dict(zip(STATIC, (deployed, myerson, initial, model, hindsight), strict=True))


def of_myerson(histories: BidHistory, bins: BidBins) -> jax.Array:
    """Myerson's reserves on the initial bids, float [keywords, bidders]; pure."""
    return jax.vmap(myerson_reserves, in_axes=(0, None))(histories, bins)


def best_at_first(
    env: ReservePricing,
    params: ReservePricingParams,
    grid: jax.Array,
    states: ReservePricingState,
) -> jax.Array:
    """The best on the initial bids, float [keywords, bidders]; pure."""

    def of_keyword(state: ReservePricingState) -> jax.Array:
        return best_initial_reserves(env, params, state, grid)

    return jax.vmap(of_keyword)(states)


def best_on_model(
    env: ReservePricing,
    auctions: int,
    params: ReservePricingParams,
    lstm: Any,
    grid: jax.Array,
    states: ReservePricingState,
    candidates: jax.Array,
) -> jax.Array:
    """The best of some days as the bidder model foresees them, float [keywords, bidders]; pure."""
    simulator = simulator_of("lstm", lstm, env, params, auctions)
    keys = jax.random.split(jax.random.key(0), DAYS_FORESEEN)

    def of_keyword(state: ReservePricingState, candidates: jax.Array) -> jax.Array:
        revenue = revenue_of_days(simulator, simulator.start(state), keys)
        return best_nearby_reserves(revenue, grid, candidates, params.reserve_high)

    return jax.vmap(of_keyword)(states, candidates)


def best_in_hindsight(
    env: ReservePricing,
    params: ReservePricingParams,
    grid: jax.Array,
    keywords: Keywords,
    candidates: jax.Array,
) -> jax.Array:
    """The best on the days themselves, float [keywords, bidders]; pure."""
    simulator = ExactSimulator(env, params)

    def of_keyword(keyword: Keywords, candidates: jax.Array) -> jax.Array:
        revenue = revenue_of_days(simulator, keyword.states, keyword.day_keys)
        return best_nearby_reserves(revenue, grid, candidates, params.reserve_high)

    return jax.vmap(of_keyword)(keywords, candidates)
