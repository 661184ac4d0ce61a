"""Actor and critic of IA(GRU): the same small networks for every seller.

Cai, Filos-Ratsikas, Tang and Zhang (2018), "Reinforcement Mechanism Design for e-commerce": a
recurrent network encodes a seller's own records, a background network all sellers in the order of
what they earned, and both feed a sub-actor and a sub-critic that all sellers share. The critic is
the sum of the sub-critics, so that its cost is linear in the number of sellers.
"""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech import checks
from jaxmech.agents.sellers.observation import SellerObservation, seller_observation
from jaxmech.networks.actor_critic import MLP, dense
from jaxmech.networks.recurrent import GatedRecurrentUnit
from jaxmech.networks.sellers.features import Background, equal_shares, history

Encoder = Literal["gru", "dense"]

ABSENT_SCORE = -1e9
"""Of sellers who are not there: their share is 0, and the gradient finite."""


class SellerEncoder(nn.Module):
    """What is known of each seller, with what is known of all.

    Attributes:
      encoder: of a seller's own records: a gated recurrent unit over the rounds, or a dense layer
        over all of them at once.
      width: of the encoding.
      background: whether all sellers are read too.

    Raises:
      ValueError: an unknown encoder.
    """

    encoder: Encoder = "gru"
    width: int = 32
    background: bool = True

    @nn.compact
    def __call__(self, seen: SellerObservation) -> jax.Array:
        """Float [..., sellers, features]."""
        checks.one_of("encoder", self.encoder, get_args(Encoder))
        records = history(seen)
        if self.encoder == "gru":
            encoded = GatedRecurrentUnit(self.width).summary(records)
        else:
            flat = jnp.concatenate(list(records), axis=-1)
            encoded = nn.relu(dense(self.width, 2.0**0.5)(flat))
        parts = [encoded, seen.prices[..., None]]
        if self.background:
            read = Background()(seen)[..., None, :]
            parts.append(jnp.broadcast_to(read, (*encoded.shape[:-1], read.shape[-1])))
        return jnp.concatenate(parts, axis=-1)


class SellerActor(nn.Module):
    """A score of each seller, to be made into shares by a softmax.

    Attributes:
      encoder, width, background: see ``SellerEncoder``.
      hidden: widths of the sub-actor.
    """

    encoder: Encoder = "gru"
    width: int = 32
    background: bool = True
    hidden: tuple[int, ...] = (64, 64)

    @nn.compact
    def __call__(self, observation: jax.Array) -> jax.Array:
        """float [..., sellers, numbers] -> float [..., sellers]."""
        seen = seller_observation(observation)
        known = SellerEncoder(self.encoder, self.width, self.background)(seen)
        scores = MLP(self.hidden, 1, 0.01, nn.relu)(known)[..., 0]
        return jnp.where(seen.present, scores, ABSENT_SCORE)


class SellerCritic(nn.Module):
    """What shares of the impressions are worth: the sum of what each seller's share is worth.

    That depends on all sellers only by way of the background.

    Attributes:
      encoder, width, background: see ``SellerEncoder``.
      hidden: widths of the sub-critic.
    """

    encoder: Encoder = "gru"
    width: int = 32
    background: bool = True
    hidden: tuple[int, ...] = (64, 64)

    def __call__(self, observation: jax.Array, shares: jax.Array) -> jax.Array:
        """float [..., sellers, numbers], float [..., sellers] -> float [...]."""
        return jnp.sum(self.of_each(observation, shares), axis=-1)

    @nn.compact
    def of_each(self, observation: jax.Array, shares: jax.Array) -> jax.Array:
        """What each seller's share is worth, float [..., sellers]; 0 of absent ones."""
        seen = seller_observation(observation)
        known = SellerEncoder(self.encoder, self.width, self.background)(seen)
        known = jnp.concatenate([known, equal_shares(shares)[..., None]], axis=-1)
        # What a buyer shown to the seller is worth, and what the seller is worth by itself.
        per_share, alone = jnp.moveaxis(MLP(self.hidden, 2, 0.01, nn.relu)(known), -1, 0)
        worth = shares * per_share + alone / shares.shape[-1]
        return jnp.where(seen.present, worth, 0)


class PooledCritic(nn.Module):
    """What shares of the impressions are worth, not as a sum over sellers but of two means.

    Sellers' encodings are averaged, once evenly over those present and once by their shares.

    Attributes:
      encoder, width, background: see ``SellerEncoder``.
      hidden: widths of the layers, the first of them before the means.
    """

    encoder: Encoder = "gru"
    width: int = 32
    background: bool = True
    hidden: tuple[int, ...] = (64, 64)

    @nn.compact
    def __call__(self, observation: jax.Array, shares: jax.Array) -> jax.Array:
        """float [..., sellers, numbers], float [..., sellers] -> float [...]."""
        seen = seller_observation(observation)
        known = SellerEncoder(self.encoder, self.width, self.background)(seen)
        known = jnp.concatenate([known, equal_shares(shares)[..., None]], axis=-1)
        encoded = nn.relu(dense(self.hidden[0], 2.0**0.5)(known))
        evenly = seen.present / jnp.maximum(jnp.sum(seen.present, axis=-1, keepdims=True), 1)
        means = [jnp.sum(weights[..., None] * encoded, axis=-2) for weights in (evenly, shares)]
        return MLP(self.hidden, 1, 0.01, nn.relu)(jnp.concatenate(means, axis=-1))[..., 0]
