"""Mechanisms that do not learn: the baselines of sequential price mechanisms.

Each has ``act(state, observation, key)`` as a learned designer has; ``state`` is ignored.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from jaxmech.environments import SequentialPrice, SequentialPriceParams


@struct.dataclass
class RandomSerialDictatorship:
    """Agents in uniformly random order, every price 0."""

    env: SequentialPrice = struct.field(pytree_node=False)
    params: SequentialPriceParams

    def act(self, state: Any, observation: jax.Array, key: jax.Array) -> jax.Array:
        """Random scores and prices of 0, float [agents + items]."""
        del state, observation
        scores = jax.random.uniform(key, (self.env.num_agents,))
        return jnp.concatenate([scores, jnp.zeros(self.env.num_items)])


@struct.dataclass
class StaticPrices:
    """Agents in index order, at prices fixed in advance.

    Attributes:
      prices: float [items] for all agents alike, or [agents, items] for each its own.
    """

    env: SequentialPrice = struct.field(pytree_node=False)
    params: SequentialPriceParams
    prices: jax.Array

    def act(self, state: Any, observation: jax.Array, key: jax.Array | None) -> jax.Array:
        """The first agent left, at its prices, float [agents + items]."""
        del state, key
        agents = self.env.num_agents
        shape = (agents, self.env.num_items)
        first = jnp.argmax(self.env.agents_left(observation))
        prices = jnp.broadcast_to(self.prices, shape)[first]
        return jnp.concatenate([-jnp.arange(agents) / agents, prices])
