"""The six-value step of the gymnax 1.x protocol, from an environment's own step and reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def step_with_reset(
    env: Any,
    key: jax.Array,
    state: Any,
    action: jax.Array,
    params: Any,
    *,
    is_over: Callable[[Any], jax.Array] | None = None,
) -> tuple[Any, Any, jax.Array, jax.Array, jax.Array, dict[str, Any]]:
    """One step of ``env``, replaced by a fresh episode where it ended.

    Args:
      is_over: whether an episode that did not terminate is cut short in a state, bool []; never
        unless given.

    Returns:
      observation, state, reward, terminated, truncated, info. ``info`` gains
      ``final_observation``, the observation before any reset.
    """
    step_key, reset_key = jax.random.split(key)
    final_observation, stepped, reward, terminated, info = env.step_env(
        step_key, state, action, params
    )
    first_observation, fresh = env.reset(reset_key, params)
    truncated = jnp.zeros((), bool) if is_over is None else is_over(stepped) & ~terminated
    observation, state = jax.tree.map(
        lambda new, old: jnp.where(terminated | truncated, new, old),
        (first_observation, fresh),
        (final_observation, stepped),
    )
    info = {**info, "final_observation": final_observation}
    return observation, state, reward, terminated, truncated, info
