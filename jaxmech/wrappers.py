"""Views of an environment under other protocols."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import spaces, struct
from jaxmech.environments.protocol import Environment, Stepped, truncates


@dataclass(frozen=True)
class FiveValue:
    """An environment under the older protocol, see ``five_value``.

    Equal views hash equal, and copies and pickles are equal to the original.

    Attributes:
      env: the environment seen through it, of the gymnax 1.x protocol.
    """

    env: Any

    @property
    def name(self) -> str:
        return self.env.name

    @property
    def default_params(self) -> Any:
        return self.env.default_params

    def reset(self, key: jax.Array, params: Any = None) -> tuple[Any, Any]:
        """First observation and state; the default parameters where ``params`` is None."""
        return self.env.reset(key, self.default_params if params is None else params)

    def step(
        self, key: jax.Array, state: Any, action: jax.Array, params: Any = None
    ) -> tuple[Any, Any, jax.Array, jax.Array, dict[str, Any]]:
        """One step, and a fresh episode where this one ended.

        Returns:
          observation, state, reward (float []), done (bool []: terminated or truncated)
          and info, with ``final_observation`` and ``truncated`` (bool []).
        """
        observation, state, reward, terminated, truncated, info = self.env.step(
            key, state, action, self.default_params if params is None else params
        )
        done = jnp.logical_or(terminated, truncated)
        return observation, state, reward, done, {**info, "truncated": truncated}

    def action_space(self, params: Any = None) -> Any:
        """The environment's; gymnax's own class once gymnax is imported."""
        return _gymnax_space(
            self.env.action_space(self.default_params if params is None else params)
        )

    def observation_space(self, params: Any = None) -> Any:
        """The environment's; gymnax's own class once gymnax is imported."""
        return _gymnax_space(
            self.env.observation_space(self.default_params if params is None else params)
        )


def five_value(env: Any) -> FiveValue:
    """``env`` with a ``step`` of five values: observation, state, reward, done, info.

    For trainers written for that protocol, such as rejax, purejaxrl and stoa. They cannot
    tell a time limit from a true end, so they learn as if every end were true. For example::

        algorithm = rejax.PPO.create(env=five_value(env), env_params=params, gamma=1.0)
        train_state, (lengths, returns) = jax.jit(algorithm.train)(key)

    Raises:
      ValueError: ``env`` is no environment, or is a view already.
    """
    if isinstance(env, FiveValue):
        raise ValueError("env: got a five-value view; allowed is the environment itself")
    for method in ("reset", "step", "action_space", "observation_space", "default_params"):
        if not hasattr(type(env), method):
            raise ValueError(f"env: got {env!r}; an environment with {method!r} is needed")
    return FiveValue(env)


@struct.dataclass
class StateObservation:
    """What is observed of an environment whose state is shown.

    Attributes:
      observation: the environment's own.
      state: its state, private numbers included.
    """

    observation: Any
    state: Any


@dataclass(frozen=True)
class StateObserved:
    """An environment that shows its state, see ``state_observed``.

    Attributes:
      env: the environment seen through it.
    """

    env: Any

    @property
    def name(self) -> str:
        return self.env.name

    @property
    def truncates(self) -> bool:
        return truncates(self.env)

    @property
    def default_params(self) -> Any:
        return self.env.default_params

    def action_space(self, params: Any) -> Any:
        """The environment's."""
        return self.env.action_space(params)

    def observation_space(self, params: Any) -> Any:
        """The environment's, of ``StateObservation.observation``."""
        return self.env.observation_space(params)

    def reset(self, key: jax.Array, params: Any) -> tuple[StateObservation, Any]:
        """The environment's, with the state in the observation."""
        observation, state = self.env.reset(key, params)
        return StateObservation(observation, state), state

    def step_env(
        self, key: jax.Array, state: Any, action: Any, params: Any
    ) -> tuple[StateObservation, Any, jax.Array, jax.Array, dict[str, Any]]:
        """The environment's, with the state in the observation."""
        observation, state, reward, terminated, info = self.env.step_env(key, state, action, params)
        return StateObservation(observation, state), state, reward, terminated, info

    def step(self, key: jax.Array, state: Any, action: Any, params: Any) -> Stepped:
        """The environment's, with the state in the observation; ``final_observation`` without."""
        observation, state, reward, *rest = self.env.step(key, state, action, params)
        terminated, truncated, info = rest
        return StateObservation(observation, state), state, reward, terminated, truncated, info


def state_observed(env: Environment) -> StateObserved:
    """``env`` with its state in what is observed, for bounds and ablations.

    A planner on the true simulator, ``jaxmech.designers.ExactSimulator``, needs the state; in this
    environment it acts on observations as every other policy does.
    """
    return StateObserved(env)


def _gymnax_space(space: Any) -> Any:
    # Only a trainer that has imported gymnax checks for its classes. Importing it here
    # would cost everybody else ten seconds.
    gymnax_spaces = sys.modules.get("gymnax.environments.spaces")
    if gymnax_spaces is None:
        return space
    match space:
        case spaces.Discrete():
            return gymnax_spaces.Discrete(space.n)
        case spaces.Box():
            return gymnax_spaces.Box(space.low, space.high, space.shape, space.dtype)
        case _:
            return space
