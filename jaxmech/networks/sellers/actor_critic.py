"""A network over sellers for learners with a distribution over scores, such as PPO."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech.agents.sellers.observation import seller_observation
from jaxmech.agents.sellers.records import FIELDS
from jaxmech.checks import InvalidValueError
from jaxmech.networks.actor_critic import MLP, Parameters
from jaxmech.networks.sellers.allocation import Encoder, SellerActor, SellerEncoder

_INITIAL_LOG_SCALE = -2.0
"""Of scores in shares of half their range: noise of 1.4 at scores from -10 to 10."""


class SellerActorCritic(nn.Module):
    """A mean score of each seller, one spread of all scores, and the value of the whole.

    Attributes:
      num_records: rounds that are observed.
      encoder, width, background: see ``SellerEncoder``.
      hidden: widths of the sub-actor and of the critic.

    Raises:
      ValueError: observations of sellers with other records.
    """

    num_records: int
    encoder: Encoder = "gru"
    width: int = 32
    background: bool = True
    hidden: tuple[int, ...] = (64, 64)

    @nn.compact
    def __call__(self, observation: jax.Array) -> tuple[Parameters, jax.Array]:
        """Flat observations, float [..., numbers] -> means, float [..., sellers], with their log
        standard deviation, float [1]; and values, float [...]."""
        per_seller = len(FIELDS) * self.num_records + 2
        if observation.shape[-1] % per_seller:
            raise InvalidValueError(
                "observation",
                observation,
                f"[..., sellers x {per_seller}], of {self.num_records} records of each seller",
                got=f"shape {observation.shape}",
            )
        rows = observation.reshape(*observation.shape[:-1], -1, per_seller)
        seen = seller_observation(rows)
        scores = SellerActor(self.encoder, self.width, self.background, self.hidden)(rows)
        # What an absent seller scores changes nothing; its mean should not be far away.
        means = jnp.where(seen.present, scores, 0)
        known = SellerEncoder(self.encoder, self.width, self.background)(seen)
        value = MLP(self.hidden, 1, 1.0, nn.relu)(jnp.mean(known, axis=-2))[..., 0]
        log_scale = self.param(
            "log_scale", nn.initializers.constant(_INITIAL_LOG_SCALE), (1,), means.dtype
        )
        return (means, log_scale), value
