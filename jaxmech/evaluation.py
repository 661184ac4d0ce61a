"""Playing whole episodes with a fixed policy, and what they are worth on average.

A policy here is ``act(observation, key) -> action``, or a ``RememberingPolicy``. What
``policy_of`` gives is traced as a PyTree, so that policies of one form compile once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from jaxmech import struct
from jaxmech.agents import Samples
from jaxmech.intervals import NORMAL_QUANTILE_95


@struct.dataclass
class RememberingPolicy:
    """A policy whose actions depend on what it remembers of the episode.

    Attributes:
      act: (observation, memory, key) -> action and the memory for the next observation.
      initial_memory: PyTree of arrays, the memory at the start of an episode.
    """

    act: Partial
    initial_memory: Any


Act = Callable[[jax.Array, jax.Array], jax.Array] | RememberingPolicy


@struct.dataclass
class Trajectory:
    """One episode, padded to the environment's longest.

    Attributes:
      observations: float [steps, ...], before each step.
      actions: [steps, ...].
      rewards: float [steps], 0 once the episode is over.
      live: bool [steps], whether the episode was still going on before the step.
      state: the environment's state after the last step.
      objective: float [], ``info["objective"]`` at the end, or the sum of rewards for
        an environment without it.
    """

    observations: jax.Array
    actions: jax.Array
    rewards: jax.Array
    live: jax.Array
    state: Any
    objective: jax.Array


@dataclass(frozen=True)
class Estimate:
    """A mean over independent episodes.

    Attributes:
      mean: the sample mean.
      ci95: half-width of its 95 % interval, by the normal approximation.
      episodes: number of episodes.
    """

    mean: float
    ci95: float
    episodes: int

    @classmethod
    def of(cls, objectives: np.ndarray) -> Estimate:
        """From ``objectives: float [episodes]``."""
        sample = np.asarray(objectives, np.float64)
        error = np.std(sample, ddof=1) / np.sqrt(sample.size) if sample.size > 1 else np.inf
        return cls(float(sample.mean()), float(NORMAL_QUANTILE_95 * error), sample.size)


def policy_of(
    designer: Any, state: Any, *, deterministic: bool = True
) -> Partial | RememberingPolicy:
    """The policy a designer has learned, as ``act(observation, key)``.

    A designer that has ``initial_memory()``, other than None, gives a ``RememberingPolicy``.
    """
    memory = designer.initial_memory() if hasattr(designer, "initial_memory") else None
    if memory is None:
        return Partial(_act_deterministically if deterministic else _act, designer, state)
    act = _act_with_memory_deterministically if deterministic else _act_with_memory
    return RememberingPolicy(Partial(act, designer, state), memory)


def _act(designer: Any, state: Any, observation: jax.Array, key: jax.Array) -> jax.Array:
    return designer.act(state, observation, key)


def _act_deterministically(
    designer: Any, state: Any, observation: jax.Array, key: jax.Array
) -> jax.Array:
    del key
    return designer.act(state, observation, None)


def _act_with_memory(
    designer: Any, state: Any, observation: jax.Array, memory: Any, key: jax.Array
) -> tuple[jax.Array, Any]:
    action, memory = designer.act_with_memory(state, observation, memory, key)
    return action, memory


def _act_with_memory_deterministically(
    designer: Any, state: Any, observation: jax.Array, memory: Any, key: jax.Array
) -> tuple[jax.Array, Any]:
    del key
    action, memory = designer.act_with_memory(state, observation, memory, None)
    return action, memory


def play(env: Any, params: Any, act: Act, key: jax.Array) -> Trajectory:
    """One episode from reset to its end; to be batched by ``vmap`` over ``key``.

    ``params.max_steps_in_episode`` steps are made; those after the end count for nothing.
    """
    reset_key, steps_key = jax.random.split(key)
    observation, state = env.reset(reset_key, params)

    def one_step(carry: tuple[Any, ...], step_key: jax.Array) -> tuple[tuple[Any, ...], Any]:
        observation, state, memory, live, objective = carry
        act_key, env_key = jax.random.split(step_key)
        if isinstance(act, RememberingPolicy):
            action, memory = act.act(observation, memory, act_key)
        else:
            action = act(observation, act_key)
        next_observation, state, reward, terminated, info = env.step_env(
            env_key, state, action, params
        )
        reward = jnp.where(live, reward, 0)
        objective = jnp.where(live, info.get("objective", objective + reward), objective)
        record = (observation, action, reward, live)
        return (next_observation, state, memory, live & ~terminated, objective), record

    memory = act.initial_memory if isinstance(act, RememberingPolicy) else None
    start = (observation, state, memory, jnp.ones((), bool), jnp.zeros((), observation.dtype))
    keys = jax.random.split(steps_key, params.max_steps_in_episode)
    (_, state, _, _, objective), records = jax.lax.scan(one_step, start, keys)
    observations, actions, rewards, live = records
    return Trajectory(observations, actions, rewards, live, state, objective)


def evaluate(
    env: Any, params: Any, act: Act, key: jax.Array, episodes: int, batch_size: int = 4096
) -> Estimate:
    """Mean objective of ``act`` over fresh episodes.

    Episode ``i`` is played with ``fold_in(key, i)``, whatever the batch size.

    Raises:
      ValueError: ``episodes`` or ``batch_size`` below 1.
    """
    for field, count in (("episodes", episodes), ("batch_size", batch_size)):
        if count < 1:
            raise ValueError(f"{field}: got {count}; allowed are integers of at least 1")
    act = act if isinstance(act, Partial | RememberingPolicy) else Partial(act)
    batch_size = min(batch_size, episodes)
    batches = -(-episodes // batch_size)
    objectives = _objectives(env, params, act, key, batches, batch_size)
    return Estimate.of(np.asarray(objectives)[:episodes])


def evaluate_samples(
    env: Any, params: Any, act: Act, key: jax.Array, plays: int = 1, batch_size: int = 4096
) -> np.ndarray:
    """Mean objective of ``act`` on each sample of the user's valuations, float64 [samples].

    Every sample is played equally often, unlike by ``evaluate``, which draws them. What
    differs between samples is then all there is to chance, but for ``act`` and its key.

    Args:
      params: with a ``Samples`` distribution.
      plays: episodes of each sample; 1 is enough for a deterministic ``act``.

    Raises:
      ValueError: another distribution; ``plays`` or ``batch_size`` below 1.
    """
    if not isinstance(params.distribution, Samples):
        kind = type(params.distribution).__name__
        raise ValueError(f"params.distribution: got {kind}; allowed is Samples")
    for field, count in (("plays", plays), ("batch_size", batch_size)):
        if count < 1:
            raise ValueError(f"{field}: got {count}; allowed are integers of at least 1")
    act = act if isinstance(act, Partial | RememberingPolicy) else Partial(act)
    objectives = _sample_objectives(env, params, act, key, plays, batch_size)
    return np.asarray(objectives, np.float64).reshape(-1, plays).mean(axis=1)


@partial(jax.jit, static_argnums=(0, 4, 5))
def _sample_objectives(
    env: Any, params: Any, act: Act, key: jax.Array, plays: int, batch_size: int
) -> jax.Array:
    distribution = params.distribution

    def objective(index: jax.Array) -> jax.Array:
        only = distribution.replace(values=distribution.values[index // plays][None])
        alone = params.replace(distribution=only)
        return play(env, alone, act, jax.random.fold_in(key, index)).objective

    index = jnp.arange(len(distribution.values) * plays)
    return jax.lax.map(objective, index, batch_size=batch_size)


@partial(jax.jit, static_argnums=(0, 4, 5))
def _objectives(
    env: Any, params: Any, act: Act, key: jax.Array, batches: int, batch_size: int
) -> jax.Array:
    def objective(index: jax.Array) -> jax.Array:
        return play(env, params, act, jax.random.fold_in(key, index)).objective

    index = jnp.arange(batches * batch_size)
    return jax.lax.map(objective, index, batch_size=batch_size)
