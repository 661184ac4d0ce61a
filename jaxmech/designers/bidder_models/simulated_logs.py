"""Logs of simulated keywords whose reserves wander, for bidder models to learn from."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxmech import checks
from jaxmech.agents.keywords.bid_history import BidHistory
from jaxmech.data.bid_logs import BidLogs
from jaxmech.environments import ReservePricing, ReservePricingParams, ReservePricingState

RESERVE_FACTORS = (0.95, 1.0, 1.05)
"""A bidder's reserve is multiplied by one of these a day, the moves that planners consider."""


def simulate_bid_logs(
    key: jax.Array,
    env: ReservePricing,
    params: ReservePricingParams,
    *,
    num_keywords: int,
    num_days: int,
    highest_start: float = 1.2,
) -> BidLogs:
    """Logs of fresh keywords, a model of how bidders respond to reserves having to see many.

    Each bidder's reserve starts anywhere, log-uniformly, from the deployed one to
    ``highest_start`` times its mean bid, and then every day takes a random one of
    ``RESERVE_FACTORS``. The first days, as many as the history keeps, are not logged, as
    nobody's reserve jumps like that later on.

    Args:
      key: of the keywords, the bidders and the reserves.
      env: of any number of ``days``, which has no effect.
      params: of the environment.
      num_keywords: keywords in the logs.
      num_days: days of each, at least 1.
      highest_start: in mean bids of the bidder under the deployed reserves.

    Raises:
      ValueError: a number out of range.
    """
    checks.integer("num_keywords", num_keywords)
    checks.integer("num_days", num_days)
    checks.number("highest_start", highest_start, above=0, finite=False)
    unlogged = env.history_days
    env = replace(env, days=num_days + unlogged)
    # A reserve of 0 would stay 0.
    lowest = params.bins.edges[1]

    def first_reserves(key: jax.Array, state: ReservePricingState) -> jax.Array:
        deployed = jnp.maximum(state.reserves, lowest)
        mean_bids = state.history.histograms[-1] @ params.bins.centres
        highest = jnp.maximum(highest_start * mean_bids, deployed)
        share = jax.random.uniform(key, deployed.shape, deployed.dtype)
        return deployed * (highest / deployed) ** share

    def of_keyword(key: jax.Array) -> tuple[BidHistory, jax.Array]:
        reset_key, start_key, key = jax.random.split(key, 3)
        _, state = env.reset(reset_key, params)
        factors = jnp.array(RESERVE_FACTORS, state.reserves.dtype)

        def one_day(
            carry: tuple[ReservePricingState, jax.Array], key: jax.Array
        ) -> tuple[tuple[ReservePricingState, jax.Array], BidHistory]:
            state, reserves = carry
            move_key, step_key = jax.random.split(key)
            _, state, *_ = env.step_env(step_key, state, reserves, params)
            day = jax.tree.map(lambda days: days[-1], state.history)
            moved = reserves * jax.random.choice(move_key, factors, reserves.shape)
            return (state, jnp.clip(moved, lowest, params.reserve_high)), day

        start = (state, first_reserves(start_key, state))
        _, days = jax.lax.scan(one_day, start, jax.random.split(key, num_days + unlogged))
        return jax.tree.map(lambda day: day[unlogged:], days), state.quality

    days, quality = jax.vmap(of_keyword)(jax.random.split(key, num_keywords))
    return BidLogs(days, quality, jnp.ones(quality.shape, bool), params.bins)
