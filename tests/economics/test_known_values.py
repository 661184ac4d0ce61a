"""Simple mechanisms played in the environment are worth what theory says."""

from __future__ import annotations

from functools import partial
from math import comb

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

import jaxmech

EPISODES = 20_000


@partial(jax.jit, static_argnums=(0, 4))
def objectives(env, params, price, key, random_order):
    """Final objective of episodes at one price for all, agents in index or random order."""

    def episode(key):
        reset_key, order_key = jax.random.split(key)
        _, state = env.reset(reset_key, params)
        scores = jnp.arange(0.0, -env.num_agents, -1)
        if random_order:
            scores = jax.random.uniform(order_key, (env.num_agents,))
        action = jnp.concatenate([scores, jnp.full(env.num_items, price)])

        def step(state, _):
            _, state, reward, _, info = env.step_env(key, state, action, params)
            return state, (reward, info["objective"])

        _, (rewards, objective) = jax.lax.scan(step, state, None, env.num_agents)
        return objective[-1], jnp.sum(rewards)

    return jax.vmap(episode)(jax.random.split(key, EPISODES))


def assert_mean(numbers, expected):
    numbers = np.asarray(numbers, float)
    assert abs(numbers.mean() - expected) <= 4 * numbers.std() / np.sqrt(len(numbers)) + 1e-6


@pytest.mark.parametrize(
    ("setting", "options", "welfare"),
    [
        ("inventory", {}, 7.5),
        ("correlated", {"delta": 0.0}, 2.5),
        ("correlated", {"delta": 0.5}, 2.5),
        ("colors", {}, 26.513672),
        ("kitchen_sink", {}, 0.93455),
        ("additive_types", {"shared_centre": True}, 3.0),
        *slowly(("two_worlds", {}, 0.525), ("id", {}, 89.171875), ("proposition_3", {}, 139 / 12)),
    ],
)
def test_random_serial_dictatorship(setting, options, welfare):
    env, params = jaxmech.make("sequential_price", setting=setting, **options)
    objective, returns = objectives(env, params, 0.0, jax.random.key(0), True)
    assert_mean(objective, welfare)
    np.testing.assert_allclose(returns, objective, atol=1e-5)


@pytest.mark.parametrize(
    ("setting", "options", "price", "welfare"),
    [
        # Rich agents of both kinds buy at .1, and poor ones of the better kind: the best price.
        ("two_worlds", {}, 0.1, 0.5 * 0.8 + 0.5 * 0.4 * (1 - 2**-10)),
        ("two_worlds", {}, 0.4, 0.5 * 0.8),
        ("two_worlds", {}, 0.6, 0.5 * (1 - 2**-10)),
        # One unit, two agents: E[v | v > p] P(some v > p).
        ("correlated", {"num_agents": 2, "num_items": 1}, 0.5, 0.75 * 0.75),
    ],
)
def test_one_static_price(setting, options, price, welfare):
    env, params = jaxmech.make("sequential_price", setting=setting, **options)
    objective, _ = objectives(env, params, price, jax.random.key(1), False)
    assert_mean(objective, welfare)


def test_monopoly_price_of_the_uniform_distribution():
    env, params = jaxmech.make(
        "sequential_price",
        setting="correlated",
        num_agents=1,
        num_items=1,
        objective="revenue",
    )
    for price in (0.25, 0.5, 0.8):
        objective, _ = objectives(env, params, price, jax.random.key(2), False)
        assert_mean(objective, price * (1 - price))


def test_an_offline_optimum_subtracted_lowers_the_return_by_its_mean():
    options = {"setting": "inventory", "subtract_offline_optimum": True}
    env, params = jaxmech.make("sequential_price", **options)
    objective, returns = objectives(env, params, 0.5, jax.random.key(3), False)
    assert_mean(np.asarray(returns) - np.asarray(objective), -9.5595074)


def test_buying_at_zero_utility_is_a_parameter():
    env, params = jaxmech.make("sequential_price", setting="inventory")
    strict, _ = objectives(env, params, 0.5, jax.random.key(4), False)
    willing = params.replace(buys_at_zero_utility=jnp.array(True))
    loose, _ = objectives(env, willing, 0.5, jax.random.key(4), False)
    assert_mean(loose, 7.5)
    # Agents of value 1 buy while units last: E[min(heads of 20 coins, 10)].
    assert_mean(strict, sum(comb(20, heads) * min(heads, 10) for heads in range(21)) / 2**20)
