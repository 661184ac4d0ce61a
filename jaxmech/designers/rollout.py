"""Collecting experience: many environments stepped together.

Two ways. ``by_step`` resets each environment the moment its episode ends and goes on from
one rollout to the next: for any environment of the gymnax 1.x protocol. ``by_episode``
starts all environments afresh and lets each play one episode, with no reset inside the
scan: for environments whose longest episode is short. Steps after the end of an episode
are then made but count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

ChooseAction = Callable[[jax.Array, jax.Array], tuple[Any, jax.Array, Any]]
"""(key, observations [environments, ...]) -> raw actions, log-probabilities, actions."""


@struct.dataclass
class Running:
    """Environments between two steps; every array leads with [environments].

    Attributes:
      observation, state: as the environment gave them.
      live: bool, whether the episode still counts.
      episode_return, episode_length: float, of the episode so far.
    """

    observation: jax.Array
    state: Any
    live: jax.Array
    episode_return: jax.Array
    episode_length: jax.Array


@struct.dataclass
class Experience:
    """A rollout; every array leads with [steps, environments].

    Attributes:
      observation: before the step.
      action: raw, see ``jaxmech.networks.policies``.
      log_prob: float, of the action when it was taken.
      reward: float.
      terminated: bool, the episode ended and is worth nothing more.
      ended: bool, the episode terminated or was cut short.
      live: bool, the step was part of an episode.
      final_observation: after the step and before any reset; None where nothing is cut
        short, so that the next of ``observation`` serves as well.
    """

    observation: jax.Array
    action: Any
    log_prob: jax.Array
    reward: jax.Array
    terminated: jax.Array
    ended: jax.Array
    live: jax.Array
    final_observation: jax.Array | None


@struct.dataclass
class EpisodeTotals:
    """Sums over the episodes that ended in a rollout, float [].

    ``objective_sum`` is None where the environment reports no objective.
    """

    episodes: jax.Array
    return_sum: jax.Array
    length_sum: jax.Array
    objective_sum: jax.Array | None


def start(env: Any, params: Any, key: jax.Array, num_environments: int) -> Running:
    """Fresh environments."""
    keys = jax.random.split(key, num_environments)
    observation, state = jax.vmap(env.reset, in_axes=(0, None))(keys, params)
    zeros = jnp.zeros(num_environments)
    return Running(observation, state, jnp.ones(num_environments, bool), zeros, zeros)


def truncates(env: Any) -> bool:
    """Whether episodes can be cut short; so unless the environment says ``truncates = False``.

    Where they cannot, the values of final observations need not be computed.
    """
    return getattr(env, "truncates", True)


def by_step(
    env: Any,
    params: Any,
    choose_action: ChooseAction,
    running: Running,
    key: jax.Array,
    length: int,
) -> tuple[Running, Experience, EpisodeTotals]:
    """``length`` steps of every environment, with resets where episodes end."""

    def one_step(running: Running, key: jax.Array) -> tuple[Running, Any]:
        act_key, env_key = jax.random.split(key)
        raw, log_prob, action = choose_action(act_key, running.observation)
        keys = jax.random.split(env_key, running.live.shape[0])
        observation, state, reward, terminated, truncated, info = jax.vmap(
            env.step, in_axes=(0, 0, 0, None)
        )(keys, running.state, action, params)
        ended = terminated | truncated
        episode_return = running.episode_return + reward
        episode_length = running.episode_length + 1
        experience = Experience(
            observation=running.observation,
            action=raw,
            log_prob=log_prob,
            reward=reward,
            terminated=terminated,
            ended=ended,
            live=running.live,
            final_observation=info["final_observation"] if truncates(env) else None,
        )
        totals = _totals(ended, episode_return, episode_length, info)
        running = Running(
            observation=observation,
            state=state,
            live=running.live,
            episode_return=jnp.where(ended, 0, episode_return),
            episode_length=jnp.where(ended, 0, episode_length),
        )
        return running, (experience, totals)

    running, (experience, totals) = jax.lax.scan(one_step, running, jax.random.split(key, length))
    return running, experience, jax.tree.map(jnp.sum, totals)


def by_episode(
    env: Any,
    params: Any,
    choose_action: ChooseAction,
    num_environments: int,
    key: jax.Array,
    length: int,
) -> tuple[Running, Experience, EpisodeTotals]:
    """One episode of every environment, cut short after ``length`` steps."""
    reset_key, steps_key = jax.random.split(key)

    def one_step(running: Running, key: jax.Array) -> tuple[Running, Any]:
        act_key, env_key = jax.random.split(key)
        raw, log_prob, action = choose_action(act_key, running.observation)
        keys = jax.random.split(env_key, num_environments)
        observation, state, reward, terminated, info = jax.vmap(
            env.step_env, in_axes=(0, 0, 0, None)
        )(keys, running.state, action, params)
        reward = jnp.where(running.live, reward, 0)
        terminated = terminated & running.live
        episode_return = running.episode_return + reward
        episode_length = running.episode_length + running.live
        experience = Experience(
            observation=running.observation,
            action=raw,
            log_prob=log_prob,
            reward=reward,
            terminated=terminated,
            ended=terminated,
            live=running.live,
            final_observation=None,
        )
        totals = _totals(terminated, episode_return, episode_length, info)
        live = running.live & ~terminated
        return Running(observation, state, live, episode_return, episode_length), (
            experience,
            totals,
        )

    running = start(env, params, reset_key, num_environments)
    keys = jax.random.split(steps_key, length)
    running, (experience, totals) = jax.lax.scan(one_step, running, keys)
    return running, experience, jax.tree.map(jnp.sum, totals)


def _totals(
    ended: jax.Array,
    episode_return: jax.Array,
    episode_length: jax.Array,
    info: dict[str, jax.Array],
) -> EpisodeTotals:
    def total(quantity: jax.Array) -> jax.Array:
        return jnp.sum(jnp.where(ended, quantity, 0))

    return EpisodeTotals(
        episodes=jnp.sum(ended.astype(episode_return.dtype)),
        return_sum=total(episode_return),
        length_sum=total(episode_length),
        objective_sum=total(info["objective"]) if "objective" in info else None,
    )
