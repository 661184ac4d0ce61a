"""What a scheme earns on keywords, day by day: float [keywords, days], revenue per auction.

All schemes meet the same bidders and the same chance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.designers.planning.planners import FixedReserves, ReservePlanner
from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.environments.reserve_pricing.relative import RelativeReserves
from jaxmech.evaluation import Policy, play
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.planned import Planned
from jaxmech.experiments.reserve_pricing.policies import PolicyName, learner_of
from jaxmech.experiments.reserve_pricing.settings import LearnedPolicies
from jaxmech.wrappers import StateObservation, state_observed


def play_fixed(
    env: ReservePricing, params: ReservePricingParams, keywords: Keywords, reserves: jax.Array
) -> jax.Array:
    """The same ``reserves``, float [keywords, bidders], every day; pure."""
    return _play(env, params, FixedReserves, keywords, reserves)


def play_planned(
    env: ReservePricing,
    params: ReservePricingParams,
    planned: Planned,
    parameters: Any,
    keywords: Keywords,
    starts: jax.Array,
) -> jax.Array:
    """The first move of every day's plan; on the first day ``starts``, where they are finite; pure.

    Args:
      env, params: the environment and its parameters.
      planned: the scheme.
      parameters: of the bidder model it plans on; None where it plans on the simulator.
      keywords: to play on.
      starts: float [keywords, bidders].
    """
    planner = planned.build(env, params, parameters)

    def policy(start: jax.Array) -> StartingReserves:
        return StartingReserves(start, planner)

    seen = StateObservation(keywords.observations, keywords.states)
    shown = Keywords(seen, keywords.states, keywords.day_keys, keywords.plan_keys)
    return _play(state_observed(env), params, policy, shown, starts)


@struct.dataclass
class StartingReserves:
    """A planner that begins with reserves of another's choice.

    Attributes:
      start: float [bidders], of the first day; where not finite, the planner's own.
      planner: of all other days.
    """

    start: jax.Array
    planner: ReservePlanner

    def initial_carry(self) -> None:
        """Nothing."""

    def act(
        self, observation: StateObservation, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """The reserves of the day, float [bidders]."""
        reserves, _ = self.planner.act(observation, carry, key)
        begins = (observation.state.day == 0) & jnp.isfinite(self.start)
        return jnp.where(begins, self.start, reserves), None


def play_learned(
    env: ReservePricing,
    params: ReservePricingParams,
    name: PolicyName,
    settings: LearnedPolicies,
    learned_with: ReservePricingParams,
    learnt: Any,
    keywords: Keywords,
    unused: jax.Array,
) -> jax.Array:
    """A learned policy without exploration; pure.

    Args:
      env, params: the environment and its parameters.
      name, settings: of the learner.
      learned_with: parameters of the environment it learned in.
      learnt: its state.
      keywords: to play on.
      unused: float [keywords, bidders]; nothing is known of a keyword.
    """
    learned = learner_of(name, settings, env, learned_with).policy(learnt)

    def policy(_: jax.Array) -> Policy:
        return learned

    return _play(RelativeReserves(env), params, policy, keywords, unused, deterministic=True)


def _play(
    env: Any,
    params: ReservePricingParams,
    policy: Callable[[jax.Array], Policy],
    keywords: Keywords,
    known: jax.Array,
    *,
    deterministic: bool = False,
) -> jax.Array:
    """
    Args:
      env, params: the environment, or a view of it, and its parameters.
      policy: of what is known of a keyword.
      keywords: to play on, with observations of ``env``.
      known: float [keywords, bidders].
      deterministic: whether the policy gets no key.
    """

    def one(keyword: Keywords, known: jax.Array) -> jax.Array:
        revenue: jax.Array = play(
            env,
            params,
            policy(known),
            keyword.day_keys[0],
            deterministic=deterministic,
            start=(keyword.observations, keyword.states),
            step_keys=(keyword.plan_keys, keyword.day_keys),
        ).rewards
        return revenue

    return jax.vmap(one)(keywords, known)
