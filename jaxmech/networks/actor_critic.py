"""The networks of an actor-critic: what to do, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

Activation = Callable[[jax.Array], jax.Array]


Parameters = jax.Array | tuple[jax.Array, jax.Array]
"""Of a distribution over actions: scores, float [..., scores], and where it has any, its log
scales, float [scales]."""


def distribution_parameters(scores: jax.Array, log_scale: jax.Array) -> Parameters:
    """Scores with their log scales, or scores alone where there are none."""
    return (scores, log_scale) if log_scale.size else scores


def dense(width: int, gain: float) -> nn.Dense:
    """A layer whose initial weights have ``gain``."""
    # Not orthogonal: batched QR decompositions, as under vmap over seeds, can deadlock the
    # thread pool of a CPU with few cores, and take a second to compile.
    initializer = nn.initializers.variance_scaling(gain**2, "fan_in", "uniform")
    return nn.Dense(width, kernel_init=initializer, param_dtype=jnp.result_type(float))


class MLP(nn.Module):
    """Dense layers with an activation after each but the last.

    Attributes:
      hidden: width of each hidden layer.
      outputs: width of the last layer.
      output_scale: gain of the last layer's initial weights.
    """

    hidden: Sequence[int]
    outputs: int
    output_scale: float
    activation: Activation = nn.tanh

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """float [..., features] -> float [..., outputs]."""
        for width in self.hidden:
            x = self.activation(dense(width, 2.0**0.5)(x))
        return dense(self.outputs, self.output_scale)(x)


class ActorCritic(nn.Module):
    """Separate actor and critic of the same hidden widths.

    Attributes:
      hidden: width of each hidden layer.
      num_scores: width of the actor's output.
      num_log_scales: number of free log standard deviations, the same everywhere.
      actor_features: how many of the first features the actor sees; None for all.
    """

    hidden: Sequence[int]
    num_scores: int
    num_log_scales: int
    actor_features: int | None = None
    activation: Activation = nn.tanh

    def setup(self) -> None:
        self.actor = MLP(self.hidden, self.num_scores, 0.01, self.activation)
        self.critic = MLP(self.hidden, 1, 1.0, self.activation)
        self.log_scale = self.param(
            "log_scale", nn.initializers.zeros, (self.num_log_scales,), jnp.result_type(float)
        )

    def __call__(self, observation: jax.Array) -> tuple[Parameters, jax.Array]:
        """float [..., features] -> distribution parameters, value [...]."""
        return self.policy(observation), self.value(observation)

    def policy(self, observation: jax.Array) -> Parameters:
        """float [..., features] -> distribution parameters."""
        seen = observation[..., : self.actor_features]
        if self.actor_features == 0:
            # A constant: what the actor learns is then the same everywhere.
            seen = jnp.ones_like(observation[..., :1])
        return distribution_parameters(self.actor(seen), self.log_scale)

    def value(self, observation: jax.Array) -> jax.Array:
        """float [..., features] -> value [...]."""
        return self.critic(observation)[..., 0]
