"""What an environment is: the gymnax 1.x protocol, by duck typing, and what may be added to it."""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp

Stepped = tuple[Any, Any, jax.Array, jax.Array, jax.Array, dict[str, Any]]
"""Observation, state, reward, terminated, truncated, info."""


class Environment(Protocol):
    """A decision process; a hashable configuration whose methods are pure.

    What can be swept stands in ``params``, a PyTree, or None where there is nothing. Observations
    are arrays, states PyTrees of arrays, and rewards numbers, []. ``params.max_steps_in_episode``
    is the length of the longest episode.

    An environment may have more:

    - ``step_env(key, state, action, params)``: observation, state, reward, terminated and info,
      without the reset of ``step``.
    - ``truncates``: False where no episode is ever cut short by ``step``, so that ``step_env`` and
      ``reset`` are all there is to it; see ``truncates``.
    - ``action_mask(observation, params)``: bool [choices], the choices allowed, of one observation.
    - ``info["objective"]``, float []: what the episode is worth so far, where that is something
      else than the sum of its rewards.
    """

    def reset(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """A fresh episode: observation and state."""
        ...

    def step(self, key: jax.Array, state: Any, action: Any, params: Any) -> Stepped:
        """One step, and a fresh episode where this one ended.

        Returns:
          observation, state, reward, terminated (bool [], worth nothing more), truncated
          (bool [], cut short) and info, with ``final_observation``, before any reset.
        """
        ...

    def action_space(self, params: Any) -> Any:
        """``n`` choices, or an array between ``low`` and ``high`` of a ``shape``."""
        ...

    def observation_space(self, params: Any) -> Any:
        """An array of a ``shape``."""
        ...


def truncates(env: Any) -> bool:
    """Whether episodes can be cut short; so unless the environment says ``truncates = False``.

    Where they cannot, values of final observations need not be computed, and a rollout that
    resets is made of ``step_env`` and ``reset``; ``step`` is not called.
    """
    return bool(env.truncates) if _has_itself(env, "truncates") else True


def steps_alone(env: Any) -> bool:
    """Whether the environment has a ``step_env`` of its own.

    A wrapper that hands on what it does not know, as those of gymnax do, has none: that of the
    environment inside does not know the wrapper's state.
    """
    return _has_itself(env, "step_env")


def step_once(env: Any, key: jax.Array, state: Any, action: Any, params: Any) -> Stepped:
    """One step: by ``step_env``, or ``step`` where the environment has no ``step_env`` itself."""
    if not steps_alone(env):
        stepped: Stepped = env.step(key, state, action, params)
        return stepped
    observation, state, reward, terminated, info = env.step_env(key, state, action, params)
    return observation, state, reward, terminated, jnp.zeros((), bool), info


def params_or_default(env: Any, params: Any) -> Any:
    """``params``, or the environment's ``default_params`` where they are left out."""
    if params is not None:
        return params
    # Defaults are found with Python's numbers, also where the caller is being traced.
    with jax.ensure_compile_time_eval():
        return env.default_params


def action_mask(env: Environment, observation: jax.Array, params: Any) -> jax.Array | None:
    """The choices allowed, bool [..., choices]; None where the environment has no mask.

    Args:
      observation: [..., *shape], as the environment gave it.
    """
    if not hasattr(env, "action_mask"):
        return None

    def of_one(observation: jax.Array) -> jax.Array:
        mask: jax.Array = env.action_mask(observation, params)
        return mask

    of_all = of_one
    for _ in range(observation.ndim - len(env.observation_space(params).shape)):
        of_all = jax.vmap(of_all)
    return of_all(observation)


def _has_itself(env: Any, name: str) -> bool:
    """Whether the attribute is the environment's own, not looked up by ``__getattr__``."""
    return hasattr(type(env), name) or name in getattr(env, "__dict__", {})
