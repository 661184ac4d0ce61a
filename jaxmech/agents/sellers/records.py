"""What the platform and the sellers remember: the last rounds of every seller."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from jaxmech import struct

FIELDS = ("impressions", "price", "transactions", "revenue")
"""Of one round of one seller, in the order of ``Records.stacked``."""

IMPRESSIONS, PRICE, TRANSACTIONS, REVENUE = range(len(FIELDS))
"""The place of each field."""


@struct.dataclass
class Records:
    """The last rounds of every seller, the oldest first.

    Attributes:
      impressions: float [rounds, sellers], shares of a round's buyers; 0 where there were none.
      prices: float [rounds, sellers], in units of money.
      transactions: float [rounds, sellers], sales per buyer of a round.
    """

    impressions: jax.Array
    prices: jax.Array
    transactions: jax.Array

    @property
    def revenue(self) -> jax.Array:
        """Float [rounds, sellers], per buyer of a round."""
        return self.prices * self.transactions

    @property
    def sales(self) -> jax.Array:
        """Float [sellers], of all these rounds."""
        # Added up row by row, which XLA does where they are read; a sum goes through memory.
        return functools.reduce(jnp.add, self.transactions)

    def stacked(self) -> jax.Array:
        """Float [rounds, sellers, 4], the ``FIELDS``."""
        return jnp.stack([self.impressions, self.prices, self.transactions, self.revenue], axis=-1)

    def then(self, impressions: jax.Array, prices: jax.Array, transactions: jax.Array) -> Records:
        """With one more round, float [sellers] each, and without the oldest."""
        return Records(
            *(
                jnp.concatenate([old[1:], new[None]])
                for old, new in (
                    (self.impressions, impressions),
                    (self.prices, prices),
                    (self.transactions, transactions),
                )
            )
        )
