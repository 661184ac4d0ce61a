"""Designers that choose a keyword's reserves on its first day, for what was bid before it.

Each is a policy for ``Play``: ``begin(observation)`` chooses the reserves, and
``act(state, observation, key)`` returns them, given as ``state``, on every day.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.designers.reserve_planners import observed_keyword
from jaxmech.designers.static_reserves import (
    best_nearby_reserves,
    myerson_reserves,
    revenue_of_histograms,
)
from jaxmech.environments import ReservePricing, ReservePricingParams


@struct.dataclass
class MyersonReserves:
    """Myerson's reserve for the initial bids, taken for values; see ``myerson_reserves``.

    Attributes:
      env, params: the environment, which has to show the history, and its parameters.
    """

    env: ReservePricing = struct.field(pytree_node=False)
    params: ReservePricingParams

    def begin(self, observation: jax.Array) -> jax.Array:
        """The reserves, float [bidders], from the first observation, float [size].

        Raises:
          ValueError: the environment does not show the history.
        """
        keyword = observed_keyword(self.env, self.params, observation)
        return myerson_reserves(keyword.history, self.params.bins)

    def act(self, state: jax.Array, observation: jax.Array, key: jax.Array | None) -> jax.Array:
        """The reserves of the day, float [bidders]: those of ``begin``."""
        del observation, key
        return state


@struct.dataclass
class BestInitialReserves:
    """The best static reserves if the initial bids stayed as they are.

    Attributes:
      env, params: the environment, which has to show the history, and its parameters.
      grid: float [levels], reserves to try, money per click; see ``best_reserves``. Yesterday's
        reserves and Myerson's are tried too.
    """

    env: ReservePricing = struct.field(pytree_node=False)
    params: ReservePricingParams
    grid: jax.Array

    def begin(self, observation: jax.Array) -> jax.Array:
        """The reserves, float [bidders], from the first observation, float [size].

        Raises:
          ValueError: the environment does not show the history, or the grid is empty.
        """
        params = self.params
        keyword = observed_keyword(self.env, params, observation)
        history = keyword.history
        revenue = revenue_of_histograms(history, params.bins, keyword.quality, params.click_rates)
        candidates = jnp.stack([history.reserves[-1], myerson_reserves(history, params.bins)])
        return best_nearby_reserves(revenue, self.grid, candidates, params.reserve_high)

    def act(self, state: jax.Array, observation: jax.Array, key: jax.Array | None) -> jax.Array:
        """The reserves of the day, float [bidders]: those of ``begin``."""
        del observation, key
        return state
