"""Generalised advantage estimation (Schulman et al. 2016)."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def generalized_advantages(
    *,
    rewards: jax.Array,
    values: jax.Array,
    next_values: jax.Array,
    terminated: jax.Array,
    ended: jax.Array,
    gamma: jax.Array | float,
    gae_lambda: jax.Array | float,
) -> jax.Array:
    """Exponentially weighted sums of temporal-difference errors, float [steps, ...].

    A terminated episode is worth nothing more. One that was cut short is worth the value
    of the state it was cut in, but no later error reaches back across the cut.

    Args:
      rewards, values: float [steps, ...], of each step and of the state before it.
      next_values: float [steps, ...], of the state after it, before any reset.
      terminated: bool [steps, ...].
      ended: bool [steps, ...], terminated or cut short.
      gamma: discount factor.
      gae_lambda: weight of later errors, 0 (one-step) to 1 (Monte Carlo).
    """
    errors = rewards + gamma * jnp.where(terminated, 0, next_values) - values
    decay = gamma * gae_lambda * (1 - ended.astype(values.dtype))

    def back(later: jax.Array, step: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        error, decay = step
        advantage = error + decay * later
        return advantage, advantage

    _, advantages = jax.lax.scan(back, jnp.zeros_like(errors[0]), (errors, decay), reverse=True)
    return advantages
