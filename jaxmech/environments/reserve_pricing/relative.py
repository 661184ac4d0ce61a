"""Reserve pricing with reserves posted as shares of what bidders bid yesterday.

For learners whose first actions lie anywhere between the bounds: bids of different keywords
differ by orders of magnitude, and most reserves up to the highest price everybody out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech.checks import InvalidValueError
from jaxmech.environments.reserve_pricing.environment import ReservePricing, ReservePricingState
from jaxmech.environments.reserve_pricing.params import ReservePricingParams
from jaxmech.spaces import Box

HIGHEST_SHARE = 1.25


@dataclass(frozen=True)
class RelativeReserves:
    """A view of the environment; follows the gymnax 1.x protocol as that does.

    Attributes:
      env: the environment seen through it.

    Raises:
      ValueError: ``env`` is something else.
    """

    env: ReservePricing

    def __post_init__(self) -> None:
        if not isinstance(self.env, ReservePricing):
            raise InvalidValueError(
                "env",
                self.env,
                'the environment, the first of what make("reserve_pricing", ...) returns',
                verb="needed is",
            )

    @property
    def name(self) -> str:
        return self.env.name

    @property
    def truncates(self) -> bool:
        return self.env.truncates

    @property
    def default_params(self) -> ReservePricingParams:
        return self.env.default_params

    def action_space(self, params: ReservePricingParams) -> Box:
        """Shares, float [bidders]; see ``reserves``."""
        del params
        return Box(0.0, HIGHEST_SHARE, (self.env.num_bidders,))

    def observation_space(self, params: ReservePricingParams) -> Box:
        """The environment's."""
        return self.env.observation_space(params)

    def reset(
        self, key: jax.Array, params: ReservePricingParams
    ) -> tuple[jax.Array, ReservePricingState]:
        """The environment's."""
        return self.env.reset(key, params)

    def reserves(
        self, state: ReservePricingState, action: jax.Array, params: ReservePricingParams
    ) -> jax.Array:
        """The action as money per click, float [bidders].

        Shares of yesterday's mean bid, or where a bidder did not bid of its reserve then.
        """
        shares = state.history.histograms[-1]
        bidding = 1 - shares[:, 0]
        mean_bid = shares @ params.bins.centres / jnp.where(bidding > 0, bidding, 1)
        return action * jnp.where(bidding > 0, mean_bid, state.reserves)

    def step_env(
        self,
        key: jax.Array,
        state: ReservePricingState,
        action: jax.Array,
        params: ReservePricingParams,
    ) -> tuple[jax.Array, ReservePricingState, jax.Array, jax.Array, dict[str, jax.Array]]:
        """One day."""
        return self.env.step_env(key, state, self.reserves(state, action, params), params)

    def step(
        self,
        key: jax.Array,
        state: ReservePricingState,
        action: jax.Array,
        params: ReservePricingParams,
    ) -> tuple[Any, ...]:
        """One day, and a fresh episode where this one ended."""
        return self.env.step(key, state, self.reserves(state, action, params), params)
