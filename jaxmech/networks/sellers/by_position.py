"""Two dense layers over all sellers at once, who are told apart by their position.

The baseline of IA(GRU), which reads the same numbers of each seller.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech.agents.sellers.observation import SellerObservation, seller_observation
from jaxmech.networks.actor_critic import MLP
from jaxmech.networks.sellers.allocation import ABSENT_SCORE
from jaxmech.networks.sellers.features import equal_shares, history


class PositionalActor(nn.Module):
    """A score of each seller, by its position.

    Attributes:
      hidden: widths of the layers.
    """

    hidden: tuple[int, ...] = (400, 300)

    @nn.compact
    def __call__(self, observation: jax.Array) -> jax.Array:
        """float [..., sellers, numbers] -> float [..., sellers]."""
        seen = seller_observation(observation)
        scores = MLP(self.hidden, seen.prices.shape[-1], 0.01, nn.relu)(_read(seen))
        return jnp.where(seen.present, scores, ABSENT_SCORE)


class PositionalCritic(nn.Module):
    """What shares of the impressions are worth, by the positions of the sellers.

    Attributes:
      hidden: widths of the layers.
    """

    hidden: tuple[int, ...] = (400, 300)

    @nn.compact
    def __call__(self, observation: jax.Array, shares: jax.Array) -> jax.Array:
        """float [..., sellers, numbers], float [..., sellers] -> float [...]."""
        seen = seller_observation(observation)
        read = jnp.concatenate([_read(seen), equal_shares(shares)], axis=-1)
        return MLP(self.hidden, 1, 0.01, nn.relu)(read)[..., 0]


def _read(seen: SellerObservation) -> jax.Array:
    """Records and prices of all sellers, float [..., numbers]."""
    records = jnp.concatenate(list(history(seen)), axis=-1)
    rows = jnp.concatenate([records, seen.prices[..., None]], axis=-1)
    return rows.reshape(*rows.shape[:-2], -1)
