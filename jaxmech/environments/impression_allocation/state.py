"""An episode of impression allocation, part-way through."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.sellers.price_learning import PriceLearning
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
      costs: float [costs, sellers], one after another, of a unit sold; whoever comes to the place
        of a seller who left has its costs.
      appeal_quantile: float [sellers], from 0 to 1, see ``Buyers.purchase_probability``; the
        draw itself, as what is computed from it may differ in its last digit.
      present: bool [sellers].
      age: int32 [sellers], rounds that the seller has been there for.
      earned: float [], sum of rewards.
      time: int32 [], rounds played.
    """

    records: Records
    prices: jax.Array
    choices: jax.Array
    learned: PriceLearning
    costs: jax.Array
    appeal_quantile: jax.Array
    present: jax.Array
    age: jax.Array
    earned: jax.Array
    time: jax.Array

    def cost(self, rounds_per_cost: int) -> jax.Array:
        """Of a unit in the round to come, float [sellers]."""
        return self.costs[(self.time // rounds_per_cost) % self.costs.shape[0]]

    def after_turnover(
        self, key: jax.Array, params: ImpressionAllocationParams
    ) -> ImpressionAllocationState:
        """With sellers gone, their records with them, and others come, at any price."""
        draws = jax.random.uniform(key, (3, *self.prices.shape), self.prices.dtype)
        stays = self.present & (draws[0] >= params.exit_rate)
        enters = ~self.present & (draws[0] < params.entry_rate)
        first_prices, first_choices = params.population.first_prices(draws[1])
        first_prices = jnp.where(enters, first_prices, 0)
        records = Records(
            impressions=jnp.where(stays[None], self.records.impressions, 0),
            prices=jnp.where(stays[None], self.records.prices, first_prices[None]),
            transactions=jnp.where(stays[None], self.records.transactions, 0),
        )
        learned = jax.tree.map(lambda known: jnp.where(stays[:, None], known, 0), self.learned)
        return replace(
            self,
            records=records,
            prices=jnp.where(stays, self.prices, first_prices),
            choices=jnp.where(stays, self.choices, first_choices),
            learned=learned,
            appeal_quantile=jnp.where(enters, draws[2], self.appeal_quantile),
            present=stays | enters,
            age=jnp.where(stays, self.age, 0),
        )

    def observed_records(self) -> jax.Array:
        """Float [rounds, sellers, 4], as ``Records.stacked`` gives them, and 0 where a seller was
        not there: its price to come stands there for itself alone."""
        rounds = self.records.prices.shape[0]
        was_there = jnp.arange(rounds)[:, None] >= rounds - self.age[None]
        # Each field by itself: XLA then computes no more of an observation than is looked at.
        return jax.tree.map(lambda field: jnp.where(was_there, field, 0), self.records).stacked()
