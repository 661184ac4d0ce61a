"""Running mean and variance, for scaling observations."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import struct


@struct.dataclass
class RunningMoments:
    """Mean and variance of everything seen so far.

    Attributes:
      mean, variance: float [*shape].
      count: float [], how many observations they summarise.
    """

    mean: jax.Array
    variance: jax.Array
    count: jax.Array

    @classmethod
    def start(cls, shape: tuple[int, ...]) -> RunningMoments:
        """Nothing seen yet: mean 0, variance 1."""
        return cls(jnp.zeros(shape), jnp.ones(shape), jnp.zeros(()))

    def include(self, batch: jax.Array, weight: jax.Array) -> RunningMoments:
        """With a weighted batch added (Chan et al. 1979, parallel variance).

        Args:
          batch: float [..., *shape].
          weight: float [...], how often each observation counts.
        """
        axes = tuple(range(weight.ndim))
        weight = weight.reshape(weight.shape + (1,) * (batch.ndim - weight.ndim))
        added = jnp.sum(weight)
        batch_mean = jnp.sum(weight * batch, axes) / jnp.maximum(added, 1)
        squares = jnp.sum(weight * jnp.square(batch - _beside(batch_mean, batch)), axes)
        count = jnp.maximum(self.count + added, 1)
        shift = batch_mean - self.mean
        spread = self.variance * self.count + squares
        spread = spread + jnp.square(shift) * self.count * added / count
        return RunningMoments(self.mean + shift * added / count, spread / count, count)

    def normalize(self, x: jax.Array) -> jax.Array:
        """``x`` shifted and scaled to zero mean and unit variance, within +-10."""
        deviation = jnp.sqrt(self.variance + 1e-8)
        return jnp.clip((x - _beside(self.mean, x)) / _beside(deviation, x), -10, 10)


def _beside(one: jax.Array, several: jax.Array) -> jax.Array:
    return jax.lax.broadcast_to_rank(one, several.ndim)
