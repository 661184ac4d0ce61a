"""The six-value step of the gymnax 1.x protocol, from an environment's own step and reset."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def step_with_reset(
    env: Any, key: jax.Array, state: Any, action: jax.Array, params: Any
) -> tuple[Any, Any, jax.Array, jax.Array, jax.Array, dict[str, Any]]:
    """One step of ``env``, replaced by a fresh episode where it terminated.

    For environments that end by terminating, never by a time limit.

    Returns:
      observation, state, reward, terminated, truncated, info. ``info`` gains
      ``final_observation``, the observation before any reset.
    """
    step_key, reset_key = jax.random.split(key)
    final_observation, stepped, reward, terminated, info = env.step_env(
        step_key, state, action, params
    )
    first_observation, fresh = env.reset(reset_key, params)
    observation, state = jax.tree.map(
        lambda new, old: jnp.where(terminated, new, old),
        (first_observation, fresh),
        (final_observation, stepped),
    )
    info = {**info, "final_observation": final_observation}
    return observation, state, reward, terminated, jnp.zeros((), bool), info
