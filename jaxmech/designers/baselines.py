"""Mechanisms that do not learn: the baselines of sequential price mechanisms, as policies."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.environments import SequentialPrice, SequentialPriceParams


@struct.dataclass
class RandomSerialDictatorship:
    """Agents in uniformly random order, every price 0."""

    env: SequentialPrice = struct.field(pytree_node=False)
    params: SequentialPriceParams

    def initial_carry(self) -> None:
        """Nothing."""

    def act(
        self, observation: jax.Array, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """Random scores and prices of 0, float [agents + items].

        Raises:
          ValueError: there is no key; no order is likelier than another.
        """
        del observation, carry
        if key is None:
            raise ValueError(
                "key: got None; needed is one, as no order is the likeliest "
                "(deterministic=False in evaluate and play)"
            )
        scores = jax.random.uniform(key, (self.env.num_agents,))
        return jnp.concatenate([scores, jnp.zeros(self.env.num_items)]), None


@struct.dataclass
class StaticPrices:
    """Agents in an order, at prices, both fixed in advance.

    Attributes:
      prices: float [items] for all agents alike, or [agents, items] for each its own.
      order: int [agents], agents from first to last; by their index where None.
    """

    env: SequentialPrice = struct.field(pytree_node=False)
    params: SequentialPriceParams
    prices: jax.Array
    order: jax.Array | None = None

    def initial_carry(self) -> None:
        """Nothing."""

    def act(
        self, observation: jax.Array, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """The first agent left, at its prices, float [agents + items]."""
        del carry, key
        agents = self.env.num_agents
        order = jnp.arange(agents) if self.order is None else jnp.asarray(self.order)
        first = order[jnp.argmax(self.env.agents_left(observation)[order])]
        prices = jnp.broadcast_to(self.prices, (agents, self.env.num_items))[first]
        return jnp.concatenate([jax.nn.one_hot(first, agents), prices]), None
