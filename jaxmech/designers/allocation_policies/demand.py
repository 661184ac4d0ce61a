"""All impressions to who sells for most, by a demand that is known or learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.sellers.observation import seller_observation
from jaxmech.agents.sellers.records import IMPRESSIONS, PRICE, TRANSACTIONS
from jaxmech.designers.allocation_policies.shares import all_to_best
from jaxmech.environments import ImpressionAllocation, ImpressionAllocationParams
from jaxmech.wrappers import StateObservation


@struct.dataclass
class KnownDemand:
    """All impressions to who sells for most in this round, by the true demand and prices.

    The upper reference among policies that look no further than the round: it is no bound of those
    that do. It acts on observations that show the state, see ``jaxmech.wrappers.state_observed``.

    Attributes:
      params: of the environment.
    """

    params: ImpressionAllocationParams

    def initial_carry(self) -> None:
        """Nothing."""

    def act(
        self, observation: StateObservation, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """Shares, float [sellers]."""
        del carry, key
        state = observation.state
        chance = self.params.buyers.purchase_probability(
            state.prices, state.records.sales, state.appeal_quantile
        )
        return all_to_best(state.prices * chance, state.present), None


@struct.dataclass
class DemandEstimates:
    """What has been sold at prices alike, of all sellers.

    Attributes:
      impressions, transactions: float [bins].
    """

    impressions: jax.Array
    transactions: jax.Array


@struct.dataclass
class LearnedDemand:
    """All impressions to who sells for most by a demand learned from what was sold.

    The demand is the share of impressions that sold, of all sellers together, in even bins of the
    price; where nothing has been shown yet, all of it counts as sold. Where the prices to come are
    withheld, the last ones are taken.

    Attributes:
      price_high: float [], the highest price.
      known: what has been learned before an episode, see ``trained_demand``; None for nothing.
      num_bins: bins of the price.
      prices_shown: whether the prices to come are observed.
    """

    price_high: jax.Array
    known: DemandEstimates | None = None
    num_bins: int = struct.field(pytree_node=False, default=20)
    prices_shown: bool = struct.field(pytree_node=False, default=True)

    def __post_init__(self) -> None:
        checks.integer("num_bins", self.num_bins)

    def initial_carry(self) -> DemandEstimates:
        """What is known before an episode."""
        if self.known is not None:
            return self.known
        nothing = jnp.zeros(self.num_bins)
        return DemandEstimates(nothing, nothing)

    def act(
        self, observation: jax.Array, carry: DemandEstimates, key: jax.Array | None
    ) -> tuple[jax.Array, DemandEstimates]:
        """Shares, float [sellers], and what has been learned."""
        del key
        seen = seller_observation(observation)
        last = seen.records[-1]
        shown, prices, sold = (last[:, column] for column in (IMPRESSIONS, PRICE, TRANSACTIONS))
        bins = self._bins(prices)
        carry = DemandEstimates(
            carry.impressions + bins.T @ shown, carry.transactions + bins.T @ sold
        )
        known = carry.impressions > 0
        demand = jnp.where(known, carry.transactions / jnp.where(known, carry.impressions, 1), 1)
        asked = seen.prices if self.prices_shown else prices
        return all_to_best(asked * (self._bins(asked) @ demand), seen.present), carry

    def _bins(self, prices: jax.Array) -> jax.Array:
        """The bin of each price, float [sellers, bins], one-hot."""
        place = jnp.floor(prices / self.price_high * self.num_bins).astype(jnp.int32)
        return jax.nn.one_hot(jnp.clip(place, 0, self.num_bins - 1), self.num_bins)


def trained_demand(
    env: ImpressionAllocation,
    params: ImpressionAllocationParams,
    key: jax.Array,
    episodes: int,
) -> LearnedDemand:
    """A demand learned in ``episodes``, one after another, by acting on what it learned so far."""
    policy = LearnedDemand(params.population.price_high, prices_shown=env.prices_shown)

    def one_round(current: Any, key: jax.Array) -> tuple[Any, None]:
        observation, state, known = current
        shares, known = policy.act(observation, known, None)
        observation, state, *_ = env.step_env(key, state, shares, params)
        return (observation, state, known), None

    def one_episode(known: DemandEstimates, key: jax.Array) -> tuple[DemandEstimates, None]:
        reset_key, rounds_key = jax.random.split(key)
        start = (*env.reset(reset_key, params), known)
        rounds = jax.random.split(rounds_key, env.num_rounds)
        return jax.lax.scan(one_round, start, rounds)[0][2], None

    known, _ = jax.lax.scan(one_episode, policy.initial_carry(), jax.random.split(key, episodes))
    return replace(policy, known=known)
