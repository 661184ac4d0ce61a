"""The mixed strategy of Exp3, whoever plays it: a bidder, a seller or a platform."""

from __future__ import annotations

import jax


def exp3_probabilities(log_weights: jax.Array, exploration: jax.Array | float) -> jax.Array:
    """In proportion to weights, mixed with a uniform draw (Auer et al. 2002).

    Args:
      log_weights: float [..., choices].
      exploration: weight of the uniform draw, 0 to 1; a number, or float [..., 1].

    Returns:
      Of each choice, float [..., choices].
    """
    exploited = jax.nn.softmax(log_weights, axis=-1)
    return (1 - exploration) * exploited + exploration / log_weights.shape[-1]
