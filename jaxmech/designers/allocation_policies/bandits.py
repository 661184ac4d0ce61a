"""Sellers as the arms of a bandit."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.exp3 import exp3_probabilities
from jaxmech.agents.sellers.observation import seller_observation
from jaxmech.agents.sellers.records import IMPRESSIONS, REVENUE
from jaxmech.designers.allocation_policies.shares import all_to_best, in_proportion


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

    def told(self, pulls: jax.Array, gained: jax.Array, present: jax.Array) -> SellerBandit:
        """With a round more, float [sellers] each; who is not ``present`` is forgotten."""
        return SellerBandit(
            jnp.where(present, self.pulls + pulls, 0), jnp.where(present, self.totals + gained, 0)
        )


@struct.dataclass
class UCB1Shares:
    """All impressions to one seller, the one of the highest confidence bound (Auer et al. 2002).

    Attributes:
      price_high: float [], the highest price; rewards are divided by it.
      num_sellers: arms.
    """

    price_high: jax.Array
    num_sellers: int = struct.field(pytree_node=False)

    def __post_init__(self) -> None:
        checks.leaf("price_high", self.price_high, above=0)
        checks.integer("num_sellers", self.num_sellers)

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
        carry = carry.told(last[:, IMPRESSIONS], last[:, REVENUE] / self.price_high, seen.present)
        tried = carry.pulls > 0
        pulls = jnp.where(tried, carry.pulls, 1)
        bonus = jnp.sqrt(2 * jnp.log(jnp.maximum(jnp.sum(carry.pulls), 1)) / pulls)
        bound = jnp.where(tried, carry.totals / pulls + bonus, jnp.inf)
        return all_to_best(bound, seen.present), carry


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
        checks.leaf("price_high", self.price_high, above=0)
        checks.leaf("exploration", self.exploration, above=0, high=1)
        checks.integer("num_sellers", self.num_sellers)

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
        shown = last[:, IMPRESSIONS] > 0
        earned = last[:, REVENUE] / jnp.where(shown, last[:, IMPRESSIONS], 1) / self.price_high
        gained = self.exploration / self.num_sellers * jnp.where(shown, earned, 0)
        carry = carry.told(last[:, IMPRESSIONS], gained, seen.present)
        mixed = exp3_probabilities(carry.totals, self.exploration)
        return in_proportion(mixed, seen.present), carry
