"""Collecting experience: many environments stepped together.

Two ways. With resets, each environment starts afresh the moment its episode ends and goes
on from one rollout to the next: for any environment of the gymnax 1.x protocol. Without,
all start afresh with the rollout and each plays one episode: for environments whose longest
episode is short. Steps after the end of an episode are then made but count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.environments.protocol import Environment, steps_alone, truncates

_ENVIRONMENTS_PER_DRAW = 16
"""A round of draws makes one fresh episode for every so many environments, on CPUs."""

ChooseAction = Callable[[jax.Array, jax.Array, Any], tuple[Any, jax.Array, Any, Any]]
"""(key, observations [environments, ...], carries) -> raw actions, log-probabilities, actions,
carries."""


@struct.dataclass
class Running:
    """Environments between two steps; every array leads with [environments].

    Attributes:
      observation, state: as the environment gave them.
      live: bool, whether the episode still counts.
      episode_return, episode_length: float, of the episode so far.
      carry: what the policy carries through the episode; None where it carries nothing.
    """

    observation: jax.Array
    state: Any
    live: jax.Array
    episode_return: jax.Array
    episode_length: jax.Array
    carry: Any = None


@struct.dataclass
class Experience:
    """A rollout; every array leads with [steps, environments].

    Attributes:
      observation: before the step.
      action: raw, see ``jaxmech.networks.action_distributions``.
      log_prob: float, of the action when it was taken.
      reward: float.
      terminated: bool, the episode ended and is worth nothing more.
      ended: bool, the episode terminated or was cut short.
      live: bool, the step was part of an episode.
      final_observation: after the step and before any reset; None where no episode is cut
        short and then reset, so that the next of ``observation`` serves as well.
      carry: of the policy, before the step; None where it carries nothing.
    """

    observation: jax.Array
    action: Any
    log_prob: jax.Array
    reward: jax.Array
    terminated: jax.Array
    ended: jax.Array
    live: jax.Array
    final_observation: jax.Array | None
    carry: Any


@struct.dataclass
class EpisodeTotals:
    """Sums over the episodes that ended in a rollout, float [].

    ``objective_sum`` is None where the environment reports no objective.
    """

    episodes: jax.Array
    return_sum: jax.Array
    length_sum: jax.Array
    objective_sum: jax.Array | None


def start(
    env: Environment,
    params: Any,
    key: jax.Array,
    num_environments: int,
    carry: Any = None,
) -> Running:
    """Fresh environments, and ``carry``, the policy's before an episode, for each."""
    keys = jax.random.split(key, num_environments)
    observation, state = jax.vmap(env.reset, in_axes=(0, None))(keys, params)
    zeros = jnp.zeros(num_environments)
    carry = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (num_environments, *jnp.shape(leaf))), carry
    )
    return Running(observation, state, jnp.ones(num_environments, bool), zeros, zeros, carry)


def collect(
    env: Any,
    params: Any,
    choose_action: ChooseAction,
    running: Running,
    key: jax.Array,
    *,
    length: int,
    resets: bool,
    initial_carry: Any = None,
) -> tuple[Running, Experience, EpisodeTotals]:
    """``length`` steps of every environment.

    Args:
      env, params: of the gymnax 1.x protocol.
      choose_action: the policy.
      running: where the environments stand.
      key: of the rollout.
      length: steps of each environment.
      resets: whether to go on with a fresh episode where one ends. Otherwise what is still
        going on after the last step is cut short there.
      initial_carry: what the policy carries before an episode.

    Returns:
      where the environments stand afterwards, the steps made, and totals of the episodes
      that ended.
    """

    by_step = truncates(env) if resets else not steps_alone(env)

    def one_step(running: Running, step: tuple[jax.Array, jax.Array]) -> tuple[Running, Any]:
        key, is_last = step
        act_key, env_key = jax.random.split(key)
        raw, log_prob, action, carry = choose_action(act_key, running.observation, running.carry)
        step_key, reset_key = jax.random.split(env_key)
        keys = jax.random.split(step_key, running.live.shape[0])
        if by_step:
            observation, state, reward, terminated, truncated, info = jax.vmap(
                env.step, in_axes=(0, 0, 0, None)
            )(keys, running.state, action, params)
        else:
            observation, state, reward, terminated, info = jax.vmap(
                env.step_env, in_axes=(0, 0, 0, None)
            )(keys, running.state, action, params)
            truncated = jnp.zeros_like(terminated)
            if resets:
                observation, state = restart(env, params, reset_key, terminated, observation, state)
        if not resets:
            truncated = truncated | (is_last & ~terminated)
        live = running.live
        reward = jnp.where(live, reward, 0)
        ended = live & (terminated | truncated)
        episode_return = running.episode_return + reward
        episode_length = running.episode_length + live
        experience = Experience(
            observation=running.observation,
            action=raw,
            log_prob=log_prob,
            reward=reward,
            terminated=live & terminated,
            ended=ended,
            live=live,
            final_observation=info["final_observation"] if by_step else None,
            carry=running.carry,
        )
        running = Running(
            observation=observation,
            state=state,
            live=live if resets else live & ~ended,
            episode_return=jnp.where(ended, 0, episode_return),
            episode_length=jnp.where(ended, 0, episode_length),
            # An episode cut short is not over for the policy: its value still needs the carry.
            carry=jax.tree.map(partial(_where_ended, ended), initial_carry, carry)
            if resets
            else carry,
        )
        return running, (experience, _totals(ended, episode_return, episode_length, info))

    steps = (jax.random.split(key, length), jnp.arange(length) == length - 1)
    running, (experience, totals) = jax.lax.scan(one_step, running, steps)
    return running, experience, jax.tree.map(jnp.sum, totals)


def restart(
    env: Environment,
    params: Any,
    key: jax.Array,
    ended: jax.Array,
    observation: jax.Array,
    state: Any,
) -> tuple[jax.Array, Any]:
    """Fresh episodes in the environments that ``ended``, bool [environments].

    Drawn for all on an accelerator. On a CPU a few at a time, until all have theirs: in a step
    usually few episodes end, and drawing an economy with its offline optimum costs more than
    the step itself.
    """
    if jax.default_backend() == "cpu":
        return _restart_a_few_at_a_time(env, params, key, ended, observation, state)
    # A loop's condition is asked for by the host, which costs as much as the step.
    fresh = jax.vmap(env.reset, in_axes=(0, None))(jax.random.split(key, ended.shape[0]), params)
    return jax.tree.map(partial(_where_ended, ended), fresh, (observation, state))


def _restart_a_few_at_a_time(
    env: Environment,
    params: Any,
    key: jax.Array,
    ended: jax.Array,
    observation: jax.Array,
    state: Any,
) -> tuple[jax.Array, Any]:
    count = ended.shape[0]
    draws = max(1, count // _ENVIRONMENTS_PER_DRAW)
    order = jnp.cumsum(ended, dtype=jnp.int32)
    # The places of those that ended, in order; past them, a place outside.
    places = jnp.full(count + draws, count, jnp.int32)
    places = places.at[jnp.where(ended, order - 1, count + draws)].set(
        jnp.arange(count, dtype=jnp.int32), mode="drop"
    )

    def draw(carry: tuple[jax.Array, jax.Array, Any]) -> tuple[jax.Array, jax.Array, Any]:
        key, served, current = carry
        key, reset_key = jax.random.split(key)
        fresh = jax.vmap(env.reset, in_axes=(0, None))(jax.random.split(reset_key, draws), params)
        now = jax.lax.dynamic_slice(places, (served,), (draws,))
        current = jax.tree.map(lambda new, old: old.at[now].set(new, mode="drop"), fresh, current)
        return key, served + draws, current

    carry = (key, jnp.zeros((), jnp.int32), (observation, state))
    return jax.lax.while_loop(lambda carry: carry[1] < order[-1], draw, carry)[2]


def _where_ended(ended: jax.Array, fresh: jax.Array, old: jax.Array) -> jax.Array:
    """Rows of ``old``, [environments, ...], or of ``fresh``, [...] or as ``old``, where an episode
    ended."""
    return jnp.where(ended.reshape(-1, *[1] * (old.ndim - 1)), fresh, old)


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
