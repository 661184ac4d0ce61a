"""What is computed of played episodes, as programs: pure functions that a workspace keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents import Samples, Valuations
from jaxmech.checks import InvalidValueError
from jaxmech.designers import PPO, RandomSerialDictatorship
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.evaluation import Policy, Trajectory, play
from jaxmech.oracles.offline import offline_optimum

BATCH = 4096
"""Episodes played side by side."""

PICTURED_BATCH = 256


def objectives(
    env: SequentialPrice,
    params: SequentialPriceParams,
    policy: Policy,
    key: jax.Array,
    episodes: int,
) -> jax.Array:
    """Of fresh episodes, float [episodes]; episode ``i`` is played with ``fold_in(key, i)``."""
    batch = min(BATCH, episodes)

    def objective(index: jax.Array) -> jax.Array:
        return _play(env, params, policy, jax.random.fold_in(key, index)).objective

    index = jnp.arange(-(-episodes // batch) * batch)
    return jax.lax.map(objective, index, batch_size=batch)[:episodes]


def sample_objectives(
    env: SequentialPrice, params: SequentialPriceParams, policy: Policy, key: jax.Array, plays: int
) -> jax.Array:
    """Of every sample of ``params.distribution``, played equally often: float [samples, plays]."""
    distribution = _samples(params)

    def objective(index: jax.Array) -> jax.Array:
        only = replace(distribution, values=distribution.values[index // plays][None])
        alone = replace(params, distribution=only)
        return _play(env, alone, policy, jax.random.fold_in(key, index)).objective

    index = jnp.arange(len(distribution.values) * plays)
    return jax.lax.map(objective, index, batch_size=BATCH).reshape(-1, plays)


def offline_optima(
    params: SequentialPriceParams, max_units: int, key: jax.Array, episodes: int
) -> jax.Array:
    """The greatest welfare possible in each of fresh economies, float [episodes]."""

    def of_one_economy(key: jax.Array) -> jax.Array:
        return _offline_optimum_of(params, max_units, params.distribution.sample(key))

    return jax.lax.map(of_one_economy, jax.random.split(key, episodes), batch_size=BATCH)


def sample_offline_optima(params: SequentialPriceParams, max_units: int) -> jax.Array:
    """The greatest welfare possible with each sample of the distribution, float [samples]."""

    def of_one_sample(values: jax.Array) -> jax.Array:
        return _offline_optimum_of(params, max_units, values)

    return jax.lax.map(of_one_sample, _samples(params).values, batch_size=BATCH)


def visits(
    env: SequentialPrice,
    params: SequentialPriceParams,
    policy: Policy,
    key: jax.Array,
    episodes: int,
) -> dict[str, jax.Array]:
    """Whom a mechanism visits, at what prices, and what is taken.

    Returns:
      ``agents``, int [episodes, visits]; ``prices``, float [episodes, visits, items];
      ``bundles``, int [episodes, visits, items]; ``live``, bool [episodes, visits], whether the
      episode was still going on.
    """

    def of_one_episode(key: jax.Array) -> dict[str, jax.Array]:
        episode = _play(env, params, policy, key)
        scores = episode.actions[:, : env.num_agents]
        left = env.agents_left(episode.observations)
        agents = jnp.argmax(jnp.where(left, scores, -jnp.inf), axis=-1)
        prices = jnp.clip(episode.actions[:, env.num_agents :], 0, params.price_high)
        bundles = jnp.where(episode.live[:, None], episode.state.allocation[agents], 0)
        return {"agents": agents, "prices": prices, "bundles": bundles, "live": episode.live}

    # In batches, as observations are long: only what is returned is kept of each.
    keys = jax.random.split(key, episodes)
    return jax.lax.map(of_one_episode, keys, batch_size=PICTURED_BATCH)


@struct.dataclass
class MeanObjective:
    """Of what a designer has learned so far, on fresh episodes without exploration.

    Attributes:
      designer: the learner.
      env, params: the environment to play in.
      episodes: how many to play.
    """

    designer: PPO
    env: SequentialPrice = struct.field(pytree_node=False)
    params: SequentialPriceParams
    episodes: int = struct.field(pytree_node=False)

    def __call__(self, state: Any, key: jax.Array) -> dict[str, jax.Array]:
        """The mean ``objective`` of one seed's ``state``."""
        policy = self.designer.policy(state)
        return {"objective": objectives(self.env, self.params, policy, key, self.episodes).mean()}


def _samples(params: SequentialPriceParams) -> Samples:
    distribution = params.distribution
    if not isinstance(distribution, Samples):
        kind = type(distribution).__name__
        raise InvalidValueError("params.distribution", distribution, "Samples", got=kind)
    return distribution


def _offline_optimum_of(
    params: SequentialPriceParams, max_units: int, values: jax.Array
) -> jax.Array:
    valuations = Valuations(values, params.distribution.demand)
    return offline_optimum(valuations, params.units, max_units)


def is_deterministic(policy: Policy) -> bool:
    """Whether it is played without exploration; chance is all there is to a random order."""
    return not isinstance(policy, RandomSerialDictatorship)


def _play(
    env: SequentialPrice, params: SequentialPriceParams, policy: Policy, key: jax.Array
) -> Trajectory:
    return play(env, params, policy, key, deterministic=is_deterministic(policy))
