"""All impressions to who sells for most, by a demand that is known or learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.sellers.observation import SellerObservation, seller_observation
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

    def act(self, observation: Any, carry: None, key: jax.Array | None) -> tuple[jax.Array, None]:
        """Shares, float [sellers].

        Raises:
          ValueError: the observation does not show the state.
        """
        del carry, key
        if not isinstance(observation, StateObservation):
            allowed = "one that shows the state: wrap the environment by state_observed"
            raise checks.InvalidValueError("observation", observation, allowed)
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
    withheld, a seller is worth the mean over its prices on record, any of which it may ask again.

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
        checks.leaf("price_high", self.price_high, above=0)
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
        carry = self.learn(carry, seen)
        return all_to_best(self.worth(carry, seen), seen.present), carry

    def learn(self, estimates: DemandEstimates, seen: SellerObservation) -> DemandEstimates:
        """The estimates with the last round in them."""
        last = seen.records[-1]
        bins = self._bins(last[:, PRICE])
        return DemandEstimates(
            estimates.impressions + bins.T @ last[:, IMPRESSIONS],
            estimates.transactions + bins.T @ last[:, TRANSACTIONS],
        )

    def worth(self, estimates: DemandEstimates, seen: SellerObservation) -> jax.Array:
        """What an impression of each seller is expected to earn next, float [sellers]."""
        if self.prices_shown:
            return seen.prices * self.demand(estimates, seen.prices)
        prices = seen.records[..., PRICE]
        # Of a round before the first, or without the seller, the price on record is 0.
        rounds = jnp.sum(prices > 0, axis=0)
        earned = jnp.sum(prices * self.demand(estimates, prices), axis=0)
        return earned / jnp.maximum(rounds, 1)

    def demand(self, estimates: DemandEstimates, prices: jax.Array) -> jax.Array:
        """The estimated share of impressions that sell at ``prices``, float of their shape."""
        known = estimates.impressions > 0
        shown = jnp.where(known, estimates.impressions, 1)
        return self._bins(prices) @ jnp.where(known, estimates.transactions / shown, 1)

    def _bins(self, prices: jax.Array) -> jax.Array:
        """The bin of each price, float [..., bins], one-hot."""
        place = jnp.floor(prices / self.price_high * self.num_bins).astype(jnp.int32)
        return jax.nn.one_hot(jnp.clip(place, 0, self.num_bins - 1), self.num_bins)


@struct.dataclass
class SellerDemandEstimates:
    """What each seller has sold, beside what all of them together sell.

    Attributes:
      common: of all sellers together.
      transactions: float [sellers], what each has sold.
      expected_transactions: float [sellers], what it would have sold by the demand of all.
    """

    common: DemandEstimates
    transactions: jax.Array
    expected_transactions: jax.Array


@struct.dataclass
class LearnedSellerDemand:
    """All impressions to who sells for most by a demand learned for each seller.

    A seller's demand is that of all sellers together times the ratio of what the seller sold to
    what it would have sold by the demand of all. A seller who leaves is forgotten.

    Attributes:
      common: learns the demand of all sellers together.
      prior_transactions: float [], above 0, added to both numbers of the ratio, so that it starts
        at 1; in transactions per buyer of a round.
      num_sellers: how many.
    """

    common: LearnedDemand
    prior_transactions: jax.Array | float = 1.0
    num_sellers: int = struct.field(pytree_node=False, kw_only=True)

    def __post_init__(self) -> None:
        checks.leaf("prior_transactions", self.prior_transactions, above=0)
        checks.integer("num_sellers", self.num_sellers)

    def initial_carry(self) -> SellerDemandEstimates:
        """What is known of all before an episode, and nothing of each."""
        nothing = jnp.zeros(self.num_sellers)
        return SellerDemandEstimates(self.common.initial_carry(), nothing, nothing)

    def act(
        self, observation: jax.Array, carry: SellerDemandEstimates, key: jax.Array | None
    ) -> tuple[jax.Array, SellerDemandEstimates]:
        """Shares, float [sellers], and what has been learned."""
        del key
        seen = seller_observation(observation)
        last = seen.records[-1]
        common = self.common.learn(carry.common, seen)
        expected = last[:, IMPRESSIONS] * self.common.demand(common, last[:, PRICE])
        carry = SellerDemandEstimates(
            common,
            jnp.where(seen.present, carry.transactions + last[:, TRANSACTIONS], 0),
            jnp.where(seen.present, carry.expected_transactions + expected, 0),
        )
        ratio = (carry.transactions + self.prior_transactions) / (
            carry.expected_transactions + self.prior_transactions
        )
        return all_to_best(ratio * self.common.worth(common, seen), seen.present), carry


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
