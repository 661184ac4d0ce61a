"""An actor-critic that treats agents alike: what it learns of one holds for all.

For sequential price mechanisms. A shared encoder reads each agent's part of the statistic,
and the sum over agents is all that the rest sees of the history, so the order of the agents
does not matter. With one item type, and values that are independent and alike in distribution given
a common state of the world, such a sum is all that the optimal policy needs of the history:
its log-likelihood is a sum over the agents visited. The same parameters serve any number of agents.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech.networks.actor_critic import MLP, Parameters


class SymmetricActorCritic(nn.Module):
    """Scores of agents and prices, and a value, from the statistic of the history.

    Attributes:
      hidden: widths of the layers after the sum over agents, of actor and of critic.
      num_agents, num_items: of the environment.
      num_log_scales: number of free log standard deviations, the same everywhere.
      encoding: width of what the encoder, one layer, says of each agent.
    """

    hidden: Sequence[int]
    num_agents: int
    num_items: int
    num_log_scales: int
    encoding: int = 16

    def setup(self) -> None:
        self.encoder = _Encoder(self.encoding)
        self.actor = MLP(self.hidden, self.num_items, 0.01)
        self.critic = MLP(self.hidden, 1, 1.0)
        self.log_scale = self.param(
            "log_scale", nn.initializers.zeros, (self.num_log_scales,), jnp.result_type(float)
        )

    def __call__(self, observation: jax.Array) -> tuple[Parameters, jax.Array]:
        """float [..., features] -> scores [..., agents + items] and log scales, value [...]."""
        summary = self._summary(observation)
        return (self._scores(summary), self.log_scale), self.critic(summary)[..., 0]

    def policy(self, observation: jax.Array) -> Parameters:
        """float [..., features] -> scores [..., agents + items] and log scales."""
        return self._scores(self._summary(observation)), self.log_scale

    def value(self, observation: jax.Array) -> jax.Array:
        """float [..., features] -> value [...]."""
        return self.critic(self._summary(observation))[..., 0]

    def _scores(self, summary: jax.Array) -> jax.Array:
        prices = self.actor(summary)
        alike = jnp.zeros((*prices.shape[:-1], self.num_agents), prices.dtype)
        return jnp.concatenate([alike, prices], axis=-1)

    def _summary(self, observation: jax.Array) -> jax.Array:
        """What does not depend on the order of agents, float [..., 1 + items + encoding]."""
        n, m = self.num_agents, self.num_items
        left, units, history = jnp.split(observation, [n, n + m], axis=-1)
        share_left = jnp.mean(left, axis=-1, keepdims=True)
        if history.shape[-1] == 0:
            return jnp.concatenate([share_left, units], axis=-1)
        # From [blocks, agents, items] to one row of features for each feature of an agent.
        blocks = history.reshape(*history.shape[:-1], -1, n, m)
        features = jnp.moveaxis(blocks, -2, -1).reshape(*history.shape[:-1], -1, n)
        encoded = self.encoder(features, 1 - left) / n**0.5
        return jnp.concatenate([share_left, units, encoded], axis=-1)


class _Encoder(nn.Module):
    width: int

    @nn.compact
    def __call__(self, features: jax.Array, counts: jax.Array) -> jax.Array:
        """float [..., features, agents], [..., agents] -> float [..., width].

        Written as sums of products, which fuse; a matrix product of so few features would
        write out [..., agents, width] before the activation.
        """
        dtype = jnp.result_type(float)
        kernel = self.param(
            "kernel",
            nn.initializers.variance_scaling(2.0, "fan_in", "uniform"),
            (features.shape[-2], self.width),
            dtype,
        )
        bias = self.param("bias", nn.initializers.uniform(1.0), (self.width,), dtype)
        column = (*[1] * (features.ndim - 2), self.width, 1)
        encoded = bias.reshape(column)
        for i in range(features.shape[-2]):
            encoded = encoded + kernel[i].reshape(column) * features[..., i, None, :]
        return jnp.sum(nn.tanh(encoded) * counts[..., None, :], axis=-1)
