"""Shares of the impressions from weights of the sellers."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def in_proportion(weights: jax.Array, present: jax.Array) -> jax.Array:
    """Shares in proportion to weights of those present; equal where they have none.

    Args:
      weights: float [sellers], from 0.
      present: bool [sellers].

    Returns:
      float [sellers], of sum 1.
    """
    weights = jnp.where(present, weights, 0)
    total = jnp.sum(weights)
    equal = present / jnp.maximum(jnp.sum(present), 1)
    # Nobody may be present, and shares sum to 1 all the same.
    equal = jnp.where(jnp.any(present), equal, 1 / present.shape[0])
    # NaN stays NaN.
    return jnp.where(total == 0, equal, weights / jnp.where(total == 0, 1, total))


def all_to_best(worth: jax.Array, present: jax.Array) -> jax.Array:
    """All of it to the one present who is worth most, the first of those who are worth the same.

    Args:
      worth: float [sellers].
      present: bool [sellers].

    Returns:
      float [sellers], a 1 and otherwise 0.
    """
    best = jnp.argmax(jnp.where(present, worth, -jnp.inf))
    return jax.nn.one_hot(best, worth.shape[0], dtype=jnp.result_type(float))
