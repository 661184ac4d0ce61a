"""Allocations of impressions that are not trained, as policies.

Each gives shares of the impressions, the action of an environment with
``action_form="shares"``; see ``jaxmech.environments.ImpressionAllocation``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents.exp3 import exp3_probabilities
from jaxmech.agents.sellers.observation import seller_observation
from jaxmech.agents.sellers.records import FIELDS
from jaxmech.environments import ImpressionAllocation, ImpressionAllocationParams
from jaxmech.spaces import Simplex
from jaxmech.wrappers import StateObservation

_IMPRESSIONS, _PRICE, _TRANSACTIONS, _REVENUE = range(len(FIELDS))


@struct.dataclass
class FixedShares:
    """The same shares in every round.

    Attributes:
      shares: float [sellers], from 0, that sum to 1.

    Raises:
      ValueError: ``shares`` of NumPy or a list are none.
    """

    shares: Any

    def __post_init__(self) -> None:
        # Not those of JAX: inside a transformation anything can stand in their place.
        if isinstance(self.shares, np.ndarray | list | tuple):
            Simplex(len(self.shares)).check("shares", self.shares)

    @classmethod
    def equal(cls, num_sellers: int) -> FixedShares:
        """Every seller the same."""
        return cls(jnp.full(num_sellers, 1 / num_sellers))

    def initial_carry(self) -> None:
        """Nothing."""

    def act(
        self, observation: jax.Array, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """The shares, of those present, float [sellers]."""
        del carry, key
        return _shares(jnp.asarray(self.shares), seller_observation(observation).present), None


@struct.dataclass
class ProportionalShares:
    """Shares in proportion to what sellers have sold; equal ones where nobody has.

    Attributes:
      to: ``"revenue"`` of the last round, or ``"transactions"`` of all rounds on record.
    """

    to: Literal["revenue", "transactions"] = struct.field(pytree_node=False, default="revenue")

    def __post_init__(self) -> None:
        checks.one_of("to", self.to, ("revenue", "transactions"))

    def initial_carry(self) -> None:
        """Nothing."""

    def act(
        self, observation: jax.Array, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """Shares, float [sellers]."""
        del carry, key
        seen = seller_observation(observation)
        if self.to == "revenue":
            weights = seen.records[-1, :, _REVENUE]
        else:
            weights = jnp.sum(seen.records[..., _TRANSACTIONS], axis=0)
        return _shares(weights, seen.present), None


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
        return _all_to_best(state.prices * chance, state.present), None


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
        shown, prices, sold = (last[:, column] for column in (_IMPRESSIONS, _PRICE, _TRANSACTIONS))
        bins = self._bins(prices)
        carry = DemandEstimates(
            carry.impressions + bins.T @ shown, carry.transactions + bins.T @ sold
        )
        known = carry.impressions > 0
        demand = jnp.where(known, carry.transactions / jnp.where(known, carry.impressions, 1), 1)
        asked = seen.prices if self.prices_shown else prices
        return _all_to_best(asked * (self._bins(asked) @ demand), seen.present), carry

    def _bins(self, prices: jax.Array) -> jax.Array:
        """The bin of each price, float [sellers, bins], one-hot."""
        place = jnp.floor(prices / self.price_high * self.num_bins).astype(jnp.int32)
        return jax.nn.one_hot(jnp.clip(place, 0, self.num_bins - 1), self.num_bins)


@struct.dataclass
class SellerBandit:
    """What sellers have earned per impression, as arms of a bandit.

    Attributes:
      pulls: float [sellers], rounds in which the seller was the one shown.
      totals: float [sellers], sum of rewards from 0 to 1; of ``Exp3Shares`` the logarithm of the
        weight.
    """

    pulls: jax.Array
    totals: jax.Array

    @classmethod
    def start(cls, num_sellers: int) -> SellerBandit:
        """Nothing tried yet, equal weights."""
        nothing = jnp.zeros(num_sellers)
        return cls(nothing, nothing)


@struct.dataclass
class UCB1Shares:
    """All impressions to one seller, the one of the highest confidence bound (Auer et al. 2002).

    Attributes:
      price_high: float [], the highest price; rewards are divided by it.
      num_sellers: arms.
    """

    price_high: jax.Array
    num_sellers: int = struct.field(pytree_node=False)

    def initial_carry(self) -> SellerBandit:
        """Nothing tried yet."""
        return SellerBandit.start(self.num_sellers)

    def act(
        self, observation: jax.Array, carry: SellerBandit, key: jax.Array | None
    ) -> tuple[jax.Array, SellerBandit]:
        """Shares, float [sellers], and what has been learned."""
        del key
        seen = seller_observation(observation)
        last = seen.records[-1]
        carry = SellerBandit(
            carry.pulls + last[:, _IMPRESSIONS], carry.totals + last[:, _REVENUE] / self.price_high
        )
        tried = carry.pulls > 0
        pulls = jnp.where(tried, carry.pulls, 1)
        bonus = jnp.sqrt(2 * jnp.log(jnp.maximum(jnp.sum(carry.pulls), 1)) / pulls)
        bound = jnp.where(tried, carry.totals / pulls + bonus, jnp.inf)
        return _all_to_best(bound, seen.present), carry


@struct.dataclass
class Exp3Shares:
    """Shares that are the mixed strategy of Exp3 over sellers (Auer et al. 2002).

    Every buyer is one draw from it, and a round the mean over its buyers of the weights' update.

    Attributes:
      price_high: float [], the highest price; rewards are divided by it.
      exploration: float [], above 0 and at most 1, the share that is spread evenly.
      num_sellers: arms.
    """

    price_high: jax.Array
    exploration: jax.Array | float = 0.1
    num_sellers: int = struct.field(pytree_node=False, kw_only=True)

    def __post_init__(self) -> None:
        checks.leaf("exploration", self.exploration, above=0, high=1)

    def initial_carry(self) -> SellerBandit:
        """Equal weights."""
        return SellerBandit.start(self.num_sellers)

    def act(
        self, observation: jax.Array, carry: SellerBandit, key: jax.Array | None
    ) -> tuple[jax.Array, SellerBandit]:
        """Shares, float [sellers], and what has been learned."""
        del key
        seen = seller_observation(observation)
        last = seen.records[-1]
        shown = last[:, _IMPRESSIONS] > 0
        earned = last[:, _REVENUE] / jnp.where(shown, last[:, _IMPRESSIONS], 1) / self.price_high
        gained = self.exploration / self.num_sellers * jnp.where(shown, earned, 0)
        carry = SellerBandit(carry.pulls + last[:, _IMPRESSIONS], carry.totals + gained)
        mixed = exp3_probabilities(carry.totals, self.exploration)
        return _shares(mixed, seen.present), carry


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


def baselines(
    env: ImpressionAllocation, params: ImpressionAllocationParams
) -> dict[str, FixedShares | ProportionalShares | LearnedDemand | UCB1Shares | Exp3Shares]:
    """The policies that act on what the platform sees, by name."""
    high = params.population.price_high
    return {
        "equal shares": FixedShares.equal(env.num_sellers),
        "proportional to revenue": ProportionalShares("revenue"),
        "proportional to transactions": ProportionalShares("transactions"),
        "learned demand": LearnedDemand(high, prices_shown=env.prices_shown),
        "UCB1": UCB1Shares(high, env.num_sellers),
        "Exp3": Exp3Shares(high, num_sellers=env.num_sellers),
    }


def _shares(weights: jax.Array, present: jax.Array) -> jax.Array:
    """In proportion to weights of those present; equal where they have none."""
    weights = jnp.where(present, weights, 0)
    total = jnp.sum(weights)
    equal = present / jnp.maximum(jnp.sum(present), 1)
    # Nobody may be present, and shares sum to 1 all the same.
    equal = jnp.where(jnp.any(present), equal, 1 / present.shape[0])
    return jnp.where(total > 0, weights / jnp.where(total > 0, total, 1), equal)


def _all_to_best(worth: jax.Array, present: jax.Array) -> jax.Array:
    best = jnp.argmax(jnp.where(present, worth, -jnp.inf))
    return jax.nn.one_hot(best, worth.shape[0], dtype=jnp.result_type(float))
