"""What a scheme does and earns on keywords, day by day.

Every function gives revenue per auction, float [keywords, days], and reserves, float [keywords,
days, bidders]. All are pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech.designers.planning.planners import FixedReserves
from jaxmech.environments import ReservePricing, ReservePricingParams, ReservePricingState
from jaxmech.environments.reserve_pricing.relative import RelativeReserves
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.planned import Planned
from jaxmech.experiments.reserve_pricing.policies import PolicyName, learner_of
from jaxmech.experiments.reserve_pricing.settings import LearnedPolicies

Choose = Callable[[jax.Array, jax.Array, ReservePricingState, jax.Array], jax.Array]
"""(known of the keyword, observation, state, key) -> reserves of the day, float [bidders]."""


def play_fixed(
    env: ReservePricing, params: ReservePricingParams, keywords: Keywords, reserves: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The same ``reserves``, float [keywords, bidders], every day."""

    def choose(
        reserves: jax.Array, observation: jax.Array, state: ReservePricingState, key: jax.Array
    ) -> jax.Array:
        return FixedReserves(reserves).act(observation, None, key)[0]

    return _play(env, params, choose, keywords, reserves)


def play_planned(
    env: ReservePricing,
    params: ReservePricingParams,
    planned: Planned,
    parameters: Any,
    keywords: Keywords,
    starts: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """The first move of every day's plan; on the first day ``starts``, where they are finite.

    Args:
      env, params: the environment and its parameters.
      planned: the scheme.
      parameters: of the bidder model it plans on; None where it plans on the simulator.
      keywords: to play on.
      starts: float [keywords, bidders].
    """

    def choose(
        start: jax.Array, observation: jax.Array, state: ReservePricingState, key: jax.Array
    ) -> jax.Array:
        del observation
        reserves = planned.build(env, params, parameters).reserves(state, key)
        return jnp.where((state.day == 0) & jnp.isfinite(start), start, reserves)

    return _play(env, params, choose, keywords, starts)


def play_learned(
    env: ReservePricing,
    params: ReservePricingParams,
    name: PolicyName,
    settings: LearnedPolicies,
    learned_with: ReservePricingParams,
    learnt: Any,
    keywords: Keywords,
    unused: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """A learned policy without exploration.

    Args:
      env, params: the environment and its parameters.
      name, settings: of the learner.
      learned_with: parameters of the environment it learned in.
      learnt: its state.
      keywords: to play on.
      unused: float [keywords, bidders]; nothing is known of a keyword.
    """
    relative = RelativeReserves(env)
    policy = learner_of(name, settings, env, learned_with).policy(learnt)

    def choose(
        known: jax.Array, observation: jax.Array, state: ReservePricingState, key: jax.Array
    ) -> jax.Array:
        del known, key
        shares, _ = policy.act(observation, policy.initial_carry(), None)
        return relative.reserves(state, shares, learned_with)

    return _play(env, params, choose, keywords, unused)


def _play(
    env: ReservePricing,
    params: ReservePricingParams,
    choose: Choose,
    keywords: Keywords,
    known: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    def one(keywords: Keywords, known: jax.Array) -> tuple[jax.Array, jax.Array]:
        def day(
            carry: Any, keys: tuple[jax.Array, jax.Array]
        ) -> tuple[Any, tuple[jax.Array, jax.Array]]:
            observation, state = carry
            key, plan_key = keys
            reserves = choose(known, observation, state, plan_key)
            observation, state, revenue, _, _ = env.step_env(key, state, reserves, params)
            return (observation, state), (revenue, state.reserves)

        start = (keywords.observations, keywords.states)
        return jax.lax.scan(day, start, (keywords.day_keys, keywords.plan_keys))[1]

    earned: tuple[jax.Array, jax.Array] = jax.vmap(one)(keywords, known)
    return earned
