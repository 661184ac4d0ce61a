"""What is known of each seller, and of all together, as numbers of the size that networks like.

Shares of a round's buyers are counted in units of an equal share, so that a network trained with
fifty sellers reads a thousand of them alike, and their logarithm is taken, since one seller may
get everything.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech.agents.sellers.observation import SellerObservation
from jaxmech.agents.sellers.records import FIELDS, PRICE, REVENUE
from jaxmech.networks.actor_critic import dense

NUM_RANKS = 16
"""Places at which the sorted sellers are read; as many whatever the number of sellers."""

DISCOUNT = 0.9
"""What a round's revenue counts for less a round later, in the order of the sellers."""


def equal_shares(shares: jax.Array) -> jax.Array:
    """Logarithm of 1 plus shares of a whole in units of an equal share, float [..., sellers]."""
    return jnp.log1p(shares.shape[-1] * shares)


def history(seen: SellerObservation) -> jax.Array:
    """Every seller's records, float [rounds, ..., sellers, 4], the oldest round first."""
    columns = [
        seen.records[..., field] if field == PRICE else equal_shares(seen.records[..., field])
        for field in range(len(FIELDS))
    ]
    return jnp.moveaxis(jnp.stack(columns, axis=-1), -3, 0)


def discounted_revenue(seen: SellerObservation) -> jax.Array:
    """Of the rounds on record, a later one counting more, float [..., sellers]."""
    revenue = seen.records[..., REVENUE]
    rounds = revenue.shape[-2]
    weights = DISCOUNT ** jnp.arange(rounds - 1, -1, -1, dtype=revenue.dtype)
    return jnp.sum(revenue * _beside(weights[:, None], revenue), axis=-2)


class Background(nn.Module):
    """A reading of all sellers in the order of what they earned (Cai et al. 2018).

    Sellers are sorted by their discounted revenue and read at evenly spaced ranks, so that the
    reading is the same for permuted sellers and of the same size for any number of them. What is
    read is what they are sorted by, of equals by the next of it: revenue, price and presence.

    Attributes:
      hidden, outputs: widths of the two layers.
    """

    hidden: int = 64
    outputs: int = 32

    @nn.compact
    def __call__(self, seen: SellerObservation) -> jax.Array:
        """Float [..., outputs]."""
        keys = (
            equal_shares(discounted_revenue(seen)),
            seen.prices,
            seen.records[..., -1, :, PRICE],
            seen.present.astype(seen.prices.dtype),
        )
        in_order = jax.lax.sort(keys, num_keys=len(keys))
        sellers = seen.prices.shape[-1]
        places = jnp.round(jnp.linspace(0, sellers - 1, NUM_RANKS)).astype(jnp.int32)
        read = jnp.concatenate([column[..., places] for column in in_order], axis=-1)
        return nn.relu(dense(self.outputs, 2.0**0.5)(nn.relu(dense(self.hidden, 2.0**0.5)(read))))


def _beside(x: jax.Array, other: jax.Array) -> jax.Array:
    """With axes in front, as many as ``other`` has."""
    return x.reshape(*(1,) * (other.ndim - x.ndim), *x.shape)
