"""The episodes on which allocations are compared, and what is earned in them."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxmech.designers import LearnedDemand
from jaxmech.designers.allocation_policies.demand import trained_demand
from jaxmech.environments import ImpressionAllocation, ImpressionAllocationParams
from jaxmech.evaluation import Policy, play

TESTING = 0x7E57
"""Number of the key of the episodes on which all are compared, which no seed trains on."""

DEMAND = 0xDE3A
"""Number of the key of the episodes in which each seed learns the demand beforehand."""


def rewards(
    env: ImpressionAllocation,
    params: ImpressionAllocationParams,
    policy: Policy,
    keys: jax.Array,
    episodes: int,
) -> jax.Array:
    """Mean reward per round of each episode, float [seeds, episodes].

    Args:
      keys: key [seeds].
    """

    def of_seed(key: jax.Array) -> jax.Array:
        def of_episode(index: jax.Array) -> jax.Array:
            return play(env, params, policy, jax.random.fold_in(key, index), record=False).objective

        return jax.vmap(of_episode)(jnp.arange(episodes))

    return jax.lax.map(of_seed, keys)


def rewards_of_seeds(
    env: ImpressionAllocation,
    params: ImpressionAllocationParams,
    policies: Policy,
    keys: jax.Array,
    episodes: int,
) -> jax.Array:
    """Mean reward per round of each episode, by a policy of each seed, float [seeds, episodes].

    Args:
      policies: one for each seed, every array of them [seeds, ...].
      keys: key [seeds].
    """

    def of_seed(policy_and_key: tuple[Policy, jax.Array]) -> jax.Array:
        policy, key = policy_and_key
        return rewards(env, params, policy, key[None], episodes)[0]

    return jax.lax.map(of_seed, (policies, keys))


def keys_of_seeds(seeds: Sequence[int], number: int) -> jax.Array:
    """Key [seeds], of the episodes of each seed that ``number`` stands for."""
    return jnp.stack([jax.random.fold_in(jax.random.key(seed), number) for seed in seeds])


def testing_keys(seeds: Sequence[int]) -> jax.Array:
    """Key [seeds], of the episodes on which everything is compared.

    Each seed has episodes of its own, on which what is not learned is played too, so that
    differences of seeds are independent.
    """
    return keys_of_seeds(seeds, TESTING)


def trained_demands(
    env: ImpressionAllocation,
    params: ImpressionAllocationParams,
    keys: jax.Array,
    episodes: int,
) -> LearnedDemand:
    """A demand learned beforehand by each seed, every array of it [seeds, ...]."""
    return jax.vmap(lambda key: trained_demand(env, params, key, episodes))(keys)
