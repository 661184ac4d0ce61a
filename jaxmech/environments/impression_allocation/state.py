"""An episode of impression allocation, part-way through."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.sellers.population import Learned
from jaxmech.agents.sellers.records import Records
from jaxmech.environments.impression_allocation.params import ImpressionAllocationParams


@struct.dataclass
class ImpressionAllocationState:
    """An episode, part-way through.

    Attributes:
      records: of the last rounds.
      prices: float [sellers], asked in the round to come; 0 of absent sellers.
      choices: int32 [sellers], places of the prices on the grid of those who learn on it.
      learned: by the sellers on a grid.
      costs: float [costs, sellers], one after another, of a unit sold.
      appeal: float [sellers], of what the sellers offer to buyers; 1 is usual.
      present: bool [sellers].
      earned: float [], sum of rewards.
      time: int32 [], rounds played.
    """

    records: Records
    prices: jax.Array
    choices: jax.Array
    learned: Learned
    costs: jax.Array
    appeal: jax.Array
    present: jax.Array
    earned: jax.Array
    time: jax.Array

    def cost(self, rounds_per_cost: int) -> jax.Array:
        """Of a unit in the round to come, float [sellers]."""
        return self.costs[(self.time // rounds_per_cost) % self.costs.shape[0]]

    def after_turnover(
        self, key: jax.Array, params: ImpressionAllocationParams
    ) -> ImpressionAllocationState:
        """With sellers gone, their records with them, and others come, at random prices."""
        draws = jax.random.uniform(key, (2, *self.prices.shape), self.prices.dtype)
        stays = self.present & (draws[0] >= params.exit_rate)
        enters = ~self.present & (draws[0] < params.entry_rate)
        first_price = jnp.where(enters, params.population.price_high * draws[1], 0)
        records = Records(
            impressions=jnp.where(stays[None], self.records.impressions, 0),
            prices=jnp.where(stays[None], self.records.prices, first_price[None]),
            transactions=jnp.where(stays[None], self.records.transactions, 0),
        )
        learned = jax.tree.map(lambda known: jnp.where(stays[:, None], known, 0), self.learned)
        return replace(
            self,
            records=records,
            prices=jnp.where(stays, self.prices, first_price),
            learned=learned,
            present=stays | enters,
        )
